"""What is around a run that can be looked at beside its requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Surroundings:
    """The doubles (each process that serves some, by its name), and the target's database when it may be asked."""

    doubles: Mapping[str, str] = field(default_factory=dict)
    postgres_dsn: str | None = None
