"""The primary finding: of all that is off, what a person reads first, at the place to blame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.core.measurement import Unit
from detectors.core.verdict import Severity
from monitor.incidents.breach import Breach
from monitor.incidents.place import find_place, meet

AS_MUCH = 0.9  # of the requests concerned
UNRANKED = 50  # how much a detector tells that does not say


def find_primary(
    breaches: Sequence[Breach], telling: Mapping[str, int], others: Sequence[Breach] = ()
) -> Breach:
    """The most telling breach, at the place to blame.

    Severity comes first, then how much a detector tells; of one detector the measure that is declared first among
    those that show about as much. What a single measure moves by arithmetic is never named before it, where both are
    off: an item that few users get because they make very many requests is not what is wrong.

    Parameters
    ----------
    telling : mapping of detector to int
    others : sequence of Breach
        That are no reason to tell somebody by themselves; of one measure, the place may be among them, and what moves
        a breach that is a reason.
    """
    told = _movers(breaches, others)
    top = max(_rank(b, telling) for b in told)
    loudest = [b for b in told if _rank(b, telling) == top]
    most: dict[Unit, float] = {}
    for b in loudest:
        most[b.measure.unit] = max(b.excess, most.get(b.measure.unit, 0.0))
    best = min(
        (b for b in loudest if b.excess >= AS_MUCH * most[b.measure.unit]),
        key=lambda b: (b.order, -b.excess, b.slice),
    )
    same = [b for b in (*breaches, *others) if b.name == best.name and b.item == best.item]
    return find_place([b for b in same if b.severity is best.severity] or [best])


def _movers(breaches: Sequence[Breach], others: Sequence[Breach]) -> list[Breach]:
    """The breaches, but in place of those that single measures move what moves them."""
    out: list[Breach] = []
    for breach in breaches:
        moved_by = [
            b for b in (*breaches, *others)
            if b.name in breach.measure.follows and b.severity is breach.severity and meet(b.where, breach.where)
        ]  # fmt: skip
        out += moved_by or [breach]
    return out


def _rank(breach: Breach, telling: Mapping[str, int]) -> tuple[bool, int]:
    return breach.severity is Severity.PAGE, telling.get(breach.detector, UNRANKED)
