"""Remedy: the corridor after a finding. It joins cases, the book and the live state."""
