"""Ask: whether a running server only counts, or acts."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

from stillwatch.errors import ResourceError, UsageError

TIMEOUT_S = 10.0


def mode(url: str, token: str) -> str:
    """Ask a server of ours how it decides: `shadow`, `enforce`, or nothing where it has decided nothing yet.

    Args:
        url: its address, as `http://127.0.0.1:8711`.
        token: a token with the scope `read`.

    Raises:
        UsageError: when it is no web address.
        ResourceError: when it cannot be reached, or answers something else.
    """
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"`{url}` is no address of a server", hint="`--ask http://127.0.0.1:8711`")
    address = url.rstrip("/") + "/metrics"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"} if token else {})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - http and https alone
            text = answer.read(4 << 20).decode("utf-8", "replace")
    except urllib.error.HTTPError as trouble:
        hint = "`--token-file` with a token of scope `read`" if trouble.code in (401, 403) else None
        raise ResourceError(f"the server answers {trouble.code}", where=address, hint=hint) from None
    except (OSError, ValueError) as trouble:
        raise ResourceError(f"the server cannot be asked: {trouble}", where=address) from None
    if "stillwatch_" not in text:
        raise ResourceError("this is no server of stillwatch", where=address)
    modes = set(re.findall(r'^stillwatch_decisions_total\{.*mode="(shadow|enforce)"\}', text, re.MULTILINE))
    return "shadow" if "shadow" in modes else "enforce" if modes else ""
