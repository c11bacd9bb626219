"""What a run writes into its log: more with LAB_DEBUG, and never a token or a password."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from metrics.redaction import SHORTEST_SECRET, redact

OWN_LOGGERS = ("clients", "configs", "metrics", "scenarios", "utils")


class RedactingFormatter(logging.Formatter):
    """Formats as another formatter does, tracebacks included, and redacts what comes of it."""

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        super().__init__()
        self._inner = inner
        self._secrets = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return redact(self._inner.format(record), self._secrets)


def set_up_logs(debug: bool, secrets: Iterable[str]) -> None:
    """Redact every handler that is there now, and with `debug` have the suite's own loggers say everything."""
    known = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    handlers = {handler for logger in (logging.root, *known) for handler in logger.handlers}
    for handler in handlers:
        if not isinstance(handler.formatter, RedactingFormatter):
            handler.setFormatter(RedactingFormatter(handler.formatter or logging.Formatter(), secrets))
    if debug:
        for name in OWN_LOGGERS:
            logging.getLogger(name).setLevel(logging.DEBUG)
