"""Front: all that peers find at one address: bulletins by TAXII, and the matching of identifiers."""

from __future__ import annotations

from pathlib import Path

from stillwatch.share.door import Request, Response
from stillwatch.share.match.answer import ROOT, Matching
from stillwatch.share.taxii.answer import Server


class Front:
    """Answers by TAXII and by matching, through one door.

    Args:
        taxii: with the door through which peers come.
        directory: the share directory.
    """

    def __init__(self, taxii: Server, directory: Path) -> None:
        self._taxii, self.matching = taxii, Matching(directory, taxii.door)

    def answer(self, request: Request) -> Response:
        """Answer one request; never raises."""
        return (self.matching if request.path.startswith(ROOT) else self._taxii).answer(request)

    def knows(self, request: Request) -> bool:
        """Tell whether somebody whom we know asks, before a body of his is read."""
        return self._taxii.door.knows(request)
