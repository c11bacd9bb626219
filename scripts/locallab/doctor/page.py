"""An examination for people to read, and for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from locallab.doctor.findings import Finding, Level

MARKS = {Level.OK: ("ok", "green"), Level.WARNING: ("warning", "yellow"), Level.PROBLEM: ("problem", "bold red")}
WIDTH = max(len(mark) for mark, _ in MARKS.values()) + 2
Group = tuple[str, Sequence[Finding]]


def show(group: Group, console: Console) -> None:
    """Write one group: a line for each finding, and below it what to do."""
    name, findings = group
    console.print(Text(name, style="bold"))
    for finding in findings:
        mark, style = MARKS[finding.level]
        console.print(Text(f"  {mark:<{WIDTH}}", style=style) + Text(finding.says), soft_wrap=True)
        if finding.todo:
            console.print(Text(f"  {'':<{WIDTH}}→ {finding.todo}"), soft_wrap=True)


def conclusion(groups: Sequence[Group]) -> Text:
    """Say in one line how it all is."""
    counted = Counter(finding.level for _, findings in groups for finding in findings)
    said = ", ".join(f"{counted[level]} {level.value}" for level in Level)
    if counted[Level.PROBLEM]:
        return Text(f"a run would fail, or mean nothing: {said}", style="bold red")
    return Text(f"a run can begin: {said}", style="yellow" if counted[Level.WARNING] else "green")


def as_json(target: str, groups: Sequence[Group]) -> str:
    """Give everything as one JSON document."""
    findings = [{"group": name, **finding.facts()} for name, found in groups for finding in found]
    return json.dumps({"target": target, "ok": not has_problem(groups), "findings": findings}, indent=2)


def has_problem(groups: Sequence[Group]) -> bool:
    """Say whether anything has to be put right first."""
    return any(finding.level is Level.PROBLEM for _, findings in groups for finding in findings)
