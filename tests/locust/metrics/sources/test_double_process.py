"""What a double's process did between two looks follows from the sums that it gives."""

from metrics.sources.double_process import Bore, DoubleProcess


def sums(at_s: float, cpu_s: float, held_up_s: float = 0, periods: int = 0, throttled: int = 0) -> dict[str, float]:
    return {
        "at_s": at_s,
        "cpu_s": cpu_s,
        "held_up_s": held_up_s,
        "periods": periods,
        "periods_throttled": throttled,
    }


def test_the_first_look_has_nothing_to_count_from_and_later_ones_have_the_one_before() -> None:
    process = DoubleProcess()
    assert process.since_last(sums(100, 7, 1, 50, 20)) is None
    assert process.since_last(sums(102, 7.5, 1.5, 70, 25)) == Bore(2, 25, 25, 25)
    assert process.since_last(sums(103, 7.5, 9, 70, 25)) == Bore(1, 0, 100, 0), "a stop that began before the look"


def test_a_double_that_was_started_anew_is_counted_from_its_start() -> None:
    process = DoubleProcess()
    process.since_last(sums(100, 7))
    assert process.since_last(sums(101, 0.2)) is None
    assert process.since_last(sums(102, 0.45)) == Bore(1, 25, 0, 0)
