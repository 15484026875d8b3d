"""What is read of an outcomes' log: whichever form it has, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detectors.core.hashing import hash_integers, hash_texts
from monitor.config.models import BudgetConfig, Columns, LogConfig
from monitor.config.outcomes import OutcomeColumns, OutcomesConfig
from monitor.evaluation import OutcomesState
from monitor.logs import Quarantine
from monitor.outcomes import OutcomesLog
from monitor.outcomes import log as log_module
from monitor.outcomes.log import OutcomesRead
from tests.monitor.cycle.small_shop import due_at, hour
from tests.monitor.logs.log_examples import make_old
from tests.monitor.outcomes.clicks_log import COLUMNS, DELAY, Outcome, as_table, outcomes_of, write_lines

LOG = LogConfig(path="log", columns=Columns(timestamp="ts", item="item_id", request="request_id"))
OUTCOMES = [o for k in range(4) for o in outcomes_of(k, requests=300)]


def opened(path: Path, columns: dict[str, str] = COLUMNS, **settings: Any) -> OutcomesLog:
    wanted = {"path": str(path), "columns": OutcomeColumns(**columns), "delay": DELAY, **settings}
    return OutcomesLog(OutcomesConfig(**wanted), LOG)


def read(
    log: OutcomesLog, k: int = 1, integers: Collection[str] = (), quarantine: Quarantine | None = None
) -> OutcomesRead:
    return log.read(hour(k), due_at(k + 1), BudgetConfig(), 0, integers, quarantine or Quarantine())


def write(path: Path, outcomes: Sequence[Outcome], **types: pa.DataType) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(as_table(outcomes, **types), path)
    make_old(path)
    return path


def in_span(k: int, kinds: Collection[str] = ("click",)) -> list[Outcome]:
    """What counts for the requests of an hour, by its time."""
    start, end = hour(k).start - timedelta(minutes=5), hour(k).end + DELAY
    return [o for o in OUTCOMES if start <= o["at"] < end and o["kind"] in kinds]


def test_outcomes_of_the_span_are_kept_in_order_of_request_and_time(tmp_path: Path) -> None:
    found = read(opened(write(tmp_path / "clicks.parquet", OUTCOMES), conversions=("purchase",)))
    wanted = in_span(1, ("click", "purchase"))
    assert found.rows is not None
    assert len(found.rows) == found.seen.rows == len(wanted)
    by_hand = sorted(
        (int(hash_texts([o["request_id"]])[0]), round(o["at"].timestamp() * 1e6), o["kind"] == "click")
        for o in wanted
    )
    rows = zip(found.rows.request.tolist(), found.rows.time.tolist(), found.rows.click.tolist(), strict=True)
    assert list(rows) == by_hand
    assert found.rows.conversion.tolist() == [not click for *_, click in by_hand]
    assert found.seen.state is OutcomesState.READ
    assert found.seen.logged == {
        "click": sum(hour(1).start <= o["at"] < hour(1).end for o in in_span(1)),
        "conversion": sum(hour(1).start <= o["at"] < hour(1).end for o in in_span(1, ("purchase",))),
    }


def test_lines_of_json_tell_the_same(tmp_path: Path) -> None:
    write_lines(tmp_path / "clicks.jsonl", OUTCOMES)
    lines = read(opened(tmp_path / "clicks.jsonl", format="jsonl"))
    parquet = read(opened(write(tmp_path / "clicks.parquet", OUTCOMES)))
    assert lines.rows is not None
    assert parquet.rows is not None
    assert lines.rows.request.tolist() == parquet.rows.request.tolist()
    assert lines.rows.time.tolist() == parquet.rows.time.tolist()


def test_without_a_kind_every_row_is_a_click(tmp_path: Path) -> None:
    columns = {part: name for part, name in COLUMNS.items() if part not in ("kind", "value")}
    found = read(opened(write(tmp_path / "clicks.parquet", OUTCOMES), columns))
    assert found.rows is not None
    assert found.rows.click.all()
    assert len(found.rows) == len(in_span(1, ("click", "purchase")))
    assert found.rows.kinds == ("click",)


def test_value_is_that_of_conversions_or_else_of_clicks(tmp_path: Path) -> None:
    worth = [{**o, "value": 2.0} for o in OUTCOMES]
    path = write(tmp_path / "clicks.parquet", worth)
    both, clicks = read(opened(path, conversions=("purchase",))).rows, read(opened(path)).rows
    assert both is not None
    assert clicks is not None
    assert np.isfinite(both.value).tolist() == both.conversion.tolist()
    assert (clicks.value == 2.0).all()


def test_rows_that_name_nothing_are_left_out(tmp_path: Path) -> None:
    odd = [{**OUTCOMES[0], name: value} for name, value in
           (("request_id", None), ("item_id", None), ("request_id", ""), ("kind", None), ("kind", "view"))]  # fmt: skip
    found = read(opened(write(tmp_path / "clicks.parquet", OUTCOMES + odd)), 0)
    assert found.rows is not None
    assert len(found.rows) == len(in_span(0))


@pytest.mark.parametrize("log_has", ["integers", "texts"])
@pytest.mark.parametrize("outcomes_have", ["integers", "texts"])
def test_ids_are_brought_into_the_form_of_the_prediction_log(
    tmp_path: Path, log_has: str, outcomes_have: str
) -> None:
    numbers = {o["request_id"]: i for i, o in enumerate(OUTCOMES)}
    renamed = [{**o, "request_id": numbers[o["request_id"]]} for o in OUTCOMES]
    if outcomes_have == "texts":
        renamed = [{**o, "request_id": str(o["request_id"])} for o in renamed]
    types = {"request_id": pa.int64()} if outcomes_have == "integers" else {}
    path = write(tmp_path / "clicks.parquet", renamed, **types)
    found = read(opened(path), integers={"request"} if log_has == "integers" else ()).rows
    assert found is not None
    ids = [numbers[o["request_id"]] for o in in_span(1)]
    wanted = hash_integers(np.array(ids)) if log_has == "integers" else hash_texts(map(str, ids))
    assert sorted(found.request.tolist()) == sorted(wanted.tolist())


def test_text_that_is_no_number_matches_no_number(tmp_path: Path) -> None:
    found = read(opened(write(tmp_path / "clicks.parquet", OUTCOMES)), integers={"request", "item"})
    assert found.rows is not None
    assert len(found.rows) == len(in_span(1))  # kept, and of no request


def test_more_than_memory_holds_are_those_of_a_part_of_the_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "clicks.parquet", OUTCOMES)
    whole = read(opened(path)).rows
    monkeypatch.setattr(log_module, "MOST", 60)
    part = read(opened(path))
    assert whole is not None
    assert part.rows is not None
    rate = part.seen.sampling_rate
    assert len(part.rows) <= 60
    assert part.rows.rate == rate < 1
    kept = whole.request < np.uint64(rate * 2.0**64)
    assert part.rows.request.tolist() == whole.request[kept].tolist()  # all of those requests
    assert part.seen.logged == read(opened(path)).seen.logged  # counted all the same


def test_files_and_rows_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    write(tmp_path / "good.parquet", OUTCOMES)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no more")
    make_old(tmp_path / "bad.parquet")
    timeless = [{**o, "at": None} for o in OUTCOMES[:3]]
    write(tmp_path / "timeless.parquet", timeless)
    quarantine = Quarantine()
    found = read(opened(tmp_path), quarantine=quarantine)
    assert found.rows is not None
    assert len(found.rows) == len(in_span(1))
    told = {Path(q.path).name: (q.reason, q.rows) for q in quarantine.items}
    assert told["timeless.parquet"] == ("rows without a usable time", 3)
    assert set(told) == {"bad.parquet", "timeless.parquet"}


def test_a_log_by_arrival_is_looked_for_as_long_as_rows_may_arrive(tmp_path: Path) -> None:
    late = {**OUTCOMES[0], "at": hour(0).end + DELAY - timedelta(seconds=1)}
    for k, outcomes in ((0, outcomes_of(0)), (1, outcomes_of(1)), (2, [late])):
        write(tmp_path / hour(k).start.strftime("%Y-%m-%d/%H") / "part.parquet", outcomes)
    settings = {"partitions": "%Y-%m-%d/%H", "partitioned_by": "arrival"}
    times = {}
    for settle in (timedelta(0), timedelta(minutes=30)):
        found = read(opened(tmp_path, **settings, settle=settle), 0).rows
        assert found is not None
        times[settle] = found.time.max()
    assert times[timedelta(0)] < times[timedelta(minutes=30)] == round(late["at"].timestamp() * 1e6)


def test_a_quiet_end_of_few_outcomes_is_not_late(tmp_path: Path) -> None:
    """Six an hour: twenty minutes without one happen by chance."""
    few = [
        {**OUTCOMES[0], "at": hour(0).start + timedelta(minutes=10 * i)} for i in range(10)
    ]  # fmt: skip
    assert read(opened(write(tmp_path / "clicks.parquet", few)), 0).seen.state is OutcomesState.READ
    many = [{**OUTCOMES[0], "at": hour(0).start + timedelta(seconds=6 * i)} for i in range(1000)]
    found = read(opened(write(tmp_path / "clicks.parquet", many)), 0)
    assert found.seen.state is OutcomesState.LATE
    assert found.rows is None


def test_a_column_that_is_missing_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "clicks" / "part.parquet", OUTCOMES)
    quarantine = Quarantine()
    found = read(opened(path.parent, {**COLUMNS, "item": "sku"}), quarantine=quarantine)
    assert found.seen.state is OutcomesState.LATE
    [bad] = quarantine.items
    assert bad.reason == "has no column 'sku' (item)"


def test_a_log_of_another_format_is_told_with_the_key_to_change(tmp_path: Path) -> None:
    write_lines(tmp_path / "clicks" / "part.jsonl", OUTCOMES)
    found = read(opened(tmp_path / "clicks"))
    assert found.seen.state is OutcomesState.MISSING
    assert found.seen.why.endswith("check `outcomes.format` (parquet)")
