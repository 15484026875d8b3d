"""What `init --outcomes` finds in logs of clicks of every shape, and that what it writes counts them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from monitor.cli.init import init
from monitor.config.loader import load
from monitor.config.models import RecommenderConfig
from monitor.config.outcomes import OutcomesConfig
from monitor.cycle import backtest
from monitor.detector_settings import check_detectors
from monitor.windows import Window
from tests.monitor.inspect import shop_logs
from tests.monitor.inspect.shop_logs import START, Row, as_jsonl, as_parquet, partitioned

HOUR = timedelta(hours=1)
HOURLY = "date=%Y-%m-%d/hour=%H"
HOURS = 30


def outcomes_of(requests: list[Row], minutes: float = 10, seed: int = 3) -> list[Row]:
    """Clicks on what was shown, each some time later, every fifth of them followed by a purchase."""
    rng = np.random.default_rng(seed)
    out = []
    for request in requests:
        for item, clicked in zip(request["items"], request["clicked"], strict=True):
            if clicked:
                at = request["ts"] + timedelta(minutes=float(rng.exponential(minutes)))
                same = {"request_id": request["request_id"], "item_id": item}
                out.append({"at": at, **same, "kind": "click", "price": None})
                if rng.random() < 0.2:
                    price = float(rng.integers(100, 9000)) / 100
                    out.append({"at": at + timedelta(minutes=3), **same, "kind": "purchase", "price": price})
    return sorted(out, key=lambda row: row["at"])


class Logs:
    """A log of lists and one of outcomes, and what `init` makes of them."""

    def __init__(self, root: Path, minutes: float = 10) -> None:
        self.root = root
        self.requests = shop_logs.requests(range(HOURS), per_hour=80)
        self.outcomes = outcomes_of(self.requests, minutes)

    def write(
        self,
        change: Callable[[Row], Row] = lambda row: row,
        writes: Callable[[Path, list[Row]], None] = as_parquet,
        name: str = "part-0.parquet",
    ) -> Path:
        """Both logs by hour; `change` is made to each outcome."""
        rows = [
            {k: v for k, v in row.items() if k != "clicked"} for row in shop_logs.long_rows(self.requests)
        ]
        partitioned(self.root / "log", rows, HOURLY, "part-0.parquet", as_parquet)
        folders: dict[str, list[Row]] = {}
        for row in self.outcomes:
            folders.setdefault(row["at"].strftime(HOURLY), []).append(change(dict(row)))
        for folder, inside in folders.items():
            writes(self.root / "clicks" / folder / name, inside)
        return self.root / "clicks"

    def init(self, clicks: Path, *options: str) -> tuple[RecommenderConfig, str, str]:
        """The recommender that was written, the text of the file, and what was said."""
        config = self.root / "written.yaml"
        arguments = [str(self.root / "log"), "--outcomes", str(clicks), "-o", str(config), *options]
        result = CliRunner().invoke(init, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return load(config, check_detectors).recommenders[0], config.read_text(), result.output

    def found(self, clicks: Path, *options: str) -> OutcomesConfig:
        outcomes = self.init(clicks, *options)[0].outcomes
        assert outcomes is not None
        return outcomes

    def refused(self, clicks: Path, *options: str) -> str:
        arguments = [str(self.root / "log"), "--outcomes", str(clicks), "-o", str(self.root / "c.yaml")]
        result = CliRunner().invoke(init, [*arguments, *options])
        assert result.exit_code != 0
        assert not (self.root / "c.yaml").exists()
        return str(result.exception)


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path)


def columns(found: OutcomesConfig) -> dict[str, Any]:
    return found.columns.model_dump(exclude_none=True)


def test_clicks_and_purchases(logs: Logs) -> None:
    clicks = logs.write()
    recommender, text, said = logs.init(clicks)
    found = recommender.outcomes
    assert found is not None
    assert (found.path, found.format, found.partitions) == (str(clicks), "parquet", HOURLY)
    assert columns(found) == {
        "timestamp": "at",
        "request": "request_id",
        "item": "item_id",
        "kind": "kind",
        "value": "price",
    }
    assert (found.clicks, found.conversions) == (("click",), ("purchase",))
    assert (found.delay, found.settle) == (HOUR, timedelta(minutes=10))
    assert "come within it, half within " in text
    assert f"  {clicks}/ and what is below it" in said
    assert 'conversions  "purchase"' in said
    assert "outcome.click_rate" not in said  # it can be measured


def test_what_it_writes_counts_them(logs: Logs) -> None:
    recommender, _, _ = logs.init(logs.write())
    windows = [Window(START + k * HOUR, START + (k + 1) * HOUR) for k in range(4, 8)]
    for evaluation in backtest(recommender, windows):
        rates = {f.measure: f.value for f in evaluation.findings if f.slice == "all"}
        start = evaluation.window.start - HOUR
        asked = {r["request_id"]: r["ts"] for r in logs.requests if start <= r["ts"] < start + HOUR}
        clicks = {
            (o["request_id"], o["item_id"])
            for o in logs.outcomes
            if o["kind"] == "click" and o["request_id"] in asked and o["at"] - asked[o["request_id"]] <= HOUR
        }
        assert rates["outcome.click_rate"] == pytest.approx(len(clicks) / (5 * len(asked)))


def test_ids_are_found_whatever_the_columns_are_called(logs: Logs) -> None:
    def renamed(row: Row) -> Row:
        return {"a": row["request_id"], "b": row["item_id"], "c": "u1", "when": row["at"], "request": "web-3"}

    found = logs.found(logs.write(renamed))
    assert columns(found) == {"timestamp": "when", "request": "a", "item": "b"}
    assert (found.clicks, found.conversions) == (("click",), ())


def test_lines_of_json_with_nested_fields_and_times_in_milliseconds(logs: Logs) -> None:
    def nested(row: Row) -> Row:
        ids = {"rec": {"id": row["request_id"]}, "sku": row["item_id"]}
        return {"ts_ms": round(row["at"].timestamp() * 1000), "payload": ids, "event_type": row["kind"]}

    found = logs.found(logs.write(nested, as_jsonl, "part-0.jsonl"))
    assert (found.format, found.timestamp_unit) == ("jsonl", "ms")
    assert columns(found) == {
        "timestamp": "ts_ms",
        "request": "payload.rec.id",
        "item": "payload.sku",
        "kind": "event_type",
    }


def test_the_time_of_the_request_is_not_when_it_happened(logs: Logs) -> None:
    asked = {request["request_id"]: request["ts"] for request in logs.requests}

    def both(row: Row) -> Row:
        return {
            "click_at": row["at"],
            "timestamp": asked[row["request_id"]],
            "request_id": row["request_id"],
            "item_id": row["item_id"],
        }

    assert columns(logs.found(logs.write(both)))["timestamp"] == "click_at"


@pytest.mark.parametrize(
    ("kinds", "clicks", "conversions"),
    [
        ({"click": "PRODUCT_CLICK", "purchase": "order-completed"}, ("PRODUCT_CLICK",), ("order-completed",)),
        ({"click": "order_cancelled", "purchase": "Purchase"}, (), ("Purchase",)),
        ({"click": "itemClicked", "purchase": "add_to_cart"}, ("itemClicked",), ()),
    ],
)
def test_kinds_are_known_by_their_words(
    logs: Logs, kinds: dict[str, str], clicks: tuple[str, ...], conversions: tuple[str, ...]
) -> None:
    found = logs.found(logs.write(lambda row: {**row, "kind": kinds[row["kind"]]}))
    assert (found.clicks, found.conversions) == (clicks, conversions)


def test_kinds_that_say_nothing_are_said(logs: Logs) -> None:
    clicks = logs.write(lambda row: {**row, "kind": {"click": "A7", "purchase": "B2"}[row["kind"]]})
    recommender, text, said = logs.init(clicks)
    assert recommender.outcomes is not None
    assert recommender.outcomes.columns.kind is None
    says = (
        '("A7", "B2") tells of no click or purchase that is known by name, so every row is taken for a click'
    )
    assert says in text
    assert says in said


@pytest.mark.parametrize(("minutes", "hours"), [(2, 1), (60, 2), (170, 5)])
def test_most_of_what_comes_is_waited_for(tmp_path: Path, minutes: float, hours: int) -> None:
    """Four in five exponential delays come within their mean times log 5."""
    assert minutes * np.log(5) <= hours * 60
    logs = Logs(tmp_path, minutes)
    assert logs.found(logs.write()).delay == hours * HOUR


def test_a_column_of_clicks_beside_the_lists_is_left_to_the_log_of_clicks(logs: Logs) -> None:
    clicks = logs.write()
    partitioned(logs.root / "log", shop_logs.long_rows(logs.requests), HOURLY, "part-0.parquet", as_parquet)
    recommender, text, _ = logs.init(clicks)
    assert recommender.log.columns.click is None
    assert "# no click: clicks are those of the outcomes' log" in text
    assert "clicked" not in recommender.slices


def test_logs_without_a_row_in_common_are_joined_by_name(logs: Logs) -> None:
    clicks = logs.write(lambda row: {**row, "request_id": f"other-{row['request_id']}"})
    recommender, text, _ = logs.init(clicks)
    assert recommender.outcomes is not None
    assert recommender.outcomes.columns.request == "request_id"
    assert "by its name: no row looked at is of a request looked at" in text
    assert "how late outcomes come could not be seen" in text
    assert recommender.outcomes.delay == HOUR


def test_a_log_that_cannot_be_joined_is_refused(logs: Logs) -> None:
    clicks = logs.write(lambda row: {"at": row["at"], "campaign": row["kind"]})
    assert logs.refused(clicks) == (
        f"--outcomes {clicks}: no two columns hold requests and items of the prediction log; it has "
        '"at", "campaign": write `outcomes` into the configuration by hand if one of them does'
    )


def test_a_log_without_a_time_is_refused(logs: Logs) -> None:
    clicks = logs.write(lambda row: {"request_id": row["request_id"], "item_id": row["item_id"]})
    assert logs.refused(clicks) == (
        f"--outcomes {clicks}: no column says when something happened; it has no others"
    )


def test_lists_without_requests_cannot_have_outcomes(logs: Logs) -> None:
    clicks = logs.write()
    assert logs.refused(clicks, "--column", "request=") == (
        f"--outcomes {clicks}: outcomes are joined by request, and the prediction log has no request ids"
        " (say --column request=NAME if a column holds them)"
    )


def test_a_log_that_is_not_there_is_refused(logs: Logs) -> None:
    logs.write()
    missing = logs.root / "none"
    assert logs.refused(missing) == f"{missing}: does not exist: check the path"
