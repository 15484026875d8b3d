"""What names of folders and files say."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.inspect.layout import format_by_content, format_by_name, partition_pattern
from monitor.inspect.survey import NEWEST, SPREAD, spread_out
from monitor.logs.listing import Partitions

PATTERNS = [
    "date=%Y-%m-%d/hour=%H",
    "dt=%Y%m%d",
    "%Y/%m/%d/%H",
    "year=%Y/month=%m/day=%d/hour=%H",
    "year=%Y/month=%m",
    "%Y/%j",
    "%Y-%m-%dT%H",
    "p%Y%m%d%H%M",
    "dt=%Y-%m-%d-%H",
    "ds=%Y-%m-%d/hh=%H/mm=%M",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(derandomize=True, max_examples=30, deadline=None)
@given(moments=st.lists(st.datetimes(datetime(2015, 1, 1), datetime(2035, 12, 31)), min_size=1, max_size=20))
def test_names_made_by_a_pattern_give_it_back(pattern: str, moments: list[datetime]) -> None:
    levels = pattern.split("/")
    names = [sorted({moment.strftime(level) for moment in moments}) for level in levels]
    found = partition_pattern(names)
    assert found.text == pattern
    for moment in moments:
        start, end = Partitions(found.text).parse(tuple(moment.strftime(level) for level in levels)) or (
            None,
            None,
        )
        assert start is not None
        assert start <= moment.replace(tzinfo=UTC) < end


@pytest.mark.parametrize(
    ("levels", "text"),
    [
        ([["surface=home", "surface=email"], ["date=2026-03-02"]], "surface=*/date=%Y-%m-%d"),
        ([["date=2026-03-02"], ["surface=home"]], "date=%Y-%m-%d/surface=*"),
        ([["raw"], ["2026"], ["03"], ["02"]], "raw/%Y/%m/%d"),
        ([["eu", "us"], ["2026-03-02"]], "*/%Y-%m-%d"),
        ([["50%"], ["2026-03-02"]], "50%%/%Y-%m-%d"),
        ([["date=2026-03-02", "date=__HIVE_DEFAULT_PARTITION__"]], "date=%Y-%m-%d"),
        ([["2026-03-02"] * 20 + ["backup"]], "%Y-%m-%d"),
        ([["date=2026-03-02"], ["shard=07", "shard=08"]], "date=%Y-%m-%d/shard=*"),
        ([["2026"], ["03"], ["2026-03-02"]], "*/*/%Y-%m-%d"),
        ([["year=2026"], ["date=2026-03-02"], ["hour=05"]], "year=*/date=%Y-%m-%d/hour=%H"),
        ([["surface=home"]], ""),
        ([["campaign=2026"]], ""),
        ([["model-v12345678"]], ""),
        ([["2026-13-45"]], ""),
        ([], ""),
    ],
)
def test_other_levels(levels: list[list[str]], text: str) -> None:
    assert partition_pattern(levels).text == text


def test_what_a_pattern_cannot_say_is_said() -> None:
    assert (
        partition_pattern([["year=2026"], ["month=3"]]).why_not
        == "month=3 has no leading zero, which a pattern cannot say"
    )
    assert partition_pattern([["year=2026"]]).why_not == "the folders' names say no more than a year"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.parquet", "b.parquet", "readme.txt"], "parquet"),
        (["a.ndjson.zst"], "jsonl"),
        (["a.tsv.gz"], "csv"),
        (["part-00000"], None),
        (["a.avro"], None),
    ],
)
def test_formats_by_name(names: list[str], expected: str | None) -> None:
    assert format_by_name(names) == expected


def test_formats_by_content() -> None:
    assert format_by_content(b"PAR1\x15\x04") == "parquet"
    assert format_by_content(b'\xef\xbb\xbf\n {"a": 1}') == "jsonl"
    assert format_by_content(b"ts,item_id\n") == "csv"


@given(st.integers(1, 5000))
@settings(derandomize=True, deadline=None)
def test_partitions_looked_into_are_few_and_spread(n: int) -> None:
    chosen = spread_out(n)
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= NEWEST + SPREAD
    assert chosen[0] == 0
    assert chosen[-min(n, NEWEST) :] == list(range(n))[-min(n, NEWEST) :]
    assert all(after - before <= 2 * -(-n // SPREAD) for before, after in pairwise(chosen))
    if n >= NEWEST + SPREAD:
        assert {at % 24 for at in chosen[:SPREAD]} == set(range(24))
