"""How ids are written, as the engine finds it in a log: for exactly the requests that the sample keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detectors.core.hashing import hash_texts
from detectors.core.id_formats import DIGITS, NONE, formats_of
from detectors.statistics import request_sample
from detectors.statistics.request_sample import RequestSample
from monitor.engine import id_formats
from tests.monitor.engine.engine_logs import Row, Shape, run, set_limits, simple_rows, write_log


def formats(texts: list[str | None]) -> list[int]:
    encoded = [(text or "").encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)])
    found: list[int] = formats_of(ends, np.frombuffer(b"".join(encoded), np.uint8)).tolist()
    return found


def sampled(folder: Path, rows: list[Row], shape: Shape) -> dict[int, list[int]]:
    """Formats of each request, by its hash."""
    write_log(folder, rows, shape)
    found = run(folder, shape, kinds=(RequestSample,)).summary[RequestSample]
    return dict(zip(found.request.tolist(), found.id_format.tolist(), strict=True))


def mixed(requests: int) -> list[Row]:
    """Users of two formats, some of them missing, and lists of items of one format each."""
    return [
        {
            **row,
            "user": (None, f"u{r}", f"{r}")[r % 3],
            "item": row["item"] if r % 2 else f"SKU/{row['item']}",
        }
        for row in simple_rows(requests)
        for r in [int(row["request"][1:])]
    ]


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("row_group", [7, 100_000])
def test_every_request_says_how_its_ids_are_written(tmp_path: Path, row_group: int, listed: bool) -> None:
    rows = mixed(50)
    roles = ("request", "user", "score", "click") if listed else Shape().roles
    found = sampled(tmp_path, rows, Shape(row_group=row_group, listed=listed, roles=roles))
    assert len(found) == 50
    for row in rows:
        ids = [row["user"], row["request"], row["item"]]
        assert found[int(hash_texts([row["request"]])[0])] == formats(ids)


@pytest.mark.parametrize("ids", ["int64", "uint64"])
def test_integers_are_digits(tmp_path: Path, ids: str) -> None:
    found = sampled(tmp_path, mixed(20), Shape(ids=ids))
    assert {tuple(of) for of in found.values()} == {(DIGITS,) * 3, (NONE, DIGITS, DIGITS)}


def test_what_a_log_lacks_has_no_format(tmp_path: Path) -> None:
    found = sampled(tmp_path, mixed(20), Shape(roles=("position",)))
    assert {tuple(of[:2]) for of in found.values()} == {(NONE, NONE)}


def test_of_many_requests_those_of_the_sample_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_sample, "REQUESTS", 100)
    monkeypatch.setattr(id_formats, "REQUESTS", 100)
    set_limits(monkeypatch, 900)
    rows = mixed(2000)
    found = sampled(tmp_path, rows, Shape(row_group=1500, files=2))
    hashes = {int(hash_texts([row["request"]])[0]): row for row in rows}
    assert sorted(found) == sorted(hashes)[:100]
    for key, of in found.items():
        assert of[:2] == formats([hashes[key]["user"], hashes[key]["request"]])
        assert of[2] == formats([hashes[key]["item"]])[0]
