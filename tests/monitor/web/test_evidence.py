"""Evidence of any shape is shown in bounded size."""

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.web.evidence import (
    MOST_COLUMNS,
    MOST_FACTS,
    MOST_LISTED,
    MOST_ROWS,
    MOST_TABLES,
    Share,
    read_evidence,
)
from monitor.web.wording import LONGEST_VALUE
from tests.monitor.factories import stuck_findings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=300),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=30), inner, max_size=15),
    max_leaves=20,
)


def test_top_items_become_a_table_with_shares_and_intervals() -> None:
    evidence = read_evidence(stuck_findings().evidence[0])
    (table,) = evidence.tables
    assert (table.title, table.heads) == ("top items", ("item", "share", "usual", "requests"))
    assert [cell.text.replace("\u00a0", " ") for cell in table.rows[0]] == [
        "sku-007065",
        "96.9 %",
        "3.1 %",
        "1,523",
    ]
    assert table.rows[0][1].share == Share(0.9694, 0.9597, 0.9768)
    assert evidence.facts == (("requests", "1,571"),)


def test_lists_and_mappings_become_lines() -> None:
    evidence = {
        "list": ["a", "b"],
        "by_surface": {"email": 0.5},
        "item_share": 0.5,
        "stuck": True,
        "why": None,
    }
    assert [(k, v.replace("\u00a0", " ")) for k, v in read_evidence(evidence).facts] == [
        ("list", "a, b"),
        ("by surface", "email 0.5"),
        ("item share", "50 %"),
        ("stuck", "yes"),
    ]


def test_a_share_that_is_none_is_a_number() -> None:
    (table,) = read_evidence(
        {"top": [{"share": 1.5, "low": 0.1}, {"share": float("nan")}, {"share": "x"}]}
    ).tables
    assert [row[0].text for row in table.rows] == ["1.5", "–", "x"]
    assert [row[0].share for row in table.rows] == [None, None, None]


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=30), JSON, max_size=20))
def test_any_evidence_is_bounded_and_printable(evidence: dict[str, object]) -> None:
    shown = read_evidence(evidence)
    assert len(shown.facts) <= MOST_FACTS
    assert len(shown.tables) <= MOST_TABLES
    texts = [text for fact in shown.facts for text in fact]
    for table in shown.tables:
        assert len(table.rows) <= MOST_ROWS
        assert len(table.heads) <= MOST_COLUMNS
        texts += [cell.text for row in table.rows for cell in row]
    for text in texts:
        assert len(text) <= (MOST_LISTED + 1) * (2 * LONGEST_VALUE + 3)
        text.encode()
