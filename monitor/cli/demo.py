"""`recwatch demo`: a real week in fast-forward, a live daemon, and a recommender that gets stuck."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.daemon.process import WorkerProcess
from monitor.daemon.wake import Signals

if TYPE_CHECKING:
    from monitor.clock import FastForward
    from monitor.demo.replay import Replay
    from monitor.store.store import Store

SPEED = 600  # an hour passes in six seconds
HISTORY = timedelta(days=5, hours=20)  # in the log when the demonstration begins
STUCK_AFTER = timedelta(hours=3)
LOOK_EVERY = 0.25  # seconds

CONFIG = """\
daemon: {{tick: 5m, workers: 1}}
recommenders:
- name: demo-shop
  log:
    path: {folder}
    partitions: {partitions}
    columns: {{timestamp: timestamp, item: item_id, position: position, click: click}}
  catalog: {{path: {catalog}}}
  labels: {{team: demo}}
"""


@click.command(short_help="Watch a recommender get stuck, on embedded data.")
@click.option(
    "--web.listen-address",
    "listen_address",
    default="127.0.0.1:10147",
    show_default=True,
    metavar="HOST:PORT",
)
@click.option(
    "--until-incident", is_flag=True, help="End when the incident has been found, instead of at Ctrl-C."
)
def demo(listen_address: str, until_incident: bool) -> None:
    """Replay a real week of a shop's log in fast-forward; soon every visitor gets the same item.

    Needs no network and leaves nothing behind.
    """
    signals = Signals()
    signals.install()
    first = WorkerProcess()
    try:
        _run(signals, first, listen_address, until_incident)
    finally:
        first.kill()


def _run(signals: Signals, first: WorkerProcess, listen_address: str, until_incident: bool) -> None:
    from monitor.clock import FastForward
    from monitor.daemon.daemon import Options, run_daemon
    from monitor.demo.replay import CATALOG, FIRST_HOUR, PARTITIONS, Replay
    from monitor.logging_setup import setup

    counts = setup("logfmt", "error")
    began = FIRST_HOUR + HISTORY
    with tempfile.TemporaryDirectory(prefix="recwatch-demo-") as name:
        folder = Path(name)
        replay = Replay(folder / "log", began + STUCK_AFTER)
        replay.advance(began)
        config = folder / "demo.yaml"
        config.write_text(
            CONFIG.format(folder=folder / "log", partitions=PARTITIONS, catalog=CATALOG), encoding="utf-8"
        )
        clock = FastForward(began, SPEED)
        stop = threading.Event()
        show = threading.Thread(
            target=_show, args=(replay, clock, folder / "state", stop, until_incident), daemon=True
        )
        options = Options(config, folder / "state", listen_address, clock=clock)

        def say(line: str) -> None:
            click.echo(
                f"{line}\nA shop's log of {began:%d %B %Y} in fast-forward: an hour passes in {3600 // SPEED} seconds."
            )
            click.echo("All is well for now. Open the page; Ctrl-C ends the demonstration.")
            show.start()

        try:
            run_daemon(options, signals, counts.by_level, say, started=[first])
        finally:
            stop.set()
            if show.is_alive():
                show.join(5)


def _show(
    replay: Replay, clock: FastForward, state: Path, stop: threading.Event, until_incident: bool
) -> None:
    """Write the log as time passes, and tell on the terminal what the daemon finds."""
    from monitor.demo.replay import FIRST_HOUR, STUCK_ITEM
    from monitor.errors import StoreError
    from monitor.store.store import Store

    told: set[str] = set()
    broken = False
    while not stop.wait(LOOK_EVERY):
        now = clock.now()
        replay.advance(now)
        if not broken and now >= FIRST_HOUR + HISTORY + STUCK_AFTER:
            broken = True
            click.echo(
                f"{now:%H:%M}  The recommender gets stuck: item {STUCK_ITEM} for everybody, at every place."
            )
        try:
            with Store.open(state, read_only=True) as store:
                _tell(store, told)
        except StoreError:  # not yet there
            continue
        if told and until_incident:
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _tell(store: Store, told: set[str]) -> None:
    for incident in store.incidents(open_only=True):
        if incident.id not in told:
            told.add(incident.id)
            click.echo(f"{incident.opened_at:%H:%M}  {incident.severity.value.upper()}: {incident.summary}")
            click.echo(f"       {incident.url or '/incidents/' + incident.id}")
