"""The ports that the lab is about to listen on: free, taken by a lab that is up, or taken by something else."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import psutil

from locallab.doctor.findings import Finding, ok, problem, warning
from locallab.processes import LabError, check_port

HEALTH = "/__lab/health"
ANSWER_S = 2.0


def ports(needed: Mapping[str, int]) -> list[Finding]:
    """Look at each port on 127.0.0.1."""
    found = []
    for name, port in needed.items():
        check = f"port {port}"
        try:
            check_port(port, name)
        except LabError as taken:
            found.append(_taken(check, name, port, str(taken)))
        else:
            found.append(ok(check, f"port {port} is free for {name}"))
    return found


def _taken(check: str, name: str, port: int, sentence: str) -> Finding:
    service = lab_service(port)
    if service == name:
        return warning(
            check,
            f"the {name} process of a lab that is up answers on port {port}",
            "start runs on that lab's page; for ./scripts/smoke run `./scripts/lab down` first, or set LAB_PORT_OFFSET",
        )
    _, _, todo = sentence.partition(": ")
    return problem(check, f"port {port}, which {name} needs, is taken by {_holder(port)}", todo)


def lab_service(port: int) -> str | None:
    """Give the name of the double that answers on a port of 127.0.0.1; None where none does."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{HEALTH}", timeout=ANSWER_S) as answer:
            said: Any = json.loads(answer.read())
    except (OSError, ValueError, urllib.error.URLError):  # nobody, or nobody who speaks as a double does
        return None
    return said.get("service") if isinstance(said, dict) else None


def _holder(port: int) -> str:
    """Give who listens, as far as this user may see it."""
    with contextlib.suppress(psutil.AccessDenied, psutil.NoSuchProcess):  # another user's: it stays unnamed
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return "another program"
