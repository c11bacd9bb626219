"""One of the platform's sockets in a user's hands: replies are paired with their causes, and every wait has its bound.

A greenlet reads the socket and hands each message to whoever waits for it; another sends a heartbeat. What was sent and
not answered is a failure after its bound. A socket that is lost is opened anew by its next use, as `[reconnect]`.
"""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import contextlib
import json
import struct
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gevent
import websocket
from gevent import GreenletExit
from gevent.event import AsyncResult

from clients.failures import RequestFailure
from clients.waits import Waits

CONNECT_S = 10.0
GREETING_S = 10.0
HEARTBEAT_S = 30.0
HEARTBEAT_WITHIN_S = 25.0
"""While an agent answers, the platform reads nothing else from a conversation's socket."""
SEND_S = 5.0
"""How long a frame may take to be taken off our hands, and how often the reader wakes up."""
LONGEST_MESSAGE = 1 << 22
LATEST = 3
"""So many of the messages that came last are told of with a failure."""
OVERDUE_S = 5.0
"""What a user has waited for so long when it is killed may be a `timeout`; of a shorter wait nothing is known."""

Message = dict[str, Any]
Wanted = Callable[[Message], bool]
Count = Callable[[str, float, Exception | None, Mapping[str, Any]], None]
"""Takes a request's name, its latency in ms, why it failed if it did, and what else to tell the metrics."""

CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, 1006, 1007, 1008, 1009, 1011, 1012, 1013, 4001, 4003})
"""Those that are told apart; any other is `closed`."""


class SocketFailure(RequestFailure):
    """Something on a socket did not come as it should; the text comes from a bounded set."""

    def __init__(self, reason: str, outcome: str = "socket", status_code: int | None = None) -> None:
        super().__init__(reason)
        if status_code is None:
            self.outcome = outcome
        self.status_code = status_code
        """The HTTP status of a refused handshake."""


class Awaited:
    """A message that somebody waits for."""

    def __init__(self, wanted: Wanted, beat: bool = False) -> None:
        self.wanted = wanted
        self.beat = beat
        """Whether it answers a heartbeat, which the user knows nothing of."""
        self._result = AsyncResult()

    def came(self, message: Message, at: float) -> None:
        """Say that it came, and when (monotonic seconds)."""
        self._result.set((message, at))

    def failed(self, failure: SocketFailure) -> None:
        """Say that it will not come."""
        if not self._result.ready():
            self._result.set_exception(failure)

    def ready(self) -> bool:
        """Whether it came, or will not come."""
        return bool(self._result.ready())

    def wait(self, within_s: float) -> tuple[Message, float]:
        """The message and when it came. Raises SocketFailure when it does not within this time."""
        try:
            found: tuple[Message, float] = self._result.get(timeout=max(0.0, within_s))
        except gevent.Timeout:
            raise SocketFailure("timeout", "timeout") from None
        return found


class RealtimeSocket:
    """A socket by the path that it is counted under. It is opened when it is first used, and again when it was lost."""

    def __init__(
        self,
        name: str,
        url: Callable[[], str],
        count: Count,
        waits: Waits | None = None,
        *,
        greeting: Wanted | None = None,
        pong: Wanted | None = None,
        header: Sequence[str] = (),
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        """Take the path with placeholders, and how to make the address with a token that is good now.

        `count` is who counts, and `waits` who knows how long answers take.

        `greeting` is what the server says first, where it does: only then is the socket open. `pong` is its answer to
        a ping; without one there is no heartbeat.
        """
        self._name = name
        self._url = url
        self._count = count
        self._waits = waits or Waits()
        self._greeting = greeting
        self._pong = pong
        self._header = list(header)
        self._heartbeat_s = heartbeat_s
        self._connection: websocket.WebSocket | None = None
        self._awaited: list[Awaited] = []
        self._reader: gevent.Greenlet | None = None
        self._heart: gevent.Greenlet | None = None
        self._was_lost = False
        self._opened: str | None = None
        self._came: deque[Message] = deque(maxlen=LATEST)
        self.call_sid: str | None = None
        """The call whose media it carries."""

    @property
    def is_open(self) -> bool:
        """Whether it is open, as far as one can know."""
        return self._connection is not None

    def open(self) -> bool:
        """Open the socket unless it is open; counted as `[connect]`, and where it had been lost as `[reconnect]`."""
        if self._connection is not None:
            return True
        label = "reconnect" if self._was_lost else "connect"
        self._opened = url = self._url()  # may renew a token, which is no part of the connecting
        self._came.clear()
        began = time.monotonic()
        try:
            self._connection = self._connect(url)
            greeting = self.expect(self._greeting) if self._greeting else None
            self._reader = gevent.spawn(self._read, self._connection)
            opened = greeting.wait(GREETING_S)[1] if greeting else time.monotonic()
        except SocketFailure as failure:
            self._tell(label, time.monotonic() - began, failure)
            self._drop(failure)
            return False
        self._tell(label, opened - began, None)
        self._was_lost = False
        if self._pong is not None:
            self._heart = gevent.spawn(self._beat)
        return True

    def expect(self, wanted: Wanted, beat: bool = False) -> Awaited:
        """Wait from now on for a message; of several who want the same one, the first to ask gets it."""
        awaited = Awaited(wanted, beat)
        if self._connection is None:
            awaited.failed(SocketFailure("not open"))
        else:
            self._awaited.append(awaited)
        return awaited

    def send(self, message: Message | bytes) -> bool:
        """Send a JSON message or a binary one; False when the socket was lost, which whoever waits is told."""
        connection = self._connection
        if connection is None:
            return False
        try:
            if isinstance(message, bytes):
                connection.send_binary(message)
            else:
                connection.send(json.dumps(message))
        except (OSError, websocket.WebSocketException):
            self._drop(SocketFailure("lost"))
            return False
        return True

    def settle(
        self,
        label: str,
        since: float,
        awaited: Awaited,
        within_s: float,
        *,
        wrong: Callable[[Message], str | None] = lambda message: None,
        also: Mapping[str, Any] | None = None,
    ) -> Message | None:
        """Wait for a message at most until `within_s` after its cause (`since`, monotonic) and count it.

        `wrong` says what is wrong with it, if something is; `also` is told to the metrics. Where it does not come the
        socket is dropped: what comes later belongs to nothing any more.
        """
        try:
            message, at = awaited.wait(since + within_s - time.monotonic())
        except GreenletExit:
            waited_s = time.monotonic() - since
            # The heartbeat's greenlet also ends by being killed, but only after the connection was given up.
            if self._connection is not None and self._waits.cut_short(
                self._endpoint(label), waited_s, least_s=OVERDUE_S, limit_s=within_s
            ):
                self._tell(label, waited_s, SocketFailure("timeout", "timeout"), also)
            raise
        except SocketFailure as failure:
            self._tell(label, time.monotonic() - since, failure, also)
            # What we give up ourselves is one failure: a heartbeat that is under way ends with the socket, uncounted.
            self._awaited = [each for each in self._awaited if not each.beat]
            self._drop(failure)
            return None
        trouble = wrong(message)
        self._tell(label, at - since, SocketFailure(trouble, "content") if trouble else None, also)
        self._waits.answered(self._endpoint(label), at - since)
        return None if trouble else message

    def ask(self, label: str, message: Message, wanted: Wanted, within_s: float, beat: bool = False) -> Message | None:
        """Send a message and wait for its answer."""
        awaited = self.expect(wanted, beat)
        since = time.monotonic()
        self.send(message)
        return self.settle(label, since, awaited, within_s)

    def close(self) -> None:
        """Close it for good: the next opening is a first one."""
        self._drop(SocketFailure("not open"))
        self._was_lost = False

    def _connect(self, url: str) -> websocket.WebSocket:
        try:
            connection = websocket.create_connection(
                url, timeout=CONNECT_S, header=self._header, enable_multithread=True, suppress_origin=True
            )
        except websocket.WebSocketBadStatusException as error:
            status = int(error.status_code)
            raise SocketFailure(f"handshake {status}", status_code=status) from None
        except (websocket.WebSocketTimeoutException, TimeoutError):
            raise SocketFailure("timeout", "timeout") from None
        except (OSError, websocket.WebSocketException):
            raise SocketFailure("not connected", "connection") from None
        connection.settimeout(SEND_S)
        return connection

    def _read(self, connection: websocket.WebSocket) -> None:
        try:
            while True:
                try:
                    opcode, payload = connection.recv_data(control_frame=True)
                except websocket.WebSocketTimeoutException:
                    continue
                at = time.monotonic()
                if opcode == websocket.ABNF.OPCODE_CLOSE:
                    self._drop(SocketFailure(_closing(payload)))
                    return
                if opcode == websocket.ABNF.OPCODE_TEXT:
                    self._hand_over(_message(payload), at)
        except SocketFailure as failure:
            self._drop(failure)
        except (OSError, websocket.WebSocketException):
            self._drop(SocketFailure("closed 1006"))

    def _hand_over(self, message: Message, at: float) -> None:
        self._came.append(message)
        for awaited in self._awaited:
            if awaited.wanted(message):
                self._awaited.remove(awaited)
                awaited.came(message, at)
                return
        if message.get("type") == "error" and self._awaited:
            # It says not whose it is. A user asks for one thing at a time, and whatever of that comes first is missing;
            # a heartbeat's answer may be due for long, and is what is meant only where nothing else was asked.
            meant = next((awaited for awaited in self._awaited if not awaited.beat), self._awaited[0])
            self._awaited.remove(meant)
            meant.failed(SocketFailure("an error message", "content"))

    def _beat(self) -> None:
        assert self._pong is not None
        while True:
            gevent.sleep(self._heartbeat_s)
            if self.ask("heartbeat", {"type": "ping"}, self._pong, HEARTBEAT_WITHIN_S, beat=True) is None:
                return

    def _drop(self, failure: SocketFailure) -> None:
        """Close the connection and tell whoever waits why."""
        connection, self._connection = self._connection, None
        awaited, self._awaited = self._awaited, []
        for each in awaited:
            each.failed(failure)
        greenlets = [self._reader, self._heart]
        self._reader = self._heart = None
        for greenlet in greenlets:
            if greenlet is not None and greenlet is not gevent.getcurrent():
                greenlet.kill()
        if connection is not None:
            self._was_lost = True
            with contextlib.suppress(OSError, websocket.WebSocketException):  # it is gone already
                connection.close(timeout=0)

    def _tell(
        self, label: str, seconds: float, failure: Exception | None, also: Mapping[str, Any] | None = None
    ) -> None:
        also = also or {}
        if failure is not None:
            seen = {"url": self._opened, "waited_for": label, "call_sid": self.call_sid, "last_messages": [*self._came]}
            also = {**also, "exchange": seen}
        self._count(self._endpoint(label)[1], seconds * 1000, failure, also)

    def _endpoint(self, label: str) -> tuple[str, str]:
        return "WS", f"{self._name} [{label}]"


def typed(*types: str) -> Wanted:
    """A message of one of these types."""
    return lambda message: message.get("type") in types


def _message(payload: bytes) -> Message:
    try:
        message = json.loads(payload) if len(payload) <= LONGEST_MESSAGE else None
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise SocketFailure("no JSON object", "content")
    return message


def _closing(payload: bytes) -> str:
    code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
    return f"closed {code}" if code in CLOSE_CODES else "closed"
