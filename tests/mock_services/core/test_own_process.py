"""A double says itself what its process used and how long it was held up: nobody else sees into its container."""

import asyncio
import json
import os
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from mock_services.core.own_process import OwnProcess, cpu_statistics, throttled_periods
from tests.support.doubles import serving


def of_process(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{address}/__lab/metrics") as answer:
        found: dict[str, Any] = json.load(answer)["process"]
        return found


def listener_on(address: str) -> int:
    port = int(address.rpartition(":")[2])
    return next(c.pid for c in psutil.net_connections("tcp") if c.pid and c.laddr and c.laddr.port == port)


def test_a_loop_that_is_blocked_was_held_up_for_as_long() -> None:
    async def blocked() -> tuple[dict[str, Any], dict[str, Any]]:
        own = OwnProcess()
        async with own.watched():
            await asyncio.sleep(0.12)
            before = own.gauges()["process"]
            time.sleep(0.3)  # noqa: ASYNC251 - what no handler should do
            await asyncio.sleep(0.12)
            return before, own.gauges()["process"]

    before, after = asyncio.run(blocked())
    assert after["held_up_s"] - before["held_up_s"] == pytest.approx(0.28, abs=0.1)
    assert after["at_s"] - before["at_s"] > 0.4
    assert after["cpu_s"] >= before["cpu_s"]


def test_without_a_loop_to_watch_there_is_nothing_to_say() -> None:
    assert OwnProcess().gauges() == {}


def test_a_double_that_was_stopped_for_a_while_says_so() -> None:
    with serving("openai") as address:
        before, pid = of_process(address), listener_on(address)
        os.kill(pid, signal.SIGSTOP)
        deadline = time.monotonic() + 0.4
        while time.monotonic() < deadline:
            psutil.Process(pid).status()
        os.kill(pid, signal.SIGCONT)
        while (after := of_process(address))["held_up_s"] - before["held_up_s"] < 0.3:
            assert time.monotonic() < deadline + 10
    assert after["cpu_s"] > before["cpu_s"]


def test_the_vendors_process_speaks_for_all_of_them() -> None:
    with serving("vendors") as address:
        assert of_process(address)["cpu_s"] > 0
        with urllib.request.urlopen(f"http://{address}/__lab/metrics") as answer:
            vendors = json.load(answer)["vendors"]
    assert not [name for name, metrics in vendors.items() if "process" in metrics]


@pytest.mark.parametrize(
    ("own", "place"),
    [
        ("0::/kubepods/pod7\n", "kubepods/pod7"),
        ("0::/of/the/host\n", "."),
        ("4:memory:/x\n3:cpu,cpuacct:/docker/7\n0::/\n", "cpu,cpuacct/docker/7"),
        ("1:cpu:/of/the/host\n", "cpu"),
    ],
    ids=["version 2", "version 2 in a container", "version 1", "version 1 in a container"],
)
def test_what_the_cpu_limit_did_is_read_where_the_control_group_says_it(tmp_path: Path, own: str, place: str) -> None:
    (tmp_path / "own").write_text(own)
    statistics = tmp_path / "cgroup" / place / "cpu.stat"
    statistics.parent.mkdir(parents=True)
    statistics.write_text("usage_usec 5\nnr_periods 40\nnr_throttled 9\nthrottled_usec 7\n")
    found = cpu_statistics(tmp_path / "own", tmp_path / "cgroup")
    assert found is not None
    assert found.resolve() == statistics.resolve()
    assert throttled_periods(found) == (40, 9)


def test_a_system_without_control_groups_has_no_limit(tmp_path: Path) -> None:
    assert cpu_statistics(tmp_path / "none", tmp_path) is None
    (tmp_path / "own").write_text("0::/\n")
    assert cpu_statistics(tmp_path / "own", tmp_path) is None
    (tmp_path / "cpu.stat").write_text("usage_usec 5\n")
    assert throttled_periods(cpu_statistics(tmp_path / "own", tmp_path)) == (0, 0), "the root has no limit"
    assert throttled_periods(None) == (0, 0)
