"""Whatever a client sends to Twilio's REST API, it is answered in Twilio's words and nothing fails inside."""

import base64
import itertools
import logging
import re
from collections.abc import AsyncIterator
from random import Random

import httpx
import pytest

from mock_services.core.service import Service
from mock_services.twilio.app import build
from tests.mock_services.twilio.lab import ACCOUNT, TOKEN

pytestmark = pytest.mark.anyio
OURS, THEIRS = "%2B15005550006", "%2B13105550142"
BODIES = [
    b"",
    b"{",
    b"%ff%fe=%00&To=%00",
    f"To={THEIRS}&From={OURS}&Twiml=%3CResponse%3E&TimeLimit=9e9".encode(),
    f"To={THEIRS}&From={OURS}&Twiml=%00%ff&Timeout=%D9%A1%D9%A2".encode(),
    f"To={THEIRS}&From={OURS}&Url=http://%5B::1&Method=%00".encode(),
    f"To={THEIRS}&From={OURS}&Url=http://127.0.0.1:1/%F0%9F%92%A5&StatusCallback=http://127.0.0.1:99999/".encode(),
    f"To={THEIRS}&From={OURS}&Body=%ED%A0%80%00".encode(),
    b"Status=completed&Status=canceled&Twiml=%3CResponse/%3E",
    b"Status=paused&RecordingChannels=three",
    b"PhoneNumber=%2B1555555&VoiceUrl=http://a:b@c:1/&FriendlyName=%00",
    b"AreaCode=%D9%A1%D9%A2%D9%A3",
    b"Body=&Status=",
    b"&".join(b"StatusCallbackEvent=" + b"x" * 100 for _ in range(50)),
]
TYPES = [None, "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=", ";;="]
QUERIES = [
    "",
    "?StartTime<=yesterday&PageSize=1e9",
    "?StartTime%3C=0001-01-01&EndTime%3E=9999-12-31T23:59:59.999999-23:59",
    "?StartTime=0001-01-01T00:00:00%2B14:00&DateSent=0001-01-01T00:00:00%2B14:00&DateCreated=0001-01-01T00:00:00%2B14:00",
    "?DateCreated%3E=9999-12-31&PageToken=PA%00&Page=99999999999999999999",
    "?Contains=%00*&AreaCode=%D9%A1%D9%A2%D9%A3&PhoneNumber=*%ff",
]
IDS = ["x", "CA" + "0" * 32, "%00", "%ff", "%2e%2e", "a" * 2_000, "Twilio.CURRENT", "US"]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", ACCOUNT)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv("TWILIO_RING_MS", "0")
    return build()


@pytest.fixture
async def rest(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        service.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(service), base_url="http://twilio") as client,
    ):
        yield client


async def test_anything_is_answered(
    rest: httpx.AsyncClient, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    random = Random("rough twilio")
    authorization = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    call = {"To": "+13105550142", "From": "+15005550006", "Twiml": "<Response/>"}
    made = await rest.post(
        f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json", data=call, headers={"authorization": authorization}
    )
    ids = [*IDS, made.json()["sid"]]
    rough = list(itertools.product(BODIES, TYPES, QUERIES))
    for operation in service.operations:
        for body, kind, query in random.sample(rough, 40):
            path = operation.path.replace("{account_sid}", ACCOUNT)
            path = re.sub(r"{\w+}", lambda _: random.choice(ids), path)
            headers = {"authorization": authorization} | ({} if kind is None else {"content-type": kind})
            answer = await rest.request(operation.method, path + query, content=body, headers=headers)
            what = f"{operation.method} {path[:200]}{query} with {kind} and {body[:80]!r}: {answer.text[:200]}"
            assert answer.status_code < 500, what
            if answer.headers.get("content-type") == "application/json":
                answer.json()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
