"""Tables in a notebook: whatever gives columns by name; pandas, polars and Arrow in all their types."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from matplotlib.figure import Figure

from detectors import as_batch, discover, measure, share_of_rows, summarise

ROWS = {
    "req": ["r1", "r1", "r2", "r2", "r3"],
    "who": ["ann", "ann", "bob", "bob", None],
    "product": ["pen", "car", "pen", "pen", "hat"],
    "place": [2, 1, 1, 2, 1],
    "price": [2.0, 20_000.0, 2.0, None, 9.0],
    "country": ["DE", "DE", "US", "US", None],
}
COLUMNS = {"request": "req", "user": "who", "item": "product", "position": "place"}


@share_of_rows(columns={"price": float})
def pricey(batch: Any) -> Any:
    """Share of items over 1000."""
    return batch["price"] > 1000


TABLES = {
    "mapping": ROWS,
    "arrow": pa.table(ROWS),
    "pandas": pd.DataFrame(ROWS),
    "polars": pl.DataFrame(ROWS),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_any_table(table: Any) -> None:
    summary = summarise(table, COLUMNS, slices=["country"], detectors=[pricey(), discover()["lists"]()])
    found = measure(pricey(), summary)
    assert found["share", "all"] == pytest.approx(1 / 5)
    assert found["share", "country=DE"] == pytest.approx(1 / 2)
    assert found.columns["slice"] == ["all", "country=(none)", "country=DE", "country=US"]
    assert measure(discover()["lists"](), summary)["repeat_share", "all"] == pytest.approx(1 / 3)
    assert "share                       country=DE" in repr(found)
    with pytest.raises(KeyError):
        found["share", "country=FR"]


def test_slices_are_called_as_those_of_a_log() -> None:
    table = {"item": ["a"] * 3, "request": [1, 2, 3], "new": [True, False, True], "level": [1, 2, 2]}
    found = measure(discover()["lists"](), summarise(table, slices=["new", "level"]))
    assert {"new=false", "new=true", "level=1", "level=2,new=true"} <= set(found.columns["slice"])


def test_what_is_missing_is_told() -> None:
    with pytest.raises(KeyError, match="no column of items: name it in columns="):
        summarise({"x": [1]})
    with pytest.raises(KeyError, match="the table has no column 'place'"):
        summarise({"item": ["a"]}, {"position": "place"})
    with pytest.raises(KeyError, match="'itm' is no role: use some of item, request, user"):
        summarise({"item": ["a"]}, {"itm": "item"})


TYPES = {"brand": str, "rank": float, "is_new": bool}
TYPED = {
    "brand": ["b1", None, "b2", "b1"],
    "rank": [1, 2, None, 4],
    "is_new": [True, None, False, True],
    "item": [7, 8, 9, 7],
    "when": [datetime(2026, 3, 2, h, tzinfo=UTC) for h in range(4)],
    "country": ["DE", None, "US", "DE"],
}


@pytest.mark.parametrize(
    "table",
    [
        TYPED,
        pa.table(TYPED),
        pa.table(TYPED).set_column(0, "brand", pa.array(TYPED["brand"]).dictionary_encode()),
        pd.DataFrame(TYPED),
        pd.DataFrame(TYPED).convert_dtypes(),
        pd.DataFrame(TYPED).astype({"brand": "category"}).sort_index(ascending=True),
        pl.DataFrame(TYPED),
        pl.DataFrame(TYPED).with_columns(pl.col("brand").cast(pl.Categorical)),
    ],
    ids=["mapping", "arrow", "dictionary", "pandas", "pandas_nullable", "category", "polars", "categorical"],
)
def test_columns_of_every_type_with_values_that_are_missing(table: Any) -> None:
    @share_of_rows(columns=TYPES)
    def anything(batch: Any) -> Any:
        """Anything."""
        return batch["is_new"]

    batch = as_batch(table, {"timestamp": "when"}, slices=["country"], detectors=[anything()])
    columns = batch.columns
    assert np.asarray(columns["text:brand"]).tolist() == TYPED["brand"]
    assert columns["number:rank"].tolist() == pytest.approx([1, 2, np.nan, 4], nan_ok=True)
    assert columns["flag:is_new"].tolist() == [True, False, False, True]
    assert [batch.item_names[i] for i in batch.item] == ["7", "8", "9", "7"]
    assert batch.time.tolist() == [int(at.timestamp()) * 10**6 for at in TYPED["when"]]
    assert sorted(batch.cells.values) == [("(none)",), ("DE",), ("US",)]


def test_times_of_any_zone() -> None:
    summer = timezone(timedelta(hours=2))
    whens: list[Any] = [
        [datetime(2026, 7, 2, 14, 0, 0, 250, summer)],
        [datetime(2026, 7, 2, 12, 0, 0, 250)],
        np.array(["2026-07-02T12:00:00.000250"], "datetime64[ns]"),
        [1_782_993_600_000_250],
    ]
    for when in whens:
        batch = as_batch({"item": ["a"], "timestamp": when})
        assert batch.time.tolist() == [1_782_993_600_000_250]


def test_what_was_found_is_a_table() -> None:
    found = measure(
        pricey(), summarise(pd.DataFrame(ROWS), COLUMNS, slices=["country"], detectors=[pricey()])
    )
    frame = pd.DataFrame(found.columns)
    assert frame.set_index(["measure", "slice"]).loc[("share", "country=DE"), "value"] == 0.5
    assert pl.DataFrame(found.columns).shape == pa.table(found.columns).shape == (4, 6)


def test_a_plot_draws_every_slice() -> None:
    found = measure(pricey(), summarise(ROWS, COLUMNS, slices=["country"], detectors=[pricey()]))
    axes = Figure().subplots()
    assert found.plot(axes) is axes
    (points, _, (bars,)) = axes.containers[0]
    assert points.get_xdata().tolist() == found.columns["value"]
    assert points.get_ydata().tolist() == [0, 1, 2, 3]
    value, error = found.columns["value"][2], found.columns["error"][2]
    assert bars.get_segments()[2][:, 0] == pytest.approx([value - 2 * error, value + 2 * error])
    assert [label.get_text() for label in axes.get_yticklabels()] == found.columns["slice"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the whole on top"
    assert axes.get_xlabel() == "share (ratio)"


def test_a_measure_that_was_not_made_is_not_drawn() -> None:
    found = measure(pricey(), summarise(ROWS, COLUMNS, detectors=[pricey()]))
    with pytest.raises(KeyError, match="'mean' was not measured: there is share"):
        found.plot(Figure().subplots(), "mean")
