"""`recwatch check`: every mistake with its exact key, what cannot be measured, and the plan."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from monitor.cli.check import check
from monitor.config.loader import load
from monitor.errors import UserError
from tests.monitor.inspect import shop_logs
from tests.monitor.inspect.shop_logs import as_parquet, partitioned

SHOP = """\
recommenders:
- name: shop
  log:
    path: log
    partitions: date=%Y-%m-%d/hour=%H
    columns: {timestamp: ts, item: item_id, request: request_id, user: user_id, position: position}
  slices: [surface]
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    rows = shop_logs.long_rows(shop_logs.requests(range(48), per_hour=100))
    partitioned(folder / "log", rows, "date=%Y-%m-%d/hour=%H", "part-0.parquet", as_parquet)
    return folder


def run(shop: Path, text: str, *options: str) -> str:
    config = shop / "shop.yaml"
    config.write_text(text)
    result = CliRunner().invoke(check, [str(config), *options], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def mistakes(shop: Path, text: str) -> list[str]:
    """What is told, without the file's path."""
    with pytest.raises(UserError) as error:
        run(shop, text)
    return [line.replace(str(shop), "") for line in str(error.value).splitlines()]


def test_what_is_fine(shop: Path) -> None:
    said = run(shop, SHOP)
    assert said.endswith("shop.yaml: 1 recommender is fine\n")
    assert f"shop: {shop}/log (parquet, long)," in said
    assert "events from 2026-03-02 00:00 to 2026-03-03 23:5" in said
    assert "cannot measure: the log has no score column:" in said
    assert "scores.median" in said
    assert "lists.mean_length" not in said


def test_what_is_no_longer_expected_is_told(shop: Path) -> None:
    expected = """\
  expected:
    positions: [{position: 2, where: {surface: home}, until: 2026-03-01}, 3]
    batches: [{where: {surface: email}, hours: [3], until: 2999-12-31}]
"""
    said = [line for line in run(shop, SHOP + expected).splitlines() if line.startswith("  expected.")]
    assert said == [
        '  expected.positions[0]: position 2 at surface "home" was expected until 2026-03-01, and is judged like '
        "all else since; remove it, or give it a later `until`"
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "user: user_id",
            "user: usr_id",
            '/shop.yaml: recommenders[0].log.columns.user: the log has no column "usr_id"; did you mean "user_id"?',
        ),
        (
            "[surface]",
            "[surface, contry]",
            '/shop.yaml: recommenders[0].slices[1]: the log has no column "contry"; did you mean "country"?',
        ),
        (
            "path: log",
            "path: lgo",
            "/shop.yaml: recommenders[0].log.path: /lgo: does not exist: check `log.path`",
        ),
        (
            "  slices",
            "  split_by: shop\n  slices",
            '/shop.yaml: recommenders[0].split_by: the log has no column "shop"; use one of "ts", "request_id", '
            '"user_id", "surface", "country", "item_id", "position", "score", "clicked"',
        ),
        (
            "  slices",
            "  catalog: {path: gone.parquet}\n  slices",
            "/shop.yaml: recommenders[0].catalog: catalogue /gone.parquet: does not exist: "
            "check catalog.path",
        ),
    ],
)
def test_the_log_does_not_agree(shop: Path, old: str, new: str, told: str) -> None:
    assert mistakes(shop, SHOP.replace(old, new)) == [told]


def with_catalogue(shop: Path, ids: list[Any], **columns: Any) -> str:
    pq.write_table(pa.table({"item_id": ids, **columns}), shop / "items.parquet")
    os.utime(shop / "items.parquet", (1_772_600_000, 1_772_600_000))
    said = run(shop, f"{SHOP}  catalog: {{path: items.parquet, columns: {{blocked: off, category: kind}}}}\n")
    return said[said.index("  catalogue") : said.index("  cannot measure")]


def test_what_is_said_of_a_catalogue(shop: Path) -> None:
    ids = [f"sku-{i}" for i in range(400)]
    said = with_catalogue(shop, [*ids, ids[0]], off=["yes"] + ["no"] * len(ids))
    assert said == (
        f"  catalogue: {len(ids)} items, changed 2026-03-04 04:53 UTC\n"
        "    1 row is left out: its id came before\n"
        "    100 % of the newest rows have an item of it\n"
    )


def test_a_catalogue_of_other_items(shop: Path) -> None:
    assert (
        with_catalogue(shop, [1, 2], off=[True, False])
        .splitlines()[1]
        .startswith('    none of the newest rows has an item of it (the log has "')
    )


def test_a_part_that_a_catalogue_does_not_have_is_told_with_what_it_costs(shop: Path) -> None:
    pq.write_table(pa.table({"item_id": ["a"], "off": ["oui"]}), shop / "items.parquet")
    said = run(shop, f"{SHOP}  catalog: {{path: items.parquet, columns: {{blocked: off}}}}\n")
    assert 'cannot measure: column "off" of the catalogue does not hold yes or no:' in said


def test_columns_of_the_catalogue_that_a_detector_asks_for(shop: Path) -> None:
    pq.write_table(pa.table({"item_id": ["a"], "adult": [True]}), shop / "items.parquet")
    lines = "adult: {share_of: catalog.adult}, gone: {share_of: catalog.away}"
    said = run(shop, f"{SHOP}  catalog: {{path: items.parquet}}\n  detectors: {{{lines}}}\n")
    assert "adult.share" not in said
    assert 'cannot measure: the catalogue has no column "away":\n    gone.share' in said
    assert "  only observed, nobody is told (mode: observe): adult, gone\n" in said


@pytest.mark.parametrize(
    ("detectors", "told"),
    [
        (
            "{same_itme: {}}",
            ':8: recommenders[0].detectors.same_itme: unknown detector; did you mean "same_item"? '
            "(your own comes in as module:Class, by detector_files, or with an expression: "
            "share_of, mean_of, quantile_of, count_of)",
        ),
        (
            "{same_item: {first_place_abvoe: 0.5}}",
            ":8: recommenders[0].detectors.same_item.first_place_abvoe: unknown setting; "
            'did you mean "first_place_above"?',
        ),
        (
            '{same_item: {rise: "0.5"}}',
            ':8: recommenders[0].detectors.same_item.rise: "0.5" is not a number',
        ),
        (
            "{same_item: {rise: true}}",
            ':8: recommenders[0].detectors.same_item.rise: "True" is not a number',
        ),
        (
            "{same_item: {judge: {users_shar: {above: 0.5}}}}",
            ":8: recommenders[0].detectors.same_item.judge.users_shar: unknown measure; "
            'did you mean "users_share"?',
        ),
        (
            "{same_item: {judge: {users_share: {abov: 0.5}}}}",
            ':8: recommenders[0].detectors.same_item.judge.users_share.abov: unknown limit; did you mean "above"?',
        ),
        (
            '{"detectors.nowhere:X": {}}',
            ':8: recommenders[0].detectors["detectors.nowhere:X"]: cannot be loaded: '
            "No module named 'detectors.nowhere'",
        ),
    ],
)
def test_detectors_settings(shop: Path, detectors: str, told: str) -> None:
    assert mistakes(shop, f"{SHOP}  detectors: {detectors}\n") == [f"/shop.yaml{told}"]


def test_several_mistakes_are_told_at_once(shop: Path) -> None:
    text = SHOP.replace("user: user_id", "user: usr_id").replace("[surface]", "[contry]")
    assert len(mistakes(shop, text)) == 2


def test_the_effective_configuration_can_be_read_back(shop: Path) -> None:
    printed = run(shop, SHOP, "--print-effective")
    (shop / "effective.yaml").write_text(printed)
    assert load(shop / "effective.yaml") == load(shop / "shop.yaml")


def test_the_plan(shop: Path) -> None:
    said = run(shop, SHOP, "--plan")
    assert "plan, from 2026-03-03, its newest complete day:" in said
    assert "windows   24 of 1 h, read 10 min after their end" in said
    assert "rows      12,000 read a day; about 12,000 belong to that day" in said
    assert "requests  about 2,400 a day, 5.0 items each" in said
    assert "sampling  everybody" in said
    assert "for 3 slices" in said
    lines = [line.split() for line in said.splitlines() if "a window: from" in line]
    assert [line[0] for line in lines] == ["all", "surface=home", "surface=email"]
    assert lines[0][1:7] == ["100", "requests", "a", "window:", "from", "48"]


def test_bytes_in_the_plan_are_those_of_the_wanted_columns(shop: Path) -> None:
    import pyarrow.parquet as pq

    wanted = {"ts", "item_id", "request_id", "user_id", "position", "surface"}
    total = 0
    for file in (shop / "log" / "date=2026-03-03").rglob("*.parquet"):
        group = pq.ParquetFile(file).metadata.row_group(0)
        columns = [group.column(i) for i in range(group.num_columns)]
        total += sum(c.total_compressed_size for c in columns if c.path_in_schema in wanted)
    assert f"bytes     {total / 1000:.1f} kB a day" in run(shop, SHOP, "--plan")


@pytest.fixture(scope="module")
def one_file(shop: Path) -> str:
    """A configuration of one large file, whole for every window."""
    rows = shop_logs.long_rows(shop_logs.requests(range(24), per_hour=1000, seed=3))
    as_parquet(shop / "one.parquet", rows)
    return SHOP.replace("path: log", "path: one.parquet").replace(
        "    partitions: date=%Y-%m-%d/hour=%H\n", ""
    )


def test_over_the_budget_of_rows(shop: Path, one_file: str) -> None:
    said = run(shop, f"{one_file}  budget: {{rows_per_evaluation: 50000}}\n", "--plan")
    assert "sampling  one user in 4 (rate 0.25): over budget.rows_per_evaluation otherwise" in said


def test_over_the_budget_of_bytes(shop: Path, one_file: str) -> None:
    budget = "{bytes_per_evaluation: 1MiB, bytes_per_day: 1MiB}"
    said = run(shop, f"{one_file}  budget: {budget}\n", "--plan")
    assert "OVER BUDGET: 23 of 24 windows are refused: the day's budget is used up: " in said
    assert "rows      120,000 read a day" in said


def test_split_recommenders_are_planned_together(shop: Path) -> None:
    said = run(shop, SHOP.replace("  slices: [surface]\n", "  split_by: surface\n"), "--plan")
    assert "surface=email" in said
