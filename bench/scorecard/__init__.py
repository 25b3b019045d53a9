"""Scorecard: what stillwatch and its rivals find on the practice ground, cell by cell."""
