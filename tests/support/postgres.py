"""A real PostgreSQL for tests: a fresh cluster on a free port of loopback, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port

MISSING = "PostgreSQL's initdb is not installed, and these tests need a real one: apt-get install postgresql"
USER, PASSWORD, DATABASE = "lab", "p@ss word", "postgres"


def program(name: str) -> str:
    """Where a program of PostgreSQL is: Debian keeps them apart by version, and off the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    found = shutil.which(name) or (str(versions[-1]) if versions else None)
    if found is None:
        raise RuntimeError(MISSING)
    return found


@contextmanager
def running_postgres() -> Iterator[str]:
    """Start one; give its DSN."""
    port = free_port()
    # PostgreSQL refuses to run as root: then it runs as whoever owns Debian's, or as nobody.
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = None if os.getuid() else "postgres" if "postgres" in names else "nobody"
    with tempfile.TemporaryDirectory(prefix="postgres-") as directory:
        cluster, password = Path(directory) / "cluster", Path(directory) / "password"
        password.write_text(PASSWORD)
        if user is not None:
            for path in (Path(directory), password):
                shutil.chown(path, user)
        made = [program("initdb"), "--pgdata", str(cluster), "--username", USER, "--auth", "scram-sha-256"]
        made += ["--pwfile", str(password), "--no-sync"]
        subprocess.run(made, user=user, cwd=directory, capture_output=True, check=True)
        command = [program("postgres"), "-D", str(cluster), "-p", str(port), "-h", "127.0.0.1", "-k", directory]
        with (Path(directory) / "log").open("w") as log:
            server = subprocess.Popen([*command, "-F"], user=user, cwd=directory, stdout=log, stderr=log)
        try:
            yield f"postgresql://{USER}:p%40ss%20word@127.0.0.1:{port}/{DATABASE}"
        finally:
            server.terminate()
            server.wait(30)
