"""How loudly a slice may tell what wider ones tell as a ticket, and they what it tells as a page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from detectors.core.measurement import Unit
from detectors.core.verdict import Severity
from monitor.incidents.breach import Breach
from monitor.incidents.place import within

SURELY = 3.0  # standard errors that a slice must lie beyond a wider one
BEYOND = 1.5  # times the requests of a slice that a wider place must have off: it is not that slice alone


def as_loud_as_wider(breaches: Sequence[Breach], off: Sequence[Breach] = ()) -> list[Breach]:
    """The same; a page of a slice that shows what a wider one shows as a ticket, but for chance, is a ticket.

    Trouble of everybody that is worth a ticket reaches the size of a page in one thin slice or the other by chance, in
    every window in another one. A slice that is worse off surely stays a page, and so does what is beyond an absolute
    limit.

    Parameters
    ----------
    off : sequence of Breach
        Places that are off for sure, though by less than anybody is told of.
    """
    return [_no_louder(breach, [*breaches, *off]) for breach in breaches]


def _no_louder(breach: Breach, others: Sequence[Breach]) -> Breach:
    if breach.severity is not Severity.PAGE or breach.by_floor or breach.measure.unit is not Unit.RATIO:
        return breach
    wider = [
        b
        for b in others
        if b.name == breach.name and b.where != breach.where and within(breach.where, b.where)
    ]
    explained = any(
        b.severity is Severity.TICKET and b.rises == breach.rises and alike(breach, b) for b in wider
    )
    return replace(breach, severity=Severity.TICKET) if explained else breach


def as_loud_as_parts(breaches: Sequence[Breach], may_page: Collection[str]) -> list[Breach]:
    """The same; a ticket is a page where a part of it, or what follows from it, is one.

    One kind of trouble is then told once and where it is. Lists that a third of all requests get may be worth a ticket
    by their number, while the same item or list passes the limit of a page in one thin slice, in another one each hour.
    What shows in a slice alone leaves the wider place as it is, and so does what is no page anywhere.

    Parameters
    ----------
    may_page : collection of str
        Detectors that may wake somebody.
    """
    at = {(b.name, b.slice): b for b in breaches}
    pages = [b for b in breaches if b.severity is Severity.PAGE]

    def is_one(breach: Breach) -> bool:
        quiet = breach.severity is Severity.TICKET and breach.conclusive and breach.detector in may_page
        return quiet and any(_is_part(page, breach, at) for page in pages)

    return [replace(b, severity=Severity.PAGE) if is_one(b) else b for b in breaches]


def _is_part(page: Breach, ticket: Breach, at: Mapping[tuple[str, str], Breach]) -> bool:
    """Whether a page is what a ticket tells, seen in a part of its place, or follows from it by arithmetic."""
    follows = ticket.name in page.measure.follows
    if page.where == ticket.where:
        return follows
    same = page.name == ticket.name and page.item == ticket.item and page.measure.of_sameness
    alone = at.get((ticket.name, page.slice), page)
    return (follows or same) and within(page.where, ticket.where) and ticket.excess >= BEYOND * alone.excess


def alike(breach: Breach, wider: Breach) -> bool:
    """Whether a share is what the wider place's would be in a sample as small as this."""
    if breach.measure.averaged:
        error = np.hypot(breach.error, wider.error)
    else:
        share = min(max(wider.value, 0.0), 1.0)
        error = np.sqrt(share * (1 - share) / max(breach.n, 1.0))
    return bool(abs(breach.value - wider.value) < SURELY * error)
