"""The logs that are measured, written once and kept."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from tests.bench.hour import USUAL, Shape, Variant, write_hour


def log_of(cache: Path, variant: Variant, rows: int, shape: Shape = USUAL) -> Path:
    """The log of that size; written when it is not in the cache."""
    unusual = "".join(
        f"-{getattr(shape, f.name)}-{f.name}"
        for f in fields(shape)
        if getattr(shape, f.name) != getattr(USUAL, f.name)
    )
    path = (cache / f"{variant}-{rows}{unusual}{'.parquet' if shape.files == 1 else ''}").resolve()
    if not path.exists():
        print(f"writing {path} ...", flush=True)
        write_hour(path, variant, rows, shape=shape)
    return path
