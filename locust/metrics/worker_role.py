"""A worker's part of the measurement: it adds what it recorded to each of Locust's reports to the master."""

from __future__ import annotations

from typing import Any

from metrics.measurement import Measurement

KEY = "lab"
"""Where a worker's report carries what this layer adds."""


class WorkerRole:
    """The listeners of a Locust worker."""

    def __init__(self, measurement: Measurement, environment: Any, runner: Any) -> None:
        self._measurement, self._environment, self._runner = measurement, environment, runner

    def listen(self) -> None:
        """Add the listeners, and begin to watch this process."""
        self._measurement.process.start()
        events = self._environment.events
        events.request.add_listener(self._measurement.recorder.record)
        events.report_to_master.add_listener(self._on_report_to_master)
        events.test_start.add_listener(self._on_start)
        events.test_stop.add_listener(self._on_stop)
        # Added after the runner's own, and `quitting` is fired in reverse: done before the master hears of it.
        events.quitting.add_listener(self._on_quitting)

    def _on_report_to_master(self, client_id: str, data: dict[str, Any]) -> None:
        measurement = self._measurement
        data[KEY] = measurement.recorder.take() | measurement.alarms.encode()
        data[KEY] |= {"run_id": measurement.run_id, "process": measurement.process.take()}

    def _on_start(self, environment: Any, **_rest: Any) -> None:
        # The master's options come with its order to spawn, and with them the id it gave to the run.
        measurement = self._measurement
        measurement.run_id = getattr(environment.parsed_options, "lab_run_id", measurement.run_id)
        measurement.clock.set()
        measurement.recorder.clear()
        measurement.alarms.clear()

    def _on_stop(self, **_rest: Any) -> None:
        # All users have stopped: the last report, at once, since the master waits for it.
        data: dict[str, Any] = {}
        self._environment.events.report_to_master.fire(client_id=self._runner.client_id, data=data)
        data[KEY]["final"] = True
        self._runner.send_message("stats", data)
        self._measurement.alarms.clear()

    def _on_quitting(self, **_rest: Any) -> None:
        # Once a master has heard that its last worker leaves, it listens no more.
        self._runner.stop()
