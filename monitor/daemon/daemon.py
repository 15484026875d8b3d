"""`recwatch run`: from the command line's options to a running daemon, and to its orderly end."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module, metadata
from pathlib import Path

from monitor.clock import Clock, SystemClock
from monitor.config.loader import load
from monitor.control.server import ControlSocket
from monitor.daemon.downloads import Downloads
from monitor.daemon.process import WorkerProcess
from monitor.daemon.publisher import Publisher
from monitor.daemon.service import NextDue, Seams, Service
from monitor.daemon.wake import Signals
from monitor.drill.drills import Drills, WithDrills
from monitor.errors import UserError
from monitor.exposition.exporter import Exporter
from monitor.exposition.health import Health
from monitor.logging_setup import logger
from monitor.store.lock import StateLock
from monitor.store.store import Store
from monitor.web.actions import Actions, allowed
from monitor.web.app import build_app
from monitor.web.links import Links
from monitor.web.server import Address, WebServer
from monitor.web.views import View
from monitor.web.web_config import WebConfigFile

END_SECONDS = 4.0  # for the control loop to end; what takes longer is cut off
SHORTEST_STALE = timedelta(minutes=5)
STALE_TICKS = 5


@dataclass(frozen=True)
class Options:
    """Of the command line.

    Parameters
    ----------
    next_due : str
        What decides whether anything is due for a recommender, as `module:function`.
    """

    config: Path
    storage: Path
    listen_address: str = "127.0.0.1:10147"
    external_url: str = ""
    web_config: Path | None = None
    seams: Seams = field(default_factory=Seams)
    next_due: str = "monitor.schedule:next_due"
    clock: Clock = field(default_factory=SystemClock)


def run_daemon(
    options: Options,
    signals: Signals,
    log_messages: Mapping[str, int],
    say: Callable[[str], None] = print,
    started: Sequence[WorkerProcess] = (),
) -> None:
    """Run until a signal says to end.

    Parameters
    ----------
    signals : Signals
        Installed before anything slow, so that none is lost.
    log_messages : mapping of level to count
        Of the daemon's own log, for its metric.
    say : callable
        Gets the one line with the page's address.
    started : sequence of WorkerProcess
        Workers that were started before the slow imports of this module.

    Raises
    ------
    UserError
        When the configuration or the address is wrong.
    StoreError
        When the state cannot be used, or another daemon uses it.
    """
    version = metadata.version("recwatch")
    address = Address.parse(options.listen_address)
    web_config = WebConfigFile(options.web_config) if options.web_config else None
    config = load(options.config)
    if config.daemon.page_actions and not allowed(address, web_config):
        raise UserError(
            f"{options.config}: daemon.page_actions: the page on {address} can be reached from other machines: "
            "listen on 127.0.0.1, or name basic_auth_users in --web.config.file"
        )
    module, _, name = options.next_due.partition(":")
    next_due: NextDue = getattr(import_module(module), name)
    clock = options.clock
    with StateLock(options.storage), Store.open(options.storage) as store:
        tick = timedelta(seconds=clock.real(config.daemon.tick))
        health = Health(
            version,
            stale_after=max(STALE_TICKS * tick, SHORTEST_STALE),
            wall=lambda: clock.now().timestamp(),
        )
        health.count_log_messages(log_messages)
        exporter = Exporter(health, {}, config.daemon.series_per_recommender)
        drills = Drills()
        shown = WithDrills(store, drills)
        publisher = Publisher(shown, health, exporter, clock)
        view = View(
            shown,
            lambda: publisher.recommenders,
            lambda: publisher.catalogue,
            clock.now,
            lambda: publisher.described,
            lambda: publisher.limits,
            Downloads(options.storage).parquet,
        )
        actions = Actions(
            lambda command, who: service.ask(command, who),
            lambda: service.config.daemon.page_actions,
            address,
            Links(options.external_url),
            web_config,
        )
        app = build_app(
            view,
            health,
            exporter,
            version=version,
            external_url=options.external_url,
            web_config=web_config,
            actions=actions,
        )
        service = Service(
            options.config,
            config,
            store,
            publisher,
            clock,
            next_due,
            drills=drills,
            seams=options.seams,
            started=started,
        )
        web = WebServer(app, address, tls=web_config.tls if web_config else None)
        web.start()
        health.page_at(options.external_url or web.url)
        say(f"recwatch {version}: {options.external_url or web.url}")
        try:
            with ControlSocket(options.storage, service.ask):
                _run_until_signalled(service, signals)
        finally:
            web.stop()


def _run_until_signalled(service: Service, signals: Signals) -> None:
    """The control loop in a thread of its own; the main thread hears the signals whatever that does."""
    ended: list[BaseException] = []
    over = threading.Event()

    def work() -> None:
        try:
            service.run()
        except BaseException as error:
            ended.append(error)
        finally:
            over.set()
            signals.wake.set()

    loop = threading.Thread(target=work, name="control", daemon=True)
    loop.start()
    while not over.is_set() and not signals.stop:
        signals.wake.wait(None)
        signals.wake.clear()
        if signals.take_reload():
            service.reload()
    service.stop()
    loop.join(END_SECONDS)
    if loop.is_alive():
        logger("daemon").warning("the control loop does not end and is cut off")
        service.kill_workers()
        os._exit(0)
    if ended:
        raise ended[0]
