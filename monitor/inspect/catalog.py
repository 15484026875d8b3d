"""Which column of a catalogue is the item's id, and which parts the others play."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from monitor.config.problems import shown
from monitor.errors import UserError
from monitor.inspect.names import best_match, tokens
from monitor.inspect.sample import SampleColumn, read_sample
from monitor.inspect.survey import survey
from monitor.logs.source import Source

PARTS = {
    "category": (
        "category category_id category_name department genre product_type item_type taxonomy section topic"
    ),
    "family": (
        "family family_id product_family parent_id parent_item_id group_id item_group_id style_id "
        "variant_of canonical_id"
    ),
    "provider": (
        "provider provider_id brand seller seller_id vendor vendor_id supplier publisher artist "
        "manufacturer author"
    ),
    "created_at": (
        "created_at created added_at published_at release_date released_at available_from first_seen "
        "launch_date"
    ),
    "blocked": ("blocked is_blocked disabled is_disabled banned hidden discontinued is_deleted deleted"),
    "out_of_stock": ("out_of_stock is_out_of_stock sold_out is_sold_out"),
}


@dataclass(frozen=True, eq=False)
class Catalog:
    """A catalogue as it was found.

    Parameters
    ----------
    parts : dict of part to column
    """

    path: str
    item: str
    ids: frozenset[str]
    rows: int
    parts: dict[str, str] = field(default_factory=dict)
    duplicates: int = 0


def read_catalog(source: Source, path: str) -> Catalog:
    """Look at a catalogue file.

    Raises
    ------
    UserError
        When no column has an id for each item.
    """
    found = read_sample(source, survey(source, path))
    columns = [c for c in found.columns.values() if not c.listed]
    scored = [(s, c.path) for c in columns if (s := _id_score(c))]
    if not scored:
        names = ", ".join(shown(c.path) for c in columns)
        raise UserError(
            f"--catalog {path}: no column looks like the item's id, one value a row; it has {names}"
        )
    item = max(scored)[1]
    column = found.columns[item]
    parts = {}
    for part, names in PARTS.items():
        usual = names.split()
        fit = [c for c in columns if c.path != item and "_".join(tokens(c.path)) in usual]
        if fit:
            parts[part] = min(fit, key=lambda c: usual.index("_".join(tokens(c.path)))).path
    repeated = int((column.counts - 1)[column.counts > 1].sum())
    return Catalog(path, item, frozenset(column.names), len(column.codes), parts, repeated)


def _id_score(column: SampleColumn) -> float:
    """How much a column looks like the id of items: its name, and hardly a value twice."""
    unique = column.distinct / max(1, len(column.codes))
    if unique < 0.5 or column.type.startswith(("timestamp", "float", "double", "bool")):
        return 0.0
    words = tokens(column.path)
    by_name = best_match("item", column.path) or (
        100 if words == ["id"] else 20 if words[-1] in ("id", "key") else 0
    )
    return by_name + unique


def share_known(ids: Collection[str], names: list[str], counts: np.ndarray) -> float:
    """Share of rows whose item is one of `ids`."""
    known = np.array([name in ids for name in names], bool)
    return float(counts[known].sum() / max(1, counts.sum()))
