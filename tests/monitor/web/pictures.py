"""Renews the pictures of the page in docs/images: `python -m tests.monitor.web.pictures FOLDER`.

They show the demonstration as it stands at one moment: its log, configuration and break, evaluated hour by hour as the
daemon does, on a clock that stands still. The same code and the same Chromium make the same pictures.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import metadata
from pathlib import Path

from monitor.cli.demo import CONFIG, HISTORY, STUCK_AFTER
from monitor.cycle import run_cycle
from monitor.daemon.inspection import inspect
from monitor.demo.replay import CATALOG, FIRST_HOUR, PARTITIONS, Replay
from monitor.exposition.exporter import Exporter
from monitor.exposition.health import Health
from monitor.store.store import Store
from monitor.web.app import build_app
from monitor.web.server import Address, WebServer
from monitor.web.views import View
from tests.monitor.web.chromium import PHONE, Browser, browsing

BEGAN = FIRST_HOUR + HISTORY  # what is before it was replayed
STUCK = BEGAN + STUCK_AFTER
NOW = STUCK + timedelta(hours=10, minutes=20)
HOUR = timedelta(hours=1)
RECOMMENDER = "/recommenders/demo-shop"


@dataclass(frozen=True)
class Picture:
    """A page as it is shown in the documentation.

    Parameters
    ----------
    path : str
        Of the page; `{incident}` is the id of the incident that is open.
    size : tuple of int
        Of the window, in pixels; the picture is as wide.
    height : int or None
        Of the picture, from the top of the page; None for all of the page.
    opened : bool
        Whether everything that is folded is shown.
    """

    path: str
    size: tuple[int, int] = (1100, 900)
    height: int | None = None
    dark: bool = False
    opened: bool = False


PICTURES = {
    "overview": Picture("/"),
    "incident": Picture("/incidents/{incident}", size=(1280, 900)),
    "incident-phone": Picture("/incidents/{incident}", size=PHONE, height=1500, dark=True),
    "recommender": Picture(RECOMMENDER, height=1100),
    "cannot-measure": Picture(RECOMMENDER, height=900, opened=True),
    "detector": Picture(f"{RECOMMENDER}/detectors/same_item", height=1100),
    "window": Picture(f"{RECOMMENDER}/at/{STUCK:%Y-%m-%dT%H:%MZ}", height=900),
    "evaluations": Picture(f"{RECOMMENDER}/evaluations", height=800),
}


@contextmanager
def demonstration(folder: Path) -> Iterator[tuple[View, WebServer]]:
    """The page of the demonstration as it is `NOW`, on a free port."""
    log, config = folder / "log", folder / "demo.yaml"
    with Store.in_memory() as store:
        Replay(log, STUCK).advance(NOW)
        config.write_text(CONFIG.format(folder=log, partitions=PARTITIONS, catalog=CATALOG))
        found = inspect(str(config))
        recommenders = found.config.recommenders
        for recommender in recommenders:
            now = BEGAN + recommender.window.settle
            while now <= NOW:
                for evaluation in run_cycle(recommender, store, now):
                    took = dict.fromkeys(evaluation.seconds, 0.04)  # the only thing that differs between runs
                    store.record(replace(evaluation, seconds=took))
                now += HOUR
        view = View(
            store,
            lambda: recommenders,
            lambda: found.catalogue,
            lambda: NOW,
            lambda: found.described,
            lambda: found.limits,
        )
        version = metadata.version("recwatch")
        health = Health(version)
        app = build_app(view, health, Exporter(health, found.catalogue), version=version)
        server = WebServer(app, Address("127.0.0.1", 0))
        server.start()
        try:
            yield view, server
        finally:
            server.stop()


@contextmanager
def folder_of_always() -> Iterator[Path]:
    """Empty, and of the same name each time: what is left to chance goes by the names of a log's files."""
    folder = Path(tempfile.gettempdir()) / "recwatch-pictures"
    if folder.exists():  # left by a run that was ended
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def render(pictures: dict[str, Picture], out: Path) -> None:
    """Write each picture as NAME.png."""
    with (
        folder_of_always() as folder,
        demonstration(folder) as (view, server),
        browsing(folder / "profile") as browser,
    ):
        (incident,) = view.overview().open
        for name, picture in pictures.items():
            (out / f"{name}.png").write_bytes(draw(browser, server.url, incident.id, picture))


def draw(browser: Browser, url: str, incident: str, picture: Picture) -> bytes:
    """A page as PNG."""
    browser.looks(picture.size, dark=picture.dark)
    browser.open(url + picture.path.format(incident=incident))
    if picture.opened:
        browser.value("document.querySelectorAll('details').forEach(d => d.open = true)")
    return browser.picture(picture.height)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the pictures are written")
    render(PICTURES, parser.parse_args().folder)
