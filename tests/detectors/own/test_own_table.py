"""Tables in a notebook: whatever gives columns by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from detectors import discover, measure, share_of_rows, summarise

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


class Frame:
    """As data frames are: columns by name, their names in `columns`."""

    def __init__(self, rows: dict[str, list[Any]]) -> None:
        self.columns, self._rows = list(rows), rows

    def __getitem__(self, name: str) -> Any:
        return np.array(self._rows[name], object)


@pytest.mark.parametrize("table", [ROWS, pa.table(ROWS), Frame(ROWS)], ids=["mapping", "arrow", "frame"])
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


def test_a_plot_draws_every_slice() -> None:
    class Axes:
        def errorbar(self, x: Any, y: Any, xerr: Any, fmt: str) -> None:
            self.drawn = (list(x), list(y), len(xerr))

        def set_yticks(self, at: Any, texts: Any) -> None:
            self.texts = texts

        def invert_yaxis(self) -> None:
            pass

        def set_xlabel(self, text: str) -> None:
            self.label = text

    found = measure(pricey(), summarise(ROWS, COLUMNS, slices=["country"], detectors=[pricey()]))
    axes = found.plot(Axes())
    assert axes.drawn == (found.columns["value"], [0, 1, 2, 3], 4)
    assert axes.texts == found.columns["slice"]
    assert axes.label == "share (ratio)"
