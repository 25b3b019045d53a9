"""Leads: a suspect that resembles a candidate teacher more than it should. Never proof."""
