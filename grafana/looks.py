"""What colours mean on the lab's dashboards: the same everywhere.

Strong colours say how something went (green is well, red is not); shades of blue are latency, the brighter the rarer;
pastels tell parts of the lab apart (areas, doubles, scenarios, workers) and say nothing about how they fare.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    DashboardSpecialValueMapOptions,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

GREEN, YELLOW, ORANGE, RED, PURPLE = "#73BF69", "#F2CC0C", "#FF9830", "#F2495C", "#B877D9"
BLUE, GREY = "#5794F2", "#9AA0A6"

OUTCOMES = {
    "ok": GREEN,
    "rejected": "#6E9FA5",
    "http_4xx": YELLOW,
    "http_429": ORANGE,
    "http_5xx": RED,
    "timeout": PURPLE,
    "connection": "#E0529C",
    "content": "#B5763A",
    "socket": "#2FA8A8",
    "lab": GREY,
}
"""How a request ended (`metrics.outcome`)."""
LATENCIES = {"p50": "#1F60C4", "p90": "#3274D9", "p95": "#8AB8FF", "p99": "#D3E4FF", "max": GREY}
PASTELS = (
    *("#8FB8FF", "#FFCB7D", "#9FE0C5", "#D2A8FF", "#FF9EB5", "#C7CCD4", "#E6E08A"),
    *("#7FD4E8", "#E8B48F", "#B8E08A"),
)
AREAS = dict(
    zip(("authentication", "crm", "calendar", "telephony", "conversations", "other"), PASTELS, strict=False),
)
DOUBLES = dict(
    zip(("backend", "twilio", "deepgram", "openai", "elevenlabs", "stripe", "sendgrid"), PASTELS, strict=False),
)
SCENARIOS = dict(
    zip(
        (
            *("CrmUser", "CalendarUser", "AuthUser", "TelephonyUser", "WebSocketUser"),
            *("CustomerIntakeUser", "DailyAdministrationUser", "SearchAndScheduleUser", "BulkOperationsUser"),
        ),
        PASTELS,
        strict=False,
    )
)
PROCESSES = {"target": BLUE, "master": PASTELS[5], "vendors": PASTELS[3]} | {
    name: DOUBLES[name] for name in ("backend", "twilio")
}
WORKERS = {f"worker {number}": color for number, color in enumerate(PASTELS, 1)}
BY_TAG = {
    "outcome": OUTCOMES,
    "area": AREAS,
    "double": DOUBLES,
    "scenario": SCENARIOS,
    "process": PROCESSES,
    "worker": WORKERS,
}
"""The colours of the series of a query that is grouped by a tag, by their names in the legend."""
SERIES = LATENCIES | {
    **{"users": BLUE, "requests": BLUE, "workers": BLUE, "calls": BLUE, "streams": PASTELS[2], "sent": BLUE},
    **{"completed": GREEN, "failed": RED, "errors": RED},
    **{"now": LATENCIES["p95"], "so far": BLUE, "vendor": PASTELS[3], "platform": BLUE},
    **{"from the send": LATENCIES["p95"], "from the intended start": ORANGE},
    **{"answer": PASTELS[0], "connect": PASTELS[1]},
    **{"late": ORANGE, "skipped": RED, "blocked": PURPLE},
    **{"waiting": ORANGE, "delay": ORANGE, "lost": RED},
    **{"active": BLUE, "idle": PASTELS[2], "idle in transaction": ORANGE, "waiting for a lock": RED},
}
"""The colours of all others."""

VERDICTS = ("PASS", GREEN), ("FAIL", RED), ("INVALID", ORANGE)
"""By a verdict's code: 0, 1, 2."""
NO_NUMBER = SpecialValueMap(
    DashboardSpecialValueMapOptions(match=SpecialValueMatch.NA_N, result=ValueMappingResult(text="–", color=GREY))
)
"""A dash where a figure cannot be worked out."""


def coded(*named: tuple[str, str]) -> ValueMap:
    """Words and colours for the values 0, 1, 2, …"""
    results = [ValueMappingResult(text=text, color=color, index=place) for place, (text, color) in enumerate(named)]
    return ValueMap({str(place): result for place, result in enumerate(results)})


def worded(**colors: str) -> ValueMap:
    """Colours for values that are words."""
    return ValueMap({word: ValueMappingResult(color=color, index=i) for i, (word, color) in enumerate(colors.items())})


def bound(limit: float | None, *, at_least: bool = False, plain: str = BLUE) -> dashboard.ThresholdsConfig:
    """Green within a limit and red beyond it; a plain colour where there is none."""
    if limit is None:
        steps = [Threshold(value=None, color=plain)]
    else:
        low, high = (RED, GREEN) if at_least else (GREEN, RED)
        steps = [Threshold(value=None, color=low), Threshold(value=limit, color=high)]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
