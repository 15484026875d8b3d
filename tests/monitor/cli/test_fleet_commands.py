"""An incident of the fleet in `incidents`, `show`, `status` and `ack`, on a store that is filled by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from monitor.cli.main import cli
from monitor.incidents.fleet import FLEET
from monitor.store import Store
from tests.monitor.cycle.small_shop import COLUMNS, PARTITIONS, due_at, write_hours
from tests.monitor.factories import HOUR, NOON, evaluation, incident, stuck_evaluation

NAMES = ("cart", "home", "search")
NOW = "2026-03-14T12:15Z"
CONFIG = """\
recommenders:
- {name: feed, log: {path: /logs/feed, columns: {timestamp: ts, item: item_id}}}
"""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """Three recommenders are stuck in the same window."""
    with Store.open(tmp_path / "state") as store:
        for name in NAMES:
            store.record(stuck_evaluation(name))
    return tmp_path / "state"


@pytest.fixture
def fleet(state: Path) -> str:
    with Store.open(state, read_only=True) as store:
        [one] = store.incidents(FLEET)
    return one.id


def lines(state: Path, *arguments: object) -> list[str]:
    asked = [*map(str, arguments), "--storage.path", str(state)]
    result = CliRunner().invoke(cli, asked, standalone_mode=False)
    assert result.exception is None, result.exception
    return result.output.replace("\u00a0", " ").splitlines()


def document(state: Path, *arguments: object) -> Any:
    return json.loads("\n".join(lines(state, *arguments, "--json")))


def test_it_is_listed_and_its_parts_are_marked(state: Path, fleet: str) -> None:
    rows = {line.split()[0]: line for line in lines(state, "incidents")[1:]}
    assert set(rows) == {fleet, *(f"{name}-same_item-3f9c1a" for name in NAMES)}
    assert rows[fleet].split(maxsplit=3)[1:3] == ["page", "open"]
    assert rows[fleet].split(maxsplit=3)[3].startswith("3 recommenders have the same trouble (same_item): ")
    assert all("open, a part" in rows[f"{name}-same_item-3f9c1a"] for name in NAMES)
    assert [i["id"] for i in document(state, "incidents", FLEET)] == [fleet]


def test_show_names_its_parts_and_a_part_names_it(state: Path, fleet: str) -> None:
    out = lines(state, "show", fleet)
    told = {line[:14].strip(): line[15:] for line in out[3:] if line}
    assert out[0] == f"page {fleet}"
    assert (told["state"], told["recommender"], told["item"]) == ("open", "(fleet)", "sku-007065")
    assert told["affected"] == "4,569 requests"
    at = out.index("Parts (3):")
    assert [line.split()[0] for line in out[at + 1 : at + 4]] == [f"{n}-same_item-3f9c1a" for n in NAMES]
    assert out[-1] == "Why: recwatch explain cart --at 2026-03-14T11:00Z"
    assert [p["recommender"] for p in document(state, "show", fleet)["parts"]] == list(NAMES)

    part = "home-same_item-3f9c1a"
    assert f"part of        {fleet}" in lines(state, "show", part)
    assert document(state, "show", part)["part_of"] == fleet
    assert document(state, "show", fleet)["part_of"] is None


def test_explain_says_who_told_of_a_part(state: Path, fleet: str) -> None:
    asked = ("explain", "home", "--at", "2026-03-14T11:30Z")
    assert (
        f"home-same_item-3f9c1a is a part of an incident of the fleet, which is told instead: {fleet}"
        in lines(state, *asked)
    )
    with Store.open(state) as store:
        store.record(evaluation("home", NOON + 10 * HOUR))
    assert not any("of the fleet" in line for line in lines(state, *asked[:3], "2026-03-14T21:30Z"))


def test_acknowledging_it_acknowledges_its_parts(state: Path, fleet: str) -> None:
    with Store.open(state) as store:
        over = incident("home", resolved_at=NOON)
        store.record(evaluation("home", open_incidents=(over,)))
    out = lines(state, "ack", fleet, "--why", "feature store is down")
    assert f": {fleet}: 3 recommenders have the same trouble" in out[0]
    assert out[1:] == [
        "with it, of cart: cart-same_item-3f9c1a",
        "with it, of search: search-same_item-3f9c1a",
    ]
    with Store.open(state, read_only=True) as store:
        said = store.acknowledgements()
    assert {a.incident_id for a in said} == {fleet, "cart-same_item-3f9c1a", "search-same_item-3f9c1a"}
    assert {a.why for a in said} == {"feature store is down"}
    assert document(state, "status", "--now", NOW)["fleet"]["acknowledged"] == [fleet]


def test_status_tells_it_before_the_recommenders(state: Path, fleet: str, tmp_path: Path) -> None:
    out = lines(state, "status", "--now", NOW)
    opened = [line for line in out if ": open: page " in line]
    assert opened[0].startswith(f"(fleet): open: page {fleet}: 3 recommenders have the same trouble")
    assert [line.partition(":")[0] for line in opened[1:]] == list(NAMES)
    assert document(state, "status", "--now", NOW)["fleet"] == {"open_incidents": [fleet], "acknowledged": []}
    config = tmp_path / "shop.yaml"
    config.write_text(CONFIG)  # none of its parts is watched any more
    found = document(state, "status", "--now", NOW, "--config", config)
    assert found["fleet"]["open_incidents"] == []


def test_once_tells_of_it_and_backtest_when_the_daemon_would_have(tmp_path: Path) -> None:
    write_hours(tmp_path / "log", range(8), stuck=(3, 4, 5))
    log = {"path": str(tmp_path / "log"), "partitions": PARTITIONS, "columns": COLUMNS}
    defaults = {"log": log, "window": {"settle": "10m"}, "labels": {"team": "shop"}}
    config, found, metrics = (tmp_path / name for name in ("shop.yaml", "found.json", "metrics.om"))
    config.write_text(yaml.safe_dump({"defaults": defaults, "recommenders": [{"name": n} for n in NAMES]}))
    once = ["once", str(config), "--now", due_at(3).isoformat(), "--storage.path", str(tmp_path / "state")]
    done = CliRunner().invoke(cli, [*once, "--textfile", str(metrics)], standalone_mode=False)
    assert (
        "open: page: 3 recommenders have the same trouble (same_item): cart, home and search." in done.output
    )
    exported = [
        line for line in metrics.read_text().splitlines() if line.startswith("recwatch_incident_muted")
    ]
    assert sorted(line[-1] for line in exported if "same-item" in line) == ["0", "1", "1", "1"]

    asked = ["backtest", str(config), "-o", str(found), "--openmetrics", str(metrics)]
    result = CliRunner().invoke(cli, asked, standalone_mode=False)
    assert result.exception is None, result.exception
    told = [i for i in json.loads(found.read_text()) if i["detector"] == "same_item"]
    *parts, one = sorted(told, key=lambda i: (i["recommender"] == FLEET, i["recommender"]))
    assert [p["incident"] for p in one["parts"]] == [p["id"] for p in parts]
    assert (one["severity"], one["labels"], one["culprit"]) == ("page", {"team": "shop"}, {"item": "item-7"})
    assert one["opened_at"] == due_at(3).isoformat()
    assert one["resolved_at"] == max(p["resolved_at"] for p in parts)
    assert "3 recommenders have the same trouble (same_item): cart, home and search." in result.output
    series = f'recwatch_incident_open{{job="recwatch",instance="127.0.0.1:10147",incident="{one["id"]}"'
    values = [line.split()[-2:] for line in metrics.read_text().splitlines() if line.startswith(series)]
    assert values[0] == ["1", f"{due_at(3).timestamp():.0f}"]
    assert values[-1][0] == "0"
