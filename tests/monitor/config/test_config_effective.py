"""What is printed is a configuration again; what is measured has a fingerprint."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
import yaml
from config_examples import config, recommender
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.effective import fingerprint, to_dict, to_yaml
from monitor.config.expected import (
    ExpectedBatch,
    ExpectedItem,
    ExpectedKind,
    ExpectedPosition,
    ExpectedSameness,
    Kind,
)
from monitor.config.loader import parse, sharing
from monitor.config.models import (
    CatalogConfig,
    Columns,
    Config,
    DaemonConfig,
    LogConfig,
    Mode,
    RecommenderConfig,
    WindowConfig,
)

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20) | st.sampled_from(
    [
        "NO",
        "1:30",
        "007",
        "1e3",
        "null",
        "~",
        "",
        "true",
        "${HOME}",
        "$${",
        "*a",
        "&a",
        "- a",
        "a: b",
        "#",
        "<<",
        "=",
        "!!str",
    ]
).filter(bool)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:/@ -]{0,20}[A-Za-z0-9]", fullmatch=True)
seconds = st.integers(1, 86_400).map(lambda s: timedelta(seconds=s))
parameters = st.recursive(
    texts | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
logs = st.builds(
    LogConfig,
    path=st.from_regex(r"(s3://)?[A-Za-z0-9 é'\"\[{#_-]{1,20}", fullmatch=True),
    format=st.sampled_from(["parquet", "jsonl", "csv"]),
    partitions=st.sampled_from(["", "date=%Y-%m-%d/hour=%H", "%Y/%j"]),
    partition_lateness=seconds,
    columns=texts.map(
        lambda text: Columns(timestamp=f"t{text}", item=f"i{text}", user=f"u{text}", request=f"r{text}")
    ),
    guests=st.lists(texts, unique=True, max_size=3).map(tuple),
)
SLICES = ("country", "surface")
about = {
    "where": st.dictionaries(st.sampled_from(SLICES), texts, max_size=2),
    "until": st.none() | st.dates(date(1000, 1, 1)),
    "why": texts,
}


def expectations(model: Any, **of: Any) -> Any:
    made = st.lists(st.builds(model, **{**about, **of}), unique_by=str, max_size=2)
    return made.map(tuple)


recommenders = st.builds(
    RecommenderConfig,
    name=names,
    log=logs,
    catalog=st.none()
    | st.builds(CatalogConfig, path=st.just("/items.csv"), columns=st.just({"blocked": "no"})),
    slices=st.lists(texts.map(lambda text: f"s{text}"), unique=True, max_size=2).map(lambda s: (*SLICES, *s)),
    kind=st.sampled_from([Kind.PERSONALISED, Kind.POPULAR]),
    expected=st.builds(
        ExpectedSameness,
        positions=expectations(ExpectedPosition, position=st.integers(1, 50)),
        items=expectations(ExpectedItem, item=texts),
        kinds=expectations(
            ExpectedKind,
            kind=st.sampled_from([Kind.PERSONALISED, Kind.POPULAR]),
            where=st.dictionaries(st.sampled_from(SLICES), texts, min_size=1, max_size=2),
        ),
        batches=expectations(ExpectedBatch, hours=st.lists(st.integers(0, 23), min_size=1).map(tuple)),
    ),
    window=st.builds(
        WindowConfig,
        length=st.sampled_from([timedelta(hours=1), timedelta(minutes=5), timedelta(days=2)]),
        settle=st.integers(0, 7_000_000).map(lambda ms: timedelta(milliseconds=ms)),
        late_share=st.floats(0, 1, exclude_min=True),
        replay=st.integers(0, 90).map(lambda days: timedelta(days=days)),
    ),
    detectors=st.dictionaries(
        texts, st.dictionaries(texts.map(lambda key: f"p{key}"), parameters, max_size=3), max_size=3
    ),
    mode=st.sampled_from(Mode),
    labels=st.dictionaries(
        st.from_regex(r"l_[a-z0-9_]{0,10}", fullmatch=True),
        texts.filter(lambda text: all(c >= " " and c != "\x7f" for c in text)),
        max_size=3,
    ),
)
configs = st.builds(
    Config,
    daemon=st.builds(DaemonConfig, tick=seconds, workers=st.integers(1, 64)),
    recommenders=st.lists(recommenders, min_size=1, max_size=2, unique_by=lambda one: one.name).map(tuple),
)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(configs)
def test_what_is_printed_is_read_back(written: Config) -> None:
    assert parse(to_yaml(written), "effective.yaml", environment={}) == sharing(written)


@settings(derandomize=True, deadline=None)
@given(st.lists(texts.filter(lambda text: "${" not in text), unique=True, max_size=5))
def test_other_readers_of_yaml_see_the_same(guests: list[str]) -> None:
    log = LogConfig(path="/logs", columns=Columns(timestamp="t", item="i"), guests=tuple(guests))
    printed = to_yaml(Config(recommenders=(RecommenderConfig(name="shop", log=log),)))
    assert yaml.safe_load(printed)["recommenders"][0]["log"]["guests"] == guests


def test_overrides_of_split_recommenders_are_read_back() -> None:
    written = config(
        [{"name": "shop", "split_by": "surface"}, {"name": "email"}],
        overrides={
            "*email": {
                "mode": "ticket",
                "window": {"settle": "90m", "cadence": None},
                "labels": {"tier": "2"},
            },
            "email": {"mode": "observe"},
            "shop/home": {"detectors": {"scores": {"above": 0.5}}, "expected": {"items": [{"item": "007"}]}},
        },
    )
    assert written.recommenders[0].overrides == {
        "*email": {"mode": "ticket", "window": {"settle": "1h30m", "cadence": None}, "labels": {"tier": "2"}},
        "shop/home": {
            "detectors": {"scores": {"above": 0.5}},
            "expected": {"items": [{"item": "007", "where": {}, "until": None, "why": ""}]},
        },
    }
    assert parse(to_yaml(written), "effective.yaml") == written


def test_the_form() -> None:
    printed = to_yaml(config(daemon={"retention": "30d"}))
    assert printed.splitlines()[:10] == [
        "# Effective configuration: every key after defaults, overrides and environment; valid input itself.",
        "daemon:",
        "  tick: 30s",
        "  workers: 2",
        "  worker_memory: 4GiB",
        "  series_per_recommender: 2000",
        "  page_actions: false",
        "  retention: 30d",
        "  examples: 30d",
        "  summaries: 48",
    ]
    assert "    bytes_per_evaluation: 8GiB\n" in printed
    assert "\n- name: shop\n  log:\n    path: /logs/shop\n" in printed


def test_the_data_is_json() -> None:
    data = to_dict(config())
    assert json.loads(json.dumps(data)) == data
    assert data["recommenders"][0]["window"]["length"] == "1h"


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "ticket"},
        {"labels": {"team": "web"}},
        {"window": {"replay": "7d", "catch_up": 5, "deadline": "1h"}},
        {"detectors": {"scores": {"above": 0.5, "mode": "observe"}}},
        {
            "expected": {
                "items": [{"item": "card", "why": "another reason"}],
                "positions": [{"position": 2, "why": "sold"}],
            }
        },
        {"name": "another"},
    ],
)
def test_fingerprint_leaves_out_what_changes_no_evaluation(settings: dict[str, Any]) -> None:
    base = {
        "detectors": {"scores": {"above": 0.5}},
        "expected": {
            "items": [{"item": "card", "why": "a reason"}],
            "positions": [2],
        },
    }
    assert fingerprint(recommender({**base, **settings})) == fingerprint(recommender(base))


@pytest.mark.parametrize(
    "settings",
    [
        {"log": {"path": "/logs/other", "columns": {"timestamp": "served_at", "item": "item_id"}}},
        {"window": {"length": "30m"}},
        {"window": {"settle": "5m"}},
        {"slices": ["country"]},
        {"kind": "popular"},
        {"detectors": {"scores": {"above": 0.5}}},
        {"detectors": {"scores": {"enabled": False}}},
        {"expected": {"positions": [1]}},
        {"expected": {"batches": [{"hours": [3]}]}},
        {"budget": {"rows_per_evaluation": 5000}},
    ],
)
def test_fingerprint_follows_what_changes_an_evaluation(settings: dict[str, Any]) -> None:
    assert fingerprint(recommender(settings)) != fingerprint(recommender())


def test_fingerprint_is_stable_over_processes() -> None:
    assert fingerprint(recommender({"detectors": {"b": {"x": 1}, "a": {"y": 2}}})) == fingerprint(
        recommender({"detectors": {"a": {"y": 2}, "b": {"x": 1}}})
    )
