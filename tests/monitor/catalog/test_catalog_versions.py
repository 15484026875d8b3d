"""A catalogue that is written while it is watched: half of it is never taken for all of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from monitor.catalog.read import _kept
from tests.monitor.catalog.catalogues import LONG_AGO, aged, catalogue, parquet, read, refusal, written

LINES = "item_id\n" + "".join(f"sku-{i}\n" for i in range(1000))
REMARK = "the file is still being written: the version of 2023-11-14 22:13 is used"


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """As in a process that has just started."""
    _kept.clear()


def test_half_a_parquet_file_that_is_being_written(tmp_path: Path) -> None:
    path = parquet(tmp_path / "items.parquet", item_id=[f"sku-{i}" for i in range(500)])
    file, whole = catalogue(path), path.read_bytes()
    assert len(file.read().catalog) == 500
    written(path, whole[: len(whole) // 2], at=None)
    found = file.read()
    assert len(found.catalog) == 500
    assert found.remarks == (REMARK,)


def test_a_file_that_has_been_broken_for_long_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "items.parquet", item_id=[f"sku-{i}" for i in range(500)])
    file, whole = catalogue(path), path.read_bytes()
    file.read()
    written(path, whole[: len(whole) // 2], at=LONG_AGO + 60)
    assert refusal(path).startswith("catalogue FILE: is not a readable Parquet file: ")


def test_half_a_parquet_file_of_which_nothing_was_known_is_refused(tmp_path: Path) -> None:
    whole = parquet(tmp_path / "items.parquet", item_id=[f"sku-{i}" for i in range(500)]).read_bytes()
    assert refusal(written(tmp_path / "half.parquet", whole[:100], at=None)).startswith(
        "catalogue FILE: is not a readable Parquet file: "
    )


def test_a_line_that_is_being_written(tmp_path: Path) -> None:
    path = written(tmp_path / "items.csv", LINES[:-3], at=None)
    assert refusal(path) == "catalogue FILE: is still being written: its last line has no end"
    written(path, LINES)
    assert len(read(path).catalog) == 1000
    written(path, LINES[:-3], at=None)
    found = read(path)
    assert len(found.catalog) == 1000
    assert found.remarks == (REMARK,)


def test_a_last_line_without_an_end_is_a_line_when_nobody_writes(tmp_path: Path) -> None:
    assert len(read(written(tmp_path / "items.csv", LINES[:-1])).catalog) == 1000


def test_whole_lines_of_half_a_file(tmp_path: Path) -> None:
    path = written(tmp_path / "items.csv", LINES)
    read(path)
    half = LINES[: LINES.index("sku-400")]
    written(path, half, at=None)
    assert read(path).remarks == (REMARK,)
    aged(path, LONG_AGO + 60)  # nothing more came: the catalogue is smaller now
    assert len(read(path).catalog) == 400
    assert read(path).remarks == ()


def test_a_file_that_was_just_written_and_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "items.csv", LINES, at=time.time())
    assert len(read(path).catalog) == 1000
    written(path, LINES.replace("sku-7\n", ""), at=time.time())
    assert len(read(path).catalog) == 999


def test_a_version_is_read_once(tmp_path: Path) -> None:
    path = written(tmp_path / "items.csv", LINES)
    assert read(path) is read(path)
    aged(path, LONG_AGO + 1)
    assert read(path).modified_us == (LONG_AGO + 1) * 1_000_000


def test_other_columns_are_another_catalogue(tmp_path: Path) -> None:
    path = written(tmp_path / "items.csv", "item_id,a,b\nx,yes,no\n")
    assert read(path, blocked="a").catalog.blocked is not None
    assert read(path, blocked="a").catalog.blocked.tolist() == [True]  # type: ignore[union-attr]  # asserted above
    assert read(path, blocked="b").catalog.blocked.tolist() == [False]  # type: ignore[union-attr]
