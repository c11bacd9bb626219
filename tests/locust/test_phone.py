"""The phone against a small control server: calls told apart, lost sockets never silent, and no user ever left hanging.

The phone runs under gevent, as in Locust, and so in a process of its own.
"""

import base64
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

SUITE = Path(__file__).resolve().parents[2] / "locust"
SID, TOKEN = "AC1ab00000000000000000000000000001", "1ab0000000000000000000000000abcd"
GOOD = [
    {"event": "dialing", "at_ms": 0.1},
    {"event": "answered", "at_ms": 10, "latency_ms": 10},
    {"event": "connected", "at_ms": 15, "latency_ms": 5},
    {"event": "first_audio", "at_ms": 500, "latency_ms": 485},
    {"event": "turn", "index": 0, "at_ms": 900, "latency_ms": 300},
    {"event": "ended", "at_ms": 999, "status": "completed", "duration_ms": 999, "callbacks": {"sent": 3, "failed": 0}},
]
GOOD_STEPS = [["answer", 10, None], ["connect", 5, None], ["first audio", 485, None], ["turn", 300, None]]
GOOD_STEPS += [["complete", None, None]]

DRIVER = """
from gevent import monkey; monkey.patch_all()
import json, sys, time
import gevent
from clients import phone as module
from clients.phone import Phone

module.DIAL_WITHIN_S, module.NO_EVENT_S, module.HANG_UP_WITHIN_S = 2.0, 1.0, 0.5
module.PING_EVERY_S, module.SILENT_S = 0.2, 0.8
order = json.loads(sys.argv[1])
placed = []
phone = Phone(order["url"], *order["account"], placed=placed.append)

def place(to):
    began = time.monotonic()
    wanted = lambda: not (to.endswith("hangup") and time.monotonic() - began > 0.3)
    steps = phone.call(to, "+15550100", script=None, run_id="r1", still_wanted=wanted)
    if to.endswith("closed"):
        first = next(steps)
        steps.close()
        return [[first[0].name, first[0].latency_ms, first[0].failure]]
    return [[s.name, s.latency_ms, s.failure] for s, _ in steps]

results = []
for together in order["calls"]:
    greenlets = [gevent.spawn(place, to) for to in together]
    gevent.joinall(greenlets, timeout=20)
    assert all(g.ready() for g in greenlets), "a call hangs"
    results.append([g.get() for g in greenlets])
gevent.sleep(0.1)
phone.close()
print(json.dumps(results))
print(json.dumps(placed), file=sys.stderr)
"""


class Control:
    """The control server of a double that does what the dialled number says."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.authorization: list[str | None] = []
        self.rules: dict[str, Callable[[ServerConnection, dict[str, Any]], None]] = {}

    def handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.authorization.append(connection.request.headers.get("Authorization"))
        assert connection.request.path == "/__lab/control"
        try:
            for text in connection:
                message = json.loads(text)
                self.received.append(message)
                kind = str(message.get("to", "hangup")).rpartition("-")[2]
                self.rules[kind](connection, message)
        except ConnectionClosed:
            pass  # the phone has left

    def types(self) -> list[str]:
        return [message["type"] for message in self.received]


def tell(connection: ServerConnection, message: dict[str, Any], *events: dict[str, Any]) -> None:
    for event in events:
        connection.send(json.dumps({"type": "event", "ref": message["ref"], "call_sid": "CA1", **event}))


def quiet(connection: ServerConnection, message: dict[str, Any]) -> None:
    tell(connection, message, GOOD[0])


@pytest.fixture
def control() -> Control:
    made = Control()
    made.rules["good"] = lambda c, m: tell(c, m, *GOOD)
    made.rules["silent"] = quiet
    made.rules["hangup"] = quiet
    made.rules["closed"] = lambda c, m: tell(c, m, *GOOD[:2])
    return made


@pytest.fixture
def server(control: Control) -> Iterator[Server]:
    with serve(control.handle, "127.0.0.1", 0) as started:
        thread = threading.Thread(target=started.serve_forever)
        thread.start()
        yield started
        started.shutdown()
        thread.join()


def url_of(server: Server) -> str:
    return f"http://127.0.0.1:{server.socket.getsockname()[1]}"


def dial(url: str, *calls: list[str]) -> tuple[list[list[Any]], str]:
    """Place calls, each list of them at once, and give the steps of each call and what was logged."""
    order = json.dumps({"url": url, "account": [SID, TOKEN], "calls": [[f"+1555-{to}" for to in c] for c in calls]})
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, order], cwd=SUITE, capture_output=True, text=True, timeout=40, check=False
    )
    assert done.returncode == 0, done.stderr
    steps: list[list[Any]] = json.loads(done.stdout)
    return steps, done.stderr


def placed(log: str) -> list[str | None]:
    """What the phone said of the calls that it placed."""
    found: list[str | None] = json.loads(log.splitlines()[-1])
    return found


def test_each_call_is_told_by_its_sid_and_one_that_the_double_refuses_is_none(server: Server, control: Control) -> None:
    control.rules["unknown"] = lambda c, m: tell(
        c, m, {"event": "failed", "call_sid": None, "reason": "unknown-number"}
    )
    steps, log = dial(url_of(server), ["good", "closed"], ["silent"], ["unknown"])
    assert steps[2][0][0][2] == "unknown-number"
    assert placed(log) == ["CA1"] * 3


def test_calls_share_one_socket_and_are_told_apart(server: Server, control: Control) -> None:
    waiting: list[tuple[ServerConnection, dict[str, Any]]] = []

    def together(connection: ServerConnection, message: dict[str, Any]) -> None:
        waiting.append((connection, message))
        if len(waiting) == 3:
            connection.send("no json")
            connection.send(json.dumps({"type": "event", "ref": "nobody's", "event": "ended"}))
            for event in GOOD:
                for one, order in waiting:
                    tell(one, order, event)

    control.rules["good"] = together
    steps, log = dial(url_of(server), ["good", "good", "good"])
    assert steps == [[GOOD_STEPS] * 3]
    assert len({message["ref"] for message in control.received}) == 3
    assert control.received[0] == {
        "type": "dial",
        "ref": "call-1",
        "to": "+1555-good",
        "from": "+15550100",
        "script": None,
        "run_id": "r1",
    }
    assert control.authorization == ["Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()]
    assert "no JSON object" in log


def test_a_lost_socket_fails_the_calls_in_progress_and_the_next_call_works(server: Server, control: Control) -> None:
    dials: list[str] = []

    def drop(connection: ServerConnection, message: dict[str, Any]) -> None:
        tell(connection, message, GOOD[1])
        dials.append(message["ref"])
        if len(dials) == 2:
            connection.socket.shutdown(2)

    control.rules["drop"] = drop
    steps, log = dial(url_of(server), ["drop", "drop"], ["good"])
    for call in steps[0]:
        assert call[0] == ["answer", 10, None]
        assert call[1][0::2] == ["connect", "control-lost"]
        assert call[1][1] >= 0
    assert steps[1] == [GOOD_STEPS]
    assert len(control.authorization) == 2
    assert "was lost" in log


def test_a_double_that_falls_silent_is_noticed(server: Server, control: Control) -> None:
    frozen = threading.Event()

    def freeze(connection: ServerConnection, message: dict[str, Any]) -> None:
        # Neither events nor pongs come any more, as from a machine that has lost its power.
        connection.protocol.receive_data = lambda data: None  # type: ignore[method-assign]
        frozen.wait(10)

    control.rules["freeze"] = freeze
    try:
        steps, _ = dial(url_of(server), ["freeze"])
    finally:
        frozen.set()
    assert steps[0][0][-1][0::2] == ["answer", "control-lost"]


def test_a_call_without_events_ends_by_itself_and_is_hung_up(server: Server, control: Control) -> None:
    steps, _ = dial(url_of(server), ["silent"])
    name, waited_ms, reason = steps[0][0][0]
    assert (name, reason) == ("answer", "no-event")
    assert waited_ms >= 900
    assert control.types() == ["dial", "hangup"]


def test_a_caller_whose_test_is_over_hangs_up_and_nothing_has_failed(server: Server, control: Control) -> None:
    calls: dict[str, dict[str, Any]] = {}

    def answer(connection: ServerConnection, message: dict[str, Any]) -> None:
        if message["type"] == "dial":
            calls[message["ref"]] = message
            tell(connection, message, *GOOD[:3])
        else:
            assert message["ref"] in calls
            tell(connection, message, GOOD[-1])

    control.rules["hangup"] = answer
    steps, _ = dial(url_of(server), ["hangup"])
    assert steps == [[[["answer", 10, None], ["connect", 5, None], ["complete", None, None]]]]
    assert control.types() == ["dial", "hangup"]


def test_a_hang_up_that_nobody_confirms_is_not_waited_for_long(server: Server, control: Control) -> None:
    steps, _ = dial(url_of(server), ["hangup"])
    assert steps == [[[]]]
    assert control.types() == ["dial", "hangup"]


def test_a_call_that_the_double_never_spoke_of_may_have_been_placed(server: Server, control: Control) -> None:
    control.rules["mute"] = control.rules["hangup"] = lambda connection, message: None
    _, log = dial(url_of(server), ["hangup"])
    assert placed(log) == [None]


def test_a_user_that_is_killed_in_a_call_hangs_up(server: Server, control: Control) -> None:
    control.rules["hangup"] = lambda connection, message: None
    steps, _ = dial(url_of(server), ["closed"])
    assert steps == [[[["answer", 10, None]]]]
    assert control.types() == ["dial", "hangup"]


def test_a_message_that_the_double_refuses_fails_the_call(server: Server, control: Control) -> None:
    def refuse(connection: ServerConnection, message: dict[str, Any]) -> None:
        connection.send(json.dumps({"type": "error", "ref": message["ref"], "detail": "script is unknown"}))

    control.rules["refused"] = refuse
    steps, log = dial(url_of(server), ["refused"])
    assert steps[0][0][0][0::2] == ["answer", "control-error"]
    assert "script is unknown" in log


def test_without_a_double_a_call_fails_within_its_bound() -> None:
    with socket.socket() as reserved:  # bound and not listening: nothing else can answer on this port
        reserved.bind(("127.0.0.1", 0))
        steps, log = dial(f"http://127.0.0.1:{reserved.getsockname()[1]}", ["good"])
    name, waited_ms, reason = steps[0][0][0]
    assert (name, reason) == ("dial", "control-unreachable")
    assert 1900 < waited_ms < 10_000
    assert "cannot be reached" in log
    assert placed(log) == []
    assert TOKEN not in log
