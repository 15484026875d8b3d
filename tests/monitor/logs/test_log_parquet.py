"""Parquet files: columns, layouts, nested fields, row groups, cost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from log_examples import HOUR, NOW, ROWS, canonical, config, listed, read_all, write_parquet

import monitor.logs.parquet as parquet_module
from monitor.errors import UserError
from monitor.logs import PredictionLog, Quarantine

TEXT = pa.dictionary(pa.int32(), pa.string())
INSTANT = datetime(2026, 3, 2, 5, 0, 1, 250_000, tzinfo=UTC)
INSTANT_US = 1_772_427_601_250_000


def test_roles_are_columns_and_everything_else_is_left_in_the_file(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "part.parquet", [{**row, "unused": 1, "country": "DE"} for row in ROWS])
    log = PredictionLog(config(path), ["country"])
    table = read_all(log, [listed(path)])
    assert table.drop_columns("country").to_pylist() == canonical(ROWS)
    assert table["country"].to_pylist() == ["DE"] * 4
    assert {f.name: f.type for f in table.schema} == {
        "timestamp": pa.int64(),
        "item": TEXT,
        "request": pa.string(),
        "user": TEXT,
        "position": pa.int64(),
        "score": pa.float64(),
        "click": pa.bool_(),
        "country": TEXT,
    }


def test_a_budget_of_rows_counts_items_where_rows_are_lists(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    lists = [["a", "b", "c"], ["d"], [], ["e", "f"]]
    rows = {"ts": [INSTANT] * 4, "items": pa.array(lists, pa.list_(pa.string()))}
    pq.write_table(pa.table(rows), path, row_group_size=2)
    log = PredictionLog(config(path, layout="list", columns={"timestamp": "ts", "item": "items"}))
    cost = log.cost([listed(path)], Quarantine())
    assert cost.rows == 4
    assert [shown for shown, _ in cost.per_file[0].row_groups] == [4, 3]  # an empty list as one


def test_a_column_that_is_not_there_is_null_and_noted(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "part.parquet", [{"ts": INSTANT, "item_id": "x"}])
    quarantine = Quarantine()
    table = read_all(PredictionLog(config(path), ["country"]), [listed(path)], quarantine)
    assert [
        str(table.schema.field(n).type) for n in ("request", "user", "position", "score", "click", "country")
    ] == [
        "string",
        str(TEXT),
        "int64",
        "double",
        "bool",
        str(TEXT),
    ]
    assert all(table[n].null_count == 1 for n in table.column_names[2:])
    assert f"click: no column 'clicked': {path}" in quarantine.notes
    assert quarantine.items == ()


def test_fields_by_dotted_path_and_a_name_with_a_dot(tmp_path: Path) -> None:
    rows = [
        {"event": {"at": INSTANT, "who": {"id": "u1", "age": 3}}, "item.id": "x", "item": {"id": "wrong"}},
        {"event": {"at": INSTANT, "who": None}, "item.id": "y", "item": None},
    ]
    path = write_parquet(tmp_path / "part.parquet", rows)
    log = PredictionLog(
        config(path, columns={"timestamp": "event.at", "item": "item.id", "user": "event.who.id"})
    )
    assert read_all(log, [listed(path)]).to_pylist() == [
        {"timestamp": INSTANT_US, "item": "x", "user": "u1"},
        {"timestamp": INSTANT_US, "item": "y", "user": None},
    ]
    wanted = sum(
        pq.read_metadata(path).row_group(0).column(i).total_compressed_size
        for i in range(4)
        if pq.read_metadata(path).schema.column(i).path in ("event.at", "event.who.id", "item.id")
    )
    assert log.cost([listed(path)], Quarantine()).bytes == wanted
    assert log.fields(listed(path))["event.who.age"] == "int64"


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.string()),
        pa.large_list(pa.large_string()),
        pa.list_(pa.string(), 2),
        pa.list_view(pa.string()),
        pa.list_(pa.dictionary(pa.int16(), pa.string())),
    ],
    ids=str,
)
def test_lists_of_every_kind(tmp_path: Path, kind: pa.DataType) -> None:
    items = [["a", "b"], None, ["b", None]]
    table = pa.table(
        {"ts": [INSTANT] * 3, "item_id": pa.array(items, kind), "score": [[0.5, 0.25], [1.0], []]}
    )
    path = write_parquet(tmp_path / "part.parquet", table)
    used = {"timestamp": "ts", "item": "item_id", "score": "score"}
    quarantine = Quarantine()
    found = read_all(PredictionLog(config(path, layout="list", columns=used)), [listed(path)], quarantine)
    assert found["item"].type == pa.list_(TEXT)
    assert found["item"].to_pylist() == items
    assert found["score"].to_pylist() == [[0.5, 0.25], None, None]
    assert quarantine.notes == (f"score: lists that are not as long as the list of items (2 values): {path}",)


def test_a_list_of_records_becomes_parallel_lists(tmp_path: Path) -> None:
    shown = [
        [{"id": 7, "meta": {"s": 0.5}, "title": "T"}, {"id": 2**40, "meta": None, "title": "U"}],
        [],
        None,
        [None, {"id": None, "meta": {"s": 1.0}, "title": "V"}],
    ]
    path = write_parquet(tmp_path / "part.parquet", [{"ts": INSTANT, "uid": "u", "shown": s} for s in shown])
    used = {"timestamp": "ts", "item": "shown.id", "score": "shown.meta.s", "user": "uid"}
    log = PredictionLog(config(path, layout="list", columns=used))
    found = read_all(log, [listed(path)])
    assert found["item"].type == pa.list_(pa.int64())
    assert found["item"].to_pylist() == [[7, 2**40], [], None, [None, None]]
    assert found["score"].to_pylist() == [[0.5, None], [], None, [None, 1.0]]
    assert log.columns_found([listed(path)]) == {
        "timestamp": "timestamp[us, tz=UTC]",
        "item": "list<item: int64>",
        "user": "string",
        "score": "list<item: double>",
    }


def test_a_feature_of_each_item_stays_a_list(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "part.parquet", [{"ts": INSTANT, "items": ["a", "b"], "price": [1, 2], "hour": 5}]
    )
    log = PredictionLog(
        config(path, layout="list", columns={"timestamp": "ts", "item": "items"}),
        ["hour"],
        own_columns=[("price", float)],
    )
    found = read_all(log, [listed(path)])
    assert (found["number:price"].to_pylist(), found["hour"].to_pylist()) == ([[1.0, 2.0]], [5])


def test_integers_in_one_file_and_text_in_another_are_all_text(tmp_path: Path) -> None:
    for name, item in [("a", 7), ("b", "x")]:
        write_parquet(tmp_path / "log" / f"{name}.parquet", [{"ts": INSTANT, "item_id": item, "req": 5}])
    log = PredictionLog(config(tmp_path / "log"))
    files = log.files(HOUR, NOW).files
    log.cost(files, Quarantine())
    assert read_all(log, files).select(["item", "request"]).to_pylist() == [
        {"item": "7", "request": 5},
        {"item": "x", "request": 5},
    ]
    log.cost(files[:1], Quarantine())
    assert read_all(log, files[:1])["item"].to_pylist() == [7]


def test_cost_is_what_the_footer_says_of_the_wanted_columns(tmp_path: Path) -> None:
    rows = [{**ROWS[i % 4], "unused": "x" * i} for i in range(1000)]
    path = write_parquet(tmp_path / "part.parquet", rows, row_group_size=300)
    cost = PredictionLog(config(path)).cost([listed(path)], Quarantine())
    metadata = pq.read_metadata(path)
    groups = tuple(
        (
            metadata.row_group(g).num_rows,
            sum(
                metadata.row_group(g).column(c).total_compressed_size
                for c in range(metadata.num_columns)
                if metadata.schema.column(c).path != "unused"
            ),
        )
        for g in range(4)
    )
    assert (cost.rows, cost.exact, cost.bytes) == (1000, True, sum(b for _, b in groups))
    assert cost.per_file[0].row_groups == groups
    assert cost.per_file[0].times[0] == (HOUR.start_us, HOUR.start_us + 9_000_000)


def test_row_groups_are_read_apart_by_several_threads(tmp_path: Path) -> None:
    rows = [{**ROWS[i % 4], "req": f"r{i}"} for i in range(5000)]
    path = write_parquet(tmp_path / "part.parquet", rows, row_group_size=100)
    log, quarantine = PredictionLog(config(path)), Quarantine()

    def read(group: int) -> list[dict[str, Any]]:
        return [row for table in log.read(listed(path), quarantine, [group]) for row in table.to_pylist()]

    with ThreadPoolExecutor(4) as pool:
        found = [row for part in pool.map(read, range(50)) for row in part]
    assert found == canonical(rows)
    assert quarantine.items == ()


def test_a_very_large_row_group_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_module, "ROWS_AT_ONCE", 1000)
    monkeypatch.setattr(parquet_module, "ROWS_A_PART", 300)
    rows = [{**ROWS[i % 4], "req": f"r{i}"} for i in range(1001)]
    path = write_parquet(tmp_path / "part.parquet", rows)
    tables = list(PredictionLog(config(path)).read(listed(path), Quarantine()))
    assert [t.num_rows for t in tables] == [300, 300, 300, 101]
    assert pa.concat_tables(tables).to_pylist() == canonical(rows)


def test_one_column_that_is_a_role_and_a_slice(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "part.parquet", [{"ts": INSTANT, "item": "x", "position": 3}])
    used = {"timestamp": "ts", "item": "item", "position": "position"}
    log = PredictionLog(config(path, columns=used), ["position", "position"])
    assert read_all(log, [listed(path)]).to_pylist() == [
        {"timestamp": INSTANT_US, "item": "x", "position": 3}
    ]


def test_a_slice_with_the_name_of_another_role_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        PredictionLog(config(tmp_path), ["user"])
    assert str(error.value) == (
        "column 'user' cannot be a slice: 'user' is the name of a role and `log.columns.user` names 'uid'"
    )
