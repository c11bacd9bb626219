"""Points wait on disk in order, survive their process, and are counted when the bound drops them."""

import errno
import gzip
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.outbox import LIVE, RUNS, Outbox, OutboxError, newest_of


def lines(first: int, count: int = 1) -> list[str]:
    return [f"m,run_id=r v={number}i {number}" for number in range(first, first + count)]


Opened = Callable[..., Outbox]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Opens outboxes, and closes at the end of the test those that are still open."""
    with ExitStack() as stack:

        def open_one(directory: Path, **bounds: int) -> Outbox:
            outbox = Outbox(directory, **bounds)
            stack.callback(outbox.close)
            return outbox

        yield open_one


def drained(outbox: Outbox) -> list[tuple[str, str]]:
    """Everything that waits, delivered."""
    found = []
    while (batch := outbox.next()) is not None:
        found += [(batch.bucket, line) for line in batch.lines]
        outbox.delivered(batch)
    return found


def test_batches_come_out_in_order_each_for_its_bucket(tmp_path: Path, opened: Opened) -> None:
    outbox = opened(tmp_path / "outbox")
    outbox.append(LIVE, lines(1, 2))
    outbox.append(RUNS, lines(3))
    outbox.append(LIVE, lines(4))
    assert outbox.waiting == 4
    assert drained(outbox) == list(zip([LIVE, LIVE, RUNS, LIVE], lines(1, 4), strict=True))
    assert (outbox.waiting, outbox.state.written, outbox.state.lost) == (0, 4, 0)


def test_an_outbox_that_is_empty_at_the_end_leaves_nothing_behind(tmp_path: Path, opened: Opened) -> None:
    outbox = opened(tmp_path / "outbox")
    outbox.append(LIVE, lines(1))
    drained(outbox)
    outbox.close()
    assert list(tmp_path.iterdir()) == []


def test_what_waits_is_there_for_the_next_process_and_what_was_delivered_is_not(tmp_path: Path, opened: Opened) -> None:
    outbox = opened(tmp_path, segment_bytes=1)  # a segment a batch
    for number in range(4):
        outbox.append(LIVE, lines(number))
    batch = outbox.next()
    assert batch is not None
    outbox.delivered(batch)
    outbox.close()
    again = opened(tmp_path)
    assert (again.waiting, again.state.written) == (3, 1)
    assert [line for _, line in drained(again)] == lines(1, 3)


def test_a_delivery_that_was_not_noted_is_made_again(tmp_path: Path, opened: Opened) -> None:
    outbox = opened(tmp_path)
    outbox.append(LIVE, lines(1, 3))
    assert outbox.next() == outbox.next()
    outbox.close()
    assert len(drained(opened(tmp_path))) == 3


@pytest.mark.parametrize("left", range(1, 40, 6))
def test_a_torn_last_batch_is_passed_over_and_named(tmp_path: Path, opened: Opened, left: int) -> None:
    outbox = opened(tmp_path)
    outbox.append(LIVE, lines(1, 2))
    whole = (tmp_path / "000001.live.gz").stat().st_size
    outbox.append(LIVE, lines(3))
    outbox.close()
    os.truncate(tmp_path / "000001.live.gz", whole + left)
    again = opened(tmp_path)
    assert again.waiting == 2
    assert len(again.torn) == 1
    again.append(LIVE, lines(4))
    assert [line for _, line in drained(again)] == [*lines(1, 2), *lines(4)]


def test_one_process_at_a_time(tmp_path: Path, opened: Opened) -> None:
    outbox = opened(tmp_path)
    with pytest.raises(OutboxError, match="is in use: its run goes on"):
        opened(tmp_path)
    outbox.append(LIVE, lines(1))
    outbox.close()
    opened(tmp_path).close()


def test_at_the_bound_the_oldest_points_are_dropped_and_counted(tmp_path: Path, opened: Opened) -> None:
    outbox = opened(tmp_path, max_bytes=300, segment_bytes=100)
    for number in range(20):
        outbox.append(LIVE, lines(number))
    assert outbox.bytes <= 300
    assert (outbox.state.lost + outbox.waiting, outbox.state.because) == (20, "the outbox was full (0.0003 MB)")
    left = [line for _, line in drained(outbox)]
    assert left == lines(20 - len(left), len(left))
    assert 0 < len(left) < 20


def test_points_that_were_dropped_while_they_were_delivered_are_not_lost(tmp_path: Path, opened: Opened) -> None:
    outbox = opened(tmp_path, max_bytes=150, segment_bytes=1)
    outbox.append(LIVE, lines(0))
    batch = outbox.next()
    assert batch is not None
    for number in range(1, 5):
        outbox.append(LIVE, lines(number))
    outbox.delivered(batch)
    assert outbox.state.written == 1
    assert outbox.state.lost + outbox.waiting == 4


def test_a_full_disk_leaves_nothing_of_a_batch(tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = opened(tmp_path)
    outbox.append(LIVE, lines(1))
    real, calls = os.write, []

    def write(descriptor: int, content: bytes) -> int:
        calls.append(content)
        if len(calls) == 1:
            return real(descriptor, content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("metrics.outbox.os.write", write)
        with pytest.raises(OSError, match="No space"):
            outbox.append(LIVE, lines(2))
    assert outbox.waiting == 1
    outbox.append(LIVE, lines(3))
    assert [line for _, line in drained(outbox)] == [*lines(1), *lines(3)]


def test_refused_lines_are_counted_and_kept_with_their_reason(tmp_path: Path, opened: Opened) -> None:
    outbox = opened(tmp_path)
    outbox.append(LIVE, lines(1, 3))
    batch = outbox.next()
    assert batch is not None
    outbox.delivered(batch, [(batch.lines[1], "it is\na text")])
    outbox.close()
    assert (outbox.state.written, outbox.state.lost, outbox.state.because) == (2, 1, "it is\na text")
    assert (tmp_path / "refused.txt").read_text() == f"it is a text\t{lines(2)[0]}\n"


def test_segments_can_be_read_with_gzip(tmp_path: Path, opened: Opened) -> None:
    outbox = opened(tmp_path)
    outbox.append(LIVE, lines(1))
    outbox.append(LIVE, lines(2))
    outbox.close()
    assert gzip.decompress((tmp_path / "000001.live.gz").read_bytes()).decode().splitlines() == lines(1, 2)


def test_a_damaged_note_is_refused_with_what_to_do(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(OutboxError, match=r"state.json is damaged .* delete it"):
        opened(tmp_path)


def test_a_second_that_was_written_again_is_given_once_and_as_last_written() -> None:
    old, new = "m,name=a\\ b v=1i 1000", "m,name=a\\ b v=2i 1000"
    other = ["m,name=a v=1i 1000", "m,name=a\\ b v=1i 2000", 'e,kind=start text="a b",tags="c" 1000']
    assert newest_of([old, *other, new]) == [*other, new]


@settings(max_examples=60)
@given(steps=st.lists(st.sampled_from(["live", "runs", "deliver", "reopen"]), max_size=40), segment=st.integers(1, 300))
def test_whatever_happens_every_point_comes_out_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], segment: int
) -> None:
    directory = tmp_path_factory.mktemp("outbox") / "it"
    outbox = Outbox(directory, segment_bytes=segment)
    given_points: list[str] = []
    found: list[str] = []
    for step in [*steps, "deliver"]:
        if step == "reopen":
            outbox.close()
            outbox = Outbox(directory, segment_bytes=segment)
        elif step == "deliver":
            found += [line for _, line in drained(outbox)]
        else:
            outbox.append(step, lines(len(given_points), 2))
            given_points += lines(len(given_points), 2)
    outbox.close()
    assert found == given_points
    assert not directory.exists()


def test_a_deleted_segment_that_is_written_to_is_written_again(tmp_path: Path, opened: Opened) -> None:
    outbox = opened(tmp_path / "outbox")
    outbox.append(LIVE, lines(1, 2))
    shutil.rmtree(tmp_path / "outbox")
    outbox.append(LIVE, lines(3))
    assert [line for _, line in drained(outbox)] == lines(1, 3)
    assert outbox.state.lost == 0


def test_a_deleted_segment_that_is_full_is_lost_and_counted_and_the_next_is_given(
    tmp_path: Path, opened: Opened
) -> None:
    outbox = opened(tmp_path, segment_bytes=1)
    for number in range(3):
        outbox.append(LIVE, lines(number))
    (tmp_path / "000002.live.gz").unlink()
    assert [line for _, line in drained(outbox)] == [*lines(0), *lines(2)]
    assert (outbox.state.written, outbox.state.lost, outbox.waiting) == (2, 1, 0)
    assert outbox.state.because == "000002.live.gz was deleted"


def test_what_was_deleted_and_nobody_asked_for_is_lost_at_the_end(tmp_path: Path, opened: Opened) -> None:
    outbox = opened(tmp_path, segment_bytes=1)
    for number in range(3):
        outbox.append(LIVE, lines(number))
    (tmp_path / "000001.live.gz").unlink()
    (tmp_path / "000003.live.gz").unlink()  # written to: it comes back
    outbox.close()
    assert (outbox.waiting, outbox.state.lost) == (2, 1)
    assert [line for _, line in drained(opened(tmp_path))] == lines(1, 2)


def test_a_damaged_segment_that_is_written_to_does_not_hold_up_what_follows(tmp_path: Path, opened: Opened) -> None:
    outbox = opened(tmp_path)
    outbox.append(LIVE, lines(1))
    with (tmp_path / "000001.live.gz").open("r+b") as file:
        file.write(bytes(20))
    outbox.append(LIVE, lines(2))
    assert outbox.next() is None
    outbox.append(LIVE, lines(3))
    assert [line for _, line in drained(outbox)] == lines(3)
    assert (outbox.state.lost, outbox.state.because) == (2, "000001.live.gz was damaged on the disk")


def unreadable(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    """Have the disk not give one file."""
    real = Path.open

    def open_file(path: Path, mode: str = "r", **options: Any) -> Any:
        if path.name == name and mode == "rb":
            raise OSError(number, os.strerror(number))
        return real(path, mode, **options)

    monkeypatch.setattr(Path, "open", open_file)


def test_a_segment_that_the_disk_does_not_give_is_tried_three_times_and_then_lost(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = opened(tmp_path, segment_bytes=1)
    outbox.append(LIVE, lines(1))
    outbox.append(LIVE, lines(2))
    unreadable(monkeypatch, "000001.live.gz", errno.EIO)
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output error"):
            outbox.next()
    assert [line for _, line in drained(outbox)] == lines(2)
    assert (outbox.state.lost, outbox.state.because) == (1, "000001.live.gz cannot be read: Input/output error")


def test_a_segment_waits_for_as_long_as_too_many_files_are_open(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = opened(tmp_path)
    outbox.append(LIVE, lines(1))
    with monkeypatch.context() as crowded:
        unreadable(crowded, "000001.live.gz", errno.EMFILE)
        for _ in range(9):
            with pytest.raises(OSError, match="Too many open files"):
                outbox.next()
    assert [line for _, line in drained(outbox)] == lines(1)
    assert outbox.state.lost == 0


def test_text_that_is_no_unicode_is_stored_all_the_same(tmp_path: Path, opened: Opened) -> None:
    outbox = opened(tmp_path)
    outbox.append(LIVE, ["m,name=\udcff v=1i 1"])
    assert [line for _, line in drained(outbox)] == ["m,name=? v=1i 1"]


def test_of_many_refused_points_a_thousand_are_kept_and_the_file_says_so(tmp_path: Path, opened: Opened) -> None:
    outbox = opened(tmp_path)
    for first in (0, 600, 1200):
        outbox.append(LIVE, lines(first, 600))
        batch = outbox.next()
        assert batch is not None
        outbox.delivered(batch, [(line, "no") for line in batch.lines])
    assert outbox.state.lost == 1800
    kept = (tmp_path / "refused.txt").read_text().splitlines()
    assert len(kept) == 1001
    assert kept[-1] == "… and further ones, which are only counted"
