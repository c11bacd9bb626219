"""Statistical tests on counts and binned latencies: whether a difference between two runs can be chance.

All tests are two-sided and give a p-value from 0 to 1. Latencies come as histograms, whose buckets are tied values.
scipy has these tests for raw samples; it is not used, since a run keeps histograms, and since it would make the image
of the load generator three times as large.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from metrics.histogram import Histogram

NORMAL = NormalDist()
FEW = 5
"""With fewer expected in any cell of a table of four, the normal approximation does not hold (Cochran 1954)."""


@dataclass(frozen=True)
class Shift:
    """What `mann_whitney` finds."""

    p_value: float
    probability: float
    """That a value of the second sample is greater than one of the first, ties counting half: 0.5 is no difference.

    The effect size A of Vargha and Delaney 2000 (J. Educ. Behav. Stat. 25, 101), who call 0.56 small, 0.64 medium and
    0.71 large.
    """


def mann_whitney(first: Histogram, second: Histogram) -> Shift:
    """Whether two samples come from one distribution, against one of them being greater.

    The normal approximation with correction for ties and for continuity, as in Lehmann, Nonparametrics (1975), section
    1.4, after Mann and Whitney 1947 (Ann. Math. Stat. 18, 50). Each sample holds a value at least.
    """
    n, m = first.count, second.count
    total = n + m
    below, wins, ties = 0, 0.0, 0
    for bucket in sorted(first.buckets.keys() | second.buckets.keys()):
        a, b = first.buckets.get(bucket, 0), second.buckets.get(bucket, 0)
        wins += b * (below + a / 2)
        below += a
        ties += (a + b) ** 3 - (a + b)
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    distance = max(0.0, abs(wins - n * m / 2) - 0.5)
    p_value = 1.0 if variance <= 0 else math.erfc(distance / math.sqrt(2 * variance))
    return Shift(p_value, wins / (n * m))


def tail(first: Histogram, second: Histogram, quantile: float) -> float:
    """Whether as large a part of both samples lies above the quantile of the two together.

    The median test for another quantile (Conover, Practical Nonparametric Statistics, section 4.3). It sees what
    `mann_whitney` cannot: a few slow requests among many that are as they were. Each sample holds a value at least.
    """
    left = math.ceil(quantile * (first.count + second.count))
    for bucket in sorted(first.buckets.keys() | second.buckets.keys()):
        left -= first.buckets.get(bucket, 0) + second.buckets.get(bucket, 0)
        if left <= 0:
            break
    above = [sum(count for index, count in h.buckets.items() if index > bucket) for h in (first, second)]
    return proportions(above[0], first.count, above[1], second.count)


def proportions(hits: int, of: int, other_hits: int, of_other: int) -> float:
    """Whether two proportions are the same: two z-scored proportions, or Fisher's exact test where counts are small.

    The z-test with the pooled variance is the chi-square test of the table of four without a correction (Agresti,
    Categorical Data Analysis, section 3.2).
    """
    total, all_hits = of + of_other, hits + other_hits
    if all_hits in (0, total) or not of or not of_other:
        return 1.0
    if min(of, of_other) * min(all_hits, total - all_hits) / total < FEW:
        return fisher(hits, of, other_hits, of_other)
    pooled = all_hits / total
    spread = math.sqrt(pooled * (1 - pooled) * (1 / of + 1 / of_other))
    return math.erfc(abs(hits / of - other_hits / of_other) / spread / math.sqrt(2))


def fisher(hits: int, of: int, other_hits: int, of_other: int) -> float:
    """Fisher's exact test of a table of four: the probability of all tables that are no likelier than this one.

    Fisher 1935 (J. R. Stat. Soc. 98, 39); two-sided as in Agresti, Categorical Data Analysis, section 3.5.
    """
    all_hits = hits + other_hits

    def log_probability(k: int) -> float:
        return _log_choose(of, k) + _log_choose(of_other, all_hits - k) - _log_choose(of + of_other, all_hits)

    bound = log_probability(hits) + 1e-7  # as likely as this one, but for rounding
    possible = range(max(0, all_hits - of_other), min(all_hits, of) + 1)
    return min(1.0, math.fsum(math.exp(p) for k in possible if (p := log_probability(k)) <= bound))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several tests, so corrected that any false alarm among all is as rare as the level says.

    Holm 1979 (Scand. J. Stat. 6, 65). In the order in which they were given.
    """
    values = list(p_values)
    corrected = [1.0] * len(values)
    highest = 0.0
    for rank, at in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        highest = max(highest, min(1.0, (len(values) - rank) * values[at]))
        corrected[at] = highest
    return corrected


def values_needed(level: float, power: float, probability: float, share: float) -> float:
    """How many values both samples together need for `mann_whitney` to find an effect with a probability of `power`.

    `probability` is the effect (`Shift.probability`), `share` the first sample's part of the values. Noether 1987
    (J. Am. Stat. Assoc. 82, 645), equation 3, for a two-sided test at `level`.
    """
    quantiles = NORMAL.inv_cdf(1 - level / 2) + NORMAL.inv_cdf(power)
    return quantiles**2 / (12 * share * (1 - share) * (probability - 0.5) ** 2)
