"""Matching of identifiers between two installations, over HTTP: the count first, names after a person on each side."""
