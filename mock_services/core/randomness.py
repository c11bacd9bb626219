"""The one source of randomness of a process: every stream of random values comes from one seed."""

from __future__ import annotations

import random
import uuid


class Randomness:
    """Named, independent streams from one seed: what one part draws does not shift what another part gets."""

    def __init__(self, seed: str | int) -> None:
        self.seed = seed
        self._streams: dict[str, random.Random] = {}

    def stream(self, name: str) -> random.Random:
        """Give the stream called `name`, at the place where its last user left it."""
        if name not in self._streams:
            self._streams[name] = random.Random(f"{self.seed}:{name}")
        return self._streams[name]

    def fresh(self, name: str) -> random.Random:
        """Give a new generator for `name`, always at its start and not kept: one call, one session."""
        return random.Random(f"{self.seed}:{name}")

    def hex(self, name: str, digits: int) -> str:
        """Draw `digits` lower-case hexadecimal digits from the stream called `name`."""
        return f"{self.stream(name).getrandbits(digits * 4):0{digits}x}"

    def uuid(self, name: str) -> uuid.UUID:
        """Draw a version 4 UUID from the stream called `name`."""
        return uuid.UUID(int=self.stream(name).getrandbits(128), version=4)
