"""Stretches of maintenance: whose they are, and which windows they touch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.config.effective import fingerprint, to_yaml
from monitor.config.loader import parse
from monitor.config.models import Config
from monitor.config.split import expand
from monitor.windows import Window

LOG = "log: {path: log, columns: {timestamp: t, item: i}}"
FIVE = datetime(2026, 3, 14, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def config(pattern: str, own: str = "") -> Config:
    return parse(
        f"""
recommenders:
  - {{name: shop, {LOG}{own}}}
  - {{name: mail, split_by: country, {LOG}}}
maintenance:
  - {{from: 2026-03-14T05:30Z, until: 2026-03-14 08:00+01:00, recommenders: "{pattern}", why: new model}}
""",
        "shop.yaml",
    )


def hours_of(found: Config) -> dict[str, list[int]]:
    """Hours of the day that are in maintenance, by recommender, those of a split included."""
    made = [one for r in found.recommenders for one in expand(r, ["DE", "FR"])]
    day = FIVE - 5 * HOUR
    return {
        r.name: [k for k in range(24) if r.in_maintenance(Window(day + k * HOUR, day + (k + 1) * HOUR))]
        for r in made
    }


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*", ["shop", "mail/DE", "mail/FR"]),
        ("shop", ["shop"]),
        ("mail", ["mail/DE", "mail/FR"]),
        ("mail/DE", ["mail/DE"]),
        ("*/FR", ["mail/FR"]),
        ("[sm]*", ["shop", "mail/DE", "mail/FR"]),
    ],
)
def test_a_window_that_touches_it_is_in_it(pattern: str, names: list[str]) -> None:
    found = hours_of(config(pattern))
    assert found == {name: [5, 6] if name in names else [] for name in ("shop", "mail/DE", "mail/FR")}


def test_a_recommender_may_have_its_own() -> None:
    own = ", maintenance: [{from: 2026-03-14T20:00Z, until: 2026-03-14T21:00Z}]"
    assert hours_of(config("*", own))["shop"] == [5, 6, 20]


def test_what_is_printed_is_read_back() -> None:
    found = config("mail/DE", ", maintenance: [{from: 2026-03-14T20:00Z, until: 2026-03-14T21:00Z}]")
    assert parse(to_yaml(found), "effective") == found


def test_it_changes_nothing_of_what_is_measured() -> None:
    [shop, _], [plain, _] = config("*").recommenders, config("mail").recommenders
    assert shop.maintenance != plain.maintenance
    assert fingerprint(shop) == fingerprint(plain)
