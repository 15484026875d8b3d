"""Bad input says what and where, and none of it is reported as ok."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_shop import (
    COLUMNS,
    LONG_AGO,
    PLACES,
    REQUESTS,
    cycle,
    due_at,
    history,
    hour,
    path_of,
    rows_of,
    shop,
    write_hour,
)

from detectors.core.verdict import Verdict
from monitor.config.models import Columns, RecommenderConfig
from monitor.evaluation import Evaluation, Quarantined, Status
from monitor.findings import Finding
from monitor.store import Store
from monitor.windows import EPOCH

Row = dict[str, Any]
ROWS = REQUESTS * PLACES


def changed(change: Callable[[Row], Row], k: int = 0) -> list[Row]:
    return [{**row, **change(row)} for row in rows_of(k)]


def evaluated(config: RecommenderConfig) -> Evaluation:
    """The first hour, as it is stored and read back."""
    with Store.in_memory() as store:
        cycle(config, store, due_at(0))
        found = store.evaluation("shop", hour(0))
    assert found is not None
    return found


def whole(found: Evaluation) -> dict[str, Finding]:
    return {f.measure: f for f in found.findings if f.slice == "all"}


def spoiled(root: Path, change: Callable[[bytes], bytes]) -> Path:
    """The hour's only file, spoiled."""
    path = write_hour(root, 0)
    path.write_bytes(change(path.read_bytes()))
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda whole: b"", "is empty (0 bytes)"),
        (lambda whole: whole[: len(whole) // 2], "is not a readable Parquet file: "),
        (lambda whole: b"ts,item_id\n2026-03-02,a\n" * 9, "is not a readable Parquet file: "),
    ],
    ids=["zero bytes", "truncated", "text"],
)
def test_the_only_file_cannot_be_read(tmp_path: Path, change: Any, reason: str) -> None:
    path = spoiled(tmp_path, change)
    found = evaluated(shop(tmp_path))
    assert found.status is Status.NO_DATA
    assert found.reason.startswith(f"no usable rows: {path}: {reason}")
    assert [q.path for q in found.read.quarantined] == [str(path)]
    assert Verdict.OK not in {f.verdict for f in found.findings}


def test_a_missing_path(tmp_path: Path) -> None:
    found = evaluated(shop(tmp_path / "nowhere"))
    assert (found.status, found.reason) == (
        Status.FAILED, f"{tmp_path / 'nowhere'}: does not exist: check `log.path`"
    )  # fmt: skip
    assert len(found.findings) == 0


def test_an_empty_folder(tmp_path: Path) -> None:
    found = evaluated(shop(tmp_path))
    assert (found.status, len(found.findings)) == (Status.FAILED, 0)
    assert found.reason.startswith(f"{tmp_path}: ")


@pytest.mark.parametrize("column", ["item_id", "ts"])
def test_a_required_column_is_missing_in_one_file(tmp_path: Path, column: str) -> None:
    write_hour(tmp_path, 0)
    rows = pa.Table.from_pylist(rows_of(0, part=1)).drop_columns([column])
    bad = write_hour(tmp_path, 0, rows, part=1)
    found = evaluated(shop(tmp_path))
    role = {v: k for k, v in COLUMNS.items()}[column]
    assert found.read.quarantined == (Quarantined(str(bad), f"has no column {column!r} ({role})", 0),)
    assert (found.status, found.read.rows) == (Status.EVALUATED, ROWS)


@pytest.mark.parametrize("column", ["score", "user_id"])
def test_an_optional_column_is_missing_in_one_file(tmp_path: Path, column: str) -> None:
    """Half of its values are not there: that is seen in the data, and told once there is history."""
    write_hour(tmp_path, 0)
    write_hour(tmp_path, 0, pa.Table.from_pylist(rows_of(0, part=1)).drop_columns([column]), part=1)
    found = evaluated(shop(tmp_path))
    assert (found.status, found.read.rows) == (Status.EVALUATED, 2 * ROWS)
    role = {v: k for k, v in COLUMNS.items()}[column]
    missing = whole(found)[f"traffic.missing_{role}_share"]
    assert missing.value == pytest.approx(0.5)
    assert missing.verdict is Verdict.TOO_FEW


def test_an_all_null_user(tmp_path: Path) -> None:
    write_hour(tmp_path, 0, changed(lambda row: {"user_id": None}))
    found = whole(evaluated(shop(tmp_path)))
    assert found["traffic.missing_user_share"].value == 1
    assert found["traffic.users"].value == 0
    assert found["same_item.users_share"].verdict is not Verdict.OK


@pytest.mark.parametrize(
    "item",
    [
        "it's \"quoted\"", "two\nlines", "<b onclick=alert(1)>bold</b>", "🛒🧨", "{0}{value}", "a,b=c\\d", "²", "--5",
        "-7", "x" * 5000, " ", "\u202eback", "tab\there", "\x00nul",
    ],
    ids=str.encode,
)  # fmt: skip
def test_items_with_odd_names(tmp_path: Path, item: str) -> None:
    """The odd item is everywhere, so that it has to be named in the incident, its sentence and its evidence."""
    write_hour(tmp_path, 0, changed(lambda row: {"item_id": item} if row["position"] == 1 else {}))
    found = evaluated(shop(tmp_path))
    [incident] = found.open_incidents
    assert incident.culprit == {"item": item[:256]}
    assert incident.after["share"] == 1.0
    assert incident.summary.isprintable()
    assert incident.id.isascii()
    json.dumps(incident.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    "value", ["it's", "two\nlines", "<i>", "🛒", "a,b=c\\d", "all", "=", ",", ""], ids=str.encode
)
def test_slices_with_odd_names(tmp_path: Path, value: str) -> None:
    def change(row: Row) -> Row:
        odd = row["surface"] == "email"
        return {"surface": value if odd else "home"} | (
            {"item_id": "same"} if odd and row["position"] == 1 else {}
        )

    for k in range(4):
        write_hour(tmp_path, k, changed(change, k))
    with Store.in_memory() as store:
        cycle(shop(tmp_path, slices=("surface",)), store, due_at(3))
        [incident] = store.incidents()
    assert incident.slice == {"surface": value or "(none)"}
    assert incident.culprit == {"item": "same"}


def test_lone_surrogates_in_json_lines(tmp_path: Path) -> None:
    path = tmp_path / hour(0).start.strftime("date=%Y-%m-%d/hour=%H") / "part-0.jsonl"
    path.parent.mkdir(parents=True)
    lines = [
        json.dumps({**row, "ts": row["ts"].isoformat(), "item_id": "half \ud83d", "surface": "\udc00"})
        for row in rows_of(0)
    ]
    path.write_text("\n".join(lines), encoding="ascii")
    os.utime(path, (LONG_AGO, LONG_AGO))
    found = evaluated(shop(tmp_path, log={"format": "jsonl"}, slices=("surface",)))
    if found.status is Status.EVALUATED:
        assert found.read.rows + sum(q.rows for q in found.read.quarantined) == ROWS
        assert all(i.summary.isprintable() for i in found.open_incidents)
        assert found.open_incidents
    else:
        assert found.reason.startswith(f"no usable rows: {path}: ")


def test_one_line_that_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / hour(0).start.strftime("date=%Y-%m-%d/hour=%H") / "part-0.jsonl"
    path.parent.mkdir(parents=True)
    lines = [json.dumps({**row, "ts": row["ts"].isoformat()}) for row in rows_of(0)]
    path.write_text("\n".join([*lines[:7], '{"ts": ', *lines[7:]]), encoding="ascii")
    os.utime(path, (LONG_AGO, LONG_AGO))
    found = evaluated(shop(tmp_path, log={"format": "jsonl"}))
    assert (found.status, found.read.rows) == (Status.EVALUATED, ROWS)
    [bad] = found.read.quarantined
    assert (bad.path, bad.rows) == (str(path), 1)
    assert bad.reason.endswith("(first: line 8)")


def test_scores_that_are_not_a_number(tmp_path: Path) -> None:
    write_hour(tmp_path, 0, changed(lambda row: {"score": float("nan")}))
    found = evaluated(shop(tmp_path))
    by_measure = whole(found)
    assert (by_measure["scores.nan_share"].value, by_measure["scores.nan_share"].verdict) == (
        1,
        Verdict.BREACH,
    )
    assert by_measure["scores.median"].verdict is Verdict.NO_DATA
    assert {i.detector for i in found.open_incidents} == {"scores"}


@pytest.mark.parametrize(
    ("unit", "wrong", "why"),
    [
        ("us", 1000, "no rows of this window, but 150 from long ago and 0 from the future"),
        ("us", 1_000_000, "no rows of this window, but 150 from long ago and 0 from the future"),
        ("s", 1, "no usable rows: {path}: rows without a usable time"),
    ],
    ids=["milliseconds as microseconds", "seconds as microseconds", "microseconds as seconds"],
)
def test_a_timestamp_in_another_unit(tmp_path: Path, unit: str, wrong: int, why: str) -> None:
    path = write_hour(
        tmp_path, 0, changed(lambda row: {"ts": int((row["ts"] - EPOCH).total_seconds() * 1e6) // wrong})
    )
    found = evaluated(shop(tmp_path, log={"timestamp_unit": unit}))
    assert found.status is Status.NO_DATA
    assert found.reason == f"{why.format(path=path)}: is log.timestamp_unit right?"
    assert Verdict.OK not in {f.verdict for f in found.findings}


def test_an_empty_window(tmp_path: Path) -> None:
    write_hour(tmp_path, 0, pa.Table.from_pylist(rows_of(0)).slice(0, 0))
    found = evaluated(shop(tmp_path))
    assert (found.status, found.reason) == (Status.NO_DATA, "no rows of this window")
    assert Verdict.OK not in {f.verdict for f in found.findings}


def test_rows_of_another_hour(tmp_path: Path) -> None:
    write_hour(tmp_path, 0, rows_of(5))
    found = evaluated(shop(tmp_path))
    assert found.status is Status.NO_DATA
    assert found.reason != ""
    assert Verdict.OK not in {f.verdict for f in found.findings}


def test_one_row(tmp_path: Path) -> None:
    write_hour(tmp_path, 0, rows_of(0)[:1])
    found = evaluated(shop(tmp_path))
    assert (found.status, found.read.rows) == (Status.EVALUATED, 1)
    shares = {
        m: f.verdict for m, f in whole(found).items() if m.startswith(("same_item", "diversity", "lists"))
    }
    assert set(shares.values()) <= {Verdict.TOO_FEW, Verdict.NO_DATA}
    assert found.open_incidents == ()


def test_constant_columns(tmp_path: Path) -> None:
    write_hour(
        tmp_path, 0,
        changed(lambda _: {"item_id": "a", "user_id": "u", "score": 1.0, "surface": "home", "ts": hour(0).start}),
    )  # fmt: skip
    found = evaluated(shop(tmp_path, slices=("surface",)))
    assert found.status is Status.EVALUATED
    by_measure = whole(found)
    assert by_measure["traffic.users"].value == 1
    # All requests are of one user: they say as much as one, and that is too few to be sure of anything.
    assert by_measure["same_item.first_place_share"].value == 1
    assert by_measure["same_item.first_place_share"].verdict is Verdict.TOO_FEW


def test_every_request_with_the_same_id(tmp_path: Path) -> None:
    write_hour(tmp_path, 0, changed(lambda row: {"request_id": "r"}))
    found = whole(evaluated(shop(tmp_path)))
    assert found["traffic.requests"].value == 1
    assert found["same_item.identical_list_share"].verdict is Verdict.TOO_FEW
    assert found["same_item.anywhere_share"].verdict is Verdict.TOO_FEW


def test_integers_in_one_hour_and_text_in_the_next(tmp_path: Path) -> None:
    def number(row: Row) -> Row:
        return {"item_id": int(row["item_id"].removeprefix("item-"))}

    write_hour(tmp_path, 0, changed(number))
    write_hour(tmp_path, 1, changed(lambda row: {"item_id": str(number(row)["item_id"])}, 1))
    told = history(shop(tmp_path), 2)
    assert [e.status for e in told] == [Status.EVALUATED] * 2
    assert [e.read.quarantined for e in told] == [(), ()]


def test_a_number_is_named_as_the_culprit(tmp_path: Path) -> None:
    write_hour(
        tmp_path,
        0,
        changed(lambda row: {"item_id": 7 if row["position"] == 1 else int(row["item_id"][5:]) + 100}),
    )
    [incident] = evaluated(shop(tmp_path)).open_incidents
    assert (incident.culprit, incident.after["share"]) == ({"item": "7"}, 1.0)


def test_a_column_that_the_log_never_had(tmp_path: Path) -> None:
    pq.write_table(
        pa.Table.from_pylist(rows_of(0)).select(["ts", "item_id"]),
        write_hour(tmp_path, 0),
        compression="none",
    )
    os.utime(path_of(tmp_path, 0), (LONG_AGO, LONG_AGO))
    found = evaluated(shop(tmp_path, log={"columns": Columns(**COLUMNS)}))
    assert found.status is Status.EVALUATED
    why = {c.measure: c.why for c in found.cannot_measure}
    assert why["lists.mean_length"] == "the log has no request column"
    assert why["traffic.users"] == "the log has no user column"
    assert set(why).isdisjoint(found.findings.measures)
