"""The text of a configuration: names and scalars that survive anything."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.loader import parse
from monitor.inspect.writer import about, default_name, scalar

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(TEXT)
def test_any_column_comes_back(text: str) -> None:
    written = (
        f"recommenders: \n- name: x\n  log:\n    path: p\n    columns:\n      timestamp: t-i-m-e\n"
        f"      item: {scalar(text)}\n"
    )
    if text == "t-i-m-e":
        return
    recommender = parse(written, "text", environment={"HOME": "no"}).recommenders[0]
    assert recommender.log.columns.item == text


@pytest.mark.parametrize(
    "text", ["NO", "null", "true", "1e3", "007", "~", "- a", "a: b", "a #b", "${HOME}", "'", "é", "{}"]
)
def test_only_plain_words_stay_plain(text: str) -> None:
    assert scalar(text).startswith('"')


@given(TEXT)
def test_any_path_gives_a_name(path: str) -> None:
    name = scalar(default_name(path))
    written = f"recommenders: [{{name: {name}, log: {{path: p, columns: {{timestamp: t, item: i}}}}}}]"
    assert parse(written, "text").recommenders[0].name == default_name(path)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/srv/shop-home/log", "shop-home"),
        ("s3://lake/reco/home/predictions", "home"),
        ("log.parquet", "log"),
        ("/a/b/clicks 2026.jsonl.gz", "clicks-2026"),
        ("/", "recommender"),
    ],
)
def test_names(path: str, name: str) -> None:
    assert default_name(path) == name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(), "0 s"),
        (timedelta(minutes=10), "10 min"),
        (timedelta(hours=6, minutes=10), "6 h 10 min"),
        (timedelta(hours=47, minutes=59), "2 days"),
        (timedelta(days=1), "1 day"),
    ],
)
def test_durations_for_people(value: timedelta, text: str) -> None:
    assert about(value) == text
