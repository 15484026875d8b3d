"""History of the bench is as a shop's: as many slices and measures as asked for, and values that differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monitor.store import Store
from tests.bench import history
from tests.bench.history import Shop
from tests.bench.window import HOUR


def test_windows_are_in_order_and_differ_by_their_errors(tmp_path: Path) -> None:
    shop = Shop.of(10, 12, tmp_path)
    hours = list(shop.hours(2))
    assert [h.window.end for h in hours[:-1]] == [h.window.start for h in hours[1:]]
    assert (len(hours), hours[-1].window.end) == (48, HOUR.start)
    assert (len(shop.findings.slices), len(shop.measured.found)) == (10, 12)
    c = shop.findings.columns
    known = np.isfinite(c["value"]) & (c["error"] > 0) & np.isfinite(c["error"])
    assert known.sum() > 50
    away = [(h.findings.columns["value"] - c["value"])[known] / c["error"][known] for h in hours]
    assert 0.9 < np.std(away) < 1.1
    assert all(np.array_equal(h.findings.columns["slice"], c["slice"]) for h in hours)


def test_a_window_is_judged_by_what_the_store_has(tmp_path: Path) -> None:
    shop = Shop.of(10, 12, tmp_path)
    with Store.open(tmp_path / "state") as store:
        without = shop.judge(store)
        for evaluation in shop.hours(8):
            store.record(evaluation)
        judged = shop.judge(store)
    expects = [np.isfinite(findings.columns["expected"]).sum() for findings in (without, judged)]
    assert expects[1] > expects[0]


def test_growth_and_judgement_are_measured(tmp_path: Path) -> None:
    figures = history.measure(1, 10, 12, 4, 10, 1, tmp_path)
    assert [f.value is not None and f.value > 0 for f in figures] == [True] * 3
    assert figures[0].name == "judge a window against 1 days of hours, 10 slices, 12 measures"
    assert figures[2].verdict == "ok"
