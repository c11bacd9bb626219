"""A sparse log-linear histogram of latencies, the layout of HdrHistogram with three significant digits.

Values are whole microseconds. Below 2,048 µs a bucket is one microsecond wide; above, each power of two is cut into
1,024 buckets, so a bucket is never wider than a 1,024th of its values and its middle is off by less than 0.05 %.
Buckets that hold nothing take no room, and histograms of the same run add up exactly, whatever process they come from.

Why not the `hdrhistogram` package: recording is work done for every request, and side by side (Python 3.11, one core of
this class of machine, 200,000 lognormal latencies) a value costs 0.23 µs here and 0.76 µs there. A histogram there also
allocates its whole range up front (23,552 counters and 119 µs for an hour in microseconds), where every endpoint needs
a fresh one every second here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

EXACT = 2048
"""Values below this have a bucket of their own."""
PARTS = 100_000
"""Quantiles are whole parts of this, a thousandth of a percent: as floats, 99.9 % of 1,000 values are more than 999."""
LARGEST = 24 * 3600 * 1_000_000
"""A day in microseconds: what is longer is recorded as this, so that no clock fault can make buckets without bound."""


def lowest_of(index: int) -> int:
    """The lowest value of bucket `index`, in microseconds."""
    if index < EXACT:
        return index
    shift = (index >> 10) - 1
    return (index - (shift << 10)) << shift


def middle_of(index: int) -> float:
    """The middle of bucket `index`, in microseconds."""
    width = 1 if index < EXACT else 1 << ((index >> 10) - 1)
    return lowest_of(index) + (width - 1) / 2


class Histogram:
    """Counts by bucket, and beside them what must be exact: how many values, their sum, the least and the greatest."""

    __slots__ = ("buckets", "count", "greatest", "least", "total")

    def __init__(self) -> None:
        self.buckets: dict[int, int] = {}
        self.count = 0
        self.total = 0
        self.least = LARGEST
        self.greatest = 0

    def record(self, micros: int) -> None:
        """Add one value in microseconds; a negative one (a clock that was set back) counts as 0."""
        if micros < EXACT:
            if micros < 0:  # noqa: PLR1730 - here and below a comparison costs half of a call of min or max
                micros = 0
            index = micros
        else:
            if micros > LARGEST:  # noqa: PLR1730
                micros = LARGEST
            shift = micros.bit_length() - 11
            index = (shift << 10) + (micros >> shift)
        buckets = self.buckets
        buckets[index] = buckets.get(index, 0) + 1
        self.count += 1
        self.total += micros
        if micros > self.greatest:  # noqa: PLR1730
            self.greatest = micros
        if micros < self.least:  # noqa: PLR1730
            self.least = micros

    def merge(self, other: Histogram) -> None:
        """Add everything that `other` holds."""
        buckets = self.buckets
        for index, count in other.buckets.items():
            buckets[index] = buckets.get(index, 0) + count
        self.count += other.count
        self.total += other.total
        self.greatest = max(self.greatest, other.greatest)
        self.least = min(self.least, other.least)

    def percentiles(self, quantiles: Sequence[float]) -> list[float | None]:
        """The nearest-rank percentiles (quantiles from 0 to 1, rising) in microseconds; None for each of an empty one.

        The value of rank ⌈q·n⌉, with q to a thousandth of a percent, lies in the bucket that is found, so the answer is
        off by half a bucket at most.
        """
        if not self.count:
            return [None] * len(quantiles)
        found: list[float | None] = []
        ranks = [max(1, -(-round(quantile * PARTS) * self.count // PARTS)) for quantile in quantiles]
        wanted = iter(ranks)
        rank = next(wanted, None)
        seen = 0
        for index, count in self._counts(ranks):
            seen += count
            while rank is not None and seen >= rank:
                found.append(min(max(middle_of(index), self.least), self.greatest))
                rank = next(wanted, None)
            if rank is None:
                break
        return found

    def _counts(self, ranks: Sequence[int]) -> Iterable[tuple[int, int]]:
        """Buckets and their counts in rising order; those that hold no value of these ranks may be given as one."""
        return sorted(self.buckets.items())

    def percentile(self, quantile: float) -> float | None:
        """One percentile, as `percentiles` gives them."""
        return self.percentiles([quantile])[0]

    @property
    def mean(self) -> float | None:
        """The exact average in microseconds; None when empty."""
        return self.total / self.count if self.count else None

    def encode(self) -> list[int]:
        """A flat list for the wire: total, least, greatest, then index and count of each bucket in rising order."""
        flat = [self.total, self.least, self.greatest]
        for index in sorted(self.buckets):
            flat += (index, self.buckets[index])
        return flat

    @classmethod
    def decode(cls, flat: Iterable[int]) -> Histogram:
        """The histogram that `encode` wrote; ValueError when it cannot have been."""
        numbers = list(flat)
        if len(numbers) < 3 or len(numbers) % 2 == 0 or not all(type(n) is int and n >= 0 for n in numbers):
            raise ValueError(
                "a histogram is a list of whole numbers: total, least, greatest, then pairs of index and count"
            )
        decoded = cls()
        decoded.total, decoded.least, decoded.greatest = numbers[:3]
        decoded.buckets = dict(zip(numbers[3::2], numbers[4::2], strict=True))
        decoded.count = sum(decoded.buckets.values())
        return decoded


class Total(Histogram):
    """A histogram that others are added to, and that is asked for its percentiles every second.

    It also counts by groups of 32 buckets, so that a percentile of a long run is found without a look at every bucket.
    """

    __slots__ = ("groups",)

    def __init__(self) -> None:
        super().__init__()
        self.groups: dict[int, int] = {}

    def record(self, micros: int) -> None:
        """Not on a total: what is recorded one by one is recorded in a histogram, and added."""
        raise TypeError("values are recorded in a Histogram, which is then merged into a Total")

    def merge(self, other: Histogram) -> None:
        """Add everything that `other` holds."""
        super().merge(other)
        groups = self.groups
        for index, count in other.buckets.items():
            groups[index >> 5] = groups.get(index >> 5, 0) + count

    def _counts(self, ranks: Sequence[int]) -> Iterator[tuple[int, int]]:
        wanted = iter(ranks)
        rank = next(wanted, None)
        seen = 0
        for group in sorted(self.groups):
            after = seen + self.groups[group]
            if rank is not None and after >= rank:
                yield from ((i, self.buckets[i]) for i in range(group << 5, (group + 1) << 5) if i in self.buckets)
                while rank is not None and after >= rank:
                    rank = next(wanted, None)
            else:
                yield (group << 5) + 31, self.groups[group]
            seen = after
