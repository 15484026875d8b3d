"""What recwatch answers is what SQL answers; a wrong answer is noticed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from detectors.core.statistic import Statistic
from detectors.core.summary import Summary
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel
from detectors.statistics.score_histogram import ScoreHistogram
from detectors.statistics.score_tally import ScoreTally
from detectors.statistics.traffic_tally import TrafficTally
from tests.bench.answers import Both, counts
from tests.bench.config import recommender, write_config
from tests.bench.counting import compare
from tests.bench.estimates import estimated
from tests.bench.hour import Shape, Variant, write_hour
from tests.bench.questions import QUESTIONS, Database, questions
from tests.bench.window import Reader

ROWS, SHAPE = 20_000, Shape(items=300, users=400)  # few enough that the panel holds all of them
# The questions are the denominator of all comparisons, and stay as they are.
FIXED = "e0649b059628068c43821d215a6b280475458fb0282e92f9dec8cbce6cfbfc20"


@pytest.mark.parametrize("variant", ["plain", "hard", "list"])
def test_all_questions_are_answered_as_duckdb_does(tmp_path: Path, variant: Variant) -> None:
    log = tmp_path / "hour.parquet"
    write_hour(log, variant, ROWS, shape=SHAPE)
    reader = Reader.of(write_config(tmp_path / "config.yaml", recommender(log, variant)))
    database = Database(log, variant)
    compared = compare(reader, reader.read(), database, database.ask())
    assert {c.question[:2] for c in compared} == set(questions())
    assert [(c.question, c.agree, c.of) for c in compared if c.agree != c.of] == []
    assert all(c.of for c in compared)


def test_over_the_budget_answers_are_estimates_within_their_error(tmp_path: Path) -> None:
    log = tmp_path / "hour.parquet"
    write_hour(log, "hard", ROWS, shape=Shape(items=300, users=3_000))
    config = write_config(tmp_path / "config.yaml", recommender(log, "hard", budget=ROWS // 3))
    reader, database = Reader.of(config), Database(log, "hard")
    read = reader.read()
    assert read.summary.rate == 0.25
    compared = {c.question[:2] + c.how[:5]: c for c in compare(reader, read, database, database.ask())}
    assert compared.keys() == {"Q7exact", *(f"Q{n}estim" for n in range(1, 9))}
    assert compared["Q7exact"].agree == compared["Q7exact"].of
    assert all(c.agree >= 0.95 * c.of for c in compared.values())
    # Without bringing counts up to all users nothing would be near.
    whole = replace(read.summary, rate=0.99)
    wrong = counts(Both(whole, reader.measure(read), database, database.ask().answers))
    assert {c.question[:2] for c in wrong if c.agree < 0.95 * c.of} >= {"Q1", "Q2", "Q5", "Q6"}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("both")
    write_hour(folder / "hour.parquet", "hard", ROWS, shape=SHAPE)
    reader = Reader.of(write_config(folder / "config.yaml", recommender(folder / "hour.parquet", "hard")))
    read, database = reader.read(), Database(folder / "hour.parquet", "hard")
    return Both(read.summary, reader.measure(read), database, database.ask().answers)


@pytest.mark.parametrize(
    ("statistic", "question"),
    [
        (ItemCounts, "Q1"),
        (ListTally, "Q5"),
        (ScoreTally, "Q6"),
        (TrafficTally, "Q7"),
    ],
)
def test_a_single_wrong_count_is_noticed(both: Both, statistic: type[Statistic], question: str) -> None:
    where = {ScoreTally: 1}.get(statistic, 0)  # its first count is no answer
    found = both.summary[statistic]
    array = found.counts.copy()
    array[0, where] += 1
    wrong = _with(both.summary, statistic, replace(found, counts=array))
    assert {c.question[:2] for c in counts(replace(both, summary=wrong)) if c.agree != c.of} == {question}


@pytest.mark.parametrize(
    ("statistic", "array", "questions"),
    [
        (Panel, "user_requests", {"Q8"}),
        (Panel, "item", {"Q3", "Q8"}),
        (ScoreHistogram, "keys", {"Q6"}),
    ],
)
def test_a_wrong_estimate_is_noticed(
    both: Both, statistic: type[Statistic], array: str, questions: set[str]
) -> None:
    found = both.summary[statistic]
    wrong = _with(both.summary, statistic, replace(found, **{array: getattr(found, array) + 1}))
    assert {c.question[:2] for c in estimated(replace(both, summary=wrong)) if c.agree != c.of} == questions


def _with(summary: Summary, statistic: type[Statistic], found: Statistic) -> Summary:
    return replace(summary, statistics={**summary.statistics, statistic: found})


def test_the_questions_are_the_fixed_ones() -> None:
    assert hashlib.sha256(QUESTIONS.read_bytes()).hexdigest() == FIXED
