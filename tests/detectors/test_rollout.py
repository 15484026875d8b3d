"""Roll-outs: a bad version shows at a tenth of the users, a good one changes every list and stays quiet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
import pytest

from detectors import Batch, Cells, Context, Detector, Earlier, Measure, Measurement, Summary, Verdict
from detectors.core.catalog import Catalog
from detectors.core.expected import Expected
from detectors.core.hashing import hash_integers
from detectors.judgement.judge import Judge
from detectors.rollout import Rollout
from tests.detectors.batches import HOUR, START, WINDOW, measure_summary
from tests.detectors.recommender import check_sampling
from tests.detectors.versions import TwoVersions, without_version

DETECTOR = Rollout()
KINDS = TwoVersions.kinds
CATALOG = Catalog.of(
    [str(i) for i in range(TwoVersions.items)],
    category=[f"kind {i % KINDS}" if i % 100 else None for i in range(TwoVersions.items)],  # some have none
)
CONTEXT = replace(WINDOW, version_column="model_version", catalog=CATALOG)
V2 = "model_version=v2"


def found(batch: Batch, context: Context = CONTEXT, detector: Rollout = DETECTOR) -> dict[str, Measurement]:
    return measure_summary(detector, Summary.of(batch, detector.statistics), context)


def of_slice(batch: Batch, measured: dict[str, Measurement], text: str = V2) -> dict[str, float]:
    """Values in one slice."""
    s = batch.cells.slices.texts.index(text)
    return {name: float(m.value[s]) for name, m in measured.items()}


def verdicts(
    batch: Batch, context: Context = CONTEXT, detector: Rollout = DETECTOR
) -> dict[str, dict[str, Verdict]]:
    """How each measure is judged, by slice."""
    declared = {m.name: m for m in detector.measures()}
    measured = found(batch, context, detector)
    judged = Judge().judge(
        START, batch.cells.slices.texts, [(f"rollout.{n}", declared[n], m) for n, m in measured.items()]
    )
    return {
        j.measure.name: dict(zip(j.slices, map(Verdict, j.verdict.tolist()), strict=True)) for j in judged
    }


def breaches(batch: Batch, context: Context = CONTEXT, detector: Rollout = DETECTOR) -> set[tuple[str, str]]:
    return {
        (name, text)
        for name, by_slice in verdicts(batch, context, detector).items()
        for text, verdict in by_slice.items()
        if verdict is Verdict.BREACH
    }


def overlap_by_hand(batch: Batch, version: str) -> float:
    """Share of a list's items that the list of another user has too, pair by pair, in the mix of surfaces of v2."""
    cells = [batch.cells.values[c] for c in batch.cell]
    lists = [
        set(batch.item[o:e].tolist()) for o, e in zip(batch.offsets[:-1], batch.offsets[1:], strict=True)
    ]
    mix = {s: sum(c == ("v2", s) for c in cells) for s in ("email", "home")}
    number = {s: sum(c == (version, s) for c in cells) for s in ("email", "home")}
    mine = [r for r, c in enumerate(cells) if c[0] == version and mix[c[1]]]
    weight = {r: mix[cells[r][1]] / number[cells[r][1]] for r in mine}
    shared = pairs = 0.0
    for a, b in permutations(mine, 2):
        if batch.user[a] != batch.user[b]:
            shared += weight[a] * weight[b] * len(lists[a] & lists[b])
            pairs += weight[a] * weight[b]
    length = sum(weight[r] * len(lists[r]) for r in mine) / sum(weight.values())
    return shared / pairs / length


@pytest.mark.parametrize("visits", [1, 3])
def test_overlap_is_what_all_pairs_of_lists_give(visits: int) -> None:
    batch = TwoVersions(share=0.3, impersonal=True, visits=visits)(np.random.default_rng(1), 150)
    here, elsewhere = overlap_by_hand(batch, "v2"), overlap_by_hand(batch, "v1")
    m = found(batch)["overlap_excess"]
    s = batch.cells.slices.texts.index(V2)
    assert m.value[s] == pytest.approx(here - 1.5 * elsewhere)
    assert m.evidence is not None
    assert m.evidence(s) == {
        "version": "v2", "here": pytest.approx(here, abs=1e-4), "elsewhere": pytest.approx(elsewhere, abs=1e-4)
    }  # fmt: skip


@pytest.mark.parametrize("visits", [1, 4])
def test_categories_agree_as_often_as_all_pairs_of_items_of_different_users_do(visits: int) -> None:
    batch = TwoVersions(share=0.3, narrow=3, visits=visits)(np.random.default_rng(1), 120)
    cells = [batch.cells.values[c] for c in batch.cell]
    number = {c: cells.count(c) for c in set(cells)}
    rows = [
        (batch.user[r], int(i) % KINDS, cells[r], number["v2", cells[r][1]] / number[cells[r]])
        for r, (o, e) in enumerate(zip(batch.offsets[:-1], batch.offsets[1:], strict=True))
        for i in batch.item[o:e]
        if i % 100
    ]
    told = {}
    for version in ("v2", "v1"):
        mine = [row for row in rows if row[2][0] == version]
        pairs = [(a[1] == b[1], a[3] * b[3]) for a, b in permutations(mine, 2) if a[0] != b[0]]
        told[version] = sum(alike * w for alike, w in pairs) / sum(w for _, w in pairs)
    m = found(batch)["category_excess"]
    s = batch.cells.slices.texts.index(V2)
    assert m.value[s] == pytest.approx(told["v2"] - 2 * told["v1"])
    assert m.evidence is not None
    assert m.evidence(s) == {
        "version": "v2",
        "here": pytest.approx(told["v2"], abs=1e-4),
        "elsewhere": pytest.approx(told["v1"], abs=1e-4),
    }


def test_without_categories_nothing_is_said_of_them() -> None:
    batch = TwoVersions(share=0.3)(np.random.default_rng(1), 300)
    assert "category_excess" in found(batch)
    for catalog in (None, Catalog.of(["a"])):
        judged = verdicts(batch, replace(CONTEXT, catalog=catalog))["category_excess"]
        assert set(judged.values()) == {Verdict.NO_DATA}
    unknown = Catalog.of(["a"], category=["x"])  # none of the items that are shown
    assert set(verdicts(batch, replace(CONTEXT, catalog=unknown))["category_excess"].values()) == {
        Verdict.NO_DATA
    }


def test_a_version_that_few_users_ask_often_is_not_one_of_few_categories() -> None:
    """Each of them likes one kind, and gets it again and again."""
    for seed in range(8):
        batch = TwoVersions(share=0.1, visits=20)(np.random.default_rng(seed), 3000)
        assert not breaches(batch)


def test_shares_are_what_counting_by_hand_gives() -> None:
    """Shares of the others are those that they would have in the version's mix of surfaces."""
    traffic = TwoVersions(
        share=0.4, same_first=0.5, same_list=0.3, short=0.2, empty=0.1, nan=0.2, constant=0.3
    )
    batch = traffic(np.random.default_rng(2), 2000)
    cells = np.array([batch.cells.values[c] for c in batch.cell])
    starts, ends = batch.offsets[:-1], batch.offsets[1:]
    assert batch.score is not None
    scores = [batch.score[o:e] for o, e in zip(starts, ends, strict=True)]

    def excess(hits: np.ndarray, of: np.ndarray) -> float:
        mix = {s: of[(cells == ("v2", s)).all(axis=1)].sum() for s in ("email", "home")}
        shares = []
        for version in ("v2", "v1"):
            rows = {s: (cells == (version, s)).all(axis=1) for s in mix}
            shares.append(
                sum(mix[s] * hits[r].sum() / of[r].sum() for s, r in rows.items()) / sum(mix.values())
            )
        return float(shares[0] - shares[1])

    ones = np.ones(batch.n_requests)
    nan = np.array([np.isnan(row).sum() for row in scores])
    whole = np.array([len(row) >= 2 and bool(np.isfinite(row).all()) for row in scores])
    constant = np.array([len(set(row.tolist())) == 1 for row in scores]) & whole
    values = of_slice(batch, found(batch))
    assert values["empty_excess"] == pytest.approx(excess(batch.length == 0, ones))
    assert values["short_excess"] == pytest.approx(excess(batch.length < 4, ones))
    assert values["nan_excess"] == pytest.approx(excess(nan, batch.length))
    assert values["constant_excess"] == pytest.approx(excess(constant, whole))
    first = np.array([batch.item[o] if e > o else -1 for o, e in zip(starts, ends, strict=True)])
    top = [np.bincount(first[(cells[:, 0] == v) & (first >= 0)]) for v in ("v2", "v1")]
    assert values["first_place_excess"] == pytest.approx(
        top[0].max() / top[0].sum() - top[1].max() / top[1].sum(), abs=0.01
    )
    assert values["identical_list_excess"] > 0.2


@dataclass(frozen=True)
class OfVersion(Detector):
    """What the detector says of v2, as if it were the whole."""

    name = "rollout"
    statistics = Rollout.statistics

    def measures(self) -> tuple[Measure, ...]:
        return DETECTOR.measures()

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        at = [summary.slices.texts.index(V2)]
        context = replace(context, version_column="model_version", catalog=CATALOG)
        for m in DETECTOR.measure(summary, context):
            yield replace(m, value=m.value[at], error=m.error[at], n=m.n[at])


def test_stated_errors_hold() -> None:
    traffic = TwoVersions(
        share=0.3,
        impersonal=True,
        same_first=0.3,
        same_list=0.2,
        short=0.2,
        empty=0.1,
        nan=0.3,
        constant=0.3,
        visits=2,
    )
    check_sampling(OfVersion(), traffic, [m.name for m in DETECTOR.measures()])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("requests", [60, 300, 3000])
def test_a_healthy_version_is_quiet(share: float, requests: int) -> None:
    for seed in range(12):
        assert not breaches(TwoVersions(share=share)(np.random.default_rng(seed), requests))


INCIDENTS = {
    "identical_list_excess": {"same_list": 0.6},
    "first_place_excess": {"same_first": 0.7},
    "overlap_excess": {"impersonal": True},
    "category_excess": {"narrow": 3},
    "empty_excess": {"empty": 0.6},
    "nan_excess": {"nan": 0.6},
    "constant_excess": {"constant": 0.9},
    "short_excess": {"short": 0.6},
}


@pytest.mark.parametrize("name", INCIDENTS)
def test_a_bad_canary_shows_in_thirty_requests(name: str) -> None:
    """And with the incident taken out, it does not: see the healthy version."""
    seen = 0
    for seed in range(20):
        batch = TwoVersions(**INCIDENTS[name])(np.random.default_rng(seed), 300)  # type: ignore[arg-type]  # by name
        told = breaches(batch)
        seen += (name, V2) in told
        assert not any(V2 not in text for _, text in told), told  # the old version is not to blame
    assert seen >= 17


def test_pages_but_for_short_lists() -> None:
    pages = {m.name for m in DETECTOR.measures() if m.judge[0].severity == "page"}
    assert {m.name for m in DETECTOR.measures()} - pages == {"short_excess"}


def test_the_place_is_the_version() -> None:
    batch = TwoVersions(impersonal=True)(np.random.default_rng(0), 3000)
    told = breaches(batch)
    assert ("overlap_excess", V2) in told
    assert {text for _, text in told} <= {V2, f"{V2},surface=email", f"{V2},surface=home"}


def test_lists_of_what_is_looked_at_are_compared_over_different_things() -> None:
    """All who look at one thing get one list, whichever version makes it; how many do is chance and no version's."""
    rng = np.random.default_rng(3)
    batch = TwoVersions(share=0.3)(rng, 400)
    thing = rng.integers(0, 40, len(batch.cell))
    lists = batch.item.reshape(len(batch.cell), -1)
    first = np.unique(thing, return_index=True)[1][thing]
    batch = replace(batch, item=lists[first].ravel(), context=hash_integers(thing))
    summary = Summary.of(batch, DETECTOR.statistics, expected=Expected(kind="contextual"))
    evidence = measure_summary(DETECTOR, summary, CONTEXT)["overlap_excess"].evidence
    assert evidence is not None
    told = evidence(batch.cells.slices.texts.index(V2))
    by_thing = replace(batch, user=hash_integers(thing))
    assert told["here"] == pytest.approx(overlap_by_hand(by_thing, "v2"), abs=1e-4)
    assert told["elsewhere"] == pytest.approx(overlap_by_hand(by_thing, "v1"), abs=1e-4)
    assert told["here"] < 0.5 * overlap_by_hand(batch, "v2")


def test_a_version_is_compared_in_its_own_traffic() -> None:
    """Lists of e-mails are alike, whoever makes them: a version that is tried there alone is not worse."""
    traffic = TwoVersions(share=0.3, only_on="email", alike_on_email=True)
    batch = traffic(np.random.default_rng(0), 3000)
    overlap = found(batch)["overlap_excess"].evidence
    assert overlap is not None
    told = overlap(batch.cells.slices.texts.index(V2))
    assert told["here"] == pytest.approx(told["elsewhere"], abs=0.02)
    assert (
        told["here"]
        > 5
        * found(TwoVersions()(np.random.default_rng(0), 3000))["overlap_excess"].evidence(  # type: ignore[misc]  # it has some
            batch.cells.slices.texts.index(V2)
        )["here"]
    )
    assert not breaches(batch)
    assert breaches(replace(traffic, empty=0.5)(np.random.default_rng(0), 3000))


def test_nothing_to_compare_with_is_no_data() -> None:
    everywhere = verdicts(TwoVersions(share=1.0, impersonal=True)(np.random.default_rng(0), 500))
    assert {v for by_slice in everywhere.values() for v in by_slice.values()} == {Verdict.NO_DATA}
    elsewhere = TwoVersions(share=1.0, only_on="email", impersonal=True)(np.random.default_rng(0), 500)
    assert {by_slice[V2] for by_slice in verdicts(elsewhere).values()} == {Verdict.NO_DATA}


def test_the_whole_and_other_columns_have_nothing_to_say() -> None:
    judged = verdicts(TwoVersions()(np.random.default_rng(0), 500))
    for by_slice in judged.values():
        assert {by_slice["all"], by_slice["surface=home"]} == {Verdict.NO_DATA}
        assert by_slice[V2] is Verdict.OK


def test_a_handful_of_requests_is_too_few() -> None:
    batch = TwoVersions(share=0.02, impersonal=True)(np.random.default_rng(3), 200)
    assert 2 <= batch.requests_by_cell[[v[0] == "v2" for v in batch.cells.values]].sum() < 10
    judged = verdicts(batch)
    assert judged["overlap_excess"][V2] is Verdict.TOO_FEW
    assert judged["empty_excess"][V2] is Verdict.TOO_FEW


def hours(traffic: TwoVersions, requests: int, n: int) -> list[Batch]:
    return [traffic(np.random.default_rng([9, h]), requests) for h in range(n)]


def looking_back(batches: Sequence[Batch]) -> Context:
    windows = [
        Earlier(START - (k + 1) * HOUR, Summary.of(b, DETECTOR.statistics)) for k, b in enumerate(batches)
    ]
    return replace(CONTEXT, earlier=lambda: windows)


def test_few_requests_are_added_up_over_windows() -> None:
    traffic = TwoVersions(share=0.1, impersonal=True)
    now, *before = hours(traffic, 60, 6)
    assert ("overlap_excess", V2) not in breaches(now)
    assert ("overlap_excess", V2) in breaches(now, looking_back(before))
    healthy = hours(replace(traffic, impersonal=False), 60, 6)
    assert not breaches(healthy[0], looking_back(healthy[1:]))
    evidence = found(now, looking_back(before))["overlap_excess"].evidence
    assert evidence is not None
    assert evidence(now.cells.slices.texts.index(V2))["windows"] == 6


def test_only_windows_with_both_versions_are_added() -> None:
    traffic = TwoVersions(share=0.1, impersonal=True)
    now, *before = hours(traffic, 60, 6)
    before.insert(0, replace(traffic, share=0.0)(np.random.default_rng(5), 60))
    alone, with_gap = (
        of_slice(now, found(now, c))["overlap_excess"] for c in (CONTEXT, looking_back(before))
    )
    assert alone == with_gap


def test_enough_requests_are_left_alone() -> None:
    traffic = TwoVersions(share=0.5)
    now, *before = hours(traffic, 400, 3)
    for name, m in found(now, looking_back(before)).items():
        np.testing.assert_array_equal(m.value, found(now)[name].value)


def test_versions_that_are_meant_to_differ_are_ignored() -> None:
    batch = TwoVersions(impersonal=True)(np.random.default_rng(0), 3000)
    assert not breaches(batch, detector=Rollout(ignored=("v2",)))
    judged = verdicts(batch, detector=Rollout(ignored=("v2",)))
    assert (
        judged["overlap_excess"]["model_version=v1"] is Verdict.NO_DATA
    )  # nobody is left to compare it with


def test_requests_without_a_version_are_no_version() -> None:
    batch = TwoVersions(impersonal=True)(np.random.default_rng(0), 1000)
    values = [("(none)" if v == "v2" else v, s) for v, s in batch.cells.values]
    cells = Cells.of(batch.cells.columns, values)
    to = np.array([cells.values.index(v) for v in values], np.int32)
    judged = verdicts(replace(batch, cells=cells, cell=to[batch.cell]))
    assert {v for by_slice in judged.values() for v in by_slice.values()} == {Verdict.NO_DATA}


def rows_alone(batch: Batch) -> Batch:
    """The same as a log has it that does not tell which rows are one list."""
    row = batch.row_request
    return replace(
        batch, cell=batch.cell[row], offsets=np.arange(batch.n_rows + 1), user=batch.user[row],
        user_known=batch.user_known[row], time=batch.time[row], request=hash_integers(np.arange(batch.n_rows)),
        has=batch.has - {"request", "empty_lists"},
    )  # fmt: skip


@pytest.mark.parametrize("name", ["category_excess", "nan_excess"])
def test_what_rows_show_needs_no_lists(name: str) -> None:
    declared = {m.name: m for m in DETECTOR.measures()}
    assert "request" not in declared[name].needs
    seen = 0
    for seed in range(10):
        batch = TwoVersions(**INCIDENTS[name])(np.random.default_rng(seed), 300)  # type: ignore[arg-type]  # by name
        rows = rows_alone(batch)
        told = {found for found in breaches(rows) if "request" not in declared[found[0]].needs}
        seen += (name, V2) in told
        assert all(V2 in text for _, text in told), told
        healthy = rows_alone(TwoVersions()(np.random.default_rng(seed), 300))
        assert not {found for found in breaches(healthy) if "request" not in declared[found[0]].needs}
        whole, alone = (of_slice(b, found(b))["category_excess"] for b in (batch, rows))
        assert alone == pytest.approx(whole)
    assert seen >= 8


def test_a_log_that_is_not_sliced_by_version_is_not_measured() -> None:
    batch = TwoVersions()(np.random.default_rng(0), 300)
    assert found(batch, replace(CONTEXT, version_column=None)) == {}
    assert found(without_version(batch)) == {}
