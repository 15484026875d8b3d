"""Detectors from files that a configuration names: read, joined, watched in silence, contained, named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detectors import Severity
from monitor import cycle
from monitor.config.loader import parse
from monitor.config.models import Mode, RecommenderConfig
from monitor.detector_settings import build, check_detectors, mistakes
from monitor.errors import UserError
from monitor.evaluation import Evaluation
from monitor.own import files
from monitor.own.files import BadFile, load_files
from monitor.windows import windows_between
from tests.monitor.own_shop import HOUR, START, K, settings, write_shop

GOOD = '''
from detectors import mean_of_requests, quantile_of_rows, share_of_rows, share_of_users

@share_of_rows(columns={"price": float}, above=0.2)
def pricey(batch):
    """Share of items over 1000."""
    return batch["price"] > 1000

@share_of_rows(columns={"catalog.adult": bool, "verified": bool}, above=0.01, severity="page")
def adult(batch):
    """Share of adult items among those shown to unverified users."""
    return batch["catalog.adult"], ~batch["verified"]

@quantile_of_rows(columns={"catalog.price": float}, quantile=0.9, unit="currency")
def dear(batch):
    """Price that one in ten items exceeds."""
    return batch["catalog.price"]

@share_of_users(columns={"catalog.brand": str})
def brand(batch):
    """Share of users who see brand b1."""
    return batch.any_row(batch["catalog.brand"] == "b1")

@mean_of_requests(columns={"nothing": float})
def nothing(batch):
    """Nothing."""
    return batch.first_row(batch["nothing"])
'''


def recommender(shop: Path, code: str = GOOD, **more: Any) -> RecommenderConfig:
    (shop / "mine.py").write_text(code)
    return RecommenderConfig(**settings(shop, detector_files=(str(shop / "mine.py"),), **more))


def evaluations(config: RecommenderConfig, hours: int = 1) -> list[Evaluation]:
    return list(cycle.backtest(config, list(windows_between(START, START + hours * HOUR, HOUR))))


def values(evaluation: Evaluation) -> dict[tuple[str, str], float]:
    return {(f.measure, f.slice): f.value for f in evaluation.findings}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("shop"), hours=3)


def test_columns_of_the_log_and_of_the_catalogue_are_read(shop: Path) -> None:
    (evaluation,) = evaluations(recommender(shop))
    assert evaluation.failures == {}
    log = pq.read_table(shop / "log" / "000.parquet")
    catalog = pq.read_table(shop / "catalog.parquet").to_pydict()
    price = dict(zip(catalog["item_id"], catalog["price"], strict=True))
    brand = dict(zip(catalog["item_id"], catalog["brand"], strict=True))
    rows = log.to_pylist()
    found = values(evaluation)
    for where in ("all", "country=DE"):
        seen = [r for r in rows if where == "all" or r["country"] == "DE"]
        assert found["pricey.share", where] == pytest.approx(np.mean([r["price"] > 1000 for r in seen]))
        users = {r["user"] for r in seen}
        fans = {r["user"] for r in seen if brand[r["item"]] == "b1"}
        assert found["brand.share", where] == pytest.approx(len(fans) / len(users))
        exact = np.quantile([price[r["item"]] for r in seen], 0.9, method="inverted_cdf")
        assert found["dear.quantile", where] == pytest.approx(exact, rel=0.016)
        assert found["adult.share", where] == 0
    (lacks,) = [c for c in evaluation.cannot_measure if c.measure.startswith("nothing.")]
    assert lacks.why == 'the log has no column "nothing"'


def test_the_list_layout_gives_values_of_items_and_of_lists(shop: Path, tmp_path: Path) -> None:
    log = pq.read_table(shop / "log" / "000.parquet").to_pydict()
    firsts = range(0, len(log["item"]), K)
    lists = {name: [log[name][i : i + K] for i in firsts] for name in ("item", "price")}
    once = {
        name: [log[name][i] for i in firsts] for name in ("time", "request", "user", "country", "verified")
    }
    (tmp_path / "log").mkdir()
    pq.write_table(pa.table({**once, **lists}), tmp_path / "log" / "0.parquet")
    pq.write_table(pq.read_table(shop / "catalog.parquet"), tmp_path / "catalog.parquet")
    config = recommender(tmp_path)
    columns = config.log.columns.model_copy(update={"position": None})
    listed = config.model_copy(
        update={"log": config.log.model_copy(update={"layout": "list", "columns": columns})}
    )
    (long,), (short,) = evaluations(recommender(shop)), evaluations(listed)
    own = [key for key in values(long) if key[0].partition(".")[0] in ("pricey", "adult", "dear", "brand")]
    assert len(own) == 12
    for key in own:
        assert values(short)[key] == pytest.approx(values(long)[key]), key


def test_of_two_that_are_wrong_each_is_named_and_nobody_else_is_disturbed(shop: Path) -> None:
    (alone,) = evaluations(recommender(shop))
    (beside,) = evaluations(recommender(shop, GOOD + '''
@share_of_rows
def short(batch):
    """Share."""
    return batch.position[:5] > 1

@share_of_rows
def ends(batch):
    """Share."""
    raise SystemExit(3)

@share_of_rows
def writes(batch):
    """Share."""
    batch.position[0] = 7

@share_of_rows(columns={"price": float})
def writes_column(batch):
    """Share."""
    batch["price"][:] = 0

@share_of_rows(columns={"shadow": str})
def writes_text(batch):
    """Share."""
    batch["shadow"].hashes[:] = 0

@share_of_rows(columns={"price": float})
def puts(batch):
    """Share."""
    batch.columns['number:price'] = batch.position

@share_of_rows
def sets(batch):
    """Share."""
    batch.cells.keys[0] = 1

@share_of_rows
def recurses(batch):
    """Share."""
    return recurses.function(batch)

@share_of_rows
def numbers(batch):
    """Share."""
    return batch.position * float("nan")

@mean_of_requests
def unknown(batch):
    """Mean of nothing."""
    return batch.length * float("nan")
'''))  # fmt: skip
    file = shop / "mine.py"
    at = {line.strip(): n for n, line in enumerate(file.read_text().splitlines(), 1)}
    lines = {name: n - 1 for line, n in at.items() for name in re.findall(r"def (\w+)\(", line)}
    assert beside.failures == {
        "short": f"ValueError: short() (line {lines['short']}) must return one element for each row, shape (600,), "
        f"not shape (5,) ({file})",
        "ends": f"SystemExit: 3 ({file}:{at['raise SystemExit(3)']})",
        **{
            name: f"ValueError: assignment destination is read-only ({file}:{at[line]})"
            for name, line in {
                "writes": "batch.position[0] = 7",
                "writes_column": 'batch["price"][:] = 0',
                "writes_text": 'batch["shadow"].hashes[:] = 0',
                "sets": "batch.cells.keys[0] = 1",
            }.items()
        },
        "puts": "TypeError: 'mappingproxy' object does not support item assignment "
        f"({file}:{lines['puts'] + 3})",
        "recurses": f"RecursionError: maximum recursion depth exceeded ({file}:"
        f"{at['return recurses.function(batch)']})",
        "numbers": f"TypeError: numbers() (line {lines['numbers']}) must return a boolean mask, not float64: compare "
        f"it with something, or use mean_of_rows or mean_of_requests for numbers ({file})",
    }
    found, before = values(beside), values(alone)
    assert {key: found[key] for key in before if before[key] == before[key]} == {
        key: value for key, value in before.items() if value == value
    }
    verdicts = {str(f.verdict.name) for f in beside.findings if f.measure == "unknown.mean"}
    assert verdicts == {"NO_DATA"}


def test_what_is_not_built_in_watches_in_silence_until_told_otherwise(shop: Path) -> None:
    path = str(shop / "mine.py")
    (shop / "mine.py").write_text(GOOD)
    made = build({"adult": {"mode": "page", "above": 0.5}}, [path])
    assert (made["pricey"].mode, made["adult"].mode, made["lists"].mode) == (
        Mode.OBSERVE,
        Mode.PAGE,
        Mode.PAGE,
    )
    assert made["adult"].measures()[0].judge[0].above == 0.5  # type: ignore[union-attr]  # a floor
    assert build({"tests.monitor.own_detectors:Freshness": {"items": []}})["freshness"].mode is Mode.OBSERVE


def test_it_pages(tmp_path: Path) -> None:
    shop = write_shop(tmp_path, hours=4, broken_from=2)
    quiet = evaluations(recommender(shop), 4)
    assert all(not e.open_incidents for e in quiet)
    told = evaluations(recommender(shop, detectors={"adult": {"mode": "page"}}), 4)
    incidents = {i.id: i for e in told for i in e.open_incidents}
    (incident,) = incidents.values()
    assert (incident.detector, incident.severity, incident.onset_at) == (
        "adult",
        Severity.PAGE,
        START + 2 * HOUR,
    )
    assert incident.summary == ("shop: share of adult items among those shown to unverified users: 7.5 %.")


def test_files_are_found_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "prices.py").write_text(GOOD)
    (tmp_path / "mine" / "test_prices.py").write_text("1 / 0")
    text = (
        "recommenders: [{name: shop, log: {path: log, columns: {timestamp: t, item: i}}, detector_files: [mine],"
        " detectors: {pricey: {abov: 0.3}}}]"
    )
    with pytest.raises(UserError) as raised:
        parse(text, "shop.yaml", folder=tmp_path, check_detectors=check_detectors)
    assert str(raised.value) == (
        'shop.yaml:1: recommenders[0].detectors.pricey.abov: unknown setting; did you mean "above"?'
    )


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (None, "{file}: no such file; recwatch detectors new writes one"),
        ("def f(:", "{file}:1: invalid syntax"),
        ("\n1 / 0", "{file}:2: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(4)", "{file}:2: SystemExit: 4"),
        ("x = 1", "{file}: defines no detector: decorate a function with @share_of_rows or another door of "
         "`detectors`, or derive a class from detectors.Detector"),
        ("from detectors import share_of_rows\n@share_of_rows\ndef f(b):\n    return b\n",
         "{file}:2: ValueError: f() (line 2) has no docstring: its first sentence is the help of the metric"),
    ],
)  # fmt: skip
def test_files_that_hold_no_detector_say_so(tmp_path: Path, code: str | None, text: str) -> None:
    file = tmp_path / "mine.py"
    if code is not None:
        file.write_text(code)
    with pytest.raises(BadFile) as raised:
        load_files([str(file)])
    assert str(raised.value) == text.format(file=file)


def test_a_file_that_does_not_come_to_its_end_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LOADING_SECONDS", 0.05)
    file = tmp_path / "mine.py"
    file.write_text("while True:\n    try:\n        x = 1\n    except Exception:\n        pass\n")
    with pytest.raises(BadFile, match=rf"^{re.escape(str(file))}:[123]: was still not loaded after 0.05 s$"):
        load_files([str(file)])


def test_names_are_unique_and_fit_the_metrics(tmp_path: Path) -> None:
    code = 'from detectors import share_of_rows\n@share_of_rows\ndef {0}(b):\n    "Share."\n'
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text(code.format("pricey"))
    with pytest.raises(BadFile, match=r'b.py: "pricey" is the name of a detector in .*a.py too$'):
        load_files([str(tmp_path)])
    (tmp_path / "c.py").write_text(code.format("lists"))
    assert list(mistakes({}, [str(tmp_path / "c.py")])) == [
        ((), f'detector_files: "lists" of {tmp_path / "c.py"} is built in; give it another name')
    ]
    (tmp_path / "d.py").write_text(code.format("slow_ms"))
    ((keys, what),) = mistakes({}, [str(tmp_path / "d.py")])
    assert keys == ("slow_ms",)
    assert what == (
        "measure 'slow_ms.share': 'ms' in its name is no base unit; measure in one (here 'ratio'), which then ends the "
        f"metric's name by itself ({tmp_path / 'd.py'}:2)"
    )


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    for limit in (0.5, 0.25):
        file.write_text(
            f'from detectors import share_of_rows\n@share_of_rows(above={limit:4})\ndef x(b):\n    "Share."\n'
        )
        assert load_files([str(file)])["x"]().above == limit


def test_a_line_of_configuration_is_a_detector(shop: Path) -> None:
    lines = {
        "pricey": {"share_of": "price > 1000", "above": 0.01, "mode": "ticket"},
        "shown_adult": {"share_of": "catalog.adult", "among": "not verified"},
    }
    config = RecommenderConfig(**settings(shop, detectors=lines))
    found = evaluations(config, 2)
    by_function = values(evaluations(recommender(shop))[0])
    assert values(found[0])["pricey.share", "all"] == by_function["pricey.share", "all"]
    assert values(found[0])["shown_adult.share", "all"] == 0
    assert {i.detector for e in found for i in e.open_incidents} == {"pricey"}


def test_a_mistake_in_a_line_has_its_key_and_its_place(tmp_path: Path) -> None:
    text = (
        "recommenders:\n- name: shop\n  log: {path: log, columns: {timestamp: t, item: i}}\n"
        '  detectors:\n    pricey: {share_of: "price > "}\n'
    )
    with pytest.raises(UserError) as raised:
        parse(text, "shop.yaml", folder=tmp_path, check_detectors=check_detectors)
    assert str(raised.value) == (
        "shop.yaml:5: recommenders[0].detectors.pricey.share_of: a value is missing here\n    price >\n           ^"
    )
