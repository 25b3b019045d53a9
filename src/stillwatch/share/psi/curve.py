"""Curve: identifiers as points of Curve25519, blinded by X25519; blinding twice gives the same in either order.

An identifier is hashed to a u-coordinate of the curve and multiplied by a fresh secret, a multiple of eight (X25519,
RFC 7748), so that only the part of prime order is left. A random coordinate lies on the curve or on its twist, and
multiplication keeps it there, which would tell one bit of each hash; so one hashes again until it lies on the curve.

Security: decisional Diffie-Hellman on Curve25519, in the random-oracle model, against peers who follow the protocol.
Cost: some 25,000 multiplications a second on one core of a quiet machine.
Source: Meadows 1986; Huberman, Franklin and Hogg 1999; RFC 7748; RFC 9380 section 1 on hashing and trying again.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from stillwatch.errors import ShareError

BYTES: Final = 32
FEW: Final = 4096
"""Points up to which Euler's criterion is fast enough: 0.1 ms each, without the 80 MB of compiled code."""
_P: Final = 2**255 - 19
_A: Final = 486_662
_CLEAR: Final = (1 << 255) - 1


def on_curve(points: Sequence[int]) -> list[bool]:
    """Tell which u-coordinates are on the curve and not on its twist: u(u^2 + Au + 1) is a square."""
    rights = [u * (u * (u + _A) + 1) % _P for u in points]
    if len(points) <= FEW:
        return [pow(one, (_P - 1) // 2, _P) == 1 for one in rights]
    from stillwatch.kit.jacobi import jacobi

    return [one == 1 for one in jacobi(rights, _P).tolist()]


def hash_all(values: Sequence[bytes], session: bytes) -> list[bytes]:
    """Hash identifiers to points on the curve; the session takes part, so that no two runs can be compared."""
    prefix = hashlib.sha256(b"stillwatch psi v1" + len(session).to_bytes(2, "big") + session)
    points = [b""] * len(values)
    open_, turn = list(range(len(values))), 0
    while open_:
        tried = []
        for place in open_:
            one = prefix.copy()
            one.update(turn.to_bytes(2, "big") + values[place])
            tried.append((int.from_bytes(one.digest(), "little") & _CLEAR) % _P)
        fits = on_curve(tried)
        for place, u, fit in zip(open_, tried, fits, strict=True):
            if fit:
                points[place] = u.to_bytes(BYTES, "little")
        open_ = [place for place, fit in zip(open_, fits, strict=True) if not fit]
        turn += 1
    return points


class Blinder:
    """A secret of one run, and what it makes of points."""

    def __init__(self, secret: bytes | None = None) -> None:
        self._key = X25519PrivateKey.from_private_bytes(secret or secrets.token_bytes(BYTES))

    def blind(self, points: Iterable[bytes]) -> list[bytes]:
        """Multiply points by the secret, in their order.

        Raises:
            ShareError: when a point lies in a small subgroup: an honest peer never sends one.
        """
        exchange, parse = self._key.exchange, X25519PublicKey.from_public_bytes
        try:
            return [exchange(parse(point)) for point in points]
        except ValueError:
            raise ShareError(
                "`points`: one of the peer's lies in a small subgroup", hint="the peer does not follow the protocol"
            ) from None


def padding(count: int) -> list[bytes]:
    """Draw points of prime order that stand for nobody, to hide how many identifiers there are."""
    return [X25519PrivateKey.generate().public_key().public_bytes_raw() for _ in range(count)]
