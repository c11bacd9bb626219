"""Whatever a request holds, it is answered or refused in ElevenLabs' words: nothing in it breaks the stub."""

import asyncio
import json
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_services.core.latency import Fixed
from mock_services.elevenlabs.app import build
from mock_services.elevenlabs.requests import SpeechBody, SpeechQuery, VoicesQuery
from mock_services.elevenlabs.settings import ElevenLabsSettings
from tests.mock_services.elevenlabs.support import RACHEL

TEXT = st.text(st.characters(), max_size=12)  # halves of surrogate pairs too: JSON can hold them
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
BODY: Any = st.fixed_dictionaries(
    {"text": st.just("Hello there.") | JSON},
    optional={name: JSON for name in SpeechBody.model_fields if name not in ("text", "voice_settings")}
    | {"voice_settings": st.dictionaries(st.sampled_from(["stability", "speed", "style"]), JSON, max_size=2)},
)
VALUE = st.sampled_from(["", "1", "-1", "pcm_8000", "wav_8000", "opus_48000_32", "true", "name", "é"])
PATHS = [
    f"/v1/text-to-speech/{RACHEL}{rest}" for rest in ("", "/stream", "/with-timestamps", "/stream/with-timestamps")
]


def test_a_request_is_answered_or_refused() -> None:
    at_once = {"first_byte_ms": Fixed(0), "speed": 0, "lookup_ms": Fixed(0)}
    stub_settings = ElevenLabsSettings.model_validate(at_once)
    service = build(stub_settings)
    headers = {"xi-api-key": stub_settings.api_key, "content-type": "application/json"}

    async def ask(path: str, query: dict[str, str], body: Any) -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(service), base_url="http://elevenlabs") as http:
            speech = await http.post(path, params=query, content=json.dumps(body), headers=headers)
            if speech.status_code == 200 and path.endswith("with-timestamps"):
                assert [json.loads(line)["alignment"] for line in speech.text.splitlines()]
            voices = await http.get("/v2/voices", params=query, headers=headers)
            journal = await http.get("/__lab/journal?limit=2")
            return [speech.status_code, voices.status_code, journal.status_code]

    names = st.sampled_from([*SpeechQuery.model_fields, *VoicesQuery.model_fields])

    @given(st.sampled_from(PATHS), st.dictionaries(names, VALUE, max_size=2), BODY)
    @settings(max_examples=100)
    def check(path: str, query: dict[str, str], body: Any) -> None:
        speech, voices, journal = asyncio.run(ask(path, query, body))
        assert speech in (200, 400, 422)
        assert voices in (200, 422)
        assert journal == 200

    check()
