"""The bench from end to end on a small log: `init` and `backtest` as people run them, scored, written down."""

from __future__ import annotations

import json

import pytest

from monitor.simulator.scenarios import scenario_named
from tests.incident_bench.__main__ import command_of, main, parser, tasks_of
from tests.incident_bench.story import judge, simulate

SCENARIO = {
    "quiet_days": 1,
    "gap_hours": [6, 8],
    "shop": {"items": 600, "users": 1_500, "slots": 5},
    "incidents": [
        {"kind": "same_item", "hours": 6, "params": {"share": 0.95}},
        {"kind": "same_item", "hours": 6, "params": {"share": 0.05}},
    ],
}


def test_a_small_log_from_end_to_end(tmp_path, capsys):
    scenario, page = tmp_path / "small.json", tmp_path / "page.md"
    scenario.write_text(json.dumps(SCENARIO))
    options = ["--scenarios", str(scenario), "--seeds", "4", "--requests-per-hour", "120", "--jobs", "1"]
    assert main([*options, "--keep", str(tmp_path / "kept"), "--write", str(page)]) == 0
    text = page.read_text()
    assert text in capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line]
    stuck, faint = (
        next(row for row in rows if row[0] == name) for name in ("same_item", "same_item (below sight)")
    )
    assert stuck[2:9] == ["1", "1/1", "1/1", stuck[5], "1/1", "1/1", "1/1"]
    assert float(stuck[5]) < 1.25
    assert faint[2:5] == ["1", "0/1", "0/1"]
    assert (
        "- 2 incidents: 1 found, 1 in time\n- of the 1 that are not below sight: 1 in time, 100 %\n" in text
    )
    assert "0 false pages" in text
    assert (
        "    python -m tests.incident_bench --scenarios small.json --seeds 4 --requests-per-hour 120\n"
        in text
    )
    assert sorted(path.name for path in (tmp_path / "kept" / "small-120-4").iterdir()) == [
        "catalog.parquet",
        "labels.json",
        "log",
    ]


def test_a_collapse_of_clicks_in_a_log_of_their_own_is_found_by_what_init_writes(tmp_path):
    scenario = {
        "quiet_days": 3,
        "gap_hours": [2, 3],
        "shop": {"items": 600, "users": 1_500, "slots": 5},
        "log": {"clicks": "log", "purchase_share": 0.2},
        "incidents": [{"kind": "click_drop", "hours": 8, "params": {"factor": 0.1}}],
    }
    (tmp_path / "clicks.json").write_text(json.dumps(scenario))
    simulated = tmp_path / "simulated"
    simulate(scenario_named(str(tmp_path / "clicks.json"), 1), 1, 300, simulated)
    story = judge("clicks", simulated, tmp_path / "judged")
    written = (tmp_path / "judged" / "recwatch.yaml").read_text()
    assert "clicks: [click]" in written
    assert "conversions: [purchase]" in written
    [held] = story.score.held
    assert (held.kind, held.in_time, held.told_by, held.right_place) == (
        "click_drop",
        True,
        ("outcome",),
        True,
    )
    assert story.score.false_pages == 0


def test_a_log_that_recwatch_cannot_read_is_said_and_fails(tmp_path, capsys):
    folder = tmp_path / "broken-1-1"
    (folder / "log").mkdir(parents=True)
    assert main(["--simulated", str(folder), "--jobs", "1"]) == 1
    said = capsys.readouterr().out
    assert "## Logs that failed\n\n- broken-1-1: recwatch init ended with 2: " in said
    assert "--simulated broken-1-1\n" in said


def test_an_unknown_scenario_is_refused_before_anything_is_done(capsys):
    assert main(["--scenarios", "nonesuch"]) == 2
    assert "nonesuch: cannot read the scenario: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ("--scenarios quiet --seeds 1-2,7 --requests-per-hour 300", ["quiet-300-1", "quiet-300-2", "quiet-300-7"]),
        ("--scenarios wide --seeds 3 --requests-per-hour 300 1500", ["wide-own-3"]),
        ("--scenarios traits --seeds 1 --requests-per-hour 300 1500", ["traits-1500-1", "traits-300-1"]),
    ],
)  # fmt: skip
def test_which_logs_are_judged(arguments, names):
    options = parser().parse_args(arguments.split())
    assert [task.name for task in tasks_of(options)] == names
    assert command_of(options).startswith("python -m tests.incident_bench --scenarios")
