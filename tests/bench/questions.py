"""What a user would otherwise run on a schedule: the questions of `questions.sql`, asked of DuckDB with two threads.

The questions are the fixed denominator of the comparison: they are not to be changed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.bench.figures import CouldNotMeasure
from tests.bench.hour import Variant

QUESTIONS = Path(__file__).with_name("questions.sql")
THREADS = 2
LONG = "select * from '{}'"
LIST = """select * exclude (items, scores), unnest(items) item_id, unnest(scores) score,
    unnest(range(1, len(items) + 1)) position from '{}'"""
_PART = re.compile(r"^-- (Q\d+) .*$", re.MULTILINE)

Answers = Mapping[str, tuple[pa.Table, ...]]


@dataclass(frozen=True)
class Asked:
    """Answers by question, such as "Q1", one table for each of its queries, and how long all of them took."""

    answers: Answers
    seconds: float


def questions(text: str | None = None) -> dict[str, tuple[str, ...]]:
    """The queries of each question.

    >>> questions("-- on top\\n-- Q1 one\\nselect 1;\\nselect 2;\\n-- Q2 two\\nselect 3;")
    {'Q1': ('select 1', 'select 2'), 'Q2': ('select 3',)}
    """
    _, *parts = _PART.split(QUESTIONS.read_text(encoding="utf-8") if text is None else text)
    return {
        name: tuple(query.strip() for query in part.split(";") if query.strip())
        for name, part in zip(parts[0::2], parts[1::2], strict=True)
    }


class Database:
    """DuckDB over one log, which its queries know as `log`."""

    def __init__(self, log: Path, variant: Variant) -> None:
        self._connection = _duckdb().connect()
        self._connection.execute(f"set threads = {THREADS}")
        view = LIST if variant == "list" else LONG
        self._connection.execute(f"create view log as {view.format(str(log).replace(chr(39), chr(39) * 2))}")

    def query(self, sql: str) -> pa.Table:
        return self._connection.sql(sql).to_arrow_table()

    def ask(self) -> Asked:
        """All questions, one after the other."""
        answers, total = {}, 0.0
        for name, queries in questions().items():
            begin = time.perf_counter()
            answers[name] = tuple(self.query(query) for query in queries)
            total += time.perf_counter() - begin
        return Asked(answers, total)


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError:
        raise CouldNotMeasure(
            "DuckDB is not installed: run make bench, which installs it, or pip install 'recwatch[bench]'"
        ) from None
    return duckdb
