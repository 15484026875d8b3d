"""The laws that every detector keeps, held against random batches: what `recwatch detectors test` runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import Batch, Values, column_key
from detectors.core.cells import Cells
from detectors.core.detector import Context, Detector
from detectors.core.hashing import hash_integers, hash_texts, mix
from detectors.core.measurement import Measurement
from detectors.core.statistic import Statistic
from detectors.core.summary import Summary
from detectors.core.texts import Texts
from monitor.engine.raised import what_was_raised
from monitor.exposition.catalogue import MeasureInfo, measure_families
from monitor.own.files import TooLong, at_most

HOUR = 3_600_000_000
SEEDS = (1, 2, 3)
FEW, MANY = 2000, 16_000  # requests
LAW_SECONDS = 60.0
DRIFT = 5.0  # standard errors by which a share or a mean may differ between a small sample and a large one


@dataclass(frozen=True)
class Outcome:
    """Whether a law holds; `why` is empty when it does."""

    law: str
    why: str = ""


class _BrokenError(Exception):
    """What breaks a law, in words."""


def laws(detector: Detector) -> Iterator[Outcome]:
    """Each law, and whether the detector keeps it; with one that does not come to its end they end."""
    checks: dict[str, Callable[[Detector], None]] = {
        "parts can be merged in any order and grouping": _merge,
        "nothing is neutral, and nothing can be measured of nothing": _nothing,
        "a state is the same when it was written and read": _bytes,
        "parts measure what the whole does": _parts,
        "a slice measures what its rows alone do": _slices,
        "the order of users and requests changes nothing": _order,
        "a larger sample of the same measures the same": _size,
        "errors and sample sizes are there for every value": _errors,
        "the batch stays as it was": _untouched,
        "names, units and help are as Prometheus has them": _named,
    }
    for law, check in checks.items():
        try:
            with at_most(LAW_SECONDS):
                check(detector)
        except _BrokenError as error:
            yield Outcome(law, str(error))
        except TooLong as error:
            why = f"it was still not done after {LAW_SECONDS:g} s"
            yield Outcome(
                law, what_was_raised(TimeoutError(why).with_traceback(error.__traceback__), detector)
            )
            return  # it would be the same with the others
        except (Exception, SystemExit) as error:
            yield Outcome(law, what_was_raised(error, detector))
        else:
            yield Outcome(law)


def _own(detector: Detector) -> list[type[Statistic]]:
    return [kind for kind in detector.statistics if kind.__module__ != "detectors.statistics.panel"]


def _merge(detector: Detector) -> None:
    a, b, c = (random_batch(detector, seed) for seed in SEEDS)
    for kind in _own(detector):
        x, y, z = (kind.from_batch(batch) for batch in (a, b, c))
        _require(x.merge(y).equals(y.merge(x)), f"{kind.__name__}: a.merge(b) is not b.merge(a)")
        grouped = x.merge(y).merge(z).equals(x.merge(y.merge(z)))
        _require(grouped, f"{kind.__name__}: (a, b) merged with c is not a merged with (b, c)")
        _require(
            kind.merge_all([x, y, z]).equals(reduce(kind.merge, [x, y, z])), f"{kind.__name__}: merge_all"
        )


def _nothing(detector: Detector) -> None:
    for kind in _own(detector):
        state = kind.from_batch(random_batch(detector, 1))
        _require(state.merge(kind.empty()).equals(state), f"{kind.__name__}: a.merge(empty()) is not a")
    units = {m.name: m.unit for m in detector.measures()}
    for found in detector.measure(Summary(has=_has(detector)), Context()):
        value = np.asarray(found.value, float)
        if not units[found.measure].counts_traffic:
            _require(np.isnan(value).all(), f"{found.measure} of nothing is {value[0]:g} and not NaN")


def _bytes(detector: Detector) -> None:
    for kind in _own(detector):
        state = kind.from_batch(random_batch(detector, 1))
        _require(kind.from_bytes(state.to_bytes()).equals(state), f"{kind.__name__}: from_bytes(to_bytes())")


def _parts(detector: Detector) -> None:
    batch = random_batch(detector, 2)
    whole = _measured(detector, batch)
    part = np.random.default_rng(5).integers(0, 4, batch.n_requests)
    parts = [Summary.of(batch.select(part == p), detector.statistics) for p in range(5)]
    total = Summary.merge_all([parts[i] for i in (3, 4, 0, 2, 1)])
    found = {m.measure: m for m in detector.measure(total, Context((0, HOUR)))}
    _same(found, whole, range(len(total.slices)), range(len(total.slices)))


def _slices(detector: Detector) -> None:
    batch = random_batch(detector, 3)
    whole = _measured(detector, batch)
    for s, members in enumerate(batch.cells.slices.members):
        _same(_measured(detector, _only(batch, members)), whole, [0], [s])


def _order(detector: Detector) -> None:
    batch = random_batch(detector, 1)
    whole = _measured(detector, batch)
    shuffled = _measured(detector, _taken(batch, np.random.default_rng(6).permutation(batch.n_requests)))
    _same(shuffled, whole, range(len(batch.cells.slices)), range(len(batch.cells.slices)))


def _size(detector: Detector) -> None:
    few, many = (_measured(detector, random_batch(detector, 4, requests)) for requests in (FEW, MANY))
    units = {m.name: m.unit for m in detector.measures()}
    for name, small in few.items():
        if name not in many or units[name].counts_traffic:
            continue
        large = many[name]
        off = abs(small.value[0] - large.value[0])
        error = float(np.hypot(small.error[0], large.error[0]))
        if np.isfinite(off) and off > DRIFT * error + 1e-9:
            raise _BrokenError(
                f"{name} is {small.value[0]:.4g} of {FEW:,} requests and {large.value[0]:.4g} of {MANY:,} alike, "
                f"{off / error if error else np.inf:.0f} standard errors apart: it follows the size of the sample"
            )


def _errors(detector: Detector) -> None:
    for seed in SEEDS:
        for name, found in _measured(detector, random_batch(detector, seed)).items():
            known = np.isfinite(found.value)
            _require(not np.isinf(found.value).any(), f"{name} is infinite; NaN says that there is no value")
            good = np.isfinite(found.error[known]).all() and (found.error[known] >= 0).all()
            _require(bool(good), f"{name} has a value without a standard error")
            _require(bool((found.n[known] >= 0).all()), f"{name} has a value without a sample size")


def _untouched(detector: Detector) -> None:
    batch = random_batch(detector, 1).read_only()
    for kind in _own(detector):
        kind.from_batch(batch)


def _named(detector: Detector) -> None:
    infos = [MeasureInfo(f"{detector.name}.{m.name}", m.unit.value, m.help) for m in detector.measures()]
    try:
        measure_families({info.name: info for info in infos})
    except ValueError as error:
        raise _BrokenError(str(error)) from error


def _measured(detector: Detector, batch: Batch) -> dict[str, Measurement]:
    summary = Summary.of(batch, detector.statistics)
    declared = {m.name for m in detector.measures()}
    found = {m.measure: m for m in detector.measure(summary, Context((0, HOUR)))}
    _require(set(found) <= declared, f"{sorted(set(found) - declared)} is not among measures()")
    for name, m in found.items():
        shape = (len(summary.slices),)
        for column in ("value", "error", "n"):
            got = np.shape(getattr(m, column))
            _require(got == shape, f"{name}: {column} has shape {got} and not {shape}, one for each slice")
    return found


def _same(a: dict[str, Measurement], b: dict[str, Measurement], at: Any, bt: Any) -> None:
    _require(a.keys() == b.keys(), f"measured {sorted(a)} here and {sorted(b)} there")
    for name in a:
        for column in ("value", "error", "n"):
            x, y = getattr(a[name], column)[list(at)], getattr(b[name], column)[list(bt)]
            if not np.allclose(x, y, rtol=1e-9, atol=1e-12, equal_nan=True):
                raise _BrokenError(f"{name}: {column} is {x[0]:.6g} here and {y[0]:.6g} there")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise _BrokenError(what)


def _has(detector: Detector) -> frozenset[str]:
    roles = {"request", "user", "position", "logged_position", "score", "click", "empty_lists"}
    return frozenset({*roles, *(f"column {name}" for name in detector.asks_for())})


def random_batch(detector: Detector, seed: int, requests: int = 300) -> Batch:
    """A log as it may be: empty lists, heavy users, guests, missing values, and what columns a detector declares."""
    rng = np.random.default_rng(seed)
    length = rng.integers(0, 7, requests)
    rows = int(length.sum())
    first = np.cumsum(length) - length
    who = np.minimum(rng.geometric(6 / requests, requests), requests)
    known, request = rng.random(requests) < 0.9, mix(np.arange(1, requests + 1, dtype=np.uint64))
    countries, surfaces = rng.integers(0, 3, requests).tolist(), rng.integers(0, 2, requests).tolist()
    values: list[tuple[str, ...]] = [(f"C{c}", f"S{s}") for c, s in zip(countries, surfaces, strict=True)]
    cells = Cells.of(("country", "surface"), values)
    number = {v: i for i, v in enumerate(cells.values)}
    names = [f"item-{i}" for i in range(40)]
    return Batch(
        cells=cells,
        cell=np.array([number[v] for v in values], np.int32),
        offsets=np.concatenate([[0], np.cumsum(length)]).astype(np.int64),
        item=(rng.zipf(1.3, rows) % 40).astype(np.int32),
        item_hash=hash_texts(names),
        item_names=names,
        position=(np.arange(rows) - np.repeat(first, length) + 1).astype(np.int32),
        user=np.where(known, hash_integers(who), mix(request + np.uint64(1))),
        user_known=known,
        request=request,
        time=rng.integers(0, HOUR, requests),
        score=np.round(rng.normal(size=rows), 2),
        click=rng.random(rows) < 0.1,
        has=_has(detector),
        repeated=np.zeros(len(cells), np.int64),
        columns={column_key(name, kind): _values(rng, kind, rows) for name, kind in detector.asks_for().items()},
    )  # fmt: skip


def _values(rng: np.random.Generator, kind: type, rows: int) -> Values:
    if kind is bool:
        return rng.random(rows) < 0.3
    if kind is str:
        return Texts.of([None, "a", "b", "item-1"][i] for i in rng.integers(0, 4, rows))
    values = np.round(rng.lognormal(5, 2, rows), 2)
    values[rng.random(rows) < 0.05] = np.nan
    return values


def _taken(batch: Batch, order: NDArray[np.int64]) -> Batch:
    """The requests in another order."""
    length = batch.length[order]
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    rows = np.repeat(batch.offsets[order] - offsets[:-1], length) + np.arange(offsets[-1])
    of_request = ("cell", "user", "user_known", "request", "time")
    of_row = ("item", "position", "score", "click")
    return replace(
        batch,
        offsets=offsets,
        **{name: getattr(batch, name)[order] for name in of_request},
        **{name: getattr(batch, name)[rows] for name in of_row},
        columns={key: values[rows] for key, values in batch.columns.items()},
    )


def _only(batch: Batch, cells: NDArray[np.bool_]) -> Batch:
    """The rows of some cells, as if the log had no others."""
    chosen = np.flatnonzero(cells)
    number = np.full(len(batch.cells), -1)
    number[chosen] = np.arange(len(chosen))
    rest = batch.select(cells[batch.cell])
    kept = Cells(batch.cells.columns, tuple(batch.cells.values[c] for c in chosen))
    return replace(rest, cells=kept, cell=number[rest.cell], repeated=np.zeros(len(kept), np.int64))
