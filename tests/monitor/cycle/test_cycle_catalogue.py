"""Catalogues of all kinds on the way through: what is not known is said, and is never taken for unknown items."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_shop import ITEMS, LONG_AGO, cycle, due_at, history, hour, rows_of, shop, write_hour, write_hours

from monitor.config.models import CatalogConfig, RecommenderConfig
from monitor.evaluation import Evaluation
from monitor.store import Store

NAMES = [f"item-{i}" for i in range(ITEMS)]


def with_catalogue(folder: Path, **columns: Any) -> RecommenderConfig:
    path = folder / "items.parquet"
    if columns:
        pq.write_table(pa.table(columns), path)
        os.utime(path, (LONG_AGO, LONG_AGO))
    parts = {part: part for part in ("blocked", "category") if part in columns}
    return shop(folder / "log", catalog=CatalogConfig(path=str(path), columns=parts))


def value(evaluation: Evaluation, measure: str) -> float | None:
    return next((f.value for f in evaluation.findings if f.measure == measure and f.slice == "all"), None)


def numbered(k: int) -> list[dict[str, Any]]:
    return [{**row, "item_id": int(row["item_id"].removeprefix("item-"))} for row in rows_of(k)]


def test_the_catalogue_that_was_used_is_kept_with_the_evaluation(tmp_path: Path) -> None:
    write_hours(tmp_path / "log", range(2))
    recommender = with_catalogue(tmp_path, item_id=[*NAMES, NAMES[0]])
    with Store.in_memory() as store:
        cycle(recommender, store, due_at(1))
        for evaluation in store.evaluations("shop"):
            seen = evaluation.read.catalog
            assert seen is not None
            assert (seen.items, seen.repeated) == (ITEMS, 1)
            assert seen.remarks == ("1 row is left out: its id came before",)


@pytest.mark.parametrize("log_has", ["numbers", "texts"])
def test_numbers_and_texts_are_the_same_ids(tmp_path: Path, log_has: str) -> None:
    rows = numbered(0)
    if log_has == "texts":
        rows = [{**row, "item_id": str(row["item_id"])} for row in rows]
    write_hour(tmp_path / "log", 0, rows)
    ids = list(range(ITEMS)) if log_has == "texts" else [str(i) for i in range(ITEMS)]
    [found] = history(with_catalogue(tmp_path, item_id=ids), 1)
    assert value(found, "diversity.coverage") is not None
    assert found.read.catalog is not None
    assert found.read.catalog.remarks == (f"its ids are matched as {log_has}, which the log has",)


def test_another_catalogue_says_nothing_of_the_items(tmp_path: Path) -> None:
    write_hours(tmp_path / "log", range(4))
    for found in history(with_catalogue(tmp_path, item_id=["m-1"], blocked=[True]), 4):
        why = {c.measure: c.why for c in found.cannot_measure}
        assert why["diversity.coverage"].startswith("no item of the window is in the catalogue (the log has ")
        assert not any(name.startswith("catalog.") for name in found.findings.measures)
        assert not found.open_incidents


def test_a_catalogue_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    write_hours(tmp_path / "log", range(3))
    recommender, path = with_catalogue(tmp_path, item_id=NAMES), tmp_path / "items.parquet"
    with Store.in_memory() as store:
        cycle(recommender, store, due_at(0))
        path.rename(tmp_path / "away.parquet")
        [away] = cycle(recommender, store, due_at(1))
        assert {c.measure: c.why for c in away.cannot_measure}["diversity.coverage"] == (
            f"catalogue {path}: does not exist: check catalog.path"
        )
        assert away.read.catalog is None
        (tmp_path / "away.parquet").rename(path)
        [back] = cycle(recommender, store, due_at(2))
        assert (back.window, value(back, "diversity.coverage") is not None) == (hour(2), True)
