"""What the tests of the SendGrid stub share: its key, its settings without delays, a mail that is sent."""

from typing import Any

import httpx

KEY = "SG.1ab0000000000000000000.00000000000000000000000000000000000sendgrid"
BEARER = {"Authorization": f"Bearer {KEY}"}
AT_ONCE = {"SENDGRID_LATENCY_MS": "0", "SENDGRID_REQUESTS_PER_SECOND": "0"}


def mail(**given: Any) -> dict[str, Any]:
    """A mail as the platform sends it; what is given as None is left out."""
    whole = {
        "from": {"email": "pete@cyberiad.ai", "name": "Pete"},
        "subject": "Your visit",
        "personalizations": [{"to": [{"email": "ada@example.com", "name": "Ada"}]}],
        "content": [{"type": "text/plain", "value": "On Tuesday"}, {"type": "text/html", "value": "<p>On Tuesday</p>"}],
        **given,
    }
    return {name: value for name, value in whole.items() if value is not None}


def send(address: str, content: dict[str, Any], **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"http://{address}/v3/mail/send", json=content, headers=BEARER | given)


def messages(address: str, **query: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"http://{address}/__lab/messages", params=query).json()
    return answer
