"""The sample of requests, where there are more of them than it keeps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Batch
from detectors.statistics import request_sample
from detectors.statistics.request_sample import RequestSample
from tests.detectors.batches import batches, random_batch
from tests.detectors.test_laws_of_statistics import (
    check_associative,
    check_commutative,
    check_neutral,
    check_parts,
)

KEPT = 8


@pytest.fixture(scope="module", autouse=True)
def few_are_kept() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request_sample, "REQUESTS", KEPT)
        yield


@given(a=batches(), b=batches(), c=batches(), seed=st.integers(0, 2**32))
def test_a_full_sample_keeps_the_laws(a: Batch, b: Batch, c: Batch, seed: int) -> None:
    x, y, z = (RequestSample.from_batch(batch) for batch in (a, b, c))
    check_associative(x, y, z)
    check_commutative(x, y)
    check_neutral(x)
    check_parts(RequestSample, a, seed)


@pytest.mark.parametrize("requests", [KEPT, 4 * KEPT, 40 * KEPT])
def test_those_with_the_smallest_hashes_are_kept_with_who_made_them(requests: int) -> None:
    batch = random_batch(np.random.default_rng(requests), requests=requests)
    found = RequestSample.from_batch(batch)
    cells = [batch.cells.keys[c] for c in batch.cell]
    rows = sorted(zip(batch.request, cells, batch.user, batch.user_known, strict=True))[:KEPT]
    assert rows == list(
        zip(found.request, found.groups[found.cell], found.user, found.user_known, strict=True)
    )
