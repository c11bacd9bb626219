"""What raised in the lab itself during a run, by the part that failed: a greenlet that dies does so in silence."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


class Faults:
    """The faults since the last `clear`, each with what was raised first."""

    def __init__(self) -> None:
        self._raised: dict[str, str] = {}

    @property
    def sentences(self) -> list[str]:
        """What failed and how, each as the end of a sentence."""
        return [f"{what}: {raised}" for what, raised in self._raised.items()]

    def add(self, what: str, raised: str) -> bool:
        """Say that a part of the lab failed, and how; whether this is the first time."""
        first = what not in self._raised
        if first:
            self._raised[what] = " ".join(raised.split())
        return first

    @contextmanager
    def named(self, what: str) -> Iterator[None]:
        """Let whatever the block raises be a fault of this name, logged once, and go no further.

        For what must go on, or must not take the verdict with it.
        """
        try:
            yield
        except Exception as error:
            if self.add(what, repr(error)):
                logger.exception("%s failed, which makes the run invalid:", what)

    def clear(self) -> None:
        """Forget them."""
        self._raised.clear()
