"""OpenAI is asked as the platform's SDK asks it, the lab's double answers, and failures have the SDK's words."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import httpx
import pytest

from mock_services.backend.vendors.openai import OpenAI, OpenAIFailed, Said
from tests.support.doubles import serving

pytestmark = pytest.mark.anyio

KEY = "sk-1ab0000000000000000000000000000000000000000penai"
HELLO = [Said("system", "Be brief."), Said("user", "When are you open?")]


@pytest.fixture(scope="module")
def stub() -> Iterator[str]:
    with serving("openai", OPENAI_FIRST_TOKEN_MS="1", OPENAI_TOKENS_PER_SECOND="0") as address:
        yield address


@asynccontextmanager
async def asking(url: str, key: str = KEY, timeout_s: float = 10.0, retries: int = 2) -> AsyncIterator[OpenAI]:
    openai = OpenAI(url, key, timeout_s, retries, Random(1))
    try:
        yield openai
    finally:
        await openai.close()


async def lab(address: str, method: str, path: str) -> dict[str, Any]:
    """Ask the double's own door."""
    async with httpx.AsyncClient() as client:
        answer: dict[str, Any] = (await client.request(method, f"http://{address}/__lab/{path}")).json()
        return answer


Script = Callable[[int], tuple[int, str, dict[str, str]] | None]


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Serve answers by number; None is silence. Gives the URL and the requests' bodies."""
    bodies: list[dict[str, Any]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.split("content-length:")[1].split("\r\n")[0])
                bodies.append(json.loads(await reader.readexactly(length)) | {"head": head})
                planned = script(len(bodies))
                if planned is None:
                    await reader.read()
                    return
                status, body, headers = planned
                lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                writer.write(f"HTTP/1.1 {status} X\r\n{lines}content-length: {len(body)}\r\n\r\n{body}".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", bodies


async def test_the_double_answers_both_ways(stub: str) -> None:
    async with asking(f"http://{stub}/v1/") as openai:
        said = await openai.complete(HELLO, temperature=0.3, max_tokens=300, run_id="run-7")
        assert said == "We are open from nine to five on weekdays, and until noon on Saturdays."
        assert await openai.respond("Be brief.", [Said("user", "Thank you!")], run_id="run-7") == (
            "You are welcome. Take care."
        )
    entries = (await lab(stub, "GET", "journal?run_id=run-7"))["entries"]
    assert [entry["name"] for entry in entries] == ["POST /v1/responses", "POST /v1/chat/completions"]
    bodies = [json.loads(entry["body"]) for entry in entries]
    assert bodies[0]["input"] == [{"role": "user", "content": "Thank you!"}]
    assert bodies[0]["instructions"] == "Be brief."
    assert (bodies[1]["temperature"], bodies[1]["max_tokens"]) == (0.3, 300)
    assert {body["model"] for body in bodies} == {"gpt-4o-mini"}


async def test_a_wrong_key_is_not_tried_again(stub: str) -> None:
    await lab(stub, "POST", "reset")
    async with asking(f"http://{stub}/v1", key="sk-wrong") as openai:
        with pytest.raises(OpenAIFailed, match=r"^Error code: 401 - \{'error': \{'message': 'Incorrect API key"):
            await openai.complete(HELLO)
    assert (await lab(stub, "GET", "metrics"))["requests"] == {"POST /v1/chat/completions": {"401": 1}}


async def test_an_unreachable_vendor_is_tried_three_times_with_pauses() -> None:
    begun = time.perf_counter()
    async with asking("http://127.0.0.1:1/v1") as openai:
        with pytest.raises(OpenAIFailed, match=r"^Connection error\.$"):
            await openai.complete(HELLO)
    assert 0.375 + 0.75 <= time.perf_counter() - begun < 4


GOOD = json.dumps({"choices": [{"message": {"content": "Yes."}}]})


@pytest.mark.parametrize(
    ("answers", "tries"),
    [
        ([(429, "{}", {"retry-after-ms": "20"})], 2),
        ([(500, "oops", {"retry-after": "0.02"}), (503, "", {"retry-after-ms": "1"})], 3),
        ([(400, "{}", {"x-should-retry": "true", "retry-after-ms": "1"})], 2),
    ],
)
async def test_what_may_pass_is_tried_again_when_the_vendor_says(
    answers: list[tuple[int, str, dict[str, str]]], tries: int
) -> None:
    planned = [*answers, (200, GOOD, {})]
    begun = time.perf_counter()
    async with scripted(lambda number: planned[number - 1]) as (url, bodies), asking(url) as openai:
        assert await openai.complete(HELLO) == "Yes."
    assert len(bodies) == tries
    assert time.perf_counter() - begun < 0.375
    assert "authorization: bearer sk-1ab" in bodies[0]["head"]
    assert "x-lab-run-id" not in bodies[0]["head"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((404, '{"error": "no"}', {}), r"^Error code: 404 - \{'error': 'no'\}$"),
        ((500, "oops", {"x-should-retry": "false"}), "^Error code: 500 - oops$"),
        ((429, "{}", {"retry-after-ms": "1"}), r"^Error code: 429 - \{\}$"),
        ((200, "<html>", {}), "not JSON"),
        ((200, "{}", {}), "has no message"),
        ((200, '{"choices": []}', {}), "has no message"),
        ((200, "[]", {}), "has no message"),
    ],
)
async def test_a_failure_says_what_the_sdk_says(answer: tuple[int, str, dict[str, str]], message: str) -> None:
    async with scripted(lambda _: answer) as (url, _), asking(url) as openai:
        with pytest.raises(OpenAIFailed, match=message):
            await openai.complete(HELLO)


@pytest.mark.parametrize("body", ["{}", '{"output": 7}', '{"output": [{"type": "message"}]}', "null"])
async def test_a_response_that_cannot_be_read_is_a_failure(body: str) -> None:
    async with scripted(lambda _: (200, body, {})) as (url, _), asking(url) as openai:
        with pytest.raises(OpenAIFailed, match="no output that can be read"):
            await openai.respond("", HELLO)


async def test_only_texts_count_in_a_response() -> None:
    output = [
        {"type": "reasoning"},
        {"type": "message", "content": [{"type": "refusal"}, {"type": "output_text", "text": "One "}]},
        {"type": "message", "content": [{"type": "output_text", "text": "two."}]},
    ]
    async with scripted(lambda _: (200, json.dumps({"output": output}), {})) as (url, _), asking(url) as openai:
        assert await openai.respond("", HELLO) == "One two."


async def test_silence_has_an_end() -> None:
    async with scripted(lambda _: None) as (url, bodies), asking(url, timeout_s=0.1, retries=1) as openai:
        with pytest.raises(OpenAIFailed, match=r"^Request timed out\.$"):
            await openai.complete(HELLO)
    assert len(bodies) == 2
