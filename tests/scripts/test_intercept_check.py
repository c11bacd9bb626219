"""What `scripts/compose-smoke` holds an intercepted lab to: each way out, and each stray call, is found and named."""

from __future__ import annotations

from typing import Any

import intercept_check
import pytest

from mock_services.core.vendor_hosts import VENDOR_HOSTS

UNMASKED = {"com.docker.network.bridge.enable_ip_masquerade": "false"}


def network(name: str, *, internal: bool = False, options: dict[str, str] | None = None) -> dict[str, Any]:
    return {"Name": name, "Internal": internal, "Options": options or {}}


def container(name: str, *networks: str) -> dict[str, Any]:
    return {"Name": f"/{name}", "NetworkSettings": {"Networks": {name: {} for name in networks}}}


INSIDE, PAGES = network("inside", internal=True), network("pages", options=UNMASKED)


def test_a_lab_without_a_way_out_has_no_fault() -> None:
    containers = [container("backend", "inside"), container("master", "inside", "pages"), container("secrets", "none")]
    assert intercept_check.network_faults([INSIDE, PAGES], containers) == []


@pytest.mark.parametrize(
    ("networks", "one", "fault"),
    [
        ([INSIDE, network("pages")], container("master", "inside"), "network pages has a way out"),
        ([INSIDE, PAGES], container("backend", "pages"), "backend is not on the internal network"),
        ([INSIDE, network("web")], container("backend", "inside", "web"), "backend is on web"),
    ],
)
def test_each_way_out_is_named(networks: list[dict[str, Any]], one: dict[str, Any], fault: str) -> None:
    assert fault in intercept_check.network_faults(networks, [one])


def seen(double: dict[str, int], outside: dict[str, int], refused: dict[str, int]) -> dict[str, Any]:
    return {"lookups": {"double": {"names": double}, "outside": {"names": outside}}, "refused": {"hosts": refused}}


def test_the_vendors_are_those_that_the_doubles_answer_for() -> None:
    assert set(intercept_check.VENDORS) == set(VENDOR_HOSTS)


def test_each_vendor_has_to_be_looked_up_and_nobody_else() -> None:
    everybody = dict.fromkeys(intercept_check.VENDORS, 2)
    assert intercept_check.traffic_faults(seen(everybody, {}, {})) == []
    del everybody["api.openai.com"]
    assert intercept_check.traffic_faults(seen(everybody, {"a.example.org": 1}, {"b.example.org:25": 1})) == [
        "api.openai.com was not looked up",
        "a.example.org was looked up",
        "a connection to b.example.org:25 was refused",
    ]


def test_a_quiet_run_has_called_vendors_and_nobody_else() -> None:
    quiet = {
        "left": 0,
        "refused": {},
        "unknown": "",
        "lookups": {"double": {"api.openai.com": 2}, "outside": {}},
    }
    assert intercept_check.run_faults(quiet) == []
    assert intercept_check.run_faults(
        {
            "left": None,
            "refused": {"a.example.org:443": 1},
            "unknown": "the sentinel is gone",
            "lookups": {"double": {}, "outside": {"a.example.org": 1}},
        }
    ) == [
        "a.example.org was looked up",
        "a connection to a.example.org:443 was refused",
        "left is None: the sentinel is gone",
        "the backend looked up no vendor's name",
    ]
