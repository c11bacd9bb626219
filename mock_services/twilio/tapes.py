"""The calls that are recorded: a WAV file each in one directory, the newest kept, and fetched under `/__lab/tapes`."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Any

from starlette.responses import FileResponse, Response

from mock_services.core.operations import Exchange, Operation, ServiceError, json_response
from mock_services.twilio.protocol.tape import Tape


class TooManyTapesError(ValueError):
    """A dial asks that the call be recorded while as many calls are recorded as may be."""


class _NoSuchTape(ServiceError):
    status = 404


class Tapes:
    """Keeps up to `limit` recordings in `directory`; without one, in a directory that lives as long as the process.

    At most `limit` calls are recorded at a time, each up to `longest_s` seconds.
    """

    def __init__(self, directory: Path | None, limit: int, longest_s: float) -> None:
        self._directory = directory
        self._own: tempfile.TemporaryDirectory[str] | None = None
        self._limit = limit
        self._longest_s = longest_s
        self._recording = 0
        self._kept: dict[str, float] = {}  # call SID → seconds, the oldest first

    def begin(self, began: float) -> Tape:
        """Give a tape for a call that began at `began`; it is to be given to `keep`. Raises `TooManyTapesError`."""
        if self._recording >= self._limit:
            raise TooManyTapesError(f"{self._limit} calls are being recorded, and TWILIO_MAX_TAPES allows no more")
        self._recording += 1
        return Tape(began, self._longest_s)

    async def keep(self, call_sid: str, tape: Tape) -> dict[str, Any]:
        """Write the tape of a call that is over; give its path and length, or why it could not be written."""
        try:
            await asyncio.to_thread(self._write, self._file(call_sid), tape)
        except OSError as failure:
            return {"error": f"the recording could not be written: {failure}"}
        finally:
            self._recording -= 1
        self._kept[call_sid] = tape.seconds
        while len(self._kept) > self._limit:
            self._forget(next(iter(self._kept)))
        return {"path": f"/__lab/tapes/{call_sid}.wav", "seconds": round(tape.seconds, 3)}

    def clear(self) -> None:
        """Delete all recordings of this process."""
        for call_sid in tuple(self._kept):
            self._forget(call_sid)

    def close(self) -> None:
        """Delete the process's own directory, if it has one."""
        if self._own is not None:
            self._own.cleanup()

    def operations(self) -> tuple[Operation, ...]:
        """List what the admin API offers."""
        return (
            Operation(method="GET", path="/__lab/tapes", handler=self._list, summary="List calls that were recorded"),
            Operation(
                method="GET", path="/__lab/tapes/{call_sid}.wav", handler=self._fetch, summary="Listen to a call"
            ),
        )

    def _write(self, path: Path, tape: Tape) -> None:
        unfinished = path.with_suffix(".part")
        try:
            with unfinished.open("wb") as file:
                tape.write_wav(file)
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)  # a full disk is not to stay so
            raise

    def _file(self, call_sid: str) -> Path:
        if self._directory is None:
            self._own = tempfile.TemporaryDirectory(prefix="twilio-tapes-")
            self._directory = Path(self._own.name)
        self._directory.mkdir(parents=True, exist_ok=True)
        return self._directory / f"{call_sid}.wav"

    def _forget(self, call_sid: str) -> None:
        del self._kept[call_sid]
        with contextlib.suppress(FileNotFoundError):  # somebody else has tidied up
            self._file(call_sid).unlink()

    async def _list(self, exchange: Exchange) -> Response:
        tapes = [{"call_sid": call_sid, "seconds": round(s, 3)} for call_sid, s in self._kept.items()]
        return json_response({"tapes": tapes, "recording": self._recording})

    async def _fetch(self, exchange: Exchange) -> Response:
        call_sid = exchange.path["call_sid"]
        if call_sid not in self._kept:
            raise _NoSuchTape(f'there is no recording of a call {call_sid[:40]!r}; dial with "record": true')
        return FileResponse(self._file(call_sid), media_type="audio/wav", filename=f"{call_sid}.wav")
