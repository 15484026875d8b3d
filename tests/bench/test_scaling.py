"""How cost grows: sizes are what they are called, growth is judged without what starting takes."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pyarrow.parquet as pq
import pytest

from tests.bench import picture
from tests.bench.config import recommender, write_config
from tests.bench.decode import decode
from tests.bench.hour import Shape, Variant, write_hour
from tests.bench.scaling import Curve, Point, figures, sliced
from tests.bench.window import Reader


def _rows(seconds: list[float], memory: list[float]) -> Curve:
    sizes = (1_000_000, 10_000_000, 100_000_000)
    return Curve("rows", tuple(map(Point, sizes, (0.1, 1.0, 10.0), seconds, [m * 1e6 for m in memory])))


def test_a_fixed_start_is_no_growth_and_more_for_each_row_is() -> None:
    linear = {f.name: f for f in figures([_rows([3.0, 12.0, 102.0], [300, 500, 700])])}
    steeper = {f.name: f for f in figures([_rows([3.0, 12.0, 120.0], [300, 500, 1200])])}
    each = "rows, 1,000,000 to 10,000,000 to 100,000,000: seconds of a further row, above / below"
    assert (linear[each].value, linear[each].verdict) == (pytest.approx(1.0), "ok")
    assert (steeper[each].value, steeper[each].verdict) == (pytest.approx(1.2), "falls short")
    memory = "rows, 100,000,000 / 10,000,000: peak memory"
    assert (linear[memory].value, linear[memory].verdict) == (pytest.approx(1.4), "ok")
    assert (steeper[memory].value, steeper[memory].verdict) == (pytest.approx(2.4), "falls short")
    largest = "rows, 100,000,000: peak memory of the largest"
    assert (linear[largest].verdict, steeper[largest].verdict) == ("ok", "falls short")


@pytest.mark.parametrize("slices", [1, 10, 44])
def test_an_hour_has_as_many_slices_as_asked_for(tmp_path: Path, slices: int) -> None:
    shape, columns = sliced(slices)
    write_hour(tmp_path / "hour.parquet", "plain", 10_000, shape=shape)
    log = recommender(tmp_path / "hour.parquet", "plain", slices=columns)
    assert len(Reader.of(write_config(tmp_path / "config.yaml", log)).read().summary.slices) == slices


@pytest.mark.parametrize("variant", ["plain", "hard", "list"])
def test_an_hour_in_many_files_is_in_order_of_time_and_whole(tmp_path: Path, variant: Variant) -> None:
    write_hour(tmp_path / "hour", variant, 2_000, shape=Shape(items=50, users=40, files=7))
    files = sorted((tmp_path / "hour").iterdir())
    tables = [pq.read_table(file) for file in files]
    assert len(files) == 7
    assert decode(tmp_path / "hour") == sum(t.num_rows for t in tables)
    requests = [set(t.column("request_id").to_pylist()) for t in tables]
    assert (
        sum(map(len, requests))
        == len(set().union(*requests))
        == int(2_000 / (11.5 if variant == "hard" else 10))
    )
    if variant != "hard":  # there rows are interleaved
        times = [moment for t in tables for moment in t.column("timestamp").to_pylist()]
        assert times == sorted(times)


def test_too_few_rows_for_the_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^50 rows are too few for 7 files with a request each$"):
        write_hour(tmp_path / "hour", "plain", 50, shape=Shape(files=7))
    assert list(tmp_path.iterdir()) == []


def test_a_picture_is_the_same_each_time_and_says_what_it_shows(tmp_path: Path) -> None:
    curve = _rows([3.0, 12.0, 102.0], [300, 500, 700])
    for kind in ("svg", "png"):
        for name in ("a", "b"):
            picture.draw(curve, tmp_path / f"{name}.{kind}")
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    texts = {
        "".join(e.itertext()) for e in ElementTree.parse(tmp_path / "a.svg").iter() if e.tag.endswith("}text")
    }
    assert {
        "rows in the window",
        "1M",
        "10M",
        "100M",
        "recwatch once",
        "decode alone",
        "peak memory, MB",
    } <= texts
