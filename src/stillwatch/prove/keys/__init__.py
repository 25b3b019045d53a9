"""Tracer keys: made, rotated, revoked, kept encrypted, and committed to before they are used."""
