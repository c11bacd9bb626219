"""OpenAI's API as the platform calls it, through the official SDK in its version 1.82: chat completions and responses.

Like the SDK it tries again twice where that may help, waits longer each time and as long as the vendor asks, and words
failures the same: the platform shows those words to its users.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final, Literal, NamedTuple

import httpx

from mock_services.backend.vendors.connection import Connection, Unreachable

MODEL: Final = "gpt-4o-mini"
RETRIED: Final = frozenset({408, 409, 429})
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 8.0
LONGEST_ASKED_PAUSE_S: Final = 60.0
TIMED_OUT: Final = "Request timed out."
SHOWN_OF_A_REFUSAL: Final = 1_000


class Said(NamedTuple):
    """One message of what is sent to a model."""

    role: Literal["system", "user", "assistant"]
    content: str


class OpenAIFailed(Exception):
    """No answer; the message is what the SDK says, such as `Connection error.`"""


class OpenAI:
    """Asks over kept connections, which the first question opens and `close` ends.

    `timeout_s` bounds each try, from its first byte to its last; there are 1 + `retries` tries. `random` spreads the
    pauses between them.
    """

    def __init__(self, url: str, key: str, timeout_s: float, retries: int, random: Random) -> None:
        self._connection = Connection("OpenAI", url, {"Authorization": f"Bearer {key}"}, timeout_s)
        self._timeout_s = timeout_s
        self._retries = retries
        self._random = random

    async def complete(
        self,
        messages: Sequence[Said],
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        run_id: str = "",
    ) -> str:
        """Ask for a chat completion and give its text; raise `OpenAIFailed`."""
        body: dict[str, Any] = {"model": MODEL, "messages": [message._asdict() for message in messages]}
        for name, value in (("temperature", temperature), ("max_tokens", max_tokens)):
            if value is not None:
                body[name] = value
        answer = await self._post("/chat/completions", body, run_id)
        try:
            text = answer["choices"][0]["message"]["content"]
        except (LookupError, TypeError):
            raise OpenAIFailed("OpenAI's chat completion has no message") from None
        return text if isinstance(text, str) else ""

    async def respond(self, instructions: str, conversation: Sequence[Said], *, run_id: str = "") -> str:
        """Ask for a response to a conversation and give its text; raise `OpenAIFailed`."""
        body = {
            "model": MODEL,
            "instructions": instructions,
            "input": [message._asdict() for message in conversation],
            "tools": [],
        }
        answer = await self._post("/responses", body, run_id)
        try:
            return "".join(
                part["text"]
                for item in answer["output"]
                if item["type"] == "message"
                for part in item["content"]
                if part["type"] == "output_text"
            )
        except (LookupError, TypeError):
            raise OpenAIFailed("OpenAI's response has no output that can be read") from None

    async def close(self) -> None:
        """End the kept connections, if a question has opened any; the next question opens new ones."""
        await self._connection.close()

    async def _post(self, path: str, body: Mapping[str, Any], run_id: str) -> Any:
        tried = 0
        while True:
            failure, asked_s = "", None
            try:
                async with asyncio.timeout(self._timeout_s):
                    answer = await self._connection.request("POST", path, run_id=run_id, json=body)
            except TimeoutError:
                failure = TIMED_OUT
            except Unreachable as unreachable:
                timed_out = isinstance(unreachable.__cause__, httpx.TimeoutException)
                failure = TIMED_OUT if timed_out else "Connection error."
            else:
                if answer.is_success:
                    return _json(answer)
                failure, asked_s = _failure(answer), _asked_pause_s(answer.headers)
                if not _may_retry(answer):
                    raise OpenAIFailed(failure)
            if tried >= self._retries:
                raise OpenAIFailed(failure)
            await asyncio.sleep(self._pause_s(tried) if asked_s is None else asked_s)
            tried += 1

    def _pause_s(self, tried: int) -> float:
        return min(FIRST_PAUSE_S * 2.0**tried, LONGEST_PAUSE_S) * (1 - 0.25 * self._random.random())


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise OpenAIFailed("OpenAI's answer is not JSON") from None


def _failure(answer: httpx.Response) -> str:
    try:
        shown = str(answer.json())
    except ValueError:
        shown = answer.text.strip()
    return f"Error code: {answer.status_code} - {shown[:SHOWN_OF_A_REFUSAL]}"


def _may_retry(answer: httpx.Response) -> bool:
    told = answer.headers.get("x-should-retry")
    if told in {"true", "false"}:
        return bool(told == "true")
    return answer.status_code in RETRIED or answer.is_server_error


def _asked_pause_s(headers: httpx.Headers) -> float | None:
    """How long the vendor asks to wait, if it is no longer than the SDK would."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            asked_s = float(headers[name]) * unit_s
        except (KeyError, ValueError):
            continue
        return asked_s if 0 < asked_s <= LONGEST_ASKED_PAUSE_S else None
    return None
