"""Tracers in answers, audits of suspect models, and what they prove."""
