"""The commands against a daemon that runs, and without one: both processes are real."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from real_daemon import PATIENCE_SECONDS, Daemon
from shop_log import HOURS, drop_at, hour

from monitor.incidents.incident import Resolution
from monitor.store import Store


def recwatch(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from monitor.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE_SECONDS)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path)
    made.start()
    yield made
    if made.process.poll() is None:
        made.stop()


def test_acknowledge_and_rebaseline_while_it_runs_and_afterwards(daemon: Daemon) -> None:
    daemon.wait_for(lambda: "recwatch_incident_open{" in daemon.metrics())
    with Store.open(daemon.state, read_only=True) as store:
        [incident] = store.incidents(open_only=True)
    assert (incident.detector, incident.onset_at) == ("traffic", hour(HOURS - 1))

    done = recwatch("ack", incident.id, "--why", "new shop software", "--storage.path", daemon.state)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("acknowledged by ")
    acknowledged = f'recwatch_incident_muted{{incident="{incident.id}",recommender="shop"}} 1\n'
    daemon.wait_for(lambda: acknowledged in daemon.metrics())

    wrong = recwatch("ack", "a1", "--why", "x", "--storage.path", daemon.state)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == f'recwatch: there is no incident "a1"; open: {incident.id}\n'

    since = drop_at().isoformat()
    done = recwatch(
        "rebaseline", "shop", "--from", since, "--why", "fewer visitors", "--storage.path", daemon.state
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].startswith(f"closed, it is intended: {incident.id}: ")
    daemon.wait_for(lambda: f'recwatch_incident_open{{incident="{incident.id}"' in daemon.metrics()
                    and "traffic\",slice=\"all\",item=\"\"} 0" in daemon.metrics())  # fmt: skip

    daemon.time(hour(HOURS + 50) + timedelta(minutes=15))  # the new level goes on: nothing is told of it
    daemon.wait_for(lambda: daemon.evaluated(hour(HOURS + 50)))
    daemon.stop()
    with Store.open(daemon.state, read_only=True) as store:
        [only] = store.incidents()
        assert (only.id, only.resolution) == (incident.id, Resolution.INTENDED)
        assert [t.what for t in store.told()] == ["opened", "resolved"]
        latest = store.latest("shop")
        assert latest
        by_name = {(f.measure, f.slice): f for f in latest.findings}
        assert by_name["traffic.requests", "all"].expected == pytest.approx(4, abs=2)

    late = recwatch("ack", incident.id, "--why", "x", "--storage.path", daemon.state)
    assert late.returncode == 2
    assert f"{incident.id} is over since" in late.stderr
    more = recwatch(
        "rebaseline", "shop", "--from", since, "--slice", "surface=email", "--why", "x",
        "--storage.path", daemon.state,
    )  # fmt: skip
    assert more.stdout == f"shop: everything at surface=email anew from {drop_at():%Y-%m-%d %H:%M} UTC\n"
    with Store.open(daemon.state, read_only=True) as store:
        assert [(r.slice, r.why) for r in store.rebaselines("shop")] == [
            ("all", "fewer visitors"),
            ("surface=email", "x"),
        ]


@pytest.fixture
def young(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that has seen a few hours, in which all is well."""
    made = Daemon(tmp_path)
    made.time(hour(6) + timedelta(minutes=15))
    made.start()
    yield made
    if made.process.poll() is None:
        made.stop()


def test_a_drill_goes_through_the_daemon_ends_by_itself_and_leaves_nothing(young: Daemon) -> None:
    young.wait_for(lambda: young.evaluated(hour(6)))
    asked = ("drill", "--kind", "same_item", "--storage.path", young.state)
    done = recwatch(*asked, "--for", "20m")
    assert (done.returncode, done.stderr) == (0, "")
    first, summary, _ = done.stdout.splitlines()
    assert first.startswith(
        f"told as a page until {hour(6) + timedelta(minutes=35):%Y-%m-%d %H:%M}:00 UTC: drill-"
    )
    assert summary.startswith("DRILL, nothing is wrong: shop: item recwatch-drill is at position 1 in 100 %")
    drill = first.rpartition(" ")[2]

    labels = (
        f'incident="{drill}",recommender="shop",severity="page",detector="same_item",slice="all",'
        'item="recwatch-drill",drill="true"'
    )
    young.wait_for(lambda: f"recwatch_incident_open{{{labels}}} 1\n" in young.metrics())
    assert (
        f'recwatch_incident_info{{incident="{drill}",recommender="shop",summary="{summary}"}} 1\n'
        in young.metrics()
    )
    with urllib.request.urlopen(f"{young.url}/incidents/{drill}") as page:
        assert "DRILL, nothing is wrong" in page.read().decode()

    young.time(hour(6) + timedelta(minutes=36))
    young.wait_for(lambda: f"recwatch_incident_open{{{labels}}} 0\n" in young.metrics())

    second = recwatch(*asked).stdout.splitlines()[0].rpartition(" ")[2]
    over = recwatch("ack", second, "--why", "it rang", "--storage.path", young.state)
    assert over.stdout == f"the drill is over: {second}\n"

    wrong = recwatch(*asked, "--slice", "surface=emial")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert 'did you mean "surface=email"?' in wrong.stderr

    young.stop()
    with Store.open(young.state, read_only=True) as store:
        assert store.incidents(include_silent=True) == []
        assert store.told() == []
    alone = recwatch(*asked)
    assert (alone.returncode, alone.stdout) == (2, "")
    assert alone.stderr == (
        f"recwatch: a drill goes through the daemon, and none runs on {young.state}: start `recwatch run`\n"
    )
