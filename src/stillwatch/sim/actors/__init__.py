"""Actors: one file for each, with the truth that it plants and the look-alike that it is paired with.

An actor has a docstring (what it does, where that is on record, what it shares with its pair and what it does
not), `PAIR` (the kind at the other end of the comparison), `PARAMETERS`, and `plant(stage)`.
"""
