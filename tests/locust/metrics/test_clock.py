"""A run's time goes on at the pace of real time, whatever is done to the wall clock."""

from metrics.clock import SteadyClock


def test_a_wall_clock_that_is_set_changes_nothing_until_the_next_run() -> None:
    wall, steady = [1_800_000_000.0], [50.0]
    clock = SteadyClock(lambda: wall[0], lambda: steady[0])
    assert clock() == 1_800_000_000.0
    steady[0] += 3
    wall[0] += 8 * 3600
    assert clock() == 1_800_000_003.0
    wall[0] -= 9 * 3600
    steady[0] += 1
    assert clock() == 1_800_000_004.0
    clock.set()
    assert clock() == wall[0]
