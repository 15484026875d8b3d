"""What a log does not allow to be measured."""

from __future__ import annotations

import pytest

from detectors import discover
from monitor.config.models import CATALOG_PARTS, CatalogConfig, Columns, Kind, LogConfig, RecommenderConfig
from monitor.config.outcomes import OutcomeColumns, OutcomesConfig
from monitor.measurable import available, cannot_measure, in_log

ALL = [kind() for kind in discover().values()]
EVERYTHING = {
    "request", "user", "position", "logged_position", "score", "click", "model_version", "context", "catalog",
    "empty_lists", "item", "timestamp", "conversion", "value", "outcomes", "version_slice",
    "numbers", "texts", "slices", "fallback_lists", "partitions",
    *(f"catalog.{part}" for part in CATALOG_PARTS),
}  # fmt: skip
NOBODY_MISSES = {"outcome.logged", "outcome.joined_share"}  # of a log that there need not be


def recommender(layout: str = "long", catalog: bool = False, **columns: str) -> RecommenderConfig:
    return RecommenderConfig(
        name="shop",
        log=LogConfig(path="log", layout=layout, columns=Columns(timestamp="t", item="i", **columns)),  # type: ignore[arg-type]  # a literal
        catalog=CatalogConfig(path="c") if catalog else None,
    )


def test_nothing_is_missing() -> None:
    assert cannot_measure(ALL, EVERYTHING) == []


@pytest.mark.parametrize("role", sorted(EVERYTHING))
def test_exactly_the_measures_that_need_it(role: str) -> None:
    told = {missing.measure for missing in cannot_measure(ALL, EVERYTHING - {role})}
    needing = {
        f"{d.name}.{m.name}"
        for d in ALL
        for m in d.measures()
        if role in m.needs and m.name != f"missing_{role}_share"
    }
    assert told == needing - NOBODY_MISSES


def test_the_reasons_are_sentences() -> None:
    why = {m.measure: m.why for m in cannot_measure(ALL, set())}
    assert why["same_item.users_share"] == (
        "the log has no position column and the log has no request column and the log has no user column"
    )
    assert why["lists.empty_share"] == "the log has no request column"
    assert why["diversity.coverage"] == "no catalogue is configured"
    assert not any("missing_" in measure for measure in why)


def test_a_log_of_outcomes_that_fails_is_told_of() -> None:
    roles = {"outcomes", "click"}
    why = cannot_measure(ALL, EVERYTHING - roles, why=dict.fromkeys(roles, "it is late"))
    assert {m.measure for m in why if m.why == "it is late"} >= {*NOBODY_MISSES, "outcome.click_rate"}


def test_roles_of_outcomes() -> None:
    columns = OutcomeColumns(timestamp="t", request="r", item="i", kind="k", value="v")
    outcomes = OutcomesConfig(path="o", columns=columns, conversions=("sale",))
    shop = recommender(request="r").model_copy(update={"outcomes": outcomes})
    log = {"timestamp", "item", "request", "position"}
    assert available(shop) == log | {"outcomes", "click", "conversion", "value"}
    assert available(shop, log) == available(shop)  # none of them is a column of the prediction log
    assert in_log(shop) == log


def test_a_catalogue_says_what_outcomes_are_worth() -> None:
    catalog = CatalogConfig(path="c", columns={"value": "margin"})
    assert "value" in available(recommender(click="c").model_copy(update={"catalog": catalog}))
    assert "value" not in available(recommender().model_copy(update={"catalog": catalog}))


def test_roles_of_a_long_log() -> None:
    assert available(recommender(request="r")) == {"timestamp", "item", "request", "position"}
    assert available(recommender(position="p")) == {"timestamp", "item", "position", "logged_position"}
    assert available(recommender(catalog=True)) == {"timestamp", "item", "catalog"}


def test_a_list_shows_order_and_emptiness() -> None:
    assert available(recommender("list")) == {"timestamp", "item", "request", "position", "empty_lists"}


def test_configured_columns_that_the_log_lacks_do_not_count() -> None:
    assert available(recommender(user="u"), {"timestamp", "item"}) == {"timestamp", "item"}


def test_sameness_that_is_meant_is_not_measured() -> None:
    why = {m.measure: m.why for m in cannot_measure(ALL, EVERYTHING, [Kind.POPULAR])}
    meant = "the same for everyone is meant (kind: popular)"
    assert {measure for measure, reason in why.items() if reason == meant} == {
        f"{d.name}.{m.name}" for d in ALL for m in d.measures() if m.of_sameness
    }
    assert {"diversity.list_overlap", "rollout.overlap_excess", "same_item.users_share"} <= set(why)


def test_versions_are_compared_where_they_are_slices() -> None:
    def told(slices: tuple[str, ...], **columns: str) -> str | None:
        log = recommender(request="r", user="u", **columns).model_copy(update={"slices": slices})
        return {m.measure: m.why for m in cannot_measure(ALL, available(log))}.get("rollout.overlap_excess")

    assert told(("country", "mv"), model_version="mv") is None
    assert told(("country",), model_version="mv") == (
        "model versions are compared where `log.columns.model_version` is among the `slices`: add it"
    )
    assert told(("country",)) == "the log has no model version column"
