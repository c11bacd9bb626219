"""Transcribes a whole file: `POST /v1/listen`."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any, Final

import orjson
from starlette.responses import Response

from mock_services.core.operations import Exchange, json_response
from mock_services.core.pacing import wait_until_due
from mock_services.deepgram.errors import BadRequest, RemoteContent
from mock_services.deepgram.listen.audio import AudioFormat
from mock_services.deepgram.listen.messages import Scribe
from mock_services.deepgram.listen.models import Listeners
from mock_services.deepgram.listen.options import ListenOptions, UnfitOptions, read_options
from mock_services.deepgram.listen.transcriber import Event, Rules, Segment, Transcriber
from mock_services.deepgram.listen.wav import UnreadableAudio, read_header
from mock_services.deepgram.listen.words import Word

FRAMES_A_TURN: Final = 500  # 10 s of audio, after which other requests get their turn
MULAW_TYPES: Final = frozenset({"audio/x-mulaw", "audio/mulaw", "audio/basic"})


class Files:
    """Serves files of WAVE or raw audio. No other format is decoded, and nothing is fetched from a URL."""

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners

    async def transcribe(self, exchange: Exchange) -> Response:
        """Transcribe a file."""
        request_id: str = exchange.principal
        with self._listeners.place(request_id):
            try:
                return await self._answer(exchange, request_id)
            except (UnfitOptions, UnreadableAudio) as refused:
                exchange.note = str(refused)
                self._listeners.tally.errors["Bad Request"] += 1
                audible = isinstance(refused, UnfitOptions)
                reason = str(refused) if audible else "failed to process audio: corrupt or unsupported data"
                raise BadRequest(reason, request_id) from None

    async def _answer(self, exchange: Exchange, request_id: str) -> Response:
        listeners, request = self._listeners, exchange.request
        options = read_options(dict(request.query_params))
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        content = await request.body()
        if kind == "application/json":
            raise _refuse_json(content, request_id)
        audio, samples = _locate(content, options, kind)
        channels = await self._hear(audio, samples, options, request_id)
        duration_s = len(samples) / audio.bytes_per_s
        listeners.tally.files += 1
        listeners.tally.audio_ms += round(duration_s * 1000)
        scribe = Scribe(request_id, options)
        answer = {
            "metadata": scribe.metadata(hashlib.sha256(content).hexdigest(), duration_s, audio.channels),
            "results": scribe.results(channels, lambda: listeners.account.new_id("utterance")),
        }
        due_s = listeners.timing.draw_s(listeners.timing.file_ms, listeners.account.random(request_id))
        await wait_until_due(exchange, due_s, listeners.tally.lateness_ms)
        return json_response(answer, 200, {"dg-request-id": request_id})

    async def _hear(
        self, audio: AudioFormat, samples: memoryview, options: ListenOptions, request_id: str
    ) -> list[list[Word]]:
        """Give each channel's words."""
        timing, random = self._listeners.timing, self._listeners.account.random(request_id)
        rules = Rules(onset_ms=timing.onset_ms, pause_ms=timing.pause_ms, endpointing_ms=0)
        transcribers = [Transcriber(audio, rules, random) for _ in range(audio.channels if options.multichannel else 1)]
        words: list[list[Word]] = [[] for _ in transcribers]
        size = audio.frame_bytes
        for index, start in enumerate(range(0, len(samples) - len(samples) % size, size)):
            frames = audio.split(bytes(samples[start : start + size]))
            for channel, transcriber in enumerate(transcribers):
                for event in transcriber.hear(frames[channel]):
                    words[channel] += _final_words(event)
            if index % FRAMES_A_TURN == 0:
                await asyncio.sleep(0)
        for channel, transcriber in enumerate(transcribers):
            words[channel] += _final_words(transcriber.flush(from_finalize=False))
        return words


def _final_words(event: Event) -> tuple[Word, ...]:
    return event.words if isinstance(event, Segment) and event.is_final else ()


def _locate(content: bytes, options: ListenOptions, kind: str) -> tuple[AudioFormat, memoryview]:
    """Find the audio: after a WAVE header, or all of it where query or content type say what it is."""
    if content[:4] == b"RIFF":
        header = read_header(content)
        return header.format, memoryview(content)[header.start : header.end]
    audio = options.raw_format()
    if audio is None and kind in MULAW_TYPES:
        audio = options.model_copy(update={"encoding": "mulaw"}).raw_format()
    if audio is None or not content:
        raise UnreadableAudio(
            f"{len(content)} bytes of {kind or 'no content type'} are neither WAVE nor said to be raw"
        )
    return audio, memoryview(content)


def _refuse_json(content: bytes, request_id: str) -> Exception:
    try:
        body: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("url"), str):
        return RemoteContent(request_id)
    return BadRequest("Content-type was application/json, but we could not process the JSON payload.", request_id)
