"""What `init` finds in logs of every shape, through the command line, and that what it writes works."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from monitor.cli.check import check
from monitor.cli.init import init
from monitor.config.loader import load
from monitor.config.models import Kind, RecommenderConfig
from monitor.detector_settings import check_detectors
from monitor.errors import UserError
from monitor.logs import PredictionLog, Quarantine
from monitor.windows import Window
from tests.monitor.inspect import shop_logs
from tests.monitor.inspect.shop_logs import START, as_csv, as_jsonl, as_parquet, partitioned

HOUR = timedelta(hours=1)


def run_init(log: Path, *options: str) -> tuple[RecommenderConfig, str, str]:
    """The recommender that was written, the text of the file, and what was said."""
    config = log.parent / "written.yaml"
    result = CliRunner().invoke(init, [str(log), "-o", str(config), *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return load(config, check_detectors).recommenders[0], config.read_text(), result.output


def rows_of(recommender: RecommenderConfig, hour: int) -> dict[str, list[Any]]:
    """The rows of an hour, read as the daemon reads them."""
    log = PredictionLog(recommender.log, recommender.slices)
    window = Window(START + hour * HOUR, START + (hour + 1) * HOUR)
    quarantine = Quarantine()
    files = log.files(window, window.end + 24 * HOUR).files
    log.cost(files, quarantine)
    out: dict[str, list[Any]] = {}
    for file in files:
        for table in log.read(file, quarantine):
            times = table["timestamp"].to_pylist()
            keep = [window.start_us <= t < window.end_us for t in times]
            for name, column in table.to_pydict().items():
                out.setdefault(name, []).extend(v for v, k in zip(column, keep, strict=True) if k)
    assert quarantine.items == ()
    return out


def test_long_parquet_by_date_and_hour(tmp_path: Path) -> None:
    rows = shop_logs.long_rows(shop_logs.requests(per_hour=80))
    partitioned(tmp_path / "log", rows, "date=%Y-%m-%d/hour=%H", "part-0.parquet", as_parquet)
    recommender, text, said = run_init(tmp_path / "log")
    assert recommender.log.path == str(tmp_path / "log")
    assert (recommender.log.format, recommender.log.layout) == ("parquet", "long")
    assert recommender.log.partitions == "date=%Y-%m-%d/hour=%H"
    assert recommender.log.partitioned_by == "event_time"
    assert recommender.log.columns.model_dump(exclude_none=True) == {
        "timestamp": "ts",
        "item": "item_id",
        "request": "request_id",
        "user": "user_id",
        "position": "position",
        "score": "score",
        "click": "clicked",
    }
    assert recommender.slices == ("surface",)
    assert "# not country: leaves" in text
    assert (recommender.window.length, recommender.window.settle) == (HOUR, timedelta(minutes=10))
    assert recommender.window.replay == timedelta(days=2)
    assert "told within 1 h 10 min" in said
    expected = [row for row in rows if START + 5 * HOUR <= row["ts"] < START + 6 * HOUR]
    read = rows_of(recommender, 5)
    assert read["item"] == [row["item_id"] for row in expected]
    assert read["surface"] == [row["surface"] for row in expected]


@pytest.mark.parametrize(
    ("pattern", "name", "write", "expected"),
    [
        ("dt=%Y%m%d", "a.jsonl", as_jsonl, "jsonl"),
        ("%Y/%m/%d/%H", "a.json.gz", as_jsonl, "jsonl"),
        ("year=%Y/month=%m/day=%d", "a.csv", as_csv, "csv"),
        ("%Y-%m-%dT%H", "a.parquet", as_parquet, "parquet"),
    ],
)
def test_formats_and_folders(tmp_path: Path, pattern: str, name: str, write: Any, expected: str) -> None:
    rows = shop_logs.long_rows(shop_logs.requests())
    partitioned(tmp_path / "log", rows, pattern, name, write)
    recommender, _, _ = run_init(tmp_path / "log")
    assert (recommender.log.partitions, recommender.log.format) == (pattern, expected)
    assert recommender.log.columns.position == "position"
    assert recommender.log.columns.click == "clicked"
    read = rows_of(recommender, 30)
    assert read["item"] == [
        row["item_id"] for row in rows if START + 30 * HOUR <= row["ts"] < START + 31 * HOUR
    ]


def test_a_level_of_surfaces(tmp_path: Path) -> None:
    for row in (made := shop_logs.requests()):
        surface = row.pop("surface")
        row["surface"] = surface
    for surface in ("home", "email"):
        rows = [
            {k: v for k, v in row.items() if k != "surface"}
            for row in shop_logs.requests(per_hour=50)
            if row["surface"] == surface
        ]
        partitioned(tmp_path / "log", rows, f"surface={surface}/date=%Y-%m-%d", "a.parquet", as_parquet)
    recommender, _, _ = run_init(tmp_path / "log")
    assert recommender.log.partitions == "surface=*/date=%Y-%m-%d"
    assert recommender.slices == ()  # 20 e-mails an hour are too few to part
    assert made


def test_parallel_lists(tmp_path: Path) -> None:
    made = shop_logs.requests(per_hour=90)
    partitioned(tmp_path / "log", made, "date=%Y-%m-%d/hour=%H", "a.parquet", as_parquet)
    recommender, _, said = run_init(tmp_path / "log")
    assert recommender.log.layout == "list"
    columns = recommender.log.columns
    assert (columns.item, columns.score, columns.click) == ("items", "scores", "clicked")
    assert (columns.request, columns.user, columns.position) == ("request_id", "user_id", None)
    assert rows_of(recommender, 3)["item"] == [
        row["items"] for row in made if START + 3 * HOUR <= row["ts"] < START + 4 * HOUR
    ]
    assert "lists.empty_share" not in said


def test_nested_json_with_a_list_of_records(tmp_path: Path) -> None:
    made = [
        {
            "meta": {"served_at": int(row["ts"].timestamp() * 1000), "requestId": row["request_id"]},
            "user": {"id": row["user_id"]},
            "payload": {
                "recommendations": [
                    {"id": item, "score": score}
                    for item, score in zip(row["items"], row["scores"], strict=True)
                ]
            },
            "surface": row["surface"],
        }
        for row in shop_logs.requests(per_hour=100)
    ]
    as_jsonl(tmp_path / "log" / "all.jsonl", made)
    recommender, text, _ = run_init(tmp_path / "log")
    columns = recommender.log.columns
    assert recommender.log.layout == "list"
    assert recommender.log.timestamp_unit == "ms"
    assert (columns.timestamp, columns.request) == ("meta.served_at", "meta.requestId")
    assert (columns.user, columns.item) == ("user.id", "payload.recommendations.id")
    assert columns.score == "payload.recommendations.score"
    assert "milliseconds since 1970" in text
    assert recommender.slices == ("surface",)


def test_a_log_by_arrival(tmp_path: Path) -> None:
    rows = shop_logs.long_rows(shop_logs.requests())
    for n, row in enumerate(rows):
        row["arrived"] = row["ts"] + (timedelta(hours=2) if n % 10 == 0 else timedelta(seconds=1))
    partitioned(
        tmp_path / "log", rows, "dt=%Y-%m-%d-%H", "a.parquet", as_parquet, by=lambda row: row["arrived"]
    )
    recommender, text, _ = run_init(tmp_path / "log")
    assert recommender.log.columns.timestamp == "ts"
    assert recommender.log.partitioned_by == "arrival"
    assert recommender.log.partition_lateness == timedelta(hours=4)
    assert "older than their folder, by up to 2 h" in text
    wanted = sorted(r["item_id"] for r in rows if START + 9 * HOUR <= r["ts"] < START + 10 * HOUR)
    assert sorted(rows_of(recommender, 9)["item"]) == wanted


def test_folders_of_another_time_zone_are_not_trusted(tmp_path: Path) -> None:
    rows = shop_logs.long_rows(shop_logs.requests())
    partitioned(
        tmp_path / "log",
        rows,
        "%Y-%m-%d",
        "a.parquet",
        as_parquet,
        by=lambda row: row["ts"] - timedelta(hours=8),
    )
    recommender, text, _ = run_init(tmp_path / "log")
    assert recommender.log.partitions == ""
    assert '# No partitions: "%Y-%m-%d" fits the folders, but 3' in text
    assert len(rows_of(recommender, 3)["item"]) == 300


def test_a_nightly_batch_has_a_cadence(tmp_path: Path) -> None:
    nights = [24 * day + 3 for day in range(6)]
    partitioned(
        tmp_path / "log",
        shop_logs.long_rows(shop_logs.requests(nights, per_hour=200)),
        "date=%Y-%m-%d",
        "a.parquet",
        as_parquet,
    )
    recommender, text, said = run_init(tmp_path / "log")
    assert recommender.window.cadence == timedelta(days=1)
    assert recommender.window.length == HOUR
    assert "a batch, not silence" in text
    assert "all                 200 requests a window" in said or "200 requests a window" in said


def test_thin_traffic_asks_for_longer_windows(tmp_path: Path) -> None:
    rows = shop_logs.long_rows(shop_logs.requests(range(96), per_hour=8))
    as_parquet(tmp_path / "thin.parquet", rows)
    recommender, _, said = run_init(tmp_path / "thin.parquet")
    assert recommender.window.length == timedelta(hours=6)
    assert "told within 6 h 10 min" in said


def test_guests_are_named(tmp_path: Path) -> None:
    rows = shop_logs.long_rows(shop_logs.requests(guest=0.3))
    as_parquet(tmp_path / "log.parquet", rows)
    recommender, text, _ = run_init(tmp_path / "log.parquet")
    assert recommender.log.guests == ("guest",)
    assert "# 30 % of requests" in text or "# 29 % of requests" in text or "# 31 % of requests" in text


def test_a_catalogue_names_its_parts_and_finds_the_item(tmp_path: Path) -> None:
    rows = [
        {("thing" if k == "item_id" else k): v for k, v in row.items()}
        for row in shop_logs.long_rows(shop_logs.requests())
    ]
    as_parquet(tmp_path / "log.parquet", rows)
    pq.write_table(
        pa.table(
            {
                "id": [f"sku-{i}" for i in range(400)],
                "brand": ["a"] * 400,
                "genre": ["x", "y"] * 200,
                "in_stock": [True] * 400,
            }
        ),
        tmp_path / "catalog.parquet",
    )
    recommender, text, said = run_init(
        tmp_path / "log.parquet", "--catalog", str(tmp_path / "catalog.parquet")
    )
    assert recommender.log.columns.item == "thing"
    assert recommender.catalog is not None
    assert recommender.catalog.item == "id"
    assert recommender.catalog.columns == {"category": "genre", "provider": "brand"}
    assert "400 items; it has the items of 100 % of the sampled rows" in text
    assert "no catalogue is configured" not in said


def test_hostile_names_are_quoted(tmp_path: Path) -> None:
    rows = [
        {
            "ts": row["ts"],
            "item_id": row["item_id"],
            "NO": row["country"],
            'a "b": #c\n${HOME} 😀': row["surface"],
        }
        for row in shop_logs.long_rows(shop_logs.requests(per_hour=90))
    ]
    folder = tmp_path / "it's: a #log"
    as_parquet(folder / "x.parquet", rows)
    recommender, text, _ = run_init(folder)
    assert set(recommender.slices) == {"NO", 'a "b": #c\n${HOME} 😀'}
    assert recommender.log.path == str(folder)
    assert '- "NO"' in text
    assert CliRunner().invoke(check, [str(tmp_path / "written.yaml")], catch_exceptions=False).exit_code == 0


def test_the_item_is_not_to_be_found(tmp_path: Path) -> None:
    rows = [
        {"ts": row["ts"], "foo": row["item_id"], "bar": row["country"]}
        for row in shop_logs.long_rows(shop_logs.requests())
    ]
    as_parquet(tmp_path / "log.parquet", rows)
    with pytest.raises(UserError) as error:
        run_init(tmp_path / "log.parquet")
    assert str(error.value) == (
        'no column could be found that says which item was shown; the log has "foo", "bar": '
        "say which one it is with --column item=NAME"
    )
    recommender, text, _ = run_init(tmp_path / "log.parquet", "--column", "item=foo")
    assert recommender.log.columns.item == "foo"
    assert "# as you said" in text


def test_the_time_is_not_to_be_found(tmp_path: Path) -> None:
    as_jsonl(tmp_path / "log.jsonl", [{"item_id": f"i{n}", "n": n} for n in range(50)])
    with pytest.raises(UserError, match="says when a recommendation was made") as error:
        run_init(tmp_path / "log.jsonl")
    assert "--column timestamp=NAME" in str(error.value)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("position", "--column position: write ROLE=COLUMN, such as --column timestamp=served_at"),
        ("usr=user_id", '--column usr=user_id: "usr" is no part; did you mean "user"?'),
        ("user=user_idd", '--column user=user_idd: the log has no such column; did you mean "user_id"?'),
        ("item=", "--column item=: a log without its item cannot be watched"),
    ],
)
def test_mistakes_of_the_column_option(tmp_path: Path, option: str, said: str) -> None:
    as_parquet(tmp_path / "log.parquet", shop_logs.long_rows(shop_logs.requests(range(2))))
    with pytest.raises(UserError) as error:
        run_init(tmp_path / "log.parquet", "--column", option)
    assert str(error.value) == said


def test_nothing_is_written_over(tmp_path: Path) -> None:
    as_parquet(tmp_path / "log.parquet", shop_logs.long_rows(shop_logs.requests(range(3))))
    (tmp_path / "written.yaml").write_text("mine")
    with pytest.raises(UserError, match="is there already; say --force to replace it"):
        run_init(tmp_path / "log.parquet")
    assert (tmp_path / "written.yaml").read_text() == "mine"
    run_init(tmp_path / "log.parquet", "--force")


def test_broken_places(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "zero.parquet").write_bytes(b"")
    (tmp_path / "text.parquet").write_text("item_id,ts\n1,2\n")
    for log, said in (
        ("gone", "does not exist"),
        ("empty", "is an empty folder"),
        ("zero.parquet", "is empty (0 bytes)"),
        ("text.parquet", "is named as parquet, but its content is not"),
    ):
        with pytest.raises(UserError) as error:
            run_init(tmp_path / log)
        assert said in str(error.value)
        assert str(tmp_path / log) in str(error.value)


def test_one_broken_file_is_said_and_left_out(tmp_path: Path) -> None:
    rows = shop_logs.long_rows(shop_logs.requests())
    partitioned(tmp_path / "log", rows, "date=%Y-%m-%d", "a.parquet", as_parquet)
    (tmp_path / "log" / "date=2026-03-02" / "b.parquet").write_bytes(b"PAR1 and no more")
    _, _, said = run_init(tmp_path / "log")
    assert "b.parquet: is not a readable Parquet file" in said


def test_a_context_without_users_makes_contextual_lists(tmp_path: Path) -> None:
    rows = [
        {
            "ts": row["ts"],
            "request_id": row["request_id"],
            "item_id": row["item_id"],
            "rank": row["position"] - 1,
            "context_item_id": f"sku-{hash_of(row['request_id'])}",
        }
        for row in shop_logs.long_rows(shop_logs.requests())
    ]
    as_csv(tmp_path / "similar.csv", rows)
    recommender, text, _ = run_init(tmp_path / "similar.csv")
    assert recommender.kind is Kind.CONTEXTUAL
    assert recommender.log.columns.context == "context_item_id"
    assert recommender.log.columns.position == "rank"
    assert "# no user: nothing about users is measured" in text


def hash_of(text: str) -> int:
    return int(text[2:]) * 7919 % 400


def test_incomplete_lines_do_not_stop_it(tmp_path: Path) -> None:
    rows = shop_logs.long_rows(shop_logs.requests(range(24)))
    as_jsonl(tmp_path / "log.jsonl", rows)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"ts": "2026-\n' + json.dumps({"surface": "\ud800"}) + "\n")
    recommender, _, _ = run_init(tmp_path / "log.jsonl")
    assert recommender.log.columns.item == "item_id"


def test_a_sample_of_a_sorted_file_has_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.inspect.sample.MOST_ROWS", 3000)
    rows = shop_logs.long_rows(shop_logs.requests(per_hour=150))
    as_parquet(tmp_path / "log.parquet", sorted(rows, key=lambda row: (row["surface"], row["ts"])))
    recommender, text, said = run_init(tmp_path / "log.parquet")
    assert "3,000 of about 36,000 rows of 1 file" in said
    assert recommender.slices == ("surface", "country")
    shares = re.search(r"- surface +# 2 values: home (\d+) %, email (\d+) %", text)
    assert shares is not None
    assert abs(int(shares[1]) - 60) <= 10
    assert recommender.window.length == HOUR


def test_the_same_log_gives_the_same_text(tmp_path: Path) -> None:
    as_parquet(tmp_path / "log.parquet", shop_logs.long_rows(shop_logs.requests(range(24))))
    assert run_init(tmp_path / "log.parquet")[1] == run_init(tmp_path / "log.parquet", "--force")[1]
