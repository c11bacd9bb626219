"""A turn's latency is the vendor's share and the platform's own."""

from metrics.recorder import Cell
from metrics.sources.turns import TURN, TurnsSource


def turns_of(*latencies_ms: float) -> Cell:
    cell = Cell()
    for ms in latencies_ms:
        cell.latency.record(int(ms * 1000))
    return cell


def test_the_platforms_own_share_is_what_the_vendor_did_not_take() -> None:
    source = TurnsSource(lambda second, endpoint: {TURN: turns_of(1000, 1400)})
    source.on_turns(1, 10, 700.0)
    source.on_turns(2, 12, 750.0)  # two more turns, of 1000 ms on average
    assert source.look("r", 2) == ["turns,run_id=r count=2i,avg=1200.0,vendor_avg=1000.0,own_avg=200.0 2000"]


def test_only_the_last_ten_seconds_count() -> None:
    asked: list[int] = []
    source = TurnsSource(lambda second, endpoint: asked.append(second) or {TURN: turns_of(500)})  # type: ignore[func-returns-value]
    source.on_turns(1, 10, 100.0)
    source.on_turns(5, 20, 200.0)
    source.on_turns(15, 30, 300.0)  # ten turns of 500 ms since second 5
    assert source.look("r", 15) == ["turns,run_id=r count=1i,avg=500.0,vendor_avg=500.0,own_avg=0.0 15000"]
    assert asked == [5]


def test_without_a_vendor_the_whole_is_known_and_the_shares_are_not() -> None:
    source = TurnsSource(lambda second, endpoint: {TURN: turns_of(500)})
    assert source.look("r", 1) == ["turns,run_id=r count=1i,avg=500.0 1000"]
    source.on_turns(1, 10, 100.0)
    source.on_turns(2, 2, 100.0)  # started anew
    assert source.look("r", 2) == ["turns,run_id=r count=1i,avg=500.0 2000"]


def test_without_turns_there_is_no_point() -> None:
    assert TurnsSource(lambda second, endpoint: {}).look("r", 1) == []
