"""Brings points that wait in outboxes to InfluxDB: `./scripts/replay [RUN_ID]`, without a name those of all runs.

INFLUX_URL and its companions say where to, as for a run; LAB_RESULTS_DIR says where the runs are. Exit code 0: nothing
waits any more; 1: InfluxDB refused points for good, or some had been lost before; 2: points still wait; 3: wrong usage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from configs.settings import WRONG_USAGE, Settings, settings_or_exit
from metrics.influx import Client, Influx, Unavailable, deliver
from metrics.outbox import Outbox, OutboxError
from metrics.run_ids import RUN_ID
from metrics.wording import counted, verb
from utils.command_line import Parser
from utils.output import exit_code_of

DONE, LOST, WAITING = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay, and give the exit code."""
    parser = Parser(prog="./scripts/replay", description="Write points that wait on disk to InfluxDB.")
    parser.add_argument("run_id", nargs="?", metavar="RUN_ID", help="the run whose points are to be written")
    run_id = parser.parse_args(arguments).run_id
    settings = settings_or_exit()
    if run_id is not None and not is_run(settings.results_dir, run_id):
        sys.stderr.write(f"there is no run {run_id} in {settings.results_dir}: LAB_RESULTS_DIR says where runs are\n")
        return WRONG_USAGE
    outboxes = waiting_outboxes(settings.results_dir, run_id)
    if not outboxes:
        what = f"of run {run_id} " if run_id else ""
        sys.stdout.write(f"no points {what}wait in {settings.results_dir}\n")
        return DONE
    if settings.influx_url is None:
        sys.stderr.write(
            "INFLUX_URL is not set: it says which InfluxDB the points go to, such as http://127.0.0.1:8086\n"
        )
        return WRONG_USAGE
    client = client_of(settings)
    try:
        return max(replay(directory, client) for directory in outboxes)
    finally:
        client.close()


def client_of(settings: Settings) -> Client:
    """The client of the InfluxDB that the settings name."""
    token = settings.secret_of(settings.influx_token) or ""
    return Client(Influx(settings.influx_url or "", token, settings.influx_org, settings.influx_bucket))


def is_run(results_dir: Path, run_id: str) -> bool:
    """Whether there is a run of that name; `latest` is one, and a way to somewhere else is none."""
    return (run_id == "latest" or RUN_ID.fullmatch(run_id) is not None) and (results_dir / run_id).is_dir()


def waiting_outboxes(results_dir: Path, run_id: str | None) -> list[Path]:
    """The outboxes of one run (`latest` is one) or of all, by their names."""
    runs = results_dir.glob("*") if run_id is None else [(results_dir / run_id).resolve()]
    return sorted(path / "outbox" for path in runs if not path.is_symlink() and (path / "outbox").is_dir())


def replay(directory: Path, client: Client) -> int:
    """Deliver one outbox, say what became of it, and give its exit code."""
    run_id = directory.parent.name
    try:
        outbox = Outbox(directory)
    except (OutboxError, OSError) as error:
        sys.stderr.write(f"{run_id}: {error}\n")
        return WAITING
    for torn in outbox.torn:
        sys.stderr.write(f"{run_id}: {torn} is no whole batch, and is left out\n")
    written, lost = outbox.state.written, outbox.state.lost
    try:
        while (batch := outbox.next()) is not None:
            outbox.delivered(batch, deliver(client.write, batch.bucket, batch.lines))
    except (Unavailable, OSError) as error:
        waiting = f"{counted(outbox.waiting, 'point')} still {verb(outbox.waiting, 'waits', 'wait')}"
        sys.stderr.write(f"{run_id}: {error}; {waiting} in {directory}\n")
        return WAITING
    finally:
        outbox.close()
    sys.stdout.write(f"{run_id}: {counted(outbox.state.written - written, 'point')} written\n")
    if outbox.state.lost > lost:
        sys.stderr.write(f"{run_id}: {counted(outbox.state.lost - lost, 'point')} refused ({outbox.state.because}): ")
        sys.stderr.write(f"{directory / 'refused.txt'} names them\n")
    if lost:
        sys.stderr.write(f"{run_id}: {counted(lost, 'point')} had been lost before\n")
    return LOST if outbox.state.lost else DONE


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
