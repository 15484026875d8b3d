"""Batches for tests: written out by hand, random by a seed, and drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors import Batch, Cells, Context, Detector, Measurement, Summary
from detectors.core.batch import Values
from detectors.core.hashing import hash_integers, hash_texts, mix
from detectors.core.texts import Texts

HOUR = 3_600_000_000
START = 490_000 * HOUR
WINDOW = Context(window_us=(START, START + HOUR))
ROLES = frozenset({"request", "user", "position", "score"})
EVERYTHING = ROLES | {"click", "conversion", "value", "empty_lists"}


def of_lists(
    lists: Sequence[Sequence[str]],
    *,
    users: Sequence[str | None] | None = None,
    surfaces: Sequence[str] | None = None,
    scores: Sequence[Sequence[float]] | None = None,
    clicks: Sequence[Sequence[bool | None]] | None = None,
    positions: Sequence[Sequence[int]] | None = None,
    times: Sequence[int] | None = None,
    has: frozenset[str] = ROLES,
) -> Batch:
    """A batch written out: one list of items a request, in the order of their positions."""
    n = len(lists)
    names = sorted({item for shown in lists for item in shown})
    code = {name: i for i, name in enumerate(names)}
    values = [()] * n if surfaces is None else [(s,) for s in surfaces]
    cells = Cells.of(() if surfaces is None else ("surface",), values)
    number = {v: i for i, v in enumerate(cells.values)}
    request = mix(np.arange(1, n + 1, dtype=np.uint64))
    who = [None] * n if users is None else list(users)
    known = np.array([u is not None for u in who], bool)
    user = np.where(known, hash_texts(str(u) for u in who), request)
    length = [len(shown) for shown in lists]
    places = [range(1, k + 1) for k in length] if positions is None else positions
    return Batch(
        cells=cells,
        cell=np.array([number[v] for v in values], np.int32),
        offsets=np.concatenate([[0], np.cumsum(length)]).astype(np.int64),
        item=np.array([code[item] for shown in lists for item in shown], np.int32),
        item_hash=hash_texts(names),
        item_names=names,
        position=np.array([p for place in places for p in place], np.int32),
        user=user.astype(np.uint64),
        user_known=known,
        request=request,
        time=np.full(n, START) if times is None else np.array(times, np.int64),
        score=None if scores is None else np.array([s for row in scores for s in row], np.float64),
        click=None if clicks is None else np.array([bool(c) for row in clicks for c in row], bool),
        click_known=None
        if clicks is None
        else np.array([c is not None for row in clicks for c in row], bool),
        has=(has if scores is not None else has - {"score"}) | ({"click"} if clicks is not None else set()),
        repeated=np.zeros(len(cells), np.int64),
    )


def random_batch(
    rng: np.random.Generator,
    *,
    requests: int = 60,
    users: int = 25,
    items: int = 20,
    longest: int = 6,
    countries: int = 3,
    surfaces: int = 2,
    has: frozenset[str] = EVERYTHING,
) -> Batch:
    """Anything that a log may hold: empty lists, items twice, gaps, heavy users, guests, ids twice, odd scores."""
    listed = "request" in has
    length = rng.integers(0, longest + 1, requests) if listed else np.ones(requests, np.int64)
    rows = int(length.sum())
    first = np.cumsum(length) - length
    place = np.arange(rows) - np.repeat(first, length) + 1
    gap = np.repeat(rng.random(requests) < 0.2, length)
    who = np.minimum(rng.geometric(3 / max(users, 3), requests), users)  # the first few make most requests
    known = (rng.random(requests) < 0.8) & ("user" in has)
    request = hash_integers(rng.integers(0, max(1, 9 * requests // 10), requests))
    values = [
        (f"C{c}", f"S{s}")
        for c, s in zip(
            rng.integers(0, countries, requests), rng.integers(0, surfaces, requests), strict=True
        )
    ]
    cells = Cells.of(("country", "surface"), values)
    number = {v: i for i, v in enumerate(cells.values)}
    cell = np.array([number[v] for v in values], np.int32)
    rows_of_cell = np.bincount(cell, length, len(cells)).astype(np.int64)
    score = np.round(rng.normal(size=rows), 1)
    for odd in (np.nan, np.inf, -np.inf):
        score[rng.random(rows) < 0.04] = odd
    if "click" in has and rng.random() < 0.5:  # the chance of one, as scores may say it
        finite = np.isfinite(score)
        score[finite] = np.round(1 / (1 + np.exp(-score[finite])), 1)
    click, unsure = rng.random(rows) < 0.2, rng.random(rows) < rng.choice([0.0, 0.3])
    nulls = {"item": rng.integers(0, 4, len(cells))}
    nulls |= {role: rng.binomial(rows_of_cell, 0.2) for role in ("user", "score")}
    return Batch(
        cells=cells,
        cell=cell,
        offsets=np.concatenate([[0], np.cumsum(length)]).astype(np.int64),
        item=(rng.zipf(1.3, rows) % items).astype(np.int32),
        item_hash=hash_texts(f"item-{i}" for i in range(items)),
        item_names=[f"item-{i}" for i in range(items)],
        position=(place + (gap & (place > 1))).astype(np.int32)
        if "position" in has
        else np.zeros(rows, np.int32),
        user=np.where(known, hash_integers(who), mix(request + np.uint64(1))),
        user_known=known,
        request=request,
        time=START + rng.integers(0, HOUR, requests),
        score=score if "score" in has else None,
        click=click & ~unsure if "click" in has else None,
        converted=click & (score > 0) if "conversion" in has else None,
        worth=np.where(click, np.abs(score), np.nan) if "value" in has else None,
        click_known=~unsure if "click" in has and unsure.any() else None,
        has=has,
        missing={role: n for role, n in nulls.items() if role in has | {"item"}},
        repeated=rng.integers(0, 3, len(cells)),
        columns=some_columns(rows),
        id_format=some_formats(requests),
    )


def some_formats(requests: int) -> NDArray[np.uint16]:
    """Formats of ids, of which there are few, and of some none."""
    rng = np.random.default_rng(requests)
    return rng.choice(np.array([0, 1, 3, 5, 9], np.uint16), (requests, 3), p=[0.1, 0.3, 0.3, 0.2, 0.1])


def some_columns(rows: int) -> dict[str, Values]:
    """Columns that detectors asked for: numbers and texts, some of them missing."""
    rng = np.random.default_rng(rows)  # of its own: what else is drawn stays as it was
    price = np.round(rng.lognormal(2, 1, rows), 1)
    price[rng.random(rows) < 0.1] = np.nan
    names = [f"segment-{i}" for i in range(6)]
    segment = Texts(rng.integers(-1, len(names), rows).astype(np.int32), hash_texts(names), names)
    return {"number:price": price, "text:segment": segment}


@st.composite
def batches(draw: st.DrawFn, least: int = 0) -> Batch:
    """Small batches of every kind of log."""
    roles = draw(st.sets(st.sampled_from(sorted(EVERYTHING))))
    return random_batch(
        np.random.default_rng(draw(st.integers(0, 2**32))),
        requests=draw(st.integers(least, 60)),
        users=draw(st.integers(1, 40)),
        items=draw(st.integers(1, 40)),
        longest=draw(st.integers(0, 9)),
        countries=draw(st.integers(1, 4)),
        surfaces=draw(st.integers(1, 2)),
        has=frozenset(roles),
    )


def split(batch: Batch, part: NDArray[np.integer[Any]], parts: int) -> list[Batch]:
    """Parts by request, some of them empty; what is counted by cell goes to the first."""
    made = [batch.select(part == p) for p in range(parts)]
    made[0] = replace(made[0], missing=batch.missing, repeated=batch.repeated)
    return made


def only(batch: Batch, cells: NDArray[np.bool_]) -> Batch:
    """The rows of some cells, as if the log had no others."""
    chosen = np.flatnonzero(cells)
    number = np.full(len(batch.cells), -1)
    number[chosen] = np.arange(len(chosen))
    rest = batch.select(cells[batch.cell])
    return replace(
        rest,
        cells=Cells(batch.cells.columns, tuple(batch.cells.values[c] for c in chosen)),
        cell=number[rest.cell],
        missing={role: n[chosen] for role, n in batch.missing.items()},
        repeated=batch.repeated[chosen] if len(batch.repeated) else batch.repeated,
    )


def measure(
    detector: Detector, batch: Batch, context: Context = WINDOW, rate: float = 1.0
) -> dict[str, Measurement]:
    """What a detector measures of one batch, by measure."""
    summary = Summary.of(batch, detector.statistics, rate, context.expected)
    return measure_summary(detector, summary, context)


def measure_summary(
    detector: Detector, summary: Summary, context: Context = WINDOW
) -> dict[str, Measurement]:
    return {m.measure: m for m in detector.measure(summary, context)}


def in_slices(batch: Batch, found: Measurement) -> dict[str, float]:
    """A measurement's values by the slice's text."""
    return dict(zip(batch.cells.slices.texts, found.value.tolist(), strict=True))


def parts_of(rng: np.random.Generator, n: int) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Ways to split n requests: one part, one request a part, and at random with empty parts."""
    yield np.zeros(n, np.int64), 1
    yield np.arange(n), max(n, 1)
    yield rng.integers(0, 5, n) // 2 * 2, 6
