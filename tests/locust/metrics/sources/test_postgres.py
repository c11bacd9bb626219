"""A real PostgreSQL's connections and transactions become points."""

# mypy: allow-untyped-calls

from collections.abc import Iterator

import pg8000.native
import pytest

from metrics.points import strange_in
from metrics.sources.postgres import DsnError, PostgresSource, options_of
from metrics.sources.sampling import SourceError
from tests.support.postgres import running_postgres
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with running_postgres() as started:
        wait_until(lambda: answers(started), "PostgreSQL")
        yield started


def answers(dsn: str) -> bool:
    source = PostgresSource(dsn)
    try:
        return bool(source.look("r", 0))
    except SourceError:
        return False
    finally:
        source.close()


def fields(source: PostgresSource, second: int) -> dict[str, str]:
    (line,) = source.look("r", second)
    assert strange_in(line) == ""
    assert line.startswith("postgres,run_id=r ")
    return dict(pair.split("=") for pair in line.split(" ")[1].split(","))


def test_connections_are_counted_by_what_they_do(dsn: str) -> None:
    source = PostgresSource(dsn)
    before = fields(source, 1)
    assert before["max_connections"] == "100i"
    idle, waiting = pg8000.native.Connection(**options_of(dsn)), pg8000.native.Connection(**options_of(dsn))
    waiting.run("BEGIN")
    try:
        wait_until(lambda: fields(source, 2)["connections"] == "2i", "connections")
        now = fields(source, 2)
        assert (now["idle"], now["idle_in_transaction"], now["active"], now["waiting"]) == ("1i", "1i", "0i", "0i")
        for _ in range(5):
            idle.run("SELECT 1")
    finally:
        idle.close()
        waiting.close()
    # A connection's own statistics reach the database's when it ends.
    wait_until(lambda: int(fields(source, 3)["commits_total"][:-1]) >= 5, "transactions")
    source.close()


def test_a_database_that_cannot_be_asked_says_why_and_keeps_the_password(dsn: str) -> None:
    password = dsn.replace("p%40ss", "another"), 'password authentication failed for user "lab"'
    nowhere = "postgresql://lab:p%40ss@127.0.0.1:1/postgres", "Connection refused"
    for wrong, why in (password, nowhere):
        says = rf"^PostgreSQL at 127.0.0.1:\d+/postgres does not answer: {why}$"
        with pytest.raises(SourceError, match=says) as error:
            PostgresSource(wrong).look("r", 1)
        assert "another" not in str(error.value)
        assert "p@ss" not in str(error.value)


@pytest.mark.parametrize("bad", ["mysql://a@b/c", "postgresql://host/db", "postgresql://u@h", "postgresql://u@h:x/d"])
def test_a_dsn_that_is_none_is_refused(bad: str) -> None:
    with pytest.raises(DsnError):
        options_of(bad)


def test_tls_is_asked_for_as_the_dsn_says() -> None:
    assert options_of("postgresql://u@h/d")["ssl_context"] is None
    assert options_of("postgresql://u@h/d?sslmode=require")["ssl_context"] is True
