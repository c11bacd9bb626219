"""How long a vendor takes: a distribution of delays, written as one short text in a setting and drawn from a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer
from pydantic_settings import NoDecode

LONGEST_MS = 600_000.0
Z_95 = 1.6448536269514722  # the 95th percentile of the standard normal distribution
FORMS = "milliseconds (250), uniform:LOW,HIGH or lognormal:MEDIAN,P95"


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always `ms`."""

    ms: float

    def __post_init__(self) -> None:
        _check(self.ms)

    def draw_s(self, random: Random) -> float:
        """Give the delay in seconds; nothing is drawn."""
        return self.ms / 1000

    def __str__(self) -> str:
        return _number(self.ms)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Any value from `low_ms` to `high_ms` alike."""

    low_ms: float
    high_ms: float

    def __post_init__(self) -> None:
        _check(self.low_ms, self.high_ms)

    def draw_s(self, random: Random) -> float:
        """Draw one delay, in seconds."""
        return random.uniform(self.low_ms, self.high_ms) / 1000

    def __str__(self) -> str:
        return f"uniform:{_number(self.low_ms)},{_number(self.high_ms)}"


@dataclass(frozen=True, slots=True)
class Lognormal:
    """What services on a network take: half below `median_ms`, one in twenty above `p95_ms`, never over ten minutes."""

    median_ms: float
    p95_ms: float

    def __post_init__(self) -> None:
        _check(self.median_ms, self.p95_ms)
        if self.median_ms == 0:
            raise ValueError(f"the median of a lognormal delay is above 0: {self}")

    @property
    def sigma(self) -> float:
        """Give the standard deviation of the delay's logarithm."""
        return math.log(self.p95_ms / self.median_ms) / Z_95

    def draw_s(self, random: Random) -> float:
        """Draw one delay, in seconds."""
        logarithm = math.log(self.median_ms) + self.sigma * random.gauss(0.0, 1.0)
        return math.exp(min(logarithm, math.log(LONGEST_MS))) / 1000

    def __str__(self) -> str:
        return f"lognormal:{_number(self.median_ms)},{_number(self.p95_ms)}"


Delay = Fixed | Uniform | Lognormal
"""How long something takes, however much else is being done."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a service of limited capacity takes: `base_ms` while at most `capacity` requests are in it, more beyond.

    With n requests in the service, each takes base · max(1, n / capacity): processor sharing by `capacity` servers, of
    which each request gets the n-th part but no more than one (L. Kleinrock, Queueing Systems, vol. 2, 1976, 4.4). By
    Little's law it then answers `capacity` / base requests a second however many wait, and no more.
    """

    base: Delay
    capacity: int

    def __post_init__(self) -> None:
        if self.capacity < 1:
            raise ValueError(f"a capacity is 1 or more, not {self.capacity}")

    def draw_s(self, random: Random, in_flight: int) -> float:
        """Draw the delay of a request with which there are `in_flight` in the service, in seconds."""
        return min(self.base.draw_s(random) * max(1.0, in_flight / self.capacity), LONGEST_MS / 1000)

    def __str__(self) -> str:
        return f"loaded:{self.capacity},{self.base}"


Latency = Delay | Loaded
"""How long something takes, also by how much is being done."""


def parse_delay(text: str) -> Delay:
    """Read a delay as settings write it (`250`, `fixed:250`, `uniform:100,400`, `lognormal:400,1500`); all are in ms.

    Raises `ValueError` for any other text, a negative or falling pair, or more than ten minutes. `str` is its reverse.
    """
    kind, colon, numbers = text.strip().partition(":")
    if not colon:
        kind, numbers = "fixed", kind
    try:
        values = [float(number) for number in numbers.split(",")]
    except ValueError:
        raise ValueError(f"{text!r} is no delay: it takes {FORMS}") from None
    match kind.strip().lower(), values:
        case "fixed", [ms]:
            return Fixed(ms)
        case "uniform", [low, high]:
            return Uniform(low, high)
        case "lognormal", [median, p95]:
            return Lognormal(median, p95)
    raise ValueError(f"{text!r} is no delay: it takes {FORMS}")


def jittered(gap_s: float, sigma: float, random: Random) -> float:
    """Vary a gap between two pieces of a stream: lognormal with that sigma, so that the mean stays `gap_s`.

    With a sigma of 0 the gap is exactly itself and nothing is drawn.
    """
    return gap_s * math.exp(sigma * random.gauss(0.0, 1.0) - sigma * sigma / 2) if sigma else gap_s


def parse_latency(text: str) -> Latency:
    """Read what `parse_delay` reads, and `loaded:CAPACITY,DELAY` with any of those as its delay (`loaded:8,250`)."""
    kind, colon, rest = text.strip().partition(":")
    if not colon or kind.strip().lower() != "loaded":
        return parse_delay(text)
    capacity, comma, base = rest.partition(",")
    if not comma or not capacity.strip().isdecimal() or len(capacity) > 9:
        raise ValueError(f"{text!r} is no latency: it takes loaded:CAPACITY,DELAY such as loaded:8,250")
    return Loaded(parse_delay(base), int(capacity))


def _check(*rising: float) -> None:
    if not all(0 <= value <= LONGEST_MS for value in rising) or list(rising) != sorted(rising):
        raise ValueError(f"a delay goes from 0 up to {LONGEST_MS:.0f} ms, the smaller number first")


def _number(ms: float) -> str:
    return f"{ms:.0f}" if ms == int(ms) else repr(ms)


def _from_setting(value: object) -> object:
    return parse_delay(value) if isinstance(value, str) else value


def _from_field(value: object) -> object:
    return parse_delay(str(value)) if _is_number(value) or isinstance(value, str) else value


def _from_latency(value: object) -> object:
    return parse_latency(str(value)) if _is_number(value) or isinstance(value, str) else value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _to_field(delay: Latency) -> float | str:
    return float(delay.ms) if isinstance(delay, Fixed) else str(delay)


DelaySetting = Annotated[Delay, NoDecode, BeforeValidator(_from_setting), PlainSerializer(str)]
"""The type of a field of settings that holds a delay."""

DelayField = Annotated[Delay, BeforeValidator(_from_field), PlainSerializer(_to_field)]
"""The type of a field of JSON that holds a delay: a number of milliseconds, or text as in a setting."""

LatencyField = Annotated[Latency, BeforeValidator(_from_latency), PlainSerializer(_to_field)]
"""The same of a delay that may grow with the load."""
