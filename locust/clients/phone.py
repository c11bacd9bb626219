"""The suite's phone: dials through the Twilio double and follows each call by its events.

One control WebSocket a process, shared by its users. A greenlet reads it and hands each event to the call it names;
when the socket is lost, every call in progress fails as such, and the greenlet connects again.
"""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gevent
import tenacity
import websocket
from gevent.event import Event
from gevent.queue import Empty, Queue

from clients.call_steps import CallSteps, Step
from clients.waits import Waits
from configs.settings import websocket_url

logger = logging.getLogger(__name__)

CONNECT_S = 5.0
PING_EVERY_S = 10.0
SILENT_S = 30.0
"""A socket without a sign of life for so long is lost, whatever TCP says."""
DIAL_WITHIN_S = 10.0
"""How long a dial waits for a socket that is being connected again."""
NO_EVENT_S = 60.0
"""Longer than the double lets any step of a call take: after this nothing will come any more."""
WHOLE_CALL_S = 600.0
HANG_UP_WITHIN_S = 5.0
LISTEN_S = 0.25
"""How often a call looks whether its caller should still be on the line."""
LONGEST_MESSAGE = 1 << 20

Script = str | Mapping[str, Any] | None


class Phone:
    """Places calls. `close` when nobody will dial any more."""

    def __init__(
        self,
        twilio_url: str,
        account_sid: str,
        auth_token: str,
        placed: Callable[[str | None], None] = lambda call_sid: None,
        waits: Waits | None = None,
    ) -> None:
        """Take the double's origin (http or https) and the account that may dial; connects at the first dial.

        `placed` is told of each call when it is over, by its SID; by None when it is not known whether there was one.
        `waits` learns how long steps take, and judges those that a hang-up cuts short.
        """
        self._waits = waits or Waits()
        self._url = websocket_url(twilio_url) + "/__lab/control"
        credentials = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._header = [f"Authorization: Basic {credentials}"]
        self._socket: websocket.WebSocket | None = None
        self._connected = Event()
        self._reader: gevent.Greenlet | None = None
        self._calls: dict[str, Queue] = {}
        self._placed = placed
        self._refs = itertools.count(1)
        self._closed = False

    def call(
        self,
        to: str,
        from_: str,
        script: Script = None,
        run_id: str | None = None,
        still_wanted: Callable[[], bool] = lambda: True,
    ) -> Iterator[tuple[Step, CallSteps]]:
        """Dial and yield each step as it happens, with the call so far; always ends.

        `to` and `from_` are E.164 numbers, `script` one of the double's or None for its default. When `still_wanted`
        turns false the caller hangs up; a generator that is closed or killed hangs up as well.
        """
        steps = CallSteps(self._waits)
        ref = f"call-{next(self._refs)}"
        events: Queue = Queue()
        self._calls[ref] = events
        try:
            dial = {"type": "dial", "ref": ref, "to": to, "from": from_, "script": script, "run_id": run_id}
            for step in self._dial(dial, steps):
                steps.refused = True  # it was never sent
                yield step, steps
            for step in self._follow(ref, events, steps, still_wanted):
                yield step, steps
        finally:
            del self._calls[ref]
            if not steps.refused:
                self._placed(steps.call_sid)
            if not steps.over:
                self._send({"type": "hangup", "ref": ref})

    def _dial(self, dial: Mapping[str, Any], steps: CallSteps) -> list[Step]:
        began = time.monotonic()
        self._start()
        if self._connected.wait(DIAL_WITHIN_S) and self._send(dial):
            return []
        return steps.broken("control-unreachable", (time.monotonic() - began) * 1000)

    def _follow(self, ref: str, events: Queue, steps: CallSteps, still_wanted: Callable[[], bool]) -> Iterator[Step]:
        began = heard = time.monotonic()
        hung_up: float | None = None
        while not steps.over:
            now = time.monotonic()
            if hung_up is None and not still_wanted():
                hung_up = now
                yield from steps.cut_short((now - heard) * 1000)
                self._send({"type": "hangup", "ref": ref})
            if hung_up is not None and now - hung_up > HANG_UP_WITHIN_S:
                steps.over = True  # its end is no longer waited for; the double hangs up all the same
                return
            if now - heard > NO_EVENT_S or now - began > WHOLE_CALL_S:
                yield from steps.broken("no-event", (now - heard) * 1000)
                self._send({"type": "hangup", "ref": ref})
                return
            try:
                event = events.get(timeout=LISTEN_S)
            except Empty:
                continue
            waited_ms, heard = (time.monotonic() - heard) * 1000, time.monotonic()
            if event is None:
                yield from steps.broken("control-lost", waited_ms)
            elif event.get("type") == "error":
                logger.error("The Twilio double refused a message about %s: %s", ref, event.get("detail"))
                yield from steps.broken("control-error", waited_ms)
            else:
                yield from steps.feed(event)

    def close(self) -> None:
        """Stop reading and close the socket; calls in progress end as lost."""
        self._closed = True
        if self._reader is not None:
            self._reader.kill()
        self._hang_up_all()

    # The socket.

    def _start(self) -> None:
        if self._reader is None or self._reader.dead:
            self._reader = gevent.spawn(self._keep_reading)

    def _keep_reading(self) -> None:
        forever = tenacity.Retrying(
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5.0),
            retry=tenacity.retry_if_exception_type((OSError, websocket.WebSocketException)),
            sleep=gevent.sleep,
            before_sleep=self._say_unreachable,
        )
        while not self._closed:
            self._socket = forever(self._connect)
            self._connected.set()
            try:
                self._read(self._socket)
            except (OSError, websocket.WebSocketException) as error:
                logger.warning("The control socket of the Twilio double was lost (%s); connecting again.", error)
            finally:
                self._hang_up_all()

    def _connect(self) -> websocket.WebSocket:
        return websocket.create_connection(
            self._url, timeout=CONNECT_S, header=self._header, enable_multithread=True, suppress_origin=True
        )

    def _say_unreachable(self, state: tenacity.RetryCallState) -> None:
        if state.attempt_number == 1 and state.outcome is not None:
            logger.warning("The Twilio double cannot be reached at %s (%s).", self._url, state.outcome.exception())

    def _read(self, connection: websocket.WebSocket) -> None:
        connection.settimeout(PING_EVERY_S)
        heard = time.monotonic()
        while True:
            try:
                opcode, payload = connection.recv_data(control_frame=True)
            except websocket.WebSocketTimeoutException:
                if time.monotonic() - heard > SILENT_S:
                    raise
                connection.ping()
                continue
            heard = time.monotonic()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                raise websocket.WebSocketConnectionClosedException("closed by the double")
            if opcode == websocket.ABNF.OPCODE_TEXT:
                self._hand_over(payload)

    def _hand_over(self, payload: bytes) -> None:
        try:
            message = json.loads(payload) if len(payload) <= LONGEST_MESSAGE else None
        except ValueError:
            message = None
        if not isinstance(message, dict):
            logger.error("The Twilio double sent something on its control socket that is no JSON object.")
            return
        events = self._calls.get(str(message.get("ref")))
        if events is not None:
            events.put(message)
        elif message.get("type") == "error":
            logger.error("The Twilio double refused a message: %s", message.get("detail"))

    def _hang_up_all(self) -> None:
        self._connected.clear()
        connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(OSError, websocket.WebSocketException):
                connection.close(timeout=0)
        for events in self._calls.values():
            events.put(None)

    def _send(self, message: Mapping[str, Any]) -> bool:
        connection = self._socket
        if connection is None:
            return False
        try:
            connection.send(json.dumps(message))
        except (OSError, websocket.WebSocketException) as error:
            logger.warning("The control socket of the Twilio double does not take messages (%s).", error)
            return False
        return True
