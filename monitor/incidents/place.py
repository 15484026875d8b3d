"""The place: the smallest part of the traffic that explains a breach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.incidents.breach import Breach

EXPLAINS = 0.75  # share of what is off that the place must hold
CLEARER = 1.15  # a smaller place must show the trouble this much more clearly


def find_place(breaches: Sequence[Breach]) -> Breach:
    """Of the breaches of one measure, that of the slice to blame.

    Going from the whole to single values to pairs, a smaller slice is taken when it holds nearly all that is off and
    shows it clearly more: when everybody is hit, every slice shows the same and the whole remains.

    References
    ----------
    After R. Bhagwan et al., "Adtributor: revenue debugging in advertising systems", NSDI 2014 (explanatory power,
    succinctness, surprise).
    """
    total = max(b.excess for b in breaches)
    explaining = [b for b in breaches if b.excess >= EXPLAINS * total]
    best: Breach | None = None
    for columns in sorted({len(b.where) for b in explaining}):
        found = max((b for b in explaining if len(b.where) == columns), key=lambda b: (b.effect, b.slice))
        if best is None or found.effect > CLEARER * best.effect:
            best = found
    assert best is not None  # the breach with the largest excess explains itself
    return best


def meet(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two places can share traffic.

    >>> meet({}, {"country": "DE"}), meet({"c": "A"}, {"d": "x"}), meet({"c": "A"}, {"c": "B", "d": "x"})
    (True, True, False)
    """
    return all(other.get(column, value) == value for column, value in one.items())


def within(inner: Mapping[str, str], outer: Mapping[str, str]) -> bool:
    """Whether all traffic of one place is traffic of the other.

    >>> within({"c": "A", "d": "x"}, {"c": "A"}), within({}, {}), within({}, {"c": "A"})
    (True, True, False)
    """
    return outer.items() <= inner.items()
