"""The catalogue for a window: its ids in the form that the log has them in, or in words why they cannot be matched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from detectors.core.catalog import Catalog
from detectors.core.detector import Earlier
from detectors.core.hashing import U64
from detectors.core.summary import Summary
from detectors.statistics.item_counts import ItemCounts
from monitor.catalog.read import CatalogRead
from monitor.config.models import CATALOG_PARTS
from monitor.evaluation import CatalogSeen
from monitor.windows import EPOCH

MOST_OF_A_DAY = 20  # hours: what lasted so long goes on


@dataclass(frozen=True, eq=False)
class KnownItems:
    """What is known of the items in a window.

    Parameters
    ----------
    catalog : Catalog or None
        None when there is none, or nothing in it is of the log.
    lacks : mapping of text to text
        Why what should be known is not, in the words of `Measure.needs`: "catalog", "catalog.family".
    seen : CatalogSeen or None
        For people.
    """

    catalog: Catalog | None = None
    lacks: Mapping[str, str] = field(default_factory=dict)
    seen: CatalogSeen | None = None


def known_items(
    read: CatalogRead, summary: Summary, earlier: Callable[[], Iterable[Earlier]], start_us: int
) -> KnownItems:
    """Match a catalogue with the items of a window.

    Ids are looked for as the catalogue has them; where none is found, as texts instead of numbers or the other way
    round. When still none is, either the log is at fault or it is another catalogue: the day before tells. A catalogue
    whose items were never shown says nothing of a window, and least of all that its items are unknown.

    Parameters
    ----------
    earlier : callable
        The windows of the day before that are still known, the newest first.
    start_us : int
        Start of the window.
    """
    keys = summary[ItemCounts].keys
    lacks = {f"catalog.{part}": why for part, why in read.lacks.items()}
    remarks = list(read.remarks)
    catalog: Catalog | None = read.catalog
    if len(keys) and not _any_of(read.catalog, keys):
        now = "texts" if read.integers else "numbers"
        if _any_of(read.in_other_form, keys):
            catalog = read.in_other_form
            remarks.append(f"its ids are matched as {now}, which the log has")
            if left_out := len(read.catalog) - len(catalog):
                remarks.append(f"{left_out:,} items are not known: their ids are not numbers")
        else:
            catalog = _of_the_day_before(read, earlier, start_us)
    if catalog is None:
        example = summary[ItemCounts].name_text[:1].tolist()
        log = f' (the log has "{example[0]}", the catalogue {read.example})' if example else ""
        why = f"no item of the window is in the catalogue{log}: is it the catalogue of these items?"
        lacks = nothing_known(why)
        remarks.append(why)
    modified = EPOCH + timedelta(microseconds=read.modified_us) if read.modified_us else None
    seen = CatalogSeen(len(read.catalog), read.catalog.repeated, modified, tuple(remarks))
    return KnownItems(catalog, lacks, seen)


def nothing_known(why: str) -> dict[str, str]:
    """No part of the catalogue is there, for one reason."""
    return dict.fromkeys(["catalog", *(f"catalog.{part}" for part in CATALOG_PARTS)], why)


def _any_of(catalog: Catalog, keys: U64) -> bool:
    return bool((catalog.find(keys) >= 0).any())


def _of_the_day_before(
    read: CatalogRead, earlier: Callable[[], Iterable[Earlier]], start_us: int
) -> Catalog | None:
    """The catalogue in the form in which it knew items of an earlier window; None when it knew none.

    What has gone on for a day goes on: where there was an incident in every one of so many windows, they say nothing.
    """
    troubled, oldest = True, start_us
    for window in earlier():
        shown = window.summary[ItemCounts].keys
        for catalog in (read.catalog, read.in_other_form):
            if len(shown) and _any_of(catalog, shown):
                return catalog
        troubled, oldest = troubled and window.troubled, window.start_us
    hours = (start_us - oldest) / 3_600_000_000
    return read.catalog if troubled and hours >= MOST_OF_A_DAY else None
