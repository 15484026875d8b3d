"""The body of /metrics: recommenders from cached bytes, the daemon's health live, in the format asked for."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.exposition import generate_latest as health_as_text
from prometheus_client.openmetrics.exposition import generate_latest as health_as_openmetrics

from monitor.exposition.catalogue import MeasureInfo, measure_families
from monitor.exposition.families import RECOMMENDER
from monitor.exposition.health import Health
from monitor.exposition.render import render, render_fleet
from monitor.exposition.state import FleetState, RecommenderState
from monitor.incidents.fleet import FLEET

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True)
class Answer:
    """A body with the headers that describe it."""

    body: bytes
    content_type: str
    encoding: str = ""


class Exporter:
    """Holds what is exported of each recommender until it is evaluated again.

    Parameters
    ----------
    catalogue : mapping of full measure name to MeasureInfo
        Measures of every detector that is configured.
    series_per_recommender : int
        Cap; `render` says what is left out first.

    Raises
    ------
    ValueError
        When a measure breaks the metric conventions.
    """

    def __init__(
        self, health: Health, catalogue: Mapping[str, MeasureInfo], series_per_recommender: int = 2000
    ) -> None:
        self._health = health
        self._lock = threading.RLock()
        self._recommenders: dict[str, dict[str, str]] = {}
        self.configure(catalogue, series_per_recommender)

    def configure(self, catalogue: Mapping[str, MeasureInfo], series_per_recommender: int) -> None:
        """Take over a new configuration; it shows with the next `update` of each recommender."""
        measures = measure_families(catalogue)
        with self._lock:
            self._measures, self._most_series = measures, series_per_recommender
            self._forget_cache()

    def update(self, state: RecommenderState) -> None:
        """Render a recommender anew."""
        rendered = render(state, self._measures, self._most_series)
        with self._lock:
            self._recommenders[state.config.name] = rendered
            self._forget_cache()

    def update_fleet(self, state: FleetState) -> None:
        """Render the incidents of the fleet anew."""
        rendered = render_fleet(state)
        with self._lock:
            self._recommenders[FLEET] = rendered
            self._forget_cache()

    def retire(self, recommender: str) -> None:
        """Leave nothing of a recommender behind."""
        with self._lock:
            self._recommenders.pop(recommender, None)
            self._forget_cache()
        self._health.forget(recommender)

    def answer(self, accept: str = "", accept_encoding: str = "") -> Answer:
        """The whole body, as the request's headers want it."""
        openmetrics = wants_openmetrics(accept)
        content_type = OPENMETRICS if openmetrics else TEXT
        live = (health_as_openmetrics if openmetrics else health_as_text)(self._health.registry)
        if not wants_gzip(accept_encoding):
            return Answer(self._rendered(openmetrics) + live, content_type)
        head, packer = self._compressed(openmetrics)
        return Answer(head + packer.compress(live) + packer.flush(), content_type, "gzip")

    def textfile(self) -> bytes:
        """The recommenders alone in the text format, for node_exporter's textfile collector."""
        return self._rendered(openmetrics=False)

    def _forget_cache(self) -> None:
        self._bodies: dict[bool, bytes] = {}
        self._packers: dict[bool, tuple[bytes, zlib._Compress]] = {}

    def _rendered(self, openmetrics: bool) -> bytes:
        with self._lock:
            if openmetrics not in self._bodies:
                self._bodies[openmetrics] = self._join(openmetrics).encode()
            return self._bodies[openmetrics]

    def _join(self, openmetrics: bool) -> str:
        """All recommenders, series of one metric together as the formats demand."""
        out: list[str] = []
        measures = sorted(self._measures.values(), key=lambda family: family.name)
        for family in (*RECOMMENDER, *measures):
            if lines := "".join(
                chunk[family.name] for chunk in self._recommenders.values() if family.name in chunk
            ):
                out += (family.header(openmetrics), lines)
        return "".join(out)

    def _compressed(self, openmetrics: bool) -> tuple[bytes, zlib._Compress]:
        """The compressed recommenders, and a compressor that goes on behind them."""
        with self._lock:
            if openmetrics not in self._packers:
                packer, body = zlib.compressobj(wbits=GZIP), self._rendered(openmetrics)
                self._packers[openmetrics] = (packer.compress(body) + packer.flush(zlib.Z_SYNC_FLUSH), packer)
            head, packer = self._packers[openmetrics]
            return head, packer.copy()


def wants_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip.

    >>> wants_gzip("deflate, gzip;q=0.5"), wants_gzip("gzip;q=0"), wants_gzip("")
    (True, False, False)
    """
    return any(
        coding in ("gzip", "*") and quality > 0
        for coding, _, quality in map(_weighted, accept_encoding.split(","))
    )


def wants_openmetrics(accept: str) -> bool:
    """Whether an Accept header prefers OpenMetrics 1.0 to the text format.

    >>> wants_openmetrics("application/openmetrics-text;version=1.0.0,text/plain;q=0.5,*/*;q=0.1")
    True
    >>> wants_openmetrics("text/html,*/*;q=0.8")
    False
    """
    openmetrics = text = 0.0
    for media, parameters, quality in map(_weighted, accept.split(",")):
        if media == "application/openmetrics-text" and parameters.get("version", "1.0.0") == "1.0.0":
            openmetrics = max(openmetrics, quality)
        elif media == "text/plain":
            text = max(text, quality)
    return openmetrics > 0 and openmetrics >= text


def _weighted(entry: str) -> tuple[str, dict[str, str], float]:
    """Name, parameters and weight of one entry of an Accept header."""
    name, *rest = (part.strip().lower() for part in entry.split(";"))
    parameters = dict(part.partition("=")[::2] for part in rest)
    try:
        quality = float(parameters.pop("q", "1"))
    except ValueError:
        quality = 0.0
    return name, parameters, quality
