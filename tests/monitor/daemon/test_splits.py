"""Recommenders made of the values of a column: who joins, who stays, who retires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.config.models import Columns, Config, LogConfig, RecommenderConfig, WindowConfig
from monitor.daemon.splits import FILE, Splits, newest_window
from monitor.errors import StoreError

NOW = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LOG = LogConfig(path="log", columns=Columns(timestamp="ts", item="item"))
SHOP = RecommenderConfig(
    name="shop",
    log=LOG,
    split_by="surface",
    window=WindowConfig(settle=timedelta(minutes=10), replay=timedelta(days=14)),
)
CONFIG = Config(recommenders=(SHOP, RecommenderConfig(name="plain", log=LOG)))


def names(splits: Splits) -> list[str]:
    return [r.name for r in splits.expanded(CONFIG)]


def test_the_newest_window_is_complete_and_settled() -> None:
    assert newest_window(SHOP, NOW).end == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert newest_window(SHOP, NOW.replace(minute=5)).end == datetime(2026, 3, 2, 11, tzinfo=UTC)


def test_values_are_asked_for_once_a_window(tmp_path: Path) -> None:
    splits = Splits(tmp_path)
    assert splits.to_ask(CONFIG, NOW) == [SHOP]
    splits.learn(SHOP, ["home"], NOW)
    assert splits.to_ask(CONFIG, NOW) == []
    assert splits.to_ask(CONFIG, NOW + HOUR) == [SHOP]


def test_values_join_and_stay_over_a_restart_and_retire_after_their_history(tmp_path: Path) -> None:
    splits = Splits(tmp_path)
    assert names(splits) == ["plain"]
    splits.learn(SHOP, ["search", "home"], NOW)
    assert names(splits) == ["shop/home", "shop/search", "plain"]
    splits = Splits(tmp_path)
    splits.learn(SHOP, ["home", "new"], NOW + 14 * DAY)
    assert names(splits) == ["shop/home", "shop/new", "shop/search", "plain"]
    splits = Splits(tmp_path)
    splits.learn(SHOP, ["new"], NOW + 14 * DAY + HOUR)
    assert names(splits) == ["shop/home", "shop/new", "plain"]
    assert [r.split_value for r in splits.expanded(CONFIG)] == ["home", "new", None]


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        '{"format": 99, "values": {}}',
        '{"format": 1}',
        "[]",
        '{"format": 1, "values": {"shop": {"home": "yesterday"}}}',
    ],
)
def test_a_damaged_file_is_learned_anew(tmp_path: Path, damage: str) -> None:
    (tmp_path / FILE).write_text(damage)
    splits = Splits(tmp_path)
    assert names(splits) == ["plain"]
    splits.learn(SHOP, ["home"], NOW)
    assert names(Splits(tmp_path)) == ["shop/home", "plain"]


def test_hostile_values_are_kept_apart(tmp_path: Path) -> None:
    values = ["a\nb", "a b", "<b>", '"', "\ud800", "ü", ""]
    Splits(tmp_path).learn(SHOP, values, NOW)
    made = [r for r in Splits(tmp_path).expanded(CONFIG) if r.name != "plain"]
    assert len({r.name for r in made}) == len(values)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    splits = Splits(tmp_path / "gone")
    with pytest.raises(
        StoreError, match=r"cannot write .*/gone/split_values.json: No such file or directory"
    ):
        splits.learn(SHOP, ["home"], NOW)
    assert names(splits) == ["shop/home", "plain"]
