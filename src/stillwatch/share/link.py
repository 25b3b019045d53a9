"""Link: requests to one peer's server, over one connection that is kept; HTTPS, or HTTP on loopback alone.

It follows no redirect, which would carry the token, takes no answer larger than LARGEST, and waits for no answer longer
than WHOLE_S, however slowly it drips.
"""

from __future__ import annotations

import base64
import http.client
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from stillwatch.errors import ShareError

LARGEST: Final = 64 << 20
"""Bytes of one answer."""
SECONDS: Final = 60
"""Seconds in which something must be heard."""
WHOLE_S: Final = 600
"""Seconds in which an answer must have ended."""


class Answer(NamedTuple):
    """What a server answered; names of headers in lower case."""

    where: str
    status: int
    headers: dict[str, str]
    body: bytes

    def check(self, hints: Mapping[int, str]) -> None:
        """See to it that the answer is a yes.

        Raises:
            ShareError: with the status, and the hint for it.
        """
        if self.status < 300:
            return
        hint, wait = hints.get(self.status), self.headers.get("retry-after", "")
        if wait.isdigit():
            hint = f"{hint or 'try later'} (in {int(wait):,} s)"
        raise ShareError(f"the server answered {self.status}", where=self.where, hint=hint)


class Link:
    """One peer's server.

    Args:
        url: below which everything is asked for.
        token: sent as Bearer, or as the password of Basic where `user` is given.
        certificate: PEM with certificate and key of our own, for servers that ask for one.
        authority: PEM of the authority of the server; the system's when left out.

    Raises:
        ShareError: when the address is none, or would get the token in clear.
    """

    def __init__(
        self, url: str, token: str = "", *, user: str = "", certificate: Path | None = None,
        authority: Path | None = None,
    ) -> None:  # fmt: skip
        parts = urlsplit(url if url.endswith("/") else url + "/")
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ShareError("this is no address of a server", where=url, hint="https://host/taxii2/root/")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise ShareError("the token would go over the wire in clear", where=url, hint="use https")
        self.host, self._port, self._root = parts.hostname, parts.port, parts.path
        self._context: ssl.SSLContext | None = None
        if parts.scheme == "https":
            self._context = ssl.create_default_context(cafile=str(authority) if authority else None)
            if certificate is not None:
                self._context.load_cert_chain(certificate)
        self._open: http.client.HTTPConnection | None = None
        self._headers = {"User-Agent": "stillwatch"}
        if token and user:
            self._headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()
        elif token:
            self._headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Ask, and give the whole answer, whatever its status.

        Raises:
            ShareError: when the server cannot be reached, or its answer is too large or has no end.
        """
        where = f"{self.host}{self._root}{path.partition('?')[0]}"
        try:
            answer = self._sent(method, self._root + path, body, {**self._headers, **headers})
            data = _whole(answer)
        except ssl.SSLCertVerificationError as trouble:
            self.close()
            raise ShareError(
                f"nobody whom this machine trusts vouches for the server: {trouble.verify_message}",
                where=where,
                hint="where its certificate is of a private authority, `--authority PEM` names that",
            ) from None
        except (OSError, http.client.HTTPException) as trouble:
            self.close()
            raise ShareError(f"the server cannot be reached: {trouble}", where=where) from None
        if len(data) > LARGEST:
            self.close()
            raise ShareError(f"the answer is larger than {LARGEST:,} bytes", where=where, hint="ask for fewer")
        return Answer(where, answer.status, {name.lower(): value for name, value in answer.getheaders()}, data)

    def _sent(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        """Send on the connection that is open; once more on a new one where the server had closed it meanwhile.

        All that is sent twice is there once, so that sending again harms nothing.
        """
        used = self._open is not None
        try:
            return self._once(method, path, body, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.close()
            if not used:
                raise
        return self._once(method, path, body, headers)

    def _once(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        if self._open is None:
            self._open = (
                http.client.HTTPConnection(self.host, self._port, timeout=SECONDS)
                if self._context is None
                else http.client.HTTPSConnection(self.host, self._port, timeout=SECONDS, context=self._context)
            )
        self._open.request(method, path, body, headers)
        return self._open.getresponse()


def _whole(answer: http.client.HTTPResponse) -> bytes:
    """Read to the end, or to a byte more than may be."""
    until, parts, size = time.monotonic() + WHOLE_S, [], 0
    while size <= LARGEST and (part := answer.read1(1 << 20)):
        parts.append(part)
        size += len(part)
        if time.monotonic() > until:
            raise TimeoutError(f"no end after {WHOLE_S} s")
    if size <= LARGEST:
        if answer.length:
            raise http.client.IncompleteRead(b"", answer.length)
        answer.read()  # tells the connection that it is free again
    return b"".join(parts)
