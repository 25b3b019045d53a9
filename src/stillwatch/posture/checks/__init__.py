"""Checks: one file for each area of practice; a practice's check has its name, with underscores."""
