"""Asks a lab's sentinel before and after a run what was looked up and refused (`LAB_SENTINEL_URL`)."""

from __future__ import annotations

from collections.abc import Sequence

from metrics.interception import Interception, Sightings
from utils.plain_http import MALFORMED, PlainHttp, SetupError

WITHIN_S = 5.0


class Watch:
    """One run's view of the sentinel, from the moment that it is made. Raises SetupError where none answers."""

    def __init__(self, url: str, run_id: str, tolerated: Sequence[str]) -> None:
        self._http = PlainHttp(url, run_id)
        self._tolerated = tuple(tolerated)
        self._before = self._read()

    def end(self) -> Interception:
        """What came since; where that cannot be learnt, why."""
        try:
            seen = self._read().since(self._before)
        except SetupError as error:
            return Interception(tolerated=self._tolerated, unknown=f"the sentinel did not say: {error}")
        if seen is None:
            return Interception(
                tolerated=self._tolerated, unknown="the sentinel was restarted or reset while the run went on"
            )
        return Interception(seen, self._tolerated)

    def _read(self) -> Sightings:
        try:
            return Sightings.of(self._http.call("GET", "/__lab/metrics", within_s=WITHIN_S))
        except MALFORMED:
            raise SetupError(f"LAB_SENTINEL_URL holds {self._http.base_url}, where no sentinel answers.") from None
