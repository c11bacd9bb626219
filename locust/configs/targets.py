"""The targets that a run is held to, read from `targets.toml` beside this file."""

import tomllib
from pathlib import Path

from metrics.targets import TargetError, Targets, read_targets

TARGETS_FILE = Path(__file__).with_name("targets.toml")


def load_targets(path: Path = TARGETS_FILE) -> Targets:
    """Read a file of targets; raise TargetError with one sentence that names the file when it cannot be used."""
    try:
        with path.open("rb") as file:
            targets = read_targets(tomllib.load(file))
    except OSError as error:
        raise TargetError(f"{path}: cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TargetError(f"{path}: is not TOML: {error}.") from error
    except TargetError as error:
        raise TargetError(f"{path}: {error}.") from error
    if not targets.targets:
        raise TargetError(f"{path}: holds no target, and a run is held to one at least: write [[target]] and its keys.")
    return targets
