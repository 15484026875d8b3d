"""Asks the application as a browser would, without a network; and reads what it answers."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from html.parser import HTMLParser

import httpx
from starlette.applications import Starlette

from monitor.config.models import RecommenderConfig
from monitor.control.commands import Command, perform
from monitor.evaluation import Evaluation
from monitor.exposition.exporter import Exporter
from monitor.exposition.health import Health
from monitor.store.store import Store
from monitor.web.actions import Actions
from monitor.web.app import build_app
from monitor.web.links import Links
from monitor.web.server import Address
from monitor.web.sources import Parquet
from monitor.web.views import View
from monitor.web.web_config import WebConfigFile
from tests.monitor.factories import CATALOGUE, NOON, config

SOON = NOON + timedelta(minutes=20)


class Site:
    """The application over a store in memory."""

    def __init__(
        self,
        evaluations: Iterable[Evaluation] = (),
        recommenders: Sequence[RecommenderConfig] = (config(),),
        now: datetime = SOON,
        external_url: str = "",
        clock: Callable[[], float] = time.monotonic,
        web_config: WebConfigFile | None = None,
        says: bool = False,
        listens_on: str = "127.0.0.1:80",
        parquet: Parquet | None = None,
    ) -> None:
        self.store, self.health = Store.in_memory(), Health("1.2.3", clock=clock)
        for evaluation in evaluations:
            self.store.record(evaluation)
        self.view = View(self.store, lambda: recommenders, lambda: CATALOGUE, lambda: now, parquet=parquet)
        self.exporter = Exporter(self.health, CATALOGUE)
        self.app: Starlette = build_app(
            self.view,
            self.health,
            self.exporter,
            version="1.2.3",
            external_url=external_url,
            web_config=web_config,
            actions=Actions(
                self._perform, lambda: says, Address.parse(listens_on), Links(external_url), web_config
            ),
        )
        self._now = now

    def _perform(self, command: Command, who: str) -> list[str]:
        return perform(self.store, command, who, self._now)

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *error: object) -> None:
        self.store.close()

    def ask(
        self,
        path: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        form: dict[str, str] | None = None,
    ) -> httpx.Response:
        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://recwatch.test") as client:
                return await client.request(method, path, headers=headers, data=form)

        return asyncio.run(request())

    def text(self, path: str) -> str:
        return Page(self.ask(path).text).text


class Page(HTMLParser):
    """What a page shows and links to; fails on anything that could run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert tag not in ("script", "style", "iframe", "object", "embed", "base"), tag
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            assert name != "style", tag
            if tag == "img" and name == "src":
                assert re.fullmatch(r"(/\w+)*/docs/images/[a-z-]+\.png", value or ""), value
            if name in ("href", "src"):
                self.links.append(value or "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)
