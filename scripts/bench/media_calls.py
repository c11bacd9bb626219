"""The media bench: how many full-duplex calls the Twilio double carries on one core, and how punctual its frames are.

    scripts/bench/media --calls 300 --seconds 15

It starts the double as a process on one core, a lean target on the other, dials the calls over the control socket and
holds all of them for the time that was asked for. Exit code 0: on target; 1: off target; 2: the run is worth nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psutil
from bench.command import BenchParser, any_number, conclude
from bench.pinned import Cores, get, process, waited_ms
from locallab.arguments import whole_number
from websockets.asyncio.client import connect

ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "bench" * 6
NUMBER = "+15555550100"
P99_LIMIT_MS = 10.0
WAITED_LIMIT = 0.02  # share of the time that the double may have waited for its core
START_SECONDS = 15.0
END_SECONDS = 15.0
CALLS_LIMIT = 2000  # the bench loads this machine only, and only so far
BASIC = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()


@dataclass
class Tally:
    """What the calls told over the control socket."""

    connected: int = 0
    finished: Counter[str] = field(default_factory=Counter)
    details: Counter[str] = field(default_factory=Counter)
    turns: int = 0
    timed_out: int = 0

    def take(self, event: dict[str, Any]) -> None:
        """Count one event."""
        name = event["event"]
        if name == "connected":
            self.connected += 1
        elif name == "turn":
            self.turns += 1
            self.timed_out += bool(event.get("timed_out"))
        elif name in {"ended", "failed"}:
            self.finished[name] += 1
            if name == "failed":
                self.details[f"{event['step']} {event['reason']}: {event['detail']}"[:150]] += 1


def main() -> None:
    """Run the bench and print its figures."""
    parser = BenchParser("media", __doc__)
    parser.takes("--calls", whole_number(1, CALLS_LIMIT), 300, "concurrent calls")
    parser.takes("--seconds", any_number(1, 600), 15.0, "how long all are held")
    parser.takes("--rate", any_number(1, 1000), 100.0, "calls dialled a second")
    asked = parser.parse_args()
    environment = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN, "LAB_SEED": "bench"}
    cores = Cores.of_this_process()
    with (
        process("mock_services.twilio", cores.server, environment, "--port", "0") as (double, double_url),
        process("bench.media_peer", cores.client, {}) as (_, peer_url),
    ):
        os.sched_setaffinity(0, {cores.client})
        figures = asyncio.run(measure(asked, double, double_url, peer_url))
    figures["cores"] = str(cores)
    conclude(asked, figures, as_text(figures), verdict(figures)[0])


async def measure(asked: argparse.Namespace, double: int, double_url: str, peer_url: str) -> dict[str, Any]:
    """Dial the calls, hold them, and gather the figures of the double, the target and the system."""
    buy_number(double_url, peer_url)
    ramp = asked.calls / asked.rate
    script = {"turns": 200, "max_wait_ms": 20_000, "max_call_ms": int((ramp + 2 + asked.seconds) * 1000)}
    watched = psutil.Process(double)
    memory_before = watched.memory_info().rss
    tally = Tally()
    url = f"{double_url.replace('http', 'ws', 1)}/__lab/control"
    async with connect(url, additional_headers={"Authorization": f"Basic {BASIC}"}, max_queue=None) as control:
        reading = asyncio.create_task(read(control, tally))
        began = time.monotonic()
        for place in range(asked.calls):
            await asyncio.sleep(max(0.0, began + place / asked.rate - time.monotonic()))
            dial = {"type": "dial", "ref": str(place), "to": NUMBER, "from": "+13105550142", "script": script}
            await control.send(json.dumps(dial))
        await until(lambda: tally.connected + sum(tally.finished.values()) >= asked.calls, START_SECONDS)
        before, waited, at = watched.cpu_times(), waited_ms(double), time.monotonic()
        await asyncio.sleep(asked.seconds / 2)
        live = await asyncio.to_thread(get, f"{double_url}/__lab/metrics")
        await asyncio.sleep(max(0.0, at + asked.seconds - time.monotonic()))
        after, held = watched.cpu_times(), time.monotonic() - at
        waited = waited_ms(double) - waited
        memory = watched.memory_info().rss
        await until(lambda: sum(tally.finished.values()) >= asked.calls, ramp + END_SECONDS)
        reading.cancel()
    media = (await asyncio.to_thread(get, f"{double_url}/__lab/metrics"))["media"]
    return {
        "calls_asked": asked.calls,
        "calls_concurrent": live["calls"]["streams"],
        "calls_ended": tally.finished["ended"],
        "calls_failed": dict(tally.details),
        "seconds_held": round(held, 2),
        "lateness_ms": media["lateness_ms"],
        "frames_sent": media["frames_sent"],
        "frames_late": media["frames_late"],
        "frames_skipped": media["frames_skipped"],
        "frames_blocked": media["frames_blocked"],
        "turns": tally.turns,
        "turns_timed_out": tally.timed_out,
        "cpu_percent": round((after.user + after.system - before.user - before.system) / held * 100, 1),
        "waited_for_core_ms": round(waited, 1),
        "memory_kib_a_call": round((memory - memory_before) / 1024 / asked.calls, 1),
        "target": await asyncio.to_thread(get, f"{peer_url}/figures"),
    }


def verdict(figures: dict[str, Any]) -> tuple[int, str]:
    """Judge: every call carried to its end, every frame sent and received, p99 within the limit.

    Off target says something about the double only if it had its core; else the run is worth nothing.
    """
    if figures["calls_concurrent"] < figures["calls_asked"] or figures["calls_ended"] < figures["calls_asked"]:
        return 2, "invalid: not all calls were carried"
    lost = figures["frames_sent"] - figures["target"]["media_received"]
    missing = lost + figures["frames_skipped"] + figures["frames_blocked"]
    if figures["lateness_ms"]["p99"] <= P99_LIMIT_MS and not missing:
        return 0, "on target"
    if figures["waited_for_core_ms"] > figures["seconds_held"] * 1000 * WAITED_LIMIT:
        return 2, "invalid: off target, but something else used the double's core; try again on a quiet machine"
    return 1, "off target"


def as_text(figures: dict[str, Any]) -> str:
    """Write the figures for people."""
    late, target = figures["lateness_ms"], figures["target"]
    expected = figures["frames_sent"] + figures["frames_skipped"] + figures["frames_blocked"]
    lines = [
        f"calls             {figures['calls_concurrent']} concurrent, full duplex, of {figures['calls_asked']}; "
        f"{figures['calls_ended']} ended well; held {figures['seconds_held']:g} s",
        f"frame lateness    p50 {ms(late['p50'])}, p99 {ms(late['p99'])}, max {ms(late['max'])} "
        f"(limit: p99 {P99_LIMIT_MS:g} ms)",
        f"frames            {figures['frames_sent']} of {expected} sent, {figures['frames_skipped']} skipped, "
        f"{figures['frames_blocked']} not taken; "
        f"the target received {target['media_received']} and sent {target['media_sent']}",
        f"turns             {figures['turns']}, of which {figures['turns_timed_out']} timed out",
        f"the double        {figures['cpu_percent']:g} % of a core, {figures['memory_kib_a_call']:g} KiB a call; "
        f"it waited {figures['waited_for_core_ms']:g} ms for a core that others used",
        f"the target        p99 {ms(target['lateness_ms']['p99'])} late, {target['skipped']} skipped; "
        f"{target['sequence_errors']} streams misnumbered",
    ]
    lines += [f"failed            {count} x {detail}" for detail, count in figures["calls_failed"].items()]
    lines.append(verdict(figures)[1])
    return "\n".join(lines)


def ms(value: float | None) -> str:
    """Write milliseconds; none where nothing was sent."""
    return "-" if value is None else f"{value:.1f} ms"


async def read(control: Any, tally: Tally) -> None:
    """Count all that comes over the control socket."""
    async for message in control:
        content = json.loads(message)
        if content["type"] != "event":
            raise RuntimeError(f"the double refused a message: {content}")
        tally.take(content)


async def until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until `holds()`, at most `seconds`."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:  # noqa: ASYNC110 - it waits on another process
        await asyncio.sleep(0.05)


def buy_number(double_url: str, peer_url: str) -> None:
    """Give the account its number. The target answers GET only, so its webhooks are asked for with GET."""
    number = {
        "PhoneNumber": NUMBER,
        "VoiceUrl": f"{peer_url}/voice",
        "VoiceMethod": "GET",
        "StatusCallback": f"{peer_url}/ended",
        "StatusCallbackMethod": "GET",
    }
    request = urllib.request.Request(  # noqa: S310 - the double that this bench started
        f"{double_url}/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json",
        urllib.parse.urlencode(number).encode(),
        {"Authorization": f"Basic {BASIC}"},
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass


if __name__ == "__main__":
    main()
