"""The chain's bench: what the handler chain costs a request while its limits, faults and latency are there and off.

    scripts/bench/chain --seconds 1 --rounds 15

The same trivial handler is asked for over many connections, one core each for client and servers, in turns: as an
operation of a double, as a bare route of Starlette's, and as an ASGI function without any routing. Rates are by the
second of the server's own processor time, so that what else ran has no say, and are compared within each round.
Exit code 0: on target; 1: off target; 2: the run is worth nothing.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import uvloop
from bench.chain_server import KINDS, PATH
from bench.command import BenchParser, any_number, conclude
from bench.many_connections import ask_for
from bench.pinned import Cores, process, ran_us
from locallab.arguments import whole_number

MOST_COST = 0.10
CONNECTIONS = 16
WARM_S = 0.3
CLEAN = {"LAB_FAULTS": ""}


def main() -> None:
    """Run the bench and print its figures."""
    parser = BenchParser("chain", __doc__)
    parser.takes("--seconds", any_number(0.2, 120), 1.0, "how long each turn lasts")
    parser.takes("--rounds", whole_number(1, 50), 15, "rounds of all three")
    asked = parser.parse_args()
    cores = Cores.of_this_process()
    with ExitStack() as stack:
        servers = {
            kind: stack.enter_context(process("bench.chain_server", cores.server, CLEAN, kind, "--port", "0"))
            for kind in KINDS
        }
        os.sched_setaffinity(0, {cores.client})
        rounds = [
            {kind: measure(pid, url, asked.seconds) for kind, (pid, url) in servers.items()}
            for _ in range(asked.rounds)
        ]
    figures = {"cores": str(cores), "rounds": rounds, "cost": cost(rounds)}
    conclude(asked, figures, as_text(figures), verdict(figures)[0])


def measure(pid: int, url: str, seconds: float) -> dict[str, Any]:
    """Ask one server for some seconds; give its answers by the second, and the processor time of each."""
    place = urlsplit(url)
    assert place.hostname is not None
    assert place.port is not None
    uvloop.run(ask_for(place.hostname, place.port, PATH, {}, CONNECTIONS, 0.0, WARM_S))
    used = ran_us(pid)
    answers = uvloop.run(ask_for(place.hostname, place.port, PATH, {}, CONNECTIONS, 0.0, seconds))
    used = ran_us(pid) - used
    return {
        "requests_a_s": round(answers.count / seconds),
        "refused": answers.others,
        "us_a_request": round(used / max(1, answers.count), 2),
    }


def cost(rounds: list[dict[str, Any]]) -> dict[str, float]:
    """Give what a request through the chain costs more than another way, as a share of that: the middle round's."""
    return {
        kind: round(median(each["chain"]["us_a_request"] / each[kind]["us_a_request"] - 1 for each in rounds), 4)
        for kind in KINDS
        if kind != "chain"
    }


def verdict(figures: dict[str, Any]) -> tuple[int, str]:
    """Judge by the bare route."""
    refused = sum(run["refused"] for each in figures["rounds"] for run in each.values())
    if refused:
        return 2, f"invalid: {refused} requests were not answered with 200"
    return (0, "on target") if figures["cost"]["route"] < MOST_COST else (1, "off target")


def as_text(figures: dict[str, Any]) -> str:
    """Write the figures for people."""
    lines = [
        f"round {number}   "
        + ", ".join(f"{kind} {run['us_a_request']:.1f} us ({run['requests_a_s']}/s)" for kind, run in each.items())
        for number, each in enumerate(figures["rounds"], 1)
    ]
    lines.append(
        f"chain     {figures['cost']['route']:+.1%} against a bare route (most: {MOST_COST:+.0%}), "
        f"{figures['cost']['function']:+.1%} against a function without routing"
    )
    return "\n".join([*lines, verdict(figures)[1]])


if __name__ == "__main__":
    main()
