"""Which columns are sliced by, and what is said of the others."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from monitor.inspect.slices import MOST_SLICES, Candidate, choose, count_slices

RNG = np.random.default_rng(3)
N = 6000


def column(name: str, values: int, seed: int = 0, **more: object) -> Candidate:
    codes = np.random.default_rng([seed, values, len(name)]).integers(0, values, N)
    return Candidate(name, [f"v{i}" for i in range(values)], codes, **more)  # type: ignore[arg-type]  # by keyword


def test_the_most_telling_names_first() -> None:
    chosen = choose([column("zebra", 2), column("country", 4), column("surface", 3)], 1000)
    assert list(chosen.chosen) == ["surface", "country", "zebra"]
    assert chosen.n_slices == 3 + 4 + 2 + 12 + 6 + 8
    assert chosen.chosen["surface"].startswith("3 values: v")


def test_never_more_than_the_limit() -> None:
    many = [column(f"c{i}", 9, seed=i) for i in range(6)]
    found = choose(many, 10_000)
    assert found.n_slices <= MOST_SLICES
    assert list(found.chosen) == ["c0", "c1"]
    assert found.n_slices == 9 + 9 + 81
    assert found.left_out["c2"] == "would make 270 slices, with 100 as the most"


def test_at_most_four_columns() -> None:
    found = choose([column(f"c{i}", 2, seed=i) for i in range(6)], 10_000)
    assert len(found.chosen) == 4
    assert set(found.left_out.values()) == {"4 columns are sliced by already"}


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (Candidate("c", ["a"], np.zeros(N, int)), "has one value only"),
        (column("c", 31), "has 31 values, with 30 as the most"),
        (column("c", 3, constant_in_request=0.9), "differs within a request"),
        (column("c", 3, follows_item=True), "describes the item, not the request"),
        (column("c", 3, fraction=True), "holds numbers that are not whole"),
        (
            Candidate("c", ["a", "b"], (np.arange(N) % 100 == 0).astype(int)),
            "leaves 10 requests in a window to all but its largest value: too few",
        ),
        (
            Candidate("c", [hashlib.md5(bytes([i])).hexdigest() for i in range(9)], RNG.integers(0, 9, N)),
            "has 9 hash-like values, which tell people nothing",
        ),
    ],
)
def test_why_not(candidate: Candidate, why: str) -> None:
    assert choose([candidate], 1000).left_out == {"c": why}


def test_what_follows_from_another_column_is_left_out() -> None:
    country = column("country", 5)
    currency = Candidate("currency", ["EUR", "USD"], (country.codes > 2).astype(int))
    assert choose([country, currency], 1000).left_out == {"currency": "follows from country"}


def test_few_hashes_are_tolerated() -> None:
    names = [hashlib.md5(bytes([i])).hexdigest() for i in range(3)]
    assert list(choose([Candidate("c", names, RNG.integers(0, 3, N))], 1000).chosen) == ["c"]


def test_slices_are_counted_as_the_detectors_have_them() -> None:
    from detectors.core.cells import Cells

    a, b = column("a", 3, seed=1), Candidate("b", ["x", "y"], RNG.integers(-1, 2, N))
    values = [
        (a.values[i], "(none)" if j < 0 else b.values[j]) for i, j in zip(a.codes, b.codes, strict=True)
    ]
    assert count_slices([a, b]) + 1 == len(Cells.of(("a", "b"), values).slices)


def test_model_versions_are_compared_beside_what_is_sliced_by() -> None:
    four = [column(f"c{i}", 2, seed=i) for i in range(4)]
    found = choose(four, 10_000, version=column("model_version", 3))
    assert list(found.chosen) == ["c0", "c1", "c2", "c3", "model_version"]
    assert found.chosen["model_version"].startswith("3 values: v")
    assert found.chosen["model_version"].endswith("; model versions are compared with one another")
    assert found.n_slices == 8 + 24 + 3 + 24
    one = choose([], 10, version=Candidate("mv", ["v1"], np.zeros(N, int)))
    assert one.chosen == {"mv": "one value so far; model versions are compared with one another"}


@pytest.mark.parametrize(
    ("version", "why"),
    [
        (
            column("mv", 11),
            "has 11 values, with 10 as the most: versions come too often to be compared with one another",
        ),
        (column("mv", 2, constant_in_request=0.9), "differs within a request"),
    ],
)
def test_versions_that_cannot_be_compared(version: Candidate, why: str) -> None:
    assert choose([], 1000, version=version).left_out == {"mv": why}
