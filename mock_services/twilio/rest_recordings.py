"""Twilio's REST API for recordings: of the account and of a call, with their audio."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal
from starlette.responses import Response

from mock_services.core.operations import Authenticate, Exchange, Operation, json_response
from mock_services.twilio import errors
from mock_services.twilio.audio_files import Kind
from mock_services.twilio.filters import Moment, admits
from mock_services.twilio.models import Account
from mock_services.twilio.paging import Paging, page
from mock_services.twilio.protocol.twiml import RECORDING_EVENTS
from mock_services.twilio.recordings import Recording, RecordingLog
from mock_services.twilio.rest import ACCOUNT
from mock_services.twilio.rest_calls import CHANNELS, subscription
from mock_services.twilio.switchboard import Switchboard

CURRENT = "Twilio.CURRENT"


class RecordingQuery(Paging):
    """Filters of the list of recordings."""

    call_sid: str = ""
    date_created: Moment = None
    date_created_until: Moment = Field(default=None, alias="DateCreated<")
    date_created_since: Moment = Field(default=None, alias="DateCreated>")


class RecordingForm(BaseModel):
    """What a recording is begun with."""

    model_config = ConfigDict(alias_generator=to_pascal)

    recording_channels: Literal["mono", "dual"] = "mono"
    recording_track: Literal["inbound", "outbound", "both"] = "both"
    recording_status_callback: str = Field(default="", max_length=2048)
    recording_status_callback_method: str = "POST"


class RecordingChange(BaseModel):
    """What a recording is changed with."""

    model_config = ConfigDict(alias_generator=to_pascal)

    status: Literal["in-progress", "paused", "stopped"]


class RestRecordings:
    """The operations on the account's recordings. Their audio is open to whoever knows its URL, as Twilio's is."""

    def __init__(
        self, account: Account, authenticate: Authenticate, recordings: RecordingLog, switchboard: Switchboard
    ) -> None:
        self._account = account
        self._authenticate = authenticate
        self._recordings = recordings
        self._switchboard = switchboard
        self._making = asyncio.Semaphore(1)

    def operations(self) -> Iterable[Operation]:
        """Give the operations, for `core.Service`."""
        every, one = f"{ACCOUNT}/Recordings", f"{ACCOUNT}/Recordings/{{sid}}"
        of_call = f"{ACCOUNT}/Calls/{{call_sid}}/Recordings"
        begin: dict[str, Any] = {"body": RecordingForm, "form": True}
        change: dict[str, Any] = {"body": RecordingChange, "form": True}
        for method, path, handler, summary, options in (
            ("GET", f"{every}.json", self._list, "List recordings", {"query": RecordingQuery}),
            ("GET", f"{one}.json", self._fetch, "Read a recording", {}),
            ("DELETE", f"{one}.json", self._delete, "Delete a recording", {}),
            ("GET", f"{of_call}.json", self._list, "List a call's recordings", {"query": RecordingQuery}),
            ("POST", f"{of_call}.json", self._begin, "Begin to record a call", begin),
            ("GET", f"{of_call}/{{sid}}.json", self._fetch, "Read a call's recording", {}),
            ("POST", f"{of_call}/{{sid}}.json", self._change, "Pause, resume or stop a recording", change),
            ("DELETE", f"{of_call}/{{sid}}.json", self._delete, "Delete a call's recording", {}),
        ):
            yield Operation(
                method=method, path=path, handler=handler, summary=summary, authenticate=self._authenticate, **options
            )
        yield Operation(method="GET", path=f"{one}.wav", handler=self._wav, summary="Listen to a recording")
        yield Operation(method="GET", path=f"{one}.mp3", handler=self._mp3, summary="Listen to a recording, as MP3")
        yield Operation(method="GET", path=one, handler=self._wav, summary="Listen to a recording by its RecordingUrl")

    async def _list(self, exchange: Exchange) -> Response:
        query: RecordingQuery = exchange.query
        call_sid = exchange.path.get("call_sid", query.call_sid)
        if "call_sid" in exchange.path and call_sid not in self._account.calls:
            raise errors.NotFoundError(exchange.request.url.path)
        wanted = (
            recording
            for recording in self._recordings.newest(call_sid)
            if admits(recording.date_created, query.date_created, query.date_created_until, query.date_created_since)
        )
        return page(exchange, self._account.sid, "recordings", wanted)

    async def _fetch(self, exchange: Exchange) -> Response:
        return json_response(self._recording(exchange).resource(self._account.sid))

    async def _begin(self, exchange: Exchange) -> Response:
        form: RecordingForm = exchange.body
        call_sid = exchange.path["call_sid"]
        record = self._account.calls.get(call_sid)
        if record is None:
            raise errors.NotFoundError(exchange.request.url.path)
        running = self._switchboard.running(call_sid)
        if running is None or record.status != "in-progress":
            raise errors.CallStateError("Requested resource is not eligible for recording: the call is not in progress")
        told = subscription(
            exchange,
            "RecordingStatusCallback",
            form.recording_status_callback,
            form.recording_status_callback_method,
            RECORDING_EVENTS,
        )
        recording = running.leg.begin_recording(
            "StartCallRecordingAPI", told, CHANNELS[form.recording_channels], form.recording_track
        )
        running.leg.attach(recording.tape)
        return json_response(recording.resource(self._account.sid), 201)

    async def _change(self, exchange: Exchange) -> Response:
        form: RecordingChange = exchange.body
        recording = self._recording(exchange)
        running = self._switchboard.running(recording.call_sid)
        if running is None or recording.is_over:
            raise errors.CallStateError(f"The recording is not in progress. It is {recording.status}.")
        running.leg.change_recording(recording, form.status)
        return json_response(recording.resource(self._account.sid))

    async def _delete(self, exchange: Exchange) -> Response:
        recording = self._recording(exchange)
        if not recording.is_over:
            raise errors.NotOverError("Cannot delete this resource before it is complete")
        del self._recordings.by_sid[recording.sid]
        return Response(status_code=204)

    async def _wav(self, exchange: Exchange) -> Response:
        return Response(await self._file(exchange, Kind.WAV), media_type="audio/x-wav")

    async def _mp3(self, exchange: Exchange) -> Response:
        return Response(await self._file(exchange, Kind.MP3), media_type="audio/mpeg")

    async def _file(self, exchange: Exchange, kind: Kind) -> bytes:
        """Make a file, one at a time, so that live calls have the processor."""
        recording = self._audible(exchange)
        async with self._making:
            return await asyncio.to_thread(recording.file, kind)

    def _audible(self, exchange: Exchange) -> Recording:
        recording = self._recording(exchange)
        if exchange.path["account_sid"] != self._account.sid or recording.status != "completed":
            raise errors.NotFoundError(exchange.request.url.path)
        return recording

    def _recording(self, exchange: Exchange) -> Recording:
        sid, call_sid = exchange.path["sid"], exchange.path.get("call_sid")
        if sid == CURRENT and call_sid:
            recording = next((each for each in self._recordings.newest(call_sid) if not each.is_over), None)
        else:
            recording = self._recordings.by_sid.get(sid)
        if recording is None or call_sid not in {None, recording.call_sid}:
            raise errors.NotFoundError(exchange.request.url.path)
        return recording
