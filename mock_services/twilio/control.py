"""The lab's control socket: a load generator dials over it and is told each step of its calls."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from mock_services.core.latency import LONGEST_MS, Fixed
from mock_services.twilio.calls import Call
from mock_services.twilio.parties import ADDRESSES, Directory, Outcome, TooManyPartiesError
from mock_services.twilio.rest import Rest
from mock_services.twilio.scripts import ScriptError, misfit_sentence
from mock_services.twilio.switchboard import Switchboard
from mock_services.twilio.tapes import TooManyTapesError

EVENTS_WAITING = 20_000  # a client that reads slower than its calls speak is given up beyond this, its calls with it
CLOSE_SECONDS = 1.0


def _dialable(address: str) -> str:
    if not any(form.fullmatch(address) for form in ADDRESSES.values()):
        raise ValueError("it takes + and 2 to 15 digits, client: and a name, or sip: and an address")
    return address


def _fit_for_a_header(run_id: str) -> str:
    if not all("!" <= character <= "~" for character in run_id):
        raise ValueError("it takes ASCII characters without spaces, for it becomes a header")
    return run_id


class Dial(BaseModel):
    """Ask for a call. `ref` is the client's own name for it, and free again when the call is over."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["dial"]
    ref: str = Field(min_length=1, max_length=128)
    to: str = Field(min_length=1, max_length=64)
    from_: str = Field(min_length=1, max_length=64, alias="from")
    script: str | dict[str, Any] | None = None
    run_id: Annotated[str, AfterValidator(_fit_for_a_header)] | None = Field(default=None, max_length=128)
    record: bool = False


class HangUp(BaseModel):
    """Ask that a call be hung up by its caller."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["hangup"]
    ref: str = Field(min_length=1, max_length=128)


class Party(BaseModel):
    """Say who is at an address that the account calls: a number over REST, or any that `<Dial>` names."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["party"]
    number: Annotated[str, AfterValidator(_dialable)] = Field(max_length=320)
    script: str | dict[str, Any] | None = None
    ring_ms: float | None = Field(default=None, ge=0, le=LONGEST_MS)
    outcome: Outcome = Outcome.ANSWERS


_MESSAGE: TypeAdapter[Dial | HangUp | Party] = TypeAdapter(
    Annotated[Dial | HangUp | Party, Field(discriminator="type")]
)


class Control:
    """Serves `/__lab/control` to clients that know the account's SID and token."""

    def __init__(self, switchboard: Switchboard, directory: Directory, rest: Rest) -> None:
        self._switchboard = switchboard
        self._directory = directory
        self._rest = rest

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one client until it goes; then its calls are hung up."""
        if not self._rest.knows(websocket.headers.get("authorization", "")):
            await websocket.send_denial_response(Response("the account's SID and token are needed\n", 401))
            return
        await websocket.accept()
        await _Client(websocket, self._switchboard, self._directory).run()


class _Client:
    def __init__(self, websocket: WebSocket, switchboard: Switchboard, directory: Directory) -> None:
        self._websocket = websocket
        self._directory = directory
        self._switchboard = switchboard
        self._calls: dict[str, Call] = {}
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(EVENTS_WAITING)
        self._reading: asyncio.Task[None] | None = None
        self._gone = False
        self._given_up = False

    async def run(self) -> None:
        self._reading = asyncio.create_task(self._read())
        writing = asyncio.create_task(self._write())
        done: set[asyncio.Task[None]] = set()
        try:
            done, _ = await asyncio.wait({self._reading, writing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._gone = True
            for call in tuple(self._calls.values()):
                call.hang_up()
            self._reading.cancel()
            writing.cancel()
            await asyncio.wait({self._reading, writing})
        for task in done:
            if not task.cancelled():
                task.result()  # raises what went wrong in it
        if self._given_up:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._websocket.close(1013, "events were not read")

    async def _read(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            self._take(message.get("text") or message.get("bytes") or "")

    async def _write(self) -> None:
        while True:
            message = orjson.dumps(await self._waiting.get()).decode()
            try:
                await self._websocket.send_text(message)
            except WebSocketDisconnect:
                return

    def _take(self, text: str | bytes) -> None:
        ref = None
        try:
            content = orjson.loads(text)
            ref = content.get("ref") if isinstance(content, dict) else None
            message = _MESSAGE.validate_python(content)
            if isinstance(message, Dial):
                self._dial(message)
            elif isinstance(message, Party):
                self._enter(message)
            else:
                self._hang_up(message)
        except orjson.JSONDecodeError as unreadable:
            self._refuse(ref, f"the message is not JSON: {unreadable}")
        except ValidationError as misfit:
            self._refuse(ref, misfit_sentence(misfit))
        except (ScriptError, TooManyTapesError, TooManyPartiesError, _RefError) as refused:
            self._refuse(ref, str(refused))

    def _dial(self, dial: Dial) -> None:
        if dial.ref in self._calls:
            raise _RefError(f"the ref {dial.ref!r} has a call under way; give each call a ref of its own")
        script = self._switchboard.script(dial.script, dial.from_)
        call = self._switchboard.dial(
            dial.ref, dial.from_, dial.to, script, dial.run_id or "", self._emit, record=dial.record
        )
        if call is not None:
            self._calls[dial.ref] = call

    def _enter(self, party: Party) -> None:
        script = self._switchboard.script(party.script, party.number)
        ring = None if party.ring_ms is None else Fixed(party.ring_ms)
        self._directory.enter(party.number, script, ring, party.outcome)
        self._queue({"type": "party", "number": party.number})

    def _hang_up(self, message: HangUp) -> None:
        call = self._calls.get(message.ref)
        if call is None:
            raise _RefError(f"the ref {message.ref!r} has no call under way")
        call.hang_up()

    def _emit(self, event: dict[str, Any]) -> None:
        if event["event"] in {"ended", "failed"}:
            self._calls.pop(event["ref"], None)
        self._queue(event)

    def _refuse(self, ref: object, detail: str) -> None:
        self._queue({"type": "error", "ref": ref if isinstance(ref, str) else None, "detail": detail})

    def _queue(self, message: dict[str, Any]) -> None:
        if self._gone:
            return
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            self._given_up = True
            if self._reading is not None:
                self._reading.cancel()


class _RefError(ValueError):
    """A ref that is in use, or that is not."""
