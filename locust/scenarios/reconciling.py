"""Joins the reconciliation to Locust: workers' tallies come with their reports, and the master compares all sides."""

# mypy: allow-untyped-calls
# Locust's events have no annotations.

from __future__ import annotations

import logging
from typing import Any

from locust.runners import MasterRunner, WorkerRunner

from configs.settings import Settings
from metrics.reconciliation import Reconciliation
from utils.books import Books
from utils.caused import Caused

logger = logging.getLogger(__name__)

KEY = "lab_caused"
"""Where a worker's report carries what its users caused."""


class Reconciler:
    """One process's part: on a worker to tell what its users caused, on the master (or alone) to compare."""

    def __init__(self, settings: Settings, caused: Caused) -> None:
        self._settings = settings
        self._caused = caused
        self._books: Books | None = None

    def attach(self, environment: Any, runner: Any) -> None:
        """Listen to what this process must pass on or gather."""
        if isinstance(runner, WorkerRunner):
            environment.events.test_start.add_listener(self._on_worker_start)
            environment.events.report_to_master.add_listener(self._on_report)
        elif isinstance(runner, MasterRunner):
            environment.events.worker_report.add_listener(self._on_worker_report)

    def begin(self, target: str, run_id: str) -> None:
        """Begin a run's books: read where the doubles and the target stand before it."""
        self._caused.clear()
        self._books = None
        if self._settings.simulate_external_services:
            self._books = Books.of_lab(run_id, target, self._settings.twilio_url, self._settings.vendors_url)
            self._books.begin()

    def finish(self, workers_lost: list[str]) -> Reconciliation:
        """Compare all sides, once what is under way has come to its end."""
        books, self._books = self._books, None
        if books is None:
            return Reconciliation(not_compared=("SIMULATE_EXTERNAL_SERVICES is false: no double took part",))
        suite = self._caused.tallies
        if workers_lost:
            outcome = books.settle(None, f"{', '.join(workers_lost)} was lost, and what its users caused with it")
        else:
            outcome = books.settle(suite)
        for sentence in outcome.not_compared:
            logger.info("Not reconciled: %s.", sentence)
        for sentence in outcome.differences:
            logger.error("Not reconciled: %s.", sentence)
        return outcome

    def _on_worker_start(self, **_rest: Any) -> None:
        self._caused.clear()

    def _on_report(self, client_id: str, data: dict[str, Any]) -> None:
        data[KEY] = self._caused.take()

    def _on_worker_report(self, client_id: str, data: dict[str, Any]) -> None:
        self._caused.merge(data.get(KEY, {}))
