"""The ports that the lab is about to listen on: free, taken by a lab that is up, or taken by something else."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping
from typing import Any

from locallab.doctor.findings import Finding, ok, problem, warning
from locallab.processes import LabError, check_port, holder

HEALTH = "/__lab/health"
ANSWER_S = 2.0


def ports(needed: Mapping[str, int], lab: Collection[int] = ()) -> list[Finding]:
    """Look at each port on 127.0.0.1; `lab` are the processes of this checkout's lab, if that is up."""
    found = []
    for name, port in needed.items():
        check = f"port {port}"
        try:
            check_port(port, name)
        except LabError as taken:
            found.append(_taken(check, name, port, str(taken), lab))
        else:
            found.append(ok(check, f"port {port} is free for {name}"))
    return found


def _taken(check: str, name: str, port: int, sentence: str, lab: Collection[int]) -> Finding:
    by = holder(port)
    if lab_service(port) == name or (by is not None and by.pid in lab):
        return warning(
            check,
            f"the {name} process of a lab that is up answers on port {port}",
            "start runs on that lab's page; for ./scripts/smoke run `./scripts/lab down` first, or set LAB_PORT_OFFSET",
        )
    _, _, todo = sentence.partition(": ")
    who = "another program" if by is None else f"{by.name()} (process {by.pid})"
    return problem(check, f"port {port}, which {name} needs, is taken by {who}", todo)


def lab_service(port: int) -> str | None:
    """Give the name of the double that answers on a port of 127.0.0.1; None where none does."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{HEALTH}", timeout=ANSWER_S) as answer:
            said: Any = json.loads(answer.read())
    except (OSError, ValueError, urllib.error.URLError):  # nobody, or nobody who speaks as a double does
        return None
    return said.get("service") if isinstance(said, dict) else None
