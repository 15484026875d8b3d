"""`explain`, `incidents`, `show` and `status` as people type them, on a store that is filled by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from detectors.core.verdict import Severity, Verdict
from monitor.cli.main import cli
from monitor.errors import StoreError, UserError
from monitor.incidents.incident import Incident, Resolution
from monitor.store import Store
from monitor.store.said import Acknowledgement
from tests.monitor.factories import (
    HOUR,
    NOON,
    evaluation,
    failed_evaluation,
    finding,
    findings,
    incident,
    stuck_evaluation,
)

ID = "home-same_item-3f9c1a"
CONFIG = """\
recommenders:
- {name: home, log: {path: /logs/home, columns: {timestamp: ts, item: item_id}}, mode: observe}
- {name: cart, log: {path: /logs/cart, columns: {timestamp: ts, item: item_id}}}
"""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """`home` is stuck, an older ticket of it is over, `old` is replayed history; `feed` could not be read."""
    folder = tmp_path / "state"
    over = incident(
        id="home-diversity-1", severity=Severity.TICKET, detector="diversity", onset_at=NOON - 9 * HOUR,
        opened_at=NOON - 8 * HOUR, resolved_at=NOON - 5 * HOUR, resolution=Resolution.INTENDED,
    )  # fmt: skip
    silent = incident(id="home-old-1", silent=True, resolved_at=NOON - 20 * HOUR, opened_at=NOON - 30 * HOUR)
    with Store.open(folder) as store:
        store.record(evaluation(end=NOON - 20 * HOUR, open_incidents=(silent,)))
        store.record(evaluation(end=NOON - 5 * HOUR, open_incidents=(over,)))
        store.record(stuck_evaluation())
        store.record(failed_evaluation("feed"))
        store.acknowledge(Acknowledgement(ID, NOON + HOUR, "ann@ops", "rolling back"))
    return folder


def typed(state: Path, *arguments: object) -> Result:
    return CliRunner().invoke(
        cli, [*map(str, arguments), "--storage.path", str(state)], standalone_mode=False
    )


def lines(state: Path, *arguments: object) -> list[str]:
    result = typed(state, *arguments)
    assert result.exception is None, result.exception
    return result.output.replace("\u00a0", " ").splitlines()


def document(state: Path, *arguments: object) -> Any:
    return json.loads(typed(state, *arguments, "--json").output)


def test_explain_lays_out_what_was_judged(state: Path) -> None:
    out = lines(state, "explain", "home", "--at", "2026-03-14T11:30Z")
    assert out[0] == "home, window 2026-03-14 11:00–12:00 UTC: evaluated, attempt 1 at 2026-03-14 12:10 UTC"
    assert out[1].startswith(f"A page opened in this window: {ID}: sku-007065 is on top of 97 %")
    head, *rows = out[out.index("") + 1 :]
    assert head.split() == ["state", "slice", "measure", "value", "usual", "band", "limit", "margin", "n"]
    share = next(r for r in rows if "first_place_share" in r and " all " in r)
    assert share.split() == [
        "breach",
        "all",
        "same_item.first_place_share",
        "96.9",
        "%",
        "3.1",
        "%",
        "at",
        "most",
        "9",
        "%",
        "9",
        "%",
        "-87.9",
        "%",
        "1,571",
    ]
    assert sum(r.startswith("breach") for r in rows) == 4
    assert rows[-1].split()[:3] == ["too", "few", "country=LU,surface=email"]


def test_explain_knows_the_limits_of_the_configuration(state: Path, tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text(CONFIG)
    found = document(
        state, "explain", "home", "--at", "2026-03-14T11:30Z", "--config", config, "--slice", "surface=email"
    )
    assert [row["slice"] for row in found["judged"]] == [{"surface": "email"}]
    with pytest.raises(UserError) as told:
        raise typed(state, "explain", "feed", "--at", "2026-03-14T11:30Z", "--config", config).exception  # type: ignore[misc]
    assert str(told.value) == '--config: has no recommender "feed"; use one of "home", "cart"'


@pytest.mark.parametrize(
    ("name", "at", "code"), [("home", "11:30", 0), ("feed", "11:30", 3), ("home", "15:00", 3)]
)
def test_explain_says_with_its_exit_code_whether_anything_was_judged(
    state: Path, name: str, at: str, code: int
) -> None:
    assert typed(state, "explain", name, "--at", f"2026-03-14T{at}Z").return_value == code


def test_many_lines_are_cut_with_advice(tmp_path: Path) -> None:
    rows = [finding("traffic.requests", 5.0, slice=f"country={c}", high=9.0) for c in range(60)]
    with Store.open(tmp_path) as store:
        store.record(evaluation(findings=findings(rows)))
    out = lines(tmp_path, "explain", "home", "--at", "2026-03-14T11:00Z")
    assert out[-1] == "... and 20 more: narrow it down with --slice or --detector, or take all with --json"
    assert len(document(tmp_path, "explain", "home", "--at", "2026-03-14T11:00Z")["judged"]) == 60


def test_a_detector_of_ones_own_shows_up_by_itself(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.record(
            evaluation(findings=findings([finding("margin_share.share", 0.9, Verdict.BREACH, high=0.5)]))
        )
    out = lines(tmp_path, "explain", "home", "--at", "2026-03-14T11:00Z", "--detector", "margin_share")
    assert out[-1].split()[:4] == ["breach", "all", "margin_share.share", "0.9"]


def test_incidents_are_listed_newest_first(state: Path) -> None:
    out = lines(state, "incidents")
    assert [line.split()[:1] + line.split()[1:2] for line in out[1:]] == [
        [ID, "page"],
        ["home-diversity-1", "ticket"],
    ]
    assert "open, acknowledged" in out[1]
    assert "over (intended)" in out[2]
    assert [i["id"] for i in document(state, "incidents", "home", "--open")] == [ID]
    assert [i["id"] for i in document(state, "incidents", "--all")] == [ID, "home-diversity-1", "home-old-1"]
    assert [i["id"] for i in document(state, "incidents", "--since", "2026-03-14T08:00Z")] == [ID]
    assert lines(state, "incidents", "feed") == ["No incident that anybody was told of."]


def test_who_is_affected_is_counted_in_what_the_log_has() -> None:
    assert incident(counts="rows").affected_in_words == {"rows": 1523.0, "users": 1302.0}
    assert incident(affected={"requests": None, "users": 3.0}).affected_in_words == {"users": 3.0}
    assert Incident.from_json(incident(counts="rows").to_json()).counts == "rows"
    before = {key: value for key, value in incident().to_json().items() if key != "counts"}
    assert Incident.from_json(before).counts == "requests"


def test_show_tells_all_of_one(state: Path) -> None:
    out = lines(state, "show", ID)
    assert out[:2] == [
        f"page {ID}",
        "sku-007065 is on top of 97 % of the lists (1,523 of 1,571 requests); 3 % is usual.",
    ]
    told = {line[:14].strip(): line[15:] for line in out[3:] if line}
    assert told["state"] == "open, acknowledged"
    assert told["share of item"] == "3.1 % before, 96.9 % since"
    assert told["affected"] == "1,523 requests, 1,302 users"
    assert told["acknowledged"] == "2026-03-14 13:00 UTC by ann@ops: rolling back"
    assert "  6 effective items; 812 are usual." in out
    assert out[-1] == "Why: recwatch explain home --at 2026-03-14T11:00Z"
    assert document(state, "show", ID)["acknowledgements"][0]["why"] == "rolling back"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("show", "home-same_item-3f9c1b"), 'there is no incident "home-same_item-3f9c1b"; '
         'did you mean "home-same_item-3f9c1a"?'),
        (("incidents", "hoem"), 'nothing is known of a recommender "hoem"; did you mean "home"?'),
        (("explain", "hoem", "--at", "2026-03-14"), 'nothing is known of a recommender "hoem"; did you mean "home"?'),
    ],
)  # fmt: skip
def test_mistakes_say_what_was_meant(state: Path, arguments: tuple[str, ...], why: str) -> None:
    error = typed(state, *arguments).exception
    assert isinstance(error, UserError)
    assert str(error) == why


@pytest.mark.parametrize(
    "arguments", [("status",), ("incidents",), ("show", ID), ("explain", "home", "--at", "2026-03-14")]
)
def test_nothing_is_made_where_nothing_is(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    error = typed(tmp_path / "nowhere", *arguments).exception
    assert isinstance(error, StoreError)
    assert not (tmp_path / "nowhere").exists()


def test_status_never_says_that_what_is_not_known_is_fine(state: Path) -> None:
    result = typed(state, "status", "--now", "2026-03-14T12:15Z")
    out = result.output.replace("\u00a0", " ").splitlines()
    assert result.return_value == 3
    assert out[0] == "Daemon: none runs on this folder"
    assert out[2].split()[:2] == ["feed", "failed"]
    assert out[3].split()[:2] == ["home", "page"]
    assert f"home: open: page {ID}, acknowledged" in out


def test_status_with_a_configuration_lists_what_was_never_evaluated(state: Path, tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text(CONFIG)
    found = document(state, "status", "--now", "2026-03-14T12:15Z", "--config", config)
    assert [(r["recommender"], r["state"], r["known"]) for r in found["recommenders"]] == [
        ("home", "breach", True),  # it only observes
        ("cart", "not evaluated yet", False),
    ]


def test_status_of_what_is_well_and_of_a_page(tmp_path: Path) -> None:
    now = (NOON + timedelta(minutes=15)).isoformat()
    with Store.open(tmp_path) as store:
        store.record(evaluation())
        assert typed(tmp_path, "status", "--now", now, "--fail-on", "page").return_value == 0
        assert document(tmp_path, "status", "--now", now)["recommenders"][0]["state"] == "ok"
        late = (NOON + 4 * HOUR).isoformat()
        assert typed(tmp_path, "status", "--now", late).return_value == 3
        assert document(tmp_path, "status", "--now", late)["recommenders"][0]["state"] == "overdue"
        store.record(stuck_evaluation())
    assert typed(tmp_path, "status", "--now", now).return_value == 0
    assert typed(tmp_path, "status", "--now", now, "--fail-on", "page").return_value == 10
