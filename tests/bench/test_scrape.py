"""The bench sees by what is exported whether a recommender has been evaluated, and counts its series."""

from __future__ import annotations

from monitor.exposition.state import read_state
from tests.bench.scrape import evaluated, series_in
from tests.monitor.factories import config, evaluation
from tests.monitor.web.browser import SOON, Site


def test_who_was_evaluated_is_seen_in_what_is_exported() -> None:
    with Site([evaluation("home")], [config("home"), config("home-2")]) as site:
        before = series_in(site.exporter.answer().body)
        for name in ("home", "home-2"):
            site.exporter.update(read_state(site.store, config(name), SOON))
        body = site.exporter.answer().body
        assert [evaluated(body, name) for name in ("home", "home-2", "hom")] == [True, False, False]
        assert series_in(body) > before
