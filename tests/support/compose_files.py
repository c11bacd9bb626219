"""What every service of the lab's compose files is held to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def assert_few_rights(service: Mapping[str, Any]) -> None:
    """No root, no capability, nothing to gain, nothing to write to; bounds on memory, cores, logs and its own end."""
    assert service["init"] is True
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
    assert not {"privileged", "cap_add"} & set(service)
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["cpus"] == 1 or re.fullmatch(r"\$\{LAB_\w+_CPUS:-1\}", service["cpus"])
    assert service.get("stop_grace_period", "5s") == "5s"
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
