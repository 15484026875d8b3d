"""However a log is cut, by its writer or by the engine: requests stay whole and the same is told."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Context, discover
from detectors.core.hashing import hash_texts
from monitor.engine import grouping
from monitor.engine import summarise as engine
from monitor.engine.chunk import Chunk, read_chunk
from monitor.engine.measure import measure
from monitor.engine.plan import Piece
from monitor.logs import LogFile, textstream
from monitor.measurable import available
from tests.monitor.engine.engine_logs import (
    HOUR,
    Row,
    Seen,
    Shape,
    by_engine,
    by_hand,
    run,
    set_limits,
    simple_rows,
    told,
    write_log,
)
from tests.monitor.logs.log_examples import write_bytes

DETECTORS = {name: kind() for name, kind in discover().items()}
CONTEXT = Context(window_us=(HOUR.start_us, HOUR.end_us))


@st.composite
def requests(draw: st.DrawFn, null: bool = True) -> list[Row]:
    """Requests in order of time, the rows of one side by side, with whatever a row may hold."""
    out = []

    def maybe(*values: Any) -> st.SearchStrategy[Any]:
        return st.sampled_from([*values, None] if null else values)

    for r in range(draw(st.integers(1, 9))):
        whole = {
            "timestamp": HOUR.start + timedelta(minutes=r),
            "request": f"r{r}",
            "user": draw(maybe("u1", "u2", "u3")),
            "country": draw(maybe("DE", "US")),
        }
        for k in range(draw(st.integers(1, 5))):
            row = {"item": draw(maybe("a", "b", "c", "d")), "position": k + 1}
            row |= {"score": draw(maybe(0.5, 0.25, float("nan"))), "click": draw(maybe(True, False))}
            out.append(whole | row)
    return out


@given(requests(), st.integers(1, 12), st.integers(1, 12), st.integers(1, 3), st.integers(1, 3))
def test_the_same_whatever_the_cuts(
    found: list[Row], batch_rows: int, row_group: int, files: int, threads: int
) -> None:
    shape = Shape(row_group=row_group, files=files)
    with pytest.MonkeyPatch.context() as patch:
        set_limits(patch, batch_rows, threads)
        assert by_engine(found, shape) == by_hand(found, shape)
        without_positions = replace(shape, roles=("request", "user"))
        assert by_engine(found, without_positions) == by_hand(found, without_positions)


@given(requests(null=False), st.integers(1, 12))
def test_detectors_measure_the_same_whatever_the_cuts(found: list[Row], batch_rows: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        once = measured(found, Shape())
        set_limits(patch, batch_rows)
        assert measured(found, Shape(row_group=3, files=2)) == once


@given(requests(), st.integers(1, 12), st.integers(1, 5))
def test_lists_say_the_same_as_rows(found: list[Row], batch_rows: int, row_group: int) -> None:
    listed = Shape(roles=("request", "user", "score", "click"), listed=True, row_group=row_group)
    long = replace(listed, listed=False, roles=(*listed.roles, "position"))
    with pytest.MonkeyPatch.context() as patch:
        set_limits(patch, batch_rows)
        as_lists, as_rows = by_engine(found, listed), by_engine(found, long)
    assert as_lists.requests == as_rows.requests
    assert as_lists.missing == as_rows.missing


@given(requests(null=False))
def test_detectors_measure_the_same_of_lists_and_rows(found: list[Row]) -> None:
    listed = Shape(roles=("request", "user", "score"), listed=True)
    of_lists = measured(found, listed)
    of_rows = measured(found, replace(listed, listed=False, roles=(*listed.roles, "position")))
    assert of_lists.keys() - of_rows.keys() == {"lists.empty_share"}
    assert of_rows.keys() - of_lists.keys() == {"traffic.missing_position_share"}
    assert {name: of_lists[name] for name in of_lists.keys() & of_rows.keys()} == {
        name: of_rows[name] for name in of_lists.keys() & of_rows.keys()
    }


def measured(found: Sequence[Row], shape: Shape) -> dict[str, Any]:
    """Every measurement of every detector, with texts for numbers, since NaN is not itself."""
    with tempfile.TemporaryDirectory() as folder:
        write_log(folder, found, shape)
        window = run(folder, shape, kinds=[s for d in DETECTORS.values() for s in d.statistics])
        has = available(shape.recommender(folder), window.summary.has)
    out, failures = measure(window, DETECTORS, CONTEXT, has, (), lambda name: None)
    assert failures == {}
    return {
        name: [(text, *(f"{float(a[s]):.9g}" for a in (m.value, m.error, m.n)))
               for s, text in enumerate(window.summary.slices.texts)]
        for name, m in out
    }  # fmt: skip


def interleaved(requests: int, apart: int) -> list[Row]:
    """Rows of neighbouring requests by turns, as when several servers write."""
    rng = np.random.default_rng(5)
    found = simple_rows(requests, items=4)
    order = np.argsort(np.repeat(np.arange(requests), 4) + rng.uniform(0, apart, len(found)))
    return [found[i] for i in order]


def test_interleaved_rows_are_put_together_across_row_groups_and_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = interleaved(60, apart=5)
    for batch_rows, row_group, files in ((40, 30, 1), (30, 35, 2), (1000, 7, 3)):
        set_limits(monkeypatch, batch_rows)
        shape = Shape(row_group=row_group, files=files)
        assert by_engine(found, shape) == by_hand(found, shape)


def test_a_request_over_three_row_groups_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limits(monkeypatch, 1)
    found = simple_rows(1, items=9)
    assert by_engine(found, Shape(row_group=3)) == by_hand(found, Shape())


def chunk(requests: Sequence[str | None], seconds: Sequence[float] | None = None) -> Chunk:
    times = [HOUR.start_us + round(s * 1e6) for s in seconds or range(len(requests))]
    columns = {
        "timestamp": pa.array(times),
        "item": pa.array(["a"] * len(times)),
        "request": pa.array(requests, pa.string()),
    }
    return read_chunk(pa.table(columns), (), hash_texts(()))


def ids(found: Chunk | None) -> list[int]:
    return [] if found is None else np.repeat(found.request, np.diff(found.starts)).tolist()


def test_what_goes_on_in_the_next_chunk_waits_for_it() -> None:
    first, second = chunk(["a", "b", "b", "a", "c"]), chunk(["d", "a"])
    done, held = grouping.hold_back(first, second)
    assert ids(done) == hash_texts(["b", "b", "c"]).tolist()
    assert ids(held) == hash_texts(["a", "a"]).tolist()
    assert grouping.hold_back(first, chunk(["x"])) == (first, None)


def test_rows_without_a_request_id_wait_for_nothing() -> None:
    alone = chunk([None, None])
    assert grouping.hold_back(alone, alone) == (alone, None)
    assert grouping.hold_back(chunk(["a", None]), chunk([None, "b"]))[1] is None


def test_a_row_without_a_request_id_is_not_of_request_zero() -> None:
    columns = {"timestamp": pa.array([HOUR.start_us] * 4), "item": pa.array(["a"] * 4)}
    found = read_chunk(pa.table(columns | {"request": pa.array([0, None, 0, 0])}), (), hash_texts(()))
    assert found.starts.tolist() == [0, 1, 2, 4]
    assert len(set(found.request.tolist())) == 2


def test_rows_much_older_than_the_next_chunk_wait_for_nothing() -> None:
    first, second = chunk(["old", "near"], [0, 50]), chunk(["old", "near"], [61, 62])
    done, held = grouping.hold_back(first, second)
    assert (ids(done), ids(held)) == (hash_texts(["old"]).tolist(), hash_texts(["near"]).tolist())


def test_groups_are_about_as_large_as_wanted() -> None:
    chunks = [chunk([f"{c}-{i}" for i in range(4)]) for c in range(7)]
    assert [len(group) for group in grouping.group_chunks(iter(chunks), 9)] == [2, 2, 2, 1]
    assert [len(group) for group in grouping.group_chunks(iter(chunks), 1)] == [1] * 7
    assert list(grouping.group_chunks(iter(()), 9)) == []


def test_requests_that_never_end_are_one_in_the_end() -> None:
    chunks = [chunk(["a", f"{c}"], [c, c]) for c in range(5)]
    groups = list(grouping.group_chunks(iter(chunks), 1))
    endless = [sum(ids(c).count(hash_texts(["a"])[0]) for c in group) for group in groups]
    assert endless == [0, 0, 0, 0, 5]


def test_lists_that_are_empty_or_null(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"item_id": ["a", None, "b"], "score": [0.5, 0.25, None], "req": "r0"},
        {"item_id": [], "score": [], "req": "r1"},
        {"item_id": None, "score": None, "req": "r2"},
        {"item_id": ["c"], "score": None, "req": "r3"},
        {"item_id": ["d", "e"], "score": [None, 1.0], "req": None},
    ]
    table = pa.Table.from_pylist(
        [{"ts": HOUR.start, **row} for row in rows],
        pa.schema([("ts", pa.timestamp("us", "UTC")), ("item_id", pa.list_(pa.string())),
                   ("score", pa.list_(pa.float64())), ("req", pa.string())]),
    )  # fmt: skip
    pa.parquet.write_table(table, tmp_path / "part.parquet", row_group_size=2)
    shape = Shape(roles=("request", "score"), slices=(), listed=True)
    found = told(run(tmp_path, shape), [{"request": row["req"]} for row in rows], shape)
    shown = {request: items for _, _, request, _, items in found.requests}
    assert shown == {
        "r0": ((1, "a", 0.5, None), (3, "b", None, None)),
        "r1": (),
        "r2": (),
        "r3": ((1, "c", None, None),),
        None: ((1, "d", None, None), (2, "e", 1.0, None)),
    }
    assert found.missing == {((), "item"): 1, ((), "score"): 3, ((), "request"): 2}


def test_text_files_are_read_in_one_piece(tmp_path: Path) -> None:
    found = simple_rows(6)
    for part, some in (("a", found[:10]), ("b", found[10:])):
        lines = [
            {"ts": r["timestamp"].isoformat(), "item_id": r["item"], "req": r["request"], "uid": r["user"],
             "pos": r["position"], "score": r["score"], "clicked": r["click"], "country": r["country"]}
            for r in some
        ]  # fmt: skip
        write_bytes(tmp_path / f"{part}.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
    assert told(run(tmp_path, Shape(format="jsonl")), found, Shape()) == by_hand(found, Shape())


def test_rows_without_a_request_id_are_told_apart_from_block_to_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(textstream, "BLOCK", 400)
    line = {"ts": HOUR.start.isoformat(), "item_id": "a", "req": None, "uid": None, "pos": 1}
    for part in ("a", "b"):
        write_bytes(tmp_path / f"{part}.jsonl", (json.dumps(line) + "\n").encode() * 50)
    shape = Shape(roles=("request", "user", "position"), slices=(), format="jsonl")
    window = run(tmp_path, shape)
    assert (window.read.rows, window.read.requests) == (100, 100)
    assert len({request for _, _, request, _, _ in window.summary[Seen].requests}) == 100


def test_what_is_decoded_ahead_is_bounded_however_long_a_file_is() -> None:
    """Never more than a chunk of each of a few pieces waits, and they come in order."""
    decoded: list[str] = []
    came: list[int] = []
    most = 0

    def decode(piece: Piece) -> Iterator[Chunk]:
        for i in range(20):
            decoded.append(f"{piece.row_group}-{i}")
            yield chunk([decoded[-1]])

    pieces = [Piece(LogFile("/log", 1, 1), i, 1, 1) for i in range(10)]
    with ThreadPoolExecutor(1) as pool:
        for found in engine._ahead(pieces, decode, pool):
            most = max(most, len(decoded) - len(came))
            came += ids(found)
    assert most <= engine.AHEAD + 1
    assert came == hash_texts(f"{i}-{k}" for i in range(10) for k in range(20)).tolist()


def test_an_empty_window_is_one_slice_of_nothing(tmp_path: Path) -> None:
    write_log(tmp_path, simple_rows(2, timestamp=HOUR.end), Shape())
    window = run(tmp_path, Shape(), kinds=[Seen, *(s for d in DETECTORS.values() for s in d.statistics)])
    assert window.summary.slices.texts == ("all",)
    assert all(s.equals(kind.empty()) for kind, s in window.summary.statistics.items())
    assert (window.read.rows, window.read.requests, window.read.newest_event) == (0, 0, None)
    found, failures = measure(window, DETECTORS, CONTEXT, window.summary.has, (), lambda name: None)
    assert failures == {}
    assert {float(m.value[0]) for name, m in found if name in ("traffic.rows", "traffic.requests")} == {0.0}
    assert all(np.isnan(m.value[0]) for name, m in found if name.endswith("_share"))
