"""The agent bench: how many conversations the voice-agent stub holds on one core, and how punctually it answers.

    scripts/bench/agent --streams 400 --seconds 15

It starts the Deepgram stub as a process on one core and talks to it from the other: every stream sends a frame of 20 ms
50 times a second, speaks a line, hears the reply to its end, and speaks again. Exit code 0: on target; 1: off target;
2: the run is worth nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from random import Random
from typing import Any

import orjson
import psutil
import uvloop
from bench.command import BenchParser, any_number, conclude
from bench.pinned import Cores, get, process, waited_ms
from locallab.arguments import whole_number
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from mock_services.core.speech import FRAME_BYTES, SILENCE, load_recordings
from mock_services.twilio.lateness import Lateness
from mock_services.twilio.pacer import Pacer

KEY = "bench-key"
SILENT_FRAME = bytes([SILENCE]) * FRAME_BYTES
PAUSE_FRAMES = 50  # from the end of a reply to the next words
PATIENCE_S = 3.0  # a reply that has not begun by then is missing
LATE_LIMIT_MS = 20.0  # the stub's own lateness at p99: a frame
WAITED_LIMIT = 0.02  # share of the time that the stub may have waited for its core
OPEN_SECONDS = 20.0
STREAMS_LIMIT = 2000
SETTINGS = orjson.dumps(
    {
        "type": "Settings",
        "audio": {
            "input": {"encoding": "mulaw", "sample_rate": 8000},
            "output": {"encoding": "mulaw", "sample_rate": 8000, "container": "none"},
        },
        "agent": {
            "listen": {"provider": {"type": "deepgram", "model": "nova-3"}},
            "think": {"provider": {"type": "open_ai", "model": "gpt-4o-mini"}, "prompt": "You answer the telephone."},
            "speak": {"provider": {"type": "deepgram", "model": "aura-2-thalia-en"}},
        },
    }
)


class Figures:
    """What all streams saw."""

    def __init__(self) -> None:
        self.open = 0
        self.dropped = 0
        self.frames = Lateness()
        self.skipped = 0
        self.missing = 0
        self.replies_ms: list[float] = []
        self.audio_messages = 0


class Talker(WSListener):
    """One stream: speaks, listens to the reply, and speaks again."""

    def __init__(self, figures: Figures, pacer: Pacer, random: Random) -> None:
        self._figures = figures
        self._pacer = pacer
        ulaw = random.choice(load_recordings("caller")).ulaw
        self._words = [ulaw[start : start + FRAME_BYTES] for start in range(0, len(ulaw), FRAME_BYTES)]
        self._place = -random.randrange(100)  # of the next frame in the words; before them a pause
        self._ended_at = 0.0  # when the last word was sent, until the reply begins
        self._transport: WSTransport

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Open the conversation."""
        self._transport = transport
        transport.send(WSMsgType.TEXT, SETTINGS)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Hear the agent."""
        if frame.msg_type is WSMsgType.BINARY:
            self._figures.audio_messages += 1
            if self._ended_at:
                self._figures.replies_ms.append((time.monotonic() - self._ended_at) * 1000)
                self._ended_at = 0.0
        elif frame.msg_type is WSMsgType.TEXT:
            kind = orjson.loads(frame.get_payload_as_bytes())["type"]
            if kind == "SettingsApplied":
                self._figures.open += 1
                self._pacer.add(self)
            elif kind == "AgentAudioDone":
                self._place = -PAUSE_FRAMES
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Stop speaking."""
        self._pacer.remove(self)
        self._figures.dropped += 1

    def frame_due(self, due: float, now: float) -> None:
        """Send 20 ms."""
        place, self._place = self._place, self._place + 1
        self._transport.send(WSMsgType.BINARY, self._words[place] if 0 <= place < len(self._words) else SILENT_FRAME)
        self._figures.frames.record((now - due) * 1000)
        if place == len(self._words) - 1:
            self._ended_at = now
        elif self._ended_at and now - self._ended_at > PATIENCE_S:
            self._figures.missing += 1
            self._ended_at, self._place = 0.0, -PAUSE_FRAMES

    def frames_missed(self, count: int, now: float) -> None:
        """Count what this bench itself could not send in time."""
        self._figures.skipped += count

    def pacing_failed(self, error: Exception) -> None:
        """Stop the bench: its figures would be worth nothing."""
        raise error

    def leave(self) -> None:
        """Hang up."""
        self._pacer.remove(self)
        self._transport.disconnect(graceful=False)


def main() -> None:
    """Run the bench and print its figures."""
    parser = BenchParser("agent", __doc__)
    parser.takes("--streams", whole_number(1, STREAMS_LIMIT), 400, "conversations at once")
    parser.takes("--seconds", any_number(1, 600), 15.0, "how long all are held")
    asked = parser.parse_args()
    environment = {"DEEPGRAM_API_KEY": KEY, "DEEPGRAM_MAX_SESSIONS": str(asked.streams), "LAB_SEED": "bench"}
    cores = Cores.of_this_process()
    with process("mock_services.deepgram", cores.server, environment, "--port", "0") as (stub, url):
        os.sched_setaffinity(0, {cores.client})
        figures = uvloop.run(measure(asked, stub, url))
    figures["cores"] = str(cores)
    conclude(asked, figures, as_text(figures), verdict(figures)[0])


async def measure(asked: argparse.Namespace, stub: int, url: str) -> dict[str, Any]:
    """Open the conversations, hold them, and gather the figures of both sides."""
    figures, pacer, random = Figures(), Pacer(), Random("bench")
    watched = psutil.Process(stub)
    memory_before = watched.memory_info().rss
    talkers = []
    for _ in range(asked.streams):
        talkers.append(await open_stream(url, figures, pacer, random))
    end = time.monotonic() + OPEN_SECONDS
    while figures.open < asked.streams and time.monotonic() < end:  # noqa: ASYNC110 - it waits on another process
        await asyncio.sleep(0.05)
    before, waited, at = watched.cpu_times(), waited_ms(stub), time.monotonic()
    await asyncio.sleep(asked.seconds)
    after, held, waited = watched.cpu_times(), time.monotonic() - at, waited_ms(stub) - waited
    memory, dropped = watched.memory_info().rss, figures.dropped
    for talker in talkers:
        talker.leave()
    seen = (await asyncio.to_thread(get, f"{url}/__lab/metrics"))["voice_agent"]
    replies = sorted(figures.replies_ms)
    return {
        "streams_asked": asked.streams,
        "streams_held": figures.open - dropped,
        "seconds_held": round(held, 2),
        "frames_sent": figures.frames.frames,
        "frames_lateness_ms": figures.frames.summary(),
        "frames_skipped": figures.skipped,
        "audio_messages_heard": figures.audio_messages,
        "replies": len(replies),
        "replies_missing": figures.missing,
        "reply_ms": {name: percentile(replies, share) for name, share in (("p50", 0.5), ("p99", 0.99))},
        "reply_meant_ms": seen["delays"]["turn_ms"],
        "stub_lateness_ms": seen["lateness_ms"],
        "errors": seen["errors"],
        "cpu_percent": round((after.user + after.system - before.user - before.system) / held * 100, 1),
        "waited_for_core_ms": round(waited, 1),
        "memory_kib_a_stream": round((memory - memory_before) / 1024 / asked.streams, 1),
    }


async def open_stream(url: str, figures: Figures, pacer: Pacer, random: Random) -> Talker:
    """Open one conversation."""
    talker = Talker(figures, pacer, random)
    address = f"{url.replace('http', 'ws', 1)}/v1/agent/converse"
    await ws_connect(lambda: talker, address, extra_headers={"Authorization": f"Token {KEY}"})
    return talker


def percentile(ordered: list[float], share: float) -> float | None:
    """Give the value that `share` of them do not exceed; None for none."""
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else None


def verdict(figures: dict[str, Any]) -> tuple[int, str]:
    """Judge: every stream held and every reply given, sent within a frame of its time.

    Off target says something about the stub only if it had its core; else the run is worth nothing.
    """
    held = figures["streams_held"] == figures["streams_asked"] and not figures["errors"]
    late = figures["stub_lateness_ms"].get("p99")
    if held and figures["replies"] and not figures["replies_missing"] and late is not None and late <= LATE_LIMIT_MS:
        return 0, "on target"
    if figures["waited_for_core_ms"] > figures["seconds_held"] * 1000 * WAITED_LIMIT:
        return 2, "invalid: off target, but something else used the stub's core; try again on a quiet machine"
    return 1, "off target"


def as_text(figures: dict[str, Any]) -> str:
    """Write the figures for people."""
    late, reply, frames = figures["stub_lateness_ms"], figures["reply_ms"], figures["frames_lateness_ms"]
    lines = [
        f"streams      {figures['streams_held']} of {figures['streams_asked']} held for {figures['seconds_held']:g} s, "
        "each 50 frames a second",
        f"replies      {figures['replies']}, {figures['replies_missing']} missing; first audio p50 {reply['p50']} ms, "
        f"p99 {reply['p99']} ms after the last word, {figures['reply_meant_ms']:g} ms of it meant",
        f"the stub     p99 {late.get('p99')} ms late (limit {LATE_LIMIT_MS:g} ms); {figures['cpu_percent']:g} % of a "
        f"core, {figures['memory_kib_a_stream']:g} KiB a stream; it waited {figures['waited_for_core_ms']:g} ms for a "
        "core that others used",
        f"the bench    {figures['frames_sent']} frames sent, p99 {frames['p99']} ms late, "
        f"{figures['frames_skipped']} skipped; {figures['audio_messages_heard']} messages of audio heard",
    ]
    lines += [f"failed       {count} x {code}" for code, count in figures["errors"].items()]
    lines.append(verdict(figures)[1])
    return "\n".join(lines)


if __name__ == "__main__":
    main()
