"""A process knows how often its container's CPU limit stopped it."""

from pathlib import Path

import pytest

from metrics.throttling import Throttling, cpu_statistics


def test_each_look_says_what_share_of_the_periods_since_the_last_was_throttled(tmp_path: Path) -> None:
    statistics = tmp_path / "cpu.stat"
    statistics.write_text("nr_periods 100\nnr_throttled 50\n")
    throttling = Throttling(statistics)
    assert throttling.take() == 0
    statistics.write_text("nr_periods 110\nnr_throttled 53\n")
    assert throttling.take() == pytest.approx(30)
    assert throttling.take() == 0, "nothing ran"
    statistics.write_text("usage_usec 4\n")
    assert throttling.take() == 0, "the limit was taken away"


@pytest.mark.parametrize(
    ("own", "place"),
    [("0::/pod\n", "pod"), ("0::/of/the/host\n", "."), ("9:cpu,cpuacct:/docker/7\n0::/\n", "cpu,cpuacct/docker/7")],
)
def test_the_control_group_is_that_of_this_process(tmp_path: Path, own: str, place: str) -> None:
    (tmp_path / "own").write_text(own)
    statistics = tmp_path / "cgroup" / place / "cpu.stat"
    statistics.parent.mkdir(parents=True)
    statistics.write_text("nr_periods 0\n")
    found = cpu_statistics(tmp_path / "own", tmp_path / "cgroup")
    assert found is not None
    assert found.resolve() == statistics.resolve()
    assert cpu_statistics(tmp_path / "nowhere", tmp_path / "cgroup") is None
