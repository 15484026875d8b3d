"""Diversity: how much of the catalogue is shown, and how different lists are from one another.

Coverage, entropy and the number of distinct items grow with the sample. Every measure here is in a form that does not:
unbiased for pairs, corrected for unseen items, or rarefied to a fixed number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, exp1, gammaln

from detectors.core.detector import Context, Detector
from detectors.core.hashing import distinct
from detectors.core.measurement import Measure, Measurement, Unit
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import Floor, History
from detectors.statistics.item_counts import ANYWHERE, ItemCounts
from detectors.statistics.list_tally import LONGEST, ListTally
from detectors.statistics.panel import Panel

Counts = NDArray[np.float64]

ENOUGH_USERS = 4000  # of a slice, to say how much lists vary: more cost time and change nothing
LEAST_REQUESTS = 100  # independent requests below which diversity says too little
UNSEEN_ERROR = 0.1  # of what unseen items are thought to add to the entropy, this share may be wrong


@dataclass(frozen=True)
class Diversity(Detector):
    """Overlap between lists, effective number of items, and coverage at a fixed sample size.

    Lists of one user resemble each other, and the fewer users a window has, the more of its pairs are of one user. So
    overlap and order 2 compare lists of different users, and what a user gets again is counted once elsewhere.

    Parameters
    ----------
    rarefied_to : int
        Rows to which distinct items and coverage are brought down; slices with fewer have too few.
    overlap_above : float
        Limit for the overlap between lists that holds without history.
    alike : float
        Least relative rise of that overlap which says that personalisation is lost: 1 is twice as much.
    fall, rise : float
        Least relative change against history that matters.

    References
    ----------
    M. O. Hill, "Diversity and evenness", Ecology 54, 1973 (effective numbers).
    E. H. Simpson, "Measurement of diversity", Nature 163, 1949 (unbiased order 2).
    A. Chao, Y. T. Wang and L. Jost, "Entropy and the species accumulation curve", Methods in Ecology and Evolution 4,
    2013.
    S. H. Hurlbert, "The nonconcept of species diversity", Ecology 52, 1971 (rarefaction).
    """

    name = "diversity"
    statistics = (ItemCounts, ListTally, Panel)
    telling = 40

    rarefied_to: int = 500
    overlap_above: float = 0.6
    alike: float = 1.0
    fall: float = 0.3
    rise: float = 0.5

    def measures(self) -> tuple[Measure, ...]:
        down = (History("down", change=self.fall, relative=True),)
        return (
            Measure("list_overlap", Unit.RATIO,
                    "Share of a list's items that another request's list has too, on average.",
                    (Floor(above=self.overlap_above),
                     History("up", change=self.alike, relative=True, severity=Severity.PAGE, least=0.02),
                     History("up", change=0.05)),
                    frozenset({"request"}), LEAST_REQUESTS,
                    "any two lists share {value} of their items", of_sameness=True),
            Measure("effective_items_q1", Unit.ITEMS,
                    "Effective number of items, order 1: exponential of the entropy.", down,
                    least_n=LEAST_REQUESTS, says="as diverse as if {value} items were shown equally often"),
            Measure("effective_items_q2", Unit.ITEMS,
                    "Effective number of items, order 2: one over the chance that two rows show one item.", down,
                    least_n=LEAST_REQUESTS,
                    says="as diverse as if {value} items were shown equally often (frequent ones count more)"),
            Measure("distinct_items", Unit.ITEMS, f"Distinct items expected among {self.rarefied_to} rows.", down,
                    least_n=LEAST_REQUESTS, says="{value} distinct items among so many rows"),
            Measure("coverage", Unit.RATIO, f"Share of the catalogue expected among {self.rarefied_to} rows.", down,
                    frozenset({"catalog"}), LEAST_REQUESTS, "{value} of the catalogue among so many rows"),
        )  # fmt: skip

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        counts, lists = summary[ItemCounts], summary[ListTally]
        members = summary.members(counts)
        requests = summary.members(lists) @ lists.counts[:, 1 : LONGEST + 1].sum(axis=1).astype(float)
        n = requests / summary.clustering
        panel = _Panel(summary)
        out = {m: np.full((2, len(members)), np.nan) for m in ("overlap", "q1", "q2", "distinct")}
        for s, totals in enumerate(summary.totals(ItemCounts, ANYWHERE)):
            total = totals.sum()
            panel.turn_to(s)
            if total < 2 or len(panel.sizes) < 2:
                continue
            p, width = totals / total, total / requests[s]
            same_user = panel.within_users(requests[s])

            # Pairs of different users: those of one user's lists would say the less, the more users there are.
            shared = (totals**2).sum() - total - same_user.shared
            pairs, pairs_of_rows = requests[s] ** 2 - same_user.lists, total**2 - same_user.rows
            several = pairs > 1e-9 * requests[s] ** 2
            if several:  # where no item is shared: known to within one
                out["overlap"][:, s] = 0, 2 / (n[s] ** 2 * width)
            if several and shared > 1e-9 * total and pairs_of_rows > 0:
                # Where lists are almost unlike, the number of shared items is a count: its own (Poisson) error adds to
                # that of which lists were seen.
                few = np.sqrt(2 / (n[s] ** 2 * width**2 * (p**2).sum()))
                overlap, alike = shared / pairs / width, shared / pairs_of_rows
                slope = 2 * p / (p**2).sum()
                out["overlap"][:, s] = overlap, overlap * np.hypot(panel.error(slope, 1.0, total), few)
                out["q2"][:, s] = 1 / alike, np.hypot(panel.error(slope, 2.0, total), few) / alike

            # Rows of one user that repeat an item tell nothing new: count them once, on average.
            by_chance = max(shared / pairs, 0.0) * (same_user.lists - requests[s]) if several else 0.0
            repeats = 1 + max(same_user.shared - by_chance, 0.0) / total
            c = totals / repeats
            entropy, slope, unseen = _entropy(c)
            q1 = np.exp(entropy)
            error = np.hypot(panel.error(slope, (p * slope).sum(), total), UNSEEN_ERROR * unseen)
            out["q1"][:, s] = q1, q1 * error
            if c.sum() >= self.rarefied_to:
                gain = self.rarefied_to * np.exp(-self.rarefied_to * np.maximum(c - 0.5, 0) / c.sum())
                error = panel.error(gain, (p * gain).sum(), total)
                out["distinct"][:, s] = rarefied(c[c > 0], self.rarefied_to), error
        if "request" in summary.has:
            yield Measurement("list_overlap", out["overlap"][0], out["overlap"][1], n)
        yield Measurement("effective_items_q1", out["q1"][0], out["q1"][1], n)
        yield Measurement("effective_items_q2", out["q2"][0], out["q2"][1], n)
        yield Measurement("distinct_items", out["distinct"][0], out["distinct"][1], n)
        if context.catalog is not None:
            value, error = out["distinct"] / len(context.catalog)
            yield Measurement("coverage", value, error, n)


def chao_wang_jost_entropy(counts: Counts) -> float:
    """Shannon entropy (nats) of a population from the counts in a sample, nearly unbiased.

    Parameters
    ----------
    counts : array, shape (species,)
        All above zero.

    References
    ----------
    Chao, Wang and Jost 2013, equation 7.

    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> small = np.bincount(rng.integers(0, 1000, 2000)); small = small[small > 0].astype(float)
    >>> round(float(np.log(1000)), 2), round(float(chao_wang_jost_entropy(small)), 2)
    (6.91, 6.92)
    """
    return _entropy(counts)[0]


def _entropy(counts: Counts) -> tuple[float, Counts, float]:
    """Entropy, what one more row of each item changes in it (times the rows), and how much of it is of unseen items.

    Counts may be zero, or fractions when repeats were averaged out.
    """
    n, seen = counts.sum(), counts > 0
    observed = float((counts[seen] / n * (digamma(n) - digamma(counts[seen]))).sum())
    slope = np.zeros(len(counts))
    slope[seen] = -np.log(counts[seen] / n)
    times = np.minimum(np.maximum(np.round(counts), seen), 4).astype(np.int64)
    singles, doubles = int((times == 1).sum()), int((times == 2).sum())
    unseen = _of_unseen(singles, doubles, n)
    single, double = (_of_unseen(singles + i, doubles + j, n) - unseen for i, j in ((1, 0), (0, 1)))
    slope += n * np.array([0, single, double - single, -double, 0])[times]
    return observed + unseen, slope, unseen


def _of_unseen(singles: int, doubles: int, n: float) -> float:
    """What the items that were not seen add to the entropy, as told by those seen once and twice."""
    if not singles or n < 2:
        return 0.0
    if doubles:
        a = 2 * doubles / ((n - 1) * singles + 2 * doubles)
    else:
        a = 2 / ((n - 1) * (singles - 1) + 2)
    return singles / n * _tail(1 - a, n) if a < 1 else 0.0


def _tail(x: float, n: float) -> float:
    """Sum over k >= 0 of x^(k+1) / (n+k): what the unseen add for each singleton.

    The first terms one by one; the rest as an integral with its first corrections (Euler and Maclaurin).
    """
    k = np.arange(16)
    first, rate, m = x ** (len(k) + 1), -np.log(x), n + len(k)
    z = rate * m
    integral = float(exp1(z) * np.exp(z)) if z < 500 else 1 / z - 1 / z**2
    rest = integral + 0.5 / m + (rate + 1 / m) / m / 12
    return float((x ** (k + 1) / (n + k)).sum() + first * rest)


def rarefied(counts: Counts, to: int) -> float:
    """Distinct items expected in a sample of `to` rows without replacement.

    References
    ----------
    Hurlbert 1971, equation 13.

    >>> import numpy as np
    >>> round(rarefied(np.array([2.0, 1.0]), 2), 4)  # the pairs of AAB: AA, AB, AB
    1.6667
    """
    n = counts.sum()
    sizes, times = np.unique(counts, return_counts=True)
    left = n - sizes
    log_absent = np.where(
        left >= to,
        gammaln(left + 1) - gammaln(np.maximum(left - to, 0) + 1) - gammaln(n + 1) + gammaln(n - to + 1),
        -np.inf,
    )
    return float((times * -np.expm1(log_absent)).sum())


class _SameUser(NamedTuple):
    """Ordered pairs of one user: items that two lists share; pairs of lists, and of rows, each with itself included."""

    shared: float
    lists: float
    rows: float


class _Panel:
    """What only whole lists of users can tell of a slice: how much lists vary, and how alike those of one user are."""

    def __init__(self, summary: Summary) -> None:
        self.panel = panel = summary[Panel]
        self.members = summary.members(panel)
        self.length = np.diff(panel.offsets)
        self.item = np.searchsorted(summary[ItemCounts].keys, panel.item)
        self.user, self.owner = panel.person, panel.person[panel.request_user]
        several = (np.bincount(self.owner) >= 2)[self.owner]
        row = np.flatnonzero(np.repeat(several, self.length))
        width = np.int64(max(len(summary[ItemCounts].keys), 1))
        request, item = np.divmod(  # an item twice in one list counts once
            distinct((np.searchsorted(panel.offsets, row, "right") - 1) * width + self.item[row]), width
        )
        code = self.owner[request] * width + item
        order = np.argsort(code)
        self.code, self.code_request = code[order], request[order]

    def turn_to(self, s: int) -> None:
        """Look at the sampled requests of a slice from now on."""
        users, requests, _ = self.panel.sample_of(self.members[s])
        if users.sum() > ENOUGH_USERS:  # those with the smaller hashes: a sample of the sample
            users &= self.panel.user <= np.partition(self.panel.user[users], ENOUGH_USERS)[ENOUGH_USERS]
            requests = users[self.panel.request_user]
        self.users, self.requests = users, requests & (self.length > 0)
        self.rows = self.item[np.repeat(self.requests, self.length)]
        self.sizes = self.length[self.requests]
        self.starts = np.cumsum(self.sizes) - self.sizes

    def error(self, slope: Counts, each: float, total: float) -> float:
        """Standard error of a statistic by the delta method; users are what is independent, not lists.

        Parameters
        ----------
        slope : array, shape (items,)
            What a row of an item adds, times all rows.
        each : float
            What any row takes away, by adding to the total.
        total : float
            Rows of the slice.
        """
        sums = np.add.reduceat(slope[self.rows], self.starts) - each * self.sizes
        of_user = np.bincount(self.owner[self.requests], sums - sums.mean())
        users = max(int((np.bincount(self.owner[self.requests]) > 0).sum()), 2)
        return float(np.sqrt((of_user**2).sum() * users / (users - 1) / total / len(self.rows)))

    def within_users(self, requests: float) -> _SameUser:
        """Pairs of lists of one user, counted in the sample and brought up to the slice's requests."""
        size = int(self.user.max()) + 1
        made = np.bincount(self.user[self.users], self.panel.user_requests[self.users], size)
        kept = np.bincount(self.owner[self.requests], minlength=size)
        rows = np.bincount(self.owner[self.requests], self.sizes, size)
        made, scale = np.where(kept > 0, made, 0), requests / made[kept > 0].sum()
        here = np.flatnonzero(self.requests[self.code_request])
        code = self.code[here]
        start = np.flatnonzero(np.diff(code, prepend=-1))
        times = np.diff(start, append=len(code))
        owner = self.owner[self.code_request[here[start]]]
        more = np.divide(made * (made - 1), kept * (kept - 1), out=np.ones(size), where=kept > 1)
        shared = (times * (times - 1) * more[owner]).sum()
        of_rows = ((rows * made / np.maximum(kept, 1)) ** 2).sum()
        return _SameUser(scale * shared, scale * (made**2).sum(), scale * of_rows)
