"""X-Twilio-Signature: how Twilio proves that a request comes from it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable


def sign(auth_token: str, url: str, params: Iterable[tuple[str, str]] = ()) -> str:
    """Sign a request to `url` with the parameters of its form.

    The signed text is the URL as it is configured (scheme, port if written, query), then name and value of each
    parameter in order of name; of a repeated name each distinct value once. Requests without a form (GET, WebSocket
    upgrades) are signed over the URL alone. Source: Twilio's security documentation, "Validating requests".
    """
    signed = url + "".join(name + value for name, value in sorted(set(params)))
    digest = hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")
