"""The files of a simulated log: layouts, formats, ids, rows and clicks that come late."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from monitor.simulator.log import LogWriter
from monitor.simulator.scenario import EventSpec, LogSpec, Scenario, ShopSpec
from monitor.simulator.simulation import Simulation

SHOP = ShopSpec(items=600, users=400, slots=5, requests_per_hour=60)
START = datetime(2026, 3, 2, tzinfo=UTC)


def write(folder, hours=range(3), events=(), **log):
    scenario = Scenario(shop=SHOP, log=LogSpec(**log), days=1, harmless=tuple(events))
    rows = sum(LogWriter(Simulation(scenario, 9)).write(folder, hours))
    return rows, sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def table(folder):
    return ds.dataset(folder, partitioning=None).to_table()


def test_long_layout(tmp_path):
    rows, files = write(tmp_path)
    assert files == [
        "catalog.parquet",
        "labels.json",
        *(f"log/date=2026-03-02/hour={hour:02d}/part-0.parquet" for hour in range(3)),
    ]
    log = table(tmp_path / "log")
    assert log.num_rows == rows
    assert {f.name: str(f.type) for f in log.schema} == {
        "timestamp": "timestamp[us, tz=UTC]",
        "request_id": "string",
        "user_id": "string",
        "country": "string",
        "surface": "string",
        "model_version": "string",
        "item_id": "string",
        "position": "int16",
        "score": "float",
        "clicked": "bool",
    }
    for hour in range(3):
        moments = pq.read_table(tmp_path / files[2 + hour])["timestamp"].to_pylist()
        begin = START + timedelta(hours=hour)
        assert all(begin <= moment < begin + timedelta(hours=1) for moment in moments)


def test_catalogue_names_every_item_and_nothing_blocked_is_shown(tmp_path):
    write(tmp_path)
    catalog = pq.read_table(tmp_path / "catalog.parquet")
    assert catalog.column_names == ["item_id", "category", "family", "provider", "created_at", "blocked"]
    assert len(set(catalog["item_id"].to_pylist())) == catalog.num_rows == SHOP.items
    blocked = set(catalog.filter(catalog["blocked"])["item_id"].to_pylist())
    assert blocked
    assert not blocked & set(table(tmp_path / "log")["item_id"].to_pylist())


@pytest.mark.parametrize("structs", [False, True])
def test_list_layout_says_the_same_as_long(tmp_path, structs):
    write(tmp_path / "long")
    write(tmp_path / "list", layout="list", structs=structs)
    long, lists = table(tmp_path / "long/log").to_pylist(), []
    for row in table(tmp_path / "list/log").to_pylist():
        cells = row.pop("items")
        if not structs:
            scores, clicked = row.pop("scores"), row.pop("clicked")
            cells = [
                {"id": i, "score": s, "clicked": c} for i, s, c in zip(cells, scores, clicked, strict=True)
            ]
        lists += [
            {**row, "item_id": c["id"], "position": p, "score": c["score"], "clicked": c["clicked"]}
            for p, c in enumerate(cells, 1)
        ]
    assert lists == long


def test_json_lines_and_csv_say_the_same_as_parquet(tmp_path):
    write(tmp_path / "parquet", range(1))
    write(tmp_path / "jsonl", range(1), format="jsonl")
    write(tmp_path / "csv", range(1), format="csv")
    place = "log/date=2026-03-02/hour=00/part-0"
    rows = pq.read_table(tmp_path / f"parquet/{place}.parquet").to_pylist()
    lines = [json.loads(line) for line in (tmp_path / f"jsonl/{place}.jsonl").read_text().splitlines()]
    assert lines == [
        {**row, "timestamp": row["timestamp"].isoformat().replace("+00:00", "Z")} for row in rows
    ]
    read = pyarrow.csv.read_csv(tmp_path / f"csv/{place}.csv")
    assert read["item_id"].to_pylist() == [row["item_id"] for row in rows]
    assert read["timestamp"].cast(pa.timestamp("us", tz="UTC")).to_pylist() == [
        row["timestamp"] for row in rows
    ]


def test_json_has_no_nan(tmp_path):
    write(tmp_path, range(1), [EventSpec("score_nan", 1, 0, params={"rate": 1.0})], format="jsonl")
    first = (tmp_path / "log/date=2026-03-02/hour=00/part-0.jsonl").read_text().splitlines()[0]
    assert json.loads(first)["score"] is None


def test_integer_ids(tmp_path):
    write(tmp_path, ids="integer")
    log, catalog = table(tmp_path / "log"), pq.read_table(tmp_path / "catalog.parquet")
    types = [str(log.schema.field(name).type) for name in ("request_id", "user_id", "item_id")]
    assert types == ["uint64", "int64", "int64"]
    assert set(log["item_id"].to_pylist()) <= set(catalog["item_id"].to_pylist())
    assert max(log["request_id"].to_pylist()) > 2**63


def test_empty_lists_are_there_in_the_list_layout(tmp_path):
    empty = EventSpec("empty_lists", 3, 0, params={"rate": 0.5})
    write(tmp_path, events=[empty], layout="list")
    length = Counter(len(items) for items in table(tmp_path / "log")["items"].to_pylist())
    assert set(length) == {0, 5}
    assert length[0] / length.total() == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("partitioned_by", ["event_time", "arrival"])
def test_late_rows_lie_where_the_log_is_said_to_keep_them(tmp_path, partitioned_by):
    write(tmp_path / "punctual", range(6))
    _, files = write(tmp_path / "late", range(6), late_share=0.3, late_hours=2, partitioned_by=partitioned_by)
    punctual = table(tmp_path / "punctual/log")
    late = [file for file in files if "late-" in file]
    assert late
    for file in late:
        folder, delay = int(file.split("hour=")[1][:2]), int(file.split("late-")[1][:2])
        hours = {moment.hour for moment in pq.read_table(tmp_path / "late" / file)["timestamp"].to_pylist()}
        assert hours == {folder - delay if partitioned_by == "arrival" else folder}
    share = sum(pq.read_metadata(tmp_path / "late" / file).num_rows for file in late) / punctual.num_rows
    assert share == pytest.approx(0.3, abs=0.08)
    key = [("timestamp", "ascending"), ("position", "ascending")]
    assert table(tmp_path / "late/log").sort_by(key).equals(punctual.sort_by(key))


def test_late_files_say_when_they_arrive():
    scenario = Scenario(shop=SHOP, log=LogSpec(late_share=0.5, late_hours=2), days=1)
    files = list(LogWriter(Simulation(scenario, 9)).files(4))
    names = [file.path.rsplit("/", 1)[1] for file in files]
    assert names == ["part-0.parquet", "late-01.parquet", "late-02.parquet"]
    assert [file.arrives - START for file in files] == [timedelta(hours=h) for h in (5, 6, 7)]


def click_log(folder, hours=range(24), **log):
    """The log of clicks, and when each place was shown that is clicked in a log with a column for it."""
    write(folder / "column", hours)
    write(folder / "log", hours, clicks="log", **log)
    column = table(folder / "column/log")
    clicked = column.filter(column["clicked"]).to_pylist()
    shown = {(row["request_id"], row["item_id"]): row["timestamp"] for row in clicked}
    assert "clicked" not in table(folder / "log/log").column_names
    return table(folder / "log/clicks"), shown


def test_clicks_in_a_log_of_their_own_are_those_of_the_column(tmp_path):
    clicks, shown = click_log(tmp_path, click_delay_minutes=1.0, click_delay_spread=0.3)
    assert {f.name: str(f.type) for f in clicks.schema} == {
        "timestamp": "timestamp[us, tz=UTC]",
        "request_id": "string",
        "item_id": "string",
        "kind": "string",
        "value": "double",
    }
    told = Counter((c["request_id"], c["item_id"]) for c in clicks.to_pylist())
    end = START + timedelta(hours=24)
    missing = [when for key, when in shown.items() if key not in told]
    assert set(told) <= set(shown)
    assert set(told.values()) == {1}
    assert all(end - when < timedelta(minutes=5) for when in missing)  # not yet clicked when the log ends
    assert set(clicks["kind"].to_pylist()) == {"click"}
    assert clicks["value"].null_count == clicks.num_rows


def test_clicks_come_minutes_to_hours_later_in_the_folder_of_their_own_hour(tmp_path):
    clicks, shown = click_log(tmp_path, click_delay_minutes=40.0, click_delay_spread=1.2)
    early = [
        c for c in clicks.to_pylist() if shown[c["request_id"], c["item_id"]] < START + timedelta(hours=12)
    ]
    delays = [(c["timestamp"] - shown[c["request_id"], c["item_id"]]).total_seconds() / 60 for c in early]
    assert min(delays) >= 0
    assert np.median(delays) == pytest.approx(40, rel=0.25)
    assert np.mean(np.array(delays) > 180) == pytest.approx(0.105, abs=0.06)  # a tenth: 1.25 deviations
    for path in (tmp_path / "log/clicks").rglob("*.parquet"):
        moments = pq.read_table(path)["timestamp"].to_pylist()
        assert path.name == "part-0.parquet"
        assert {m.hour for m in moments} == {int(path.parent.name[5:])}
        assert moments == sorted(moments)


def test_purchases_follow_clicks_and_have_a_value(tmp_path):
    clicks, _ = click_log(tmp_path, click_delay_minutes=2.0, purchase_share=0.5)
    by_kind = {kind: clicks.filter(pc.field("kind") == kind).to_pylist() for kind in ("click", "purchase")}
    clicked = {(c["request_id"], c["item_id"]): c["timestamp"] for c in by_kind["click"]}
    assert len(by_kind["purchase"]) / len(clicked) == pytest.approx(0.5, abs=0.1)
    prices = {}
    for bought in by_kind["purchase"]:
        assert clicked[bought["request_id"], bought["item_id"]] <= bought["timestamp"]
        assert prices.setdefault(bought["item_id"], bought["value"]) == bought["value"] > 0
    assert all(c["value"] is None for c in by_kind["click"])


def test_an_hour_of_clicks_is_the_same_however_the_log_is_written(tmp_path):
    for name, hours in (("whole", range(20)), ("part", range(17, 20))):
        write(tmp_path / name, hours, clicks="log", click_delay_minutes=90.0)
    parts = [
        pq.read_table(tmp_path / name / "clicks/date=2026-03-02/hour=18/part-0.parquet", partitioning=None)
        for name in ("whole", "part")
    ]
    assert parts[0].equals(parts[1])
    assert parts[0].num_rows > 3


def test_nothing_half_written_is_left(tmp_path):
    _, files = write(tmp_path, range(2), late_share=0.2, clicks="log")
    assert not [file for file in files if ".tmp" in file]


def test_a_log_without_a_catalogue(tmp_path):
    _, files = write(tmp_path, range(1), catalogue=False)
    assert "catalog.parquet" not in files
