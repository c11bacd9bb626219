"""Points on disk until InfluxDB has them: the outbox of one run, `results/<run_id>/outbox/`. Plain blocking file I/O.

    000001.live.gz   a segment: batches of line protocol, one gzip member each (`zcat` reads it), for one bucket
    000002.runs.gz
    state.json       how far they have been delivered, and how many points were written and lost
    refused.txt      lines that InfluxDB refuses, with its words; the first thousand
    lock             held by the process that writes or delivers

A batch is appended in one write, so that a process that is killed leaves whole batches and at most a torn last one,
which reading passes over. What was appended survives the end of the process, however it comes. Files are synced when a
segment is full and when the outbox is closed, not at every batch: a machine that loses its power may lose what the
segment of that moment had not yet on the disk. A process that ends between a delivery and the note of it delivers that
batch again, and a point with the same tags and time replaces itself.
"""

from __future__ import annotations

import errno
import fcntl
import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

LIVE, RUNS = "live", "runs"
"""The buckets: points of each second, and what stays of a run."""
BUCKETS = (LIVE, RUNS)

MAX_BYTES = 256_000_000
"""Some three million points (they compress to about 80 bytes): 50 endpoints for half a day."""
SEGMENT_BYTES = 4_000_000
BATCH_POINTS = 5_000
"""Small batches that wait are read together, up to so many points."""
REFUSED_KEPT = 1_000
READS = 3
"""So often in a row is a place tried that the disk does not give, before its points count as lost."""
PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM})
"""What is no fault of the file's, and may pass: its points wait."""
CHUNK_BYTES = 65_536
GZIP = 16 + zlib.MAX_WBITS
SEGMENT_NAME = re.compile(rf"(\d{{6}})\.({'|'.join(BUCKETS)})\.gz")


class OutboxError(Exception):
    """An outbox that cannot be used; the text is one sentence that says why and what to do."""


@dataclass(frozen=True)
class Batch:
    """Lines for one bucket, how many points they stand for (newer ones replace older), and the place after them."""

    bucket: str
    lines: Sequence[str]
    points: int
    segment: int
    offset: int


@dataclass
class State:
    """What state.json holds. Everything before `offset` of segment number `segment` has been delivered or lost."""

    segment: int = 0
    offset: int = 0
    written: int = 0
    lost: int = 0
    because: str = ""


@dataclass
class Segment:
    """One file of batches: `size` bytes of whole ones, with `points` that have not been delivered."""

    number: int
    bucket: str
    size: int = 0
    points: int = 0

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.number:06}.{self.bucket}.gz"


class Outbox:
    """Batches in the order in which they came. Not for two threads at once; for two processes there is the lock."""

    def __init__(self, directory: Path, max_bytes: int = MAX_BYTES, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Open or make it; raises OutboxError where another process holds it, OSError where there cannot be one."""
        self.directory = directory
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        directory.mkdir(parents=True, exist_ok=True)
        self.torn: list[str] = []
        """Segments that end in what is no whole batch, as found when this was opened."""
        self._lock = (directory / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise OutboxError(f"{directory} is in use: its run goes on, or another replay delivers it") from None
        try:
            self.state = self._read_state()
            self._segments = self._read_segments()
        except BaseException:
            self._lock.close()
            raise
        self._number = max([self.state.segment, *(s.number for s in self._segments)])
        self._file: BinaryIO | None = None
        self._failed_reads = 0

    @property
    def waiting(self) -> int:
        """Points that have not been delivered."""
        return sum(segment.points for segment in self._segments)

    @property
    def bytes(self) -> int:
        """What the segments hold on disk."""
        return sum(segment.size for segment in self._segments)

    def append(self, bucket: str, lines: Sequence[str]) -> None:
        """Add a batch; the oldest segments make room at the bound, and their points are counted as lost.

        Raises OSError when it cannot be stored whole (a full disk); then nothing of it is.
        """
        member = gzip.compress(("\n".join(lines) + "\n").encode(errors="replace"), compresslevel=1, mtime=0)
        segment = self._segment_for(bucket)
        # Before the batch is there: what fails after that would have it stored once more.
        while self.bytes + len(member) > self._max_bytes and len(self._segments) > 1:
            self._drop_oldest()
        assert self._file is not None
        try:
            _write_whole(self._file, member)
        except OSError:
            self._cut_back(self._file, segment.size)
            raise
        segment.size += len(member)
        segment.points += len(lines)

    def next(self) -> Batch | None:
        """The oldest points that have not been delivered, for one bucket; None when there are none.

        Of a point that is in them twice (a second that was written again) the newer one is given. What cannot be read
        (a file that was deleted or damaged, a disk's error that stays) is counted as lost, and the next is given.
        Raises OSError while reading fails in a way that may pass.
        """
        while self._segments:
            segment = self._segments[0]
            start = self._offset_in(segment)
            if start >= segment.size and len(self._segments) == 1:
                return None
            lines, end, wrong = self._read(segment, start)
            if lines:
                return Batch(segment.bucket, newest_of(lines), len(lines), segment.number, end)
            if segment.points:
                self.lose(segment.points, f"{segment.name} {wrong}")
            self._remove(segment)
        return None

    def _read(self, segment: Segment, start: int) -> tuple[list[str], int, str]:
        """A batch's lines from a place on, the place after them, and without any what is wrong there."""
        lines: list[str] = []
        end = start
        self._restore()
        try:
            for more, end in _members(self.directory / segment.name, start, segment.size):  # noqa: B007
                lines += more
                if len(lines) >= BATCH_POINTS:
                    break
        except FileNotFoundError:
            return [], start, "was deleted"
        except OSError as error:
            if lines:  # what comes before the place that cannot be read
                return lines, end, ""
            self._failed_reads += 1
            if error.errno in PASSING or self._failed_reads < READS:
                raise
            self._failed_reads = 0
            return [], start, f"cannot be read: {error.strerror}"
        self._failed_reads = 0
        return lines, end, "was damaged on the disk"

    def delivered(self, batch: Batch, refused: Sequence[tuple[str, str]] = ()) -> None:
        """Note that a batch from `next` was delivered, but for the lines that were refused, each with a reason.

        When `append` has dropped it meanwhile it was counted as lost, and no longer is.
        """
        segment = self._segments[0] if self._segments else None
        if segment is not None and segment.number == batch.segment:
            segment.points -= batch.points
        else:
            self.state.lost -= batch.points
        self.state.segment, self.state.offset = batch.segment, batch.offset
        self.state.written += batch.points - len(refused)
        if refused:
            self.lose(len(refused), refused[0][1])
            self._keep_refused(refused)
        # Before the note, which a full disk may not take: what is removed makes room for it.
        while len(self._segments) > 1 and self._offset_in(self._segments[0]) >= self._segments[0].size:
            self._remove(self._segments[0])
        self._write_state()

    def lose(self, points: int, because: str) -> None:
        """Count points that will not be delivered."""
        self.state.lost += points
        self.state.because = because

    def close(self) -> None:
        """Sync what is there and let go of it; an outbox in which nothing waits is removed. Again, it does nothing."""
        if self._lock.closed:
            return
        self._restore()
        self._end_file()
        for segment in [each for each in self._segments if not (self.directory / each.name).exists()]:
            if segment.points:
                self.lose(segment.points, f"{segment.name} was deleted")
            self._remove(segment)
        if not self.waiting and not (self.directory / "refused.txt").exists():
            for segment in list(self._segments):
                self._remove(segment)
            for name in ("state.json", "state.new", "lock"):
                (self.directory / name).unlink(missing_ok=True)
            if self.directory.exists():
                self.directory.rmdir()
        else:
            self._write_state()
        self._lock.close()

    def _segment_for(self, bucket: str) -> Segment:
        """The segment that is written to, a new one when the last is full or for another bucket."""
        self._restore()
        last = self._segments[-1] if self._segments else None
        if self._file is not None and last is not None and last.bucket == bucket and last.size < self._segment_bytes:
            return last
        self._end_file()
        segment = Segment(self._number + 1, bucket)
        self._file = self._open(segment)
        self._number += 1
        self._segments.append(segment)
        return segment

    def _cut_back(self, file: BinaryIO, size: int) -> None:
        """Take away what was written of a batch; a file that keeps it is written to no more."""
        try:
            os.ftruncate(file.fileno(), size)
        except OSError:
            self._file = None
            file.close()

    def _open(self, segment: Segment) -> BinaryIO:
        """The file of a segment that is written to, in a directory that may have been deleted."""
        self.directory.mkdir(parents=True, exist_ok=True)
        return (self.directory / segment.name).open("a+b", buffering=0)

    def _restore(self) -> None:
        """Write the segment that is written to again if somebody deleted it: this process still has it open."""
        if self._file is None or os.fstat(self._file.fileno()).st_nlink:
            return
        segment = self._segments[-1]
        self._file.seek(0)
        held = self._file.read(segment.size)
        fresh = self._open(segment)
        try:
            _write_whole(fresh, held)
        except OSError:  # it is tried again the next time
            (self.directory / segment.name).unlink()
            raise
        self._file.close()
        self._file = fresh

    def _end_file(self) -> None:
        """Sync the file that is written to, and let go of it."""
        if self._file is not None:
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

    def _offset_in(self, segment: Segment) -> int:
        return self.state.offset if segment.number == self.state.segment else 0

    def _drop_oldest(self) -> None:
        segment = self._segments[0]
        self.lose(segment.points, f"the outbox was full ({self._max_bytes / 1e6:g} MB)")
        self._remove(segment)
        self._write_state()

    def _remove(self, segment: Segment) -> None:
        written_to = self._file if segment is self._segments[-1] else None
        self._segments.remove(segment)
        if written_to is not None:
            self._file = None
            written_to.close()
        (self.directory / segment.name).unlink(missing_ok=True)

    def _keep_refused(self, refused: Sequence[tuple[str, str]]) -> None:
        path = self.directory / "refused.txt"
        kept = len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0
        with path.open("a", encoding="utf-8") as file:
            for line, reason in refused[: max(0, REFUSED_KEPT - kept)]:
                file.write(f"{' '.join(reason.split())}\t{line}\n")
            if kept <= REFUSED_KEPT < kept + len(refused):
                file.write("… and further ones, which are only counted\n")

    def _read_state(self) -> State:
        path = self.directory / "state.json"
        try:
            return State(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return State()
        except (ValueError, TypeError) as error:
            raise OutboxError(f"{path} is damaged ({error}): delete it, and everything is delivered again") from error

    def _write_state(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        fresh = self.directory / "state.new"
        fresh.write_text(json.dumps(asdict(self.state)), encoding="utf-8")
        fresh.replace(self.directory / "state.json")

    def _read_segments(self) -> list[Segment]:
        segments = []
        for path in sorted(self.directory.iterdir()):
            named = SEGMENT_NAME.fullmatch(path.name)
            if named is None:
                continue
            segment = Segment(int(named[1]), named[2])
            if segment.number < self.state.segment:
                path.unlink()
                continue
            on_disk = path.stat().st_size
            segment.size = self._offset_in(segment)
            for lines, end in _members(path, segment.size, on_disk):
                segment.points += len(lines)
                segment.size = end
            if segment.size < on_disk:
                self.torn.append(f"{segment.name} after {segment.size} of {on_disk} bytes")
            segments.append(segment)
        return segments


def _write_whole(file: BinaryIO, content: bytes) -> None:
    written = 0
    while written < len(content):  # a disk that fills up takes a part first, and says why at the next
        written += os.write(file.fileno(), content[written:])


def newest_of(lines: Sequence[str]) -> list[str]:
    """The lines without those that a later one with the same measurement, tags and time replaces."""
    newest: dict[tuple[str, str], str] = {}
    for line in lines:
        key = _series(line), line.rpartition(" ")[2]
        newest.pop(key, None)
        newest[key] = line
    return list(newest.values())


def _series(line: str) -> str:
    """Measurement and tags: up to the first space that is not escaped (`metrics.lines` writes no other backslash)."""
    at = line.find(" ")
    while at > 0 and line[at - 1] == "\\":
        at = line.find(" ", at + 1)
    return line[:at]


def _members(path: Path, start: int, end: int) -> Iterator[tuple[list[str], int]]:
    """The batches of a segment between two places, each with the place after it; a torn one ends them."""
    with path.open("rb") as file:
        file.seek(start)
        left = b""
        while True:
            member, size, content = zlib.decompressobj(GZIP), 0, b""
            while not member.eof:
                left = left or file.read(min(CHUNK_BYTES, end - file.tell()))
                if not left:
                    return
                try:
                    content += member.decompress(left)
                except zlib.error:
                    return
                size += len(left) - len(member.unused_data)
                left = member.unused_data
            start += size
            yield content.decode().removesuffix("\n").split("\n"), start
