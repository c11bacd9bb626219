"""A locustfile of the pipeline bench: a FastHttpUser that reads without pause, and Locust's own statistics alone."""

from __future__ import annotations

from typing import Any

from locust import FastHttpUser, constant, task


class EndlessReader(FastHttpUser):
    """Reads the same thing again and again, under a few names as a scenario's."""

    wait_time = constant(0)

    def context(self) -> dict[str, Any]:
        """What the suite's users say of themselves with each request."""
        return {"scenario": "EndlessReader"}

    @task
    def read(self) -> None:
        """Read a few things."""
        for kind in ("contacts", "events", "calls", "conversations"):
            self.client.get(f"/api/{kind}/17", name=f"/api/{kind}/{{id}}")
