"""What a run writes into its log: more with LAB_DEBUG, and never a token or a password."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

OWN_LOGGERS = ("clients", "configs", "metrics", "scenarios", "utils")
HIDDEN = "[hidden]"
TOKEN = re.compile(r"\b[\w-]{2,}\.[\w-]{10,}\.[\w-]{10,}\b(?<!\.com)")
BEARER = re.compile(r"\b(Bearer|Basic|Token)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
NAMED = re.compile(
    r"""((?:password|passwd|secret|access_code|\w*token|api[_-]?key)["']?\s*[=:]\s*["']?)([^\s"'&,;}\]]+)""",
    re.IGNORECASE,
)
SHORTEST_SECRET = 6
"""A shorter setting is no secret that could be told from an ordinary word."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without anything that looks like a credential, and without these values."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    text = BEARER.sub(rf"\1 {HIDDEN}", text)
    text = NAMED.sub(rf"\1{HIDDEN}", text)
    return TOKEN.sub(_hide_jwt, text)


def _hide_jwt(found: re.Match[str]) -> str:
    """Three parts with dots are a token when the first is base64 of `{"`; a host name or a module is not."""
    return HIDDEN if found[0].startswith("ey") else found[0]


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
