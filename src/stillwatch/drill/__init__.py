"""Drill: the practice ground and the hunt together, round after round.

It stands above both, as a corridor of its own: neither knows the other.
"""
