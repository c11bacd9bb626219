"""ElevenLabs' own SDK with asyncio: every operation that the stub has, answered and refused."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.errors import UnprocessableEntityError

from mock_services.elevenlabs.app import build
from tests.mock_services.elevenlabs.support import AT_ONCE, KEY, RACHEL
from tests.support.doubles import serving, unanswered

pytestmark = pytest.mark.anyio
TEXT = "We are open from nine to five."
Ask = Callable[[AsyncElevenLabs], Awaitable[Any]]


@pytest.fixture(scope="module")
def own() -> Iterator[str]:
    """Run a stub whose counts are this module's alone."""
    with serving("elevenlabs", **AT_ONCE) as address:
        yield address


@asynccontextmanager
async def client(address: str, key: str = KEY) -> AsyncIterator[AsyncElevenLabs]:
    """Give the SDK's client, whose connections are closed at the end: it has no way to close them itself."""
    async with httpx.AsyncClient(timeout=20) as http:
        yield AsyncElevenLabs(api_key=key, base_url=f"http://{address}", httpx_client=http)


def speaking(voice: str = RACHEL, **given: Any) -> list[Ask]:
    """Give the four ways to have a text spoken."""
    options: dict[str, Any] = {"text": TEXT, "output_format": "ulaw_8000", **given}

    async def whole(sdk: AsyncElevenLabs) -> int:
        return sum([len(piece) async for piece in sdk.text_to_speech.convert(voice, **options)])

    async def streamed(sdk: AsyncElevenLabs) -> int:
        return sum([len(piece) async for piece in sdk.text_to_speech.stream(voice, **options)])

    async def timed(sdk: AsyncElevenLabs) -> int:
        spoken = await sdk.text_to_speech.convert_with_timestamps(voice, **options)
        assert spoken.alignment is not None
        assert "".join(spoken.alignment.characters) == TEXT
        return len(b64decode(spoken.audio_base_64))

    async def timed_stream(sdk: AsyncElevenLabs) -> int:
        pieces = [piece async for piece in sdk.text_to_speech.stream_with_timestamps(voice, **options)]
        return sum(len(b64decode(piece.audio_base_64)) for piece in pieces)

    return [whole, streamed, timed, timed_stream]


LOOKUPS: list[Ask] = [
    lambda sdk: sdk.voices.get_all(),
    lambda sdk: sdk.voices.search(page_size=2),
    lambda sdk: sdk.voices.get(RACHEL),
    lambda sdk: sdk.models.list(),
    lambda sdk: sdk.user.get(),
    lambda sdk: sdk.user.subscription.get(),
]


async def test_every_operation_is_answered(own: str) -> None:
    async with client(own) as sdk:
        for ask in speaking():
            assert await ask(sdk) == pytest.approx(len(TEXT) / 15 * 8000, abs=3)
        for ask in LOOKUPS:
            assert await ask(sdk)
    assert unanswered(own, build().operations, 200) == set()


async def test_nothing_is_open_to_a_stranger(own: str) -> None:
    async with client(own, "sk_wrong") as stranger:
        for ask in speaking() + LOOKUPS:
            with pytest.raises(ApiError) as refused:
                await ask(stranger)
            assert (refused.value.status_code, refused.value.body["detail"]["status"]) == (401, "invalid_api_key")
    assert unanswered(own, build().operations, 401) == set()


@pytest.mark.parametrize(
    ("voice", "given", "status", "word"),
    [
        ("nobody", {}, 404, "voice_not_found"),
        (RACHEL, {"model_id": "eleven_v9"}, 400, "model_not_found"),
        (RACHEL, {"text": " "}, 400, "input_text_empty"),
        (RACHEL, {"text": "x" * 50_000}, 400, "max_character_limit_exceeded"),
        (RACHEL, {"output_format": "opus_48000_64"}, 400, "output_format_not_allowed"),
    ],
)
async def test_what_cannot_be_spoken_is_refused_in_every_way(
    own: str, voice: str, given: dict[str, Any], status: int, word: str
) -> None:
    async with client(own) as sdk:
        for ask in speaking(voice, **given):
            with pytest.raises(ApiError) as refused:
                await ask(sdk)
            assert (refused.value.status_code, refused.value.body["detail"]["status"]) == (status, word)


async def test_lookups_of_nothing_are_refused(own: str) -> None:
    async with client(own) as sdk:
        with pytest.raises(ApiError) as missing:
            await sdk.voices.get("nobody")
        assert (missing.value.status_code, missing.value.body["detail"]["status"]) == (400, "voice_not_found")
        with pytest.raises(UnprocessableEntityError):
            await sdk.voices.search(page_size=0)


async def test_more_texts_at_once_than_the_subscription_allows() -> None:
    limited = {**AT_ONCE, "ELEVENLABS_MAX_CONCURRENT": "1", "ELEVENLABS_FIRST_BYTE_MS": "400"}
    with serving("elevenlabs", **limited) as address:
        async with client(address) as sdk:
            whole = speaking()[0]
            answers = await asyncio.gather(whole(sdk), whole(sdk), return_exceptions=True)
            refused = [answer for answer in answers if isinstance(answer, ApiError)]
            assert [(each.status_code, each.body["detail"]["status"]) for each in refused] == [
                (429, "too_many_concurrent_requests")
            ]
            assert await whole(sdk), "the place is free again"


async def test_many_streams_at_once(own: str) -> None:
    async with client(own) as sdk:
        streamed = speaking()[1]
        assert len(set(await asyncio.gather(*(streamed(sdk) for _ in range(20))))) == 1
