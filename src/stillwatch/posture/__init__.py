"""Posture: the measures that the field recommends, checked against an operator's own installation and logs."""
