"""What `scripts/compose-smoke` holds a run to that has lost a worker: each thing that can be wrong is named."""

from __future__ import annotations

import copy
from typing import Any

import cluster_check
import pytest

REASON = (
    "worker lost: worker 4 was gone before the run ended, and with it what it had measured and not sent;"
    " its 3 users were begun again on 3 others after 5 s"
)
VERDICT: dict[str, Any] = {
    "verdict": "invalid",
    "reasons": [REASON],
    "generator": {"workers": 4},
    "totals": {"failures": 0},
}


def test_a_run_whose_lost_users_went_on_elsewhere_has_no_fault() -> None:
    assert cluster_check.loss_faults(VERDICT) == []


@pytest.mark.parametrize(
    ("differs", "fault"),
    [
        ({"verdict": "pass"}, "the verdict is pass"),
        ({"generator": {"workers": 3}}, "3 workers took part"),
        ({"reasons": [REASON.partition(";")[0]]}, "no reason tells of the lost worker and its users"),
        ({"totals": {"failures": 2}}, "2 requests failed"),
    ],
)
def test_each_fault_is_named(differs: dict[str, Any], fault: str) -> None:
    (found,) = cluster_check.loss_faults(copy.deepcopy(VERDICT) | differs)
    assert found.startswith(fault)
