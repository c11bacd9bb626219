"""A PostgreSQL that the target uses, by its own statistics: connections by what they do, and transactions."""

# mypy: allow-untyped-calls
# pg8000 has no annotations.

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pg8000.exceptions
import pg8000.native

from metrics.lines import MILLISECONDS, Field, line
from metrics.sources.counters import Counters, with_totals
from metrics.sources.sampling import SourceError

TIMEOUT_S = 5
ACTIVITY = """
SELECT count(*), count(*) FILTER (WHERE state = 'active'), count(*) FILTER (WHERE state = 'idle'),
       count(*) FILTER (WHERE state LIKE 'idle in transaction%'), count(*) FILTER (WHERE wait_event_type = 'Lock')
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
DATABASE = """
SELECT xact_commit, xact_rollback, deadlocks, current_setting('max_connections')::int
FROM pg_stat_database WHERE datname = current_database()
"""


class DsnError(ValueError):
    """A data source name that cannot be used; the text says why, without a password."""


def options_of(dsn: str) -> dict[str, Any]:
    """What pg8000 takes, from `postgresql://user:password@host:port/database?sslmode=require`; raises DsnError."""
    parts = urlsplit(dsn)
    try:
        port = parts.port or 5432
    except ValueError:
        raise DsnError("its port is no number") from None
    if parts.scheme not in ("postgresql", "postgres") or not parts.username or not parts.path.strip("/"):
        raise DsnError("it takes postgresql://user:password@host:port/database")
    mode = parse_qs(parts.query).get("sslmode", ["prefer"])[0]
    context: bool | ssl.SSLContext = mode not in ("disable", "prefer", "allow")
    if context and mode in ("verify-ca", "verify-full"):
        context = ssl.create_default_context()
    return {
        "user": unquote(parts.username),
        "password": unquote(parts.password) if parts.password else None,
        "host": parts.hostname or "127.0.0.1",
        "port": port,
        "database": unquote(parts.path.strip("/")),
        "ssl_context": context or None,
        "timeout": TIMEOUT_S,
        "application_name": "load lab",
    }


class PostgresSource:
    """One connection to the database, which is not counted among those that it shows."""

    def __init__(self, dsn: str) -> None:
        self._options = options_of(dsn)
        self._where = f"PostgreSQL at {self._options['host']}:{self._options['port']}/{self._options['database']}"
        self._connection: pg8000.native.Connection | None = None
        self._counts: Counters[str] = Counters()

    def look(self, run_id: str, second: int) -> list[str]:
        """`postgres`."""
        try:
            if self._connection is None:
                self._connection = pg8000.native.Connection(**self._options)
            ((connections, active, idle, in_transaction, waiting),) = self._connection.run(ACTIVITY)
            ((commits, rollbacks, deadlocks, most),) = self._connection.run(DATABASE)
        except (pg8000.exceptions.InterfaceError, pg8000.exceptions.DatabaseError, OSError) as error:
            self.close()
            raise SourceError(f"{self._where} does not answer: {_words(error)}") from error
        fields: dict[str, Field | None] = {
            "connections": connections,
            "active": active,
            "idle": idle,
            "idle_in_transaction": in_transaction,
            "waiting": waiting,
            "max_connections": most,
        }
        counts = {"commits": int(commits), "rollbacks": int(rollbacks), "deadlocks": int(deadlocks)}
        fields |= with_totals(self._counts.at(second, counts))
        return [line("postgres", {"run_id": run_id}, fields, second * MILLISECONDS)]

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except (pg8000.exceptions.InterfaceError, OSError):
                return  # it was gone already


def _words(error: BaseException) -> str:
    """The server's own message, which pg8000 gives as a dictionary, or the system's, or the error's."""
    first = error.args[0] if error.args else ""
    if isinstance(first, dict):
        return str(first.get("M", first)).rstrip(".")
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    return (getattr(cause, "strerror", None) or str(cause) or type(cause).__name__).rstrip(".")
