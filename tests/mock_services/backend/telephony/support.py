"""The vendors' doubles as a test sees them, and an organisation's line as its administrator uses it."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx

from tests.mock_services.backend.support import Member

SETUP = "/api/telephony/setup"
CONFIG = "/api/telephony/config"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
ACCOUNT, TOKEN = "AC1ab00000000000000000000000000001", "1ab0000000000000000000000000abcd"
INTERNAL_ERROR = {"detail": "Internal server error", "type": "internal_error"}
HANDLED_ERROR = {"detail": "Internal server error", "status_code": 500}


class Stub:
    """A double that runs beside the backend."""

    def __init__(self, address: str) -> None:
        self.address = address

    def sms(self, to: str = "") -> list[dict[str, Any]]:
        """Give the messages that the Twilio double has sent to a number, the newest first."""
        url = f"http://{self.address}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        answer = httpx.get(url, params={"To": to} if to else {}, auth=(ACCOUNT, TOKEN))
        messages: list[dict[str, Any]] = answer.json()["messages"]
        return messages

    def code(self, to: str) -> str:
        """Give the code in the newest message to a number."""
        (code,) = re.findall(r"(?<!\d)\d{6}(?!\d)", self.sms(to)[0]["body"])
        return str(code)

    def requests(self, run_id: str) -> list[tuple[str, str]]:
        """Give the names and bodies of a run's requests, the newest first."""
        entries = httpx.get(f"http://{self.address}/__lab/journal", params={"run_id": run_id}).json()["entries"]
        return [(entry["name"], entry["body"]) for entry in entries]

    def metrics(self) -> dict[str, Any]:
        """Give the double's figures."""
        metrics: dict[str, Any] = httpx.get(f"http://{self.address}/__lab/metrics").json()
        return metrics

    def json_of(self, run_id: str) -> dict[str, Any]:
        """Give the JSON of a run's one request."""
        ((_, body),) = self.requests(run_id)
        content: dict[str, Any] = json.loads(body)
        return content


async def set_up(member: Member, number: str, **fields: Any) -> dict[str, Any]:
    answer = await member.call("POST", SETUP, json={"organization_phone_number": number} | fields)
    assert answer.status_code == 200, answer.text
    configuration: dict[str, Any] = answer.json()
    return configuration


def own_number(member: Member) -> str:
    """Give the number that is verified without a code."""
    return f"+1555{member.organization['id'][:7]}"
