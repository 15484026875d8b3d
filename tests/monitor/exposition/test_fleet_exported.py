"""An incident of the fleet is exported as any other is, and what it tells of is muted."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.config.models import Mode, RecommenderConfig
from monitor.daemon.publisher import Publisher
from monitor.drill.drills import Drills, WithDrills
from monitor.drill.run import marked
from monitor.evaluation import Evaluation
from monitor.exposition.exporter import Exporter
from monitor.exposition.health import Health
from monitor.exposition.state import CLOSED_FOR, read_fleet, read_state
from monitor.incidents.fleet import FLEET
from monitor.incidents.incident import Incident
from monitor.store import Store
from monitor.store.said import Acknowledgement
from tests.monitor.factories import CATALOGUE, HOUR, NOON, config, evaluation, incident, stuck_evaluation

NAMES = ("cart", "home", "search")
CONFIGS = [config(name) for name in NAMES]
LATER = NOON + 2 * HOUR


class At:
    """A clock that stands."""

    def now(self) -> datetime:
        return LATER

    def real(self, duration: timedelta) -> float:
        return duration.total_seconds()

    def wait(self, event: threading.Event, duration: timedelta) -> bool:
        return event.wait(self.real(duration))


@pytest.fixture
def store() -> Store:
    made = Store.in_memory()
    for name in NAMES:
        made.record(stuck_evaluation(name))
    return made


def only(store: Store) -> Incident:
    [one] = store.incidents(FLEET)
    return one


def lines(store: Store, configs: list[RecommenderConfig] = CONFIGS, now: datetime = LATER) -> list[str]:
    exporter = Exporter(Health("1.2.3"), CATALOGUE)
    exporter.update_fleet(read_fleet(store, configs, now))
    for one in configs:
        exporter.update(read_state(store, one, now))
    return [x for x in exporter.textfile().decode().splitlines() if x.startswith("recwatch_incident")]


def test_it_has_the_metrics_of_an_incident_and_its_parts_are_muted(store: Store) -> None:
    id, found = only(store).id, lines(store)
    own = f'incident="{id}",recommender="(fleet)"'
    labels = 'severity="page",detector="same_item",slice="all",item="sku-007065",team="discovery"'
    assert f"recwatch_incident_open{{{own},{labels}}} 1" in found
    assert f"recwatch_incident_muted{{{own}}} 0" in found
    assert f"recwatch_incident_onset_timestamp_seconds{{{own}}} {(NOON - HOUR).timestamp():.0f}" in found
    [sentence] = [x for x in found if x.startswith(f"recwatch_incident_info{{{own}")]
    assert 'summary="3 recommenders have the same trouble (same_item): cart, home and search. ' in sentence
    for name in NAMES:
        part = f'incident="{name}-same_item-3f9c1a",recommender="{name}"'
        assert f"recwatch_incident_muted{{{part}}} 1" in found
        assert any(x.startswith(f"recwatch_incident_open{{{part}") and x.endswith(" 1") for x in found)


def test_acknowledged_it_is_muted_itself(store: Store) -> None:
    store.acknowledge(Acknowledgement(only(store).id, LATER, "ann", "rolling back"))
    assert f'recwatch_incident_muted{{incident="{only(store).id}",recommender="(fleet)"}} 1' in lines(store)


def test_closed_it_is_at_zero_for_a_day(store: Store) -> None:
    for name in NAMES:
        store.record(evaluation(name, LATER, open_incidents=(incident(name, resolved_at=LATER),)))
    mine = f'recwatch_incident_open{{incident="{only(store).id}"'
    assert [x[-2:] for x in lines(store, now=LATER + HOUR) if x.startswith(mine)] == [" 0"]
    assert not any(x.startswith(mine) for x in lines(store, now=LATER + CLOSED_FOR))
    assert all(x.endswith(" 0") for x in lines(store, now=LATER + HOUR) if "_muted" in x)


@pytest.mark.parametrize(
    "configs",
    [[config("feed")], [config(name, mode=Mode.OBSERVE) for name in NAMES]],
    ids=["not watched any more", "only observed"],
)
def test_of_parts_that_nobody_is_told_of_it_tells_nothing(
    store: Store, configs: list[RecommenderConfig]
) -> None:
    assert lines(store, configs) == []
    some = [*configs, CONFIGS[0]] if configs[0].name == "feed" else [CONFIGS[0], *configs[1:]]
    assert any('recommender="(fleet)"' in x for x in lines(store, some))


def test_drills_are_no_part_of_it(store: Store) -> None:
    drills = Drills()
    shown = WithDrills(store, drills)
    for name in (*NAMES, "feed"):
        drills.begin(marked(incident(name), NOON), LATER + HOUR)
    feed = read_state(shown, config("feed"), LATER)
    assert ([i.id[:6] for i in feed.incidents], feed.muted) == (["drill-"], set())
    assert [i.id for i in read_fleet(shown, CONFIGS, LATER).incidents] == [only(store).id]
    assert {p.incident for p in only(store).parts} == {f"{name}-same_item-3f9c1a" for name in NAMES}
    with Store.in_memory() as empty:
        assert read_fleet(WithDrills(empty, drills), CONFIGS, LATER).incidents == []


def test_the_publisher_renders_the_parts_that_were_there_before_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("monitor.daemon.publisher.RENDER_SECONDS", 0.0)
    with Store.in_memory() as store:
        health = Health("1.2.3")
        exporter = Exporter(health, CATALOGUE)
        publisher = Publisher(store, health, exporter, At())
        publisher.watch(CONFIGS, {})

        def happens(*evaluations: Evaluation) -> list[str]:
            for one in evaluations:
                store.record(one)
                publisher.evaluated(one)
                publisher.flush()
            text = exporter.textfile().decode()
            return [x for x in text.splitlines() if x.startswith("recwatch_incident_muted")]

        assert [x[-1] for x in happens(*map(stuck_evaluation, NAMES[:2]))] == ["0", "0"]
        muted = happens(stuck_evaluation("search"))
        assert {x.split('recommender="')[1][:4] + x[-1] for x in muted} == {
            "(fle0", "cart1", "home1", "sear1",
        }  # fmt: skip
        over = [replace(incident(name), resolved_at=LATER, id=f"{name}-same_item-3f9c1a") for name in NAMES]
        ended = happens(*(evaluation(i.recommender, LATER, open_incidents=(i,)) for i in over))
        assert {x[-1] for x in ended} == {"0"}
