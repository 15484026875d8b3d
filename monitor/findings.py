"""What one evaluation found, as columns: the blob that the store keeps and every reader decodes with numpy alone."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.verdict import Verdict

FORMAT = 1
COLUMNS = {  # name -> dtype in the blob
    "slice": "<i4",
    "measure": "<i4",
    "value": "<f8",
    "error": "<f4",  # single precision is plenty for what is itself an error, and halves the store
    "n": "<f4",
    "expected": "<f4",
    "low": "<f4",
    "high": "<f4",
    "verdict": "u1",
    "excluded": "u1",
}


@dataclass(frozen=True)
class Finding:
    """One judged measurement of one slice: a row of `Findings`."""

    slice: str
    measure: str
    value: float
    error: float
    n: float
    expected: float
    low: float
    high: float
    verdict: Verdict
    excluded: bool
    evidence: Mapping[str, Any]

    @property
    def detector(self) -> str:
        return self.measure.partition(".")[0]


@dataclass(frozen=True)
class Findings:
    """Judged measurements of one window, one row for each (slice, measure).

    Parameters
    ----------
    slices : tuple of str
        Canonical slice texts, "all" first; `column("slice")` indexes it.
    measures : tuple of str
        Full measure names, "same_item.first_place_share"; `column("measure")` indexes it.
    columns : mapping of str to array, shape (rows,)
        See `COLUMNS`. `value` is NaN where the verdict is not a decided one and nothing was measured; `error` is the
        standard error; `n` the sample size behind it; `expected` what history makes likely, within [`low`, `high`]
        (NaN or infinite where nothing is expected); `excluded` is 1 where later expectations must leave this value out.
    evidence : mapping of row to mapping
        What a person wants to see of a row: item names, counts. JSON types only.
    """

    slices: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    columns: Mapping[str, NDArray[Any]] = field(
        default_factory=lambda: {name: np.empty(0, dtype) for name, dtype in COLUMNS.items()}
    )
    evidence: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns["value"])

    def __getitem__(self, row: int) -> Finding:
        c = self.columns
        return Finding(
            self.slices[c["slice"][row]],
            self.measures[c["measure"][row]],
            float(c["value"][row]),
            float(c["error"][row]),
            float(c["n"][row]),
            float(c["expected"][row]),
            float(c["low"][row]),
            float(c["high"][row]),
            Verdict(int(c["verdict"][row])),
            bool(c["excluded"][row]),
            self.evidence.get(row, {}),
        )

    def __iter__(self) -> Iterator[Finding]:
        return (self[row] for row in range(len(self)))

    def to_bytes(self) -> bytes:
        """The stored form: a version, a JSON header, the columns one after the other; compressed.

        >>> Findings.from_bytes(Findings().to_bytes()) == Findings()
        True
        """
        header = json.dumps(
            {
                "slices": self.slices,
                "measures": self.measures,
                "rows": len(self),
                "evidence": {str(row): dict(e) for row, e in self.evidence.items()},
            },
            separators=(",", ":"),
        ).encode()
        body = b"".join(_shuffled(self.columns[name], dtype) for name, dtype in COLUMNS.items())
        # Level 4: half the time of level 6, and 3 % more bytes.
        return struct.pack("<BI", FORMAT, len(header)) + zlib.compress(header + body, 4)

    @classmethod
    def from_bytes(cls, blob: bytes) -> Findings:
        """Read what `to_bytes` wrote.

        Raises
        ------
        ValueError
            When the blob has another format or is damaged.
        """
        try:
            version, length = struct.unpack_from("<BI", blob)
            if version != FORMAT:
                raise ValueError(f"findings have format {version}, this recwatch reads {FORMAT}")
            raw = zlib.decompress(blob[struct.calcsize("<BI") :])
            header = json.loads(raw[:length])
        except (struct.error, zlib.error) as error:
            raise ValueError(f"findings are damaged: {error}") from error
        columns, at = {}, length
        for name, dtype in COLUMNS.items():
            size = np.dtype(dtype).itemsize * header["rows"]
            columns[name] = _unshuffled(raw[at : at + size], dtype)
            at += size
        evidence = {int(row): e for row, e in header["evidence"].items()}
        return cls(tuple(header["slices"]), tuple(header["measures"]), columns, evidence)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Findings):
            return NotImplemented
        return (self.slices, self.measures, self.evidence) == (
            other.slices,
            other.measures,
            other.evidence,
        ) and all(
            np.array_equal(
                self.columns[n],
                other.columns[n],
                equal_nan=n not in ("slice", "measure", "verdict", "excluded"),
            )
            for n in COLUMNS
        )


def _shuffled(column: NDArray[Any], dtype: str) -> bytes:
    """First bytes of all numbers, then second bytes, and so on: alike bytes side by side compress to about half."""
    values = np.ascontiguousarray(column, dtype)
    return values.view(np.uint8).reshape(len(values), values.itemsize).T.tobytes()


def _unshuffled(raw: bytes, dtype: str) -> NDArray[Any]:
    width = np.dtype(dtype).itemsize
    planes = np.frombuffer(raw, np.uint8).reshape(width, -1)
    out = np.empty((planes.shape[1], width), np.uint8)
    for at, plane in enumerate(planes):  # several times faster than to transpose all of them at once
        out[:, at] = plane
    return out.view(dtype).ravel()
