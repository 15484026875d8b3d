"""Adding a detector is adding a file: it is then in the list, metrics, page, documentation, `explain` and alert."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from detectors import Severity
from monitor.cli.main import cli
from monitor.cycle import backtest
from monitor.daemon.inspection import inspect
from monitor.exposition.exporter import Exporter
from monitor.exposition.health import Health
from monitor.exposition.state import read_state
from monitor.incidents.incident import Incident
from monitor.store.store import Store
from monitor.web.app import build_app
from monitor.web.views import View
from monitor.windows import windows_between
from tests.monitor.own_shop import HOUR, START, settings, write_shop
from tests.monitor.web.browser import Page

FIRST = '''from detectors import share_of_rows


@share_of_rows(columns={"price": float}, above=0.9)
def dear(batch):
    """Share of items over 1000."""
    return batch["price"] > 1000
'''
ADDED = '''from detectors import share_of_rows


@share_of_rows(columns={"catalog.adult": bool, "verified": bool}, above=0.01, severity="page")
def adult_shown(batch):
    """Share of adult items among those shown to unverified users."""
    return batch["catalog.adult"], ~batch["verified"]
'''
NOW = START + 3 * HOUR + HOUR / 6


@dataclass
class Seen:
    """What there is to see of a configuration."""

    listed: str
    explained: str
    samples: dict[str, list[tuple[dict[str, str], float]]]
    app: Starlette
    incidents: list[Incident]

    def text(self, path: str) -> str:
        async def request() -> str:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://recwatch.test") as client:
                answer = await client.get(path)
                assert answer.status_code == 200, path
                return answer.text

        return Page(asyncio.run(request())).text.replace("\u00a0", " ")

    def detectors(self) -> set[str]:
        return {labels["detector"] for labels, _ in self.samples["recwatch_verdict"]}


def by_hand(folder: Path) -> float:
    """The share in the last hour."""
    catalog = pq.read_table(folder / "catalog.parquet").to_pydict()
    adult = dict(zip(catalog["item_id"], catalog["adult"], strict=True))
    rows = pq.read_table(folder / "log" / "002.parquet").to_pylist()
    shown = [adult[row["item"]] for row in rows if not row["verified"]]
    return sum(shown) / len(shown)


def recwatch(*arguments: object) -> str:
    done = CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def look(folder: Path) -> Seen:
    """What an operator sees of three hours with the configuration as it is now."""
    config = folder / "shop.yaml"
    listed = recwatch("detectors", "list", config)
    inspection = inspect(str(config))
    (recommender,) = inspection.config.recommenders
    state = Path(tempfile.mkdtemp(dir=folder))
    store, health = Store.open(state), Health("1")
    for evaluation in backtest(recommender, list(windows_between(START, START + 3 * HOUR, HOUR))):
        assert evaluation.failures == {}
        store.record(evaluation)
    exporter = Exporter(health, inspection.catalogue)
    exporter.update(read_state(store, recommender, NOW))
    samples: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(exporter.textfile().decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    view = View(store, lambda: [recommender], lambda: inspection.catalogue, lambda: NOW)
    app = build_app(view, health, exporter, version="1")
    at = f"{START + 2 * HOUR:%Y-%m-%dT%H:%MZ}"
    explained = recwatch("explain", "shop", "--at", at, "--config", config, "--storage.path", state)
    return Seen(listed, explained, samples, app, store.incidents(open_only=True))


def test_one_file_is_all_it_takes(tmp_path: Path) -> None:
    write_shop(tmp_path, hours=3, broken_from=2)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "dear.py").write_text(FIRST)
    config = tmp_path / "shop.yaml"
    config.write_text(yaml.safe_dump({"recommenders": [settings(tmp_path, detector_files=["mine"])]}))
    before = look(tmp_path)
    assert "dear" in before.detectors()
    assert "adult_shown" not in before.listed
    assert "adult_shown" not in before.detectors()

    (mine / "adult_shown.py").write_text(ADDED)
    seen = look(tmp_path)
    assert seen.detectors() == before.detectors() | {"adult_shown"}
    line = "adult_shown          1 measure   Share of adult items among those shown to unverified users."
    assert f"{line}  ({mine / 'adult_shown.py'})\n" in seen.listed
    (info,) = [i for i, _ in seen.samples["recwatch_measure_info"] if i["detector"] == "adult_shown"]
    assert (info["measure"], info["unit"]) == ("adult_shown.share", "ratio")
    values = {labels["slice"]: value for labels, value in seen.samples[info["metric"]]}
    share = by_hand(tmp_path)
    assert values["all"] == pytest.approx(share)
    assert {"country=DE", "country=US"} <= values.keys()
    assert "adult_ shown" in seen.text("/recommenders/shop"), "with a place where the line may break"
    assert "not conclusive enough for an incident so far, or only observed." in seen.text("/")
    assert "Share of adult items among those shown to unverified users." in seen.text("/runbooks/adult_shown")
    listing = "adult_shown a detector of your own"
    assert listing in seen.text("/docs")
    assert "adult_shown" not in before.text("/docs")
    assert "adult_shown" not in before.explained
    assert "adult_shown only observes (`mode: observe`)." in seen.explained
    assert seen.incidents == [], "it observes until it is told to speak"

    aloud = settings(tmp_path, detector_files=["mine"], detectors={"adult_shown": {"mode": "page"}})
    config.write_text(yaml.safe_dump({"recommenders": [aloud]}))
    seen = look(tmp_path)
    (incident,) = seen.incidents
    assert (incident.detector, incident.severity) == ("adult_shown", Severity.PAGE)
    what = f"share of adult items among those shown to unverified users: {share:.1%}".replace("%", " %")
    assert what in seen.text("/")
    assert what in seen.text(f"/incidents/{incident.id}")
    (told,) = [labels for labels, _ in seen.samples["recwatch_incident_open"]]
    assert (told["detector"], told["severity"]) == ("adult_shown", "page")
