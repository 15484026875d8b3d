"""What is known of a log file before it is read."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Facts:
    """What reading a file takes and gives.

    Parameters
    ----------
    bytes : int
        Compressed bytes of the wanted columns, or of the whole file for text.
    exact : bool
        Whether `rows` was counted; an estimate for text.
    row_groups : tuple of (rows, bytes)
        Empty for text.
    shown : tuple of int
        Items by row group: as many as rows, but where a row has a list of them.
    times : tuple of (first, last) or None
        Event time in microseconds by row group, None where the metadata does not say.
    types : mapping of column name to Arrow type
        For wanted columns that the file has.
    """

    rows: int
    bytes: int
    exact: bool
    types: dict[str, pa.DataType]
    row_groups: tuple[tuple[int, int], ...] = ()
    shown: tuple[int, ...] = ()
    times: tuple[tuple[int, int] | None, ...] = ()


@dataclass(frozen=True)
class FileCost:
    """What reading one file takes.

    Parameters
    ----------
    row_groups : tuple of (items shown, bytes)
        Empty for text.
    times : tuple of (first, last) or None
        Event time of each row group in microseconds, None where only reading tells.
    """

    path: str
    rows: int
    bytes: int
    row_groups: tuple[tuple[int, int], ...] = ()
    times: tuple[tuple[int, int] | None, ...] = ()


@dataclass(frozen=True)
class Cost:
    """What reading files takes, known before reading; `exact` is False when rows are an estimate."""

    rows: int
    bytes: int
    exact: bool
    per_file: tuple[FileCost, ...]
