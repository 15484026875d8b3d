"""Whatever stands in a log can be a label value: one line, encodable, bounded, different when the log differs."""

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.exposition.labels import LONGEST, label_value, labels_text, printable, quoted

ANY_TEXT = st.text(st.characters(), max_size=400)  # lone surrogates included


@settings(derandomize=True, deadline=None)
@given(ANY_TEXT)
def test_a_label_value_is_one_bounded_encodable_line(text: str) -> None:
    value = label_value(text)
    assert len(value) <= LONGEST
    assert value.encode().decode() == value
    assert len(value.splitlines()) <= 1


@settings(derandomize=True, deadline=None)
@given(ANY_TEXT, ANY_TEXT)
def test_different_values_stay_different(one: str, other: str) -> None:
    assert (label_value(one) == label_value(other)) == (one == other)


def test_values_that_differ_only_past_the_cut_stay_different() -> None:
    assert label_value("x" * 10_000 + "a") != label_value("x" * 10_000 + "b")


def test_an_ordinary_value_is_left_alone() -> None:
    for text in ("sku-007065", "country=DE,surface=email", "Größe 38 😀", 'say "hi" \\ <b>'):
        assert label_value(text) == text


def test_text_that_would_run_backwards_is_shown_forwards() -> None:
    assert printable("sku\u202egpj.exe") == "sku\ufffdgpj.exe"


def test_ten_megabytes_are_cut() -> None:
    assert printable("ab" * 5_000_000, 10) == "ababababa…"


@settings(derandomize=True, deadline=None)
@given(ANY_TEXT)
def test_quotes_and_backslashes_are_escaped_as_the_format_says(text: str) -> None:
    inner = quoted(text)[1:-1]
    assert inner.replace("\\\\", "").replace('\\"', "").count('"') == 0
    assert inner.replace('\\"', '"').replace("\\\\", "\\") == label_value(text)


def test_labels_are_joined_in_their_order() -> None:
    assert labels_text({"slice": 'a="b"', "item": ""}) == 'slice="a=\\"b\\"",item=""'
