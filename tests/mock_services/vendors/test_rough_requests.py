"""Whatever a client sends to a vendor's operation, it is answered in the vendor's words and nothing fails inside."""

import itertools
import logging
import re
from collections.abc import AsyncIterator
from random import Random

import httpx
import pytest

from mock_services.deepgram.settings import DeepgramSettings
from mock_services.stripe.settings import LAB_KEY
from mock_services.vendors.app import VENDORS, build
from tests.mock_services.elevenlabs.support import AT_ONCE as ELEVENLABS
from tests.mock_services.elevenlabs.support import KEY as ELEVENLABS_KEY
from tests.mock_services.elevenlabs.support import RACHEL
from tests.mock_services.openai.support import AT_ONCE as OPENAI
from tests.mock_services.openai.support import KEY as OPENAI_KEY
from tests.mock_services.sendgrid.support import AT_ONCE as SENDGRID
from tests.mock_services.sendgrid.support import KEY as SENDGRID_KEY
from tests.mock_services.stripe.support import AT_ONCE as STRIPE

pytestmark = pytest.mark.anyio
KEYS = {
    "deepgram": {"authorization": f"Token {DeepgramSettings().api_key}"},
    "elevenlabs": {"xi-api-key": ELEVENLABS_KEY},
    "openai": {"authorization": f"Bearer {OPENAI_KEY}"},
    "sendgrid": {"authorization": f"Bearer {SENDGRID_KEY}"},
    "stripe": {"authorization": f"Bearer {LAB_KEY}"},
}
BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"NaN",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"input":' + b"9" * 50_000 + b"}",
    b'{"text":"\\ud800\\u0000","model_id":null,"voice_settings":{"speed":NaN}}',
    b'{"model":"gpt-4o-mini","input":"\\ud83d","max_output_tokens":99999999999999999999999}',
    b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"\\ud800"}],"n":1e308,"stream":true}',
    b'{"model":"text-embedding-3-small","input":[[1,2,-5,1e30]],"dimensions":0}',
    b'{"personalizations":[{"to":[{"email":"\\ud800@x.y"}]}],"from":{"email":"a@b.c"},"subject":"\\ud800"}',
    b"%ff%fe=%00&amount=1e999",
    b"items[99999999999999999999][price]=x&items=y",
    b"metadata" + b"[a]" * 3_000 + b"=1",
    b"expand[]=" + b"a." * 3_000 + b"b",
    b"RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00",
]
TYPES = [
    None,
    "application/json",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=",
    "audio/x-mulaw",
    ";;=",
]
QUERIES = [
    "",
    "?%ff=%00&limit=-1&starting_after=%00",
    "?model=nova-2&encoding=linear16&sample_rate=0&channels=99",
    "?encoding=mulaw&utt_split=nan&utterances=true",
    "?output_format=pcm_16000&optimize_streaming_latency=99",
    "?created[gte]=99999999999999999999&expand[0]=",
    "?page_size=NaN&next_page_token=%ff",
]
IDS = ["x", RACHEL, "%00", "%ff", "%2e%2e", "a" * 2_000, "pm_card_visa", "%F0%9F%92%A5"]


@pytest.fixture
async def vendors(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    for name, value in {**ELEVENLABS, **OPENAI, **SENDGRID, **STRIPE, "DEEPGRAM_LISTEN_FILE_MS": "0"}.items():
        monkeypatch.setenv(name, value)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build()), base_url="http://vendors") as client:
        yield client


@pytest.mark.parametrize("vendor", KEYS)
async def test_anything_is_answered(vendors: httpx.AsyncClient, vendor: str, caplog: pytest.LogCaptureFixture) -> None:
    operations = VENDORS[vendor]().operations
    random = Random(f"rough {vendor}")
    rough = list(itertools.product(BODIES, TYPES, QUERIES))
    for operation, (body, kind, query) in itertools.product(operations, random.sample(rough, 400 // len(operations))):
        path = re.sub(r"{\w+}", lambda _: random.choice(IDS), operation.path)
        headers = KEYS[vendor] | ({} if kind is None else {"content-type": kind})
        url = f"/{vendor}{path}{query}"
        answer = await vendors.request(operation.method, url, content=body, headers=headers)
        assert answer.status_code < 500, f"{operation.method} {url} with {kind} and {body[:80]!r}: {answer.text[:200]}"
        if answer.headers.get("content-type") == "application/json":
            answer.json()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
