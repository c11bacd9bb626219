"""Reads when a JSON Web Token expires, without verifying it: its signature is the target's business."""

from __future__ import annotations

import base64
import binascii
import json

RENEW_BEFORE_S = 60.0
"""A token is renewed this long before it expires, or with a fifth of its life left when it lives less than 300 s."""


def expires_at(token: str) -> float | None:
    """The `exp` claim in seconds since the epoch; None when the text is no token, or one without an expiry."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    expiry = claims.get("exp") if isinstance(claims, dict) else None
    return float(expiry) if isinstance(expiry, int | float) and not isinstance(expiry, bool) else None


class Tokens:
    """An access token and the refresh token that gets the next one, with the time at which to get it."""

    def __init__(self, access: str, refresh: str, now: float) -> None:
        """Take a token pair received at `now` (seconds since the epoch)."""
        self.access = access
        self.refresh = refresh
        expiry = expires_at(access)
        self.renew_at = None if expiry is None else expiry - min(RENEW_BEFORE_S, 0.2 * max(0.0, expiry - now))

    def due(self, now: float) -> bool:
        """Tell whether the access token should be renewed before it is used again."""
        return self.renew_at is not None and now >= self.renew_at
