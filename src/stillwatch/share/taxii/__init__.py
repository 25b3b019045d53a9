"""TAXII 2.1: bulletins for peers who pull them, by a server of our own, and from any server by a client."""

from __future__ import annotations

from typing import Final

MEDIA: Final = "application/taxii+json;version=2.1"
"""The media type of all that is asked and answered."""
