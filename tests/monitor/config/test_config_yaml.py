"""Text stays text: YAML's guesses are not made, and nothing in a file can do more than say something."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.loader import parse
from monitor.config.models import Config
from monitor.errors import UserError

SHOP = """
recommenders:
- name: shop
  log:
    path: logs/shop
    columns: {timestamp: served_at, item: item_id}
"""


def shop(more: str, **sections: str) -> Config:
    return parse("\n".join([*sections.values(), SHOP, more]), "shop.yaml", environment={})


@pytest.mark.parametrize(
    "text",
    ["NO", "no", "on", "off", "y", "true", "1:30", "007", "0x1F", "1e3", "1_000", ".5", "2026-12-24", ".inf"],
)
def test_text_is_what_is_written(text: str) -> None:
    config = shop(
        f"    guests: [{text}]\n  split_by: {text}\n  split_value: {text}\n  slices: [{text}]\n"
        f"  labels: {{country: {text}}}\n  expected: {{items: [{{item: {text}}}]}}"
    )
    [one] = config.recommenders
    assert (one.log.guests, one.split_by, one.split_value, one.slices) == ((text,), text, text, (text,))
    assert (one.labels, one.expected.items[0].item) == ({"country": text}, text)


@pytest.mark.parametrize("text", ["no", "on", "1:30", "null", "~", "2026-12-24", "<<"])
def test_a_key_is_what_is_written(text: str) -> None:
    [one] = shop(f'  detectors: {{scores: {{"{text}": 1}}}}').recommenders
    assert one.detectors["scores"] == {text: 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("NO", "NO"),
        ("on", "on"),
        ("7", 7),
        ("-7", -7),
        ("007", 7),
        ("0.5", 0.5),
        ("1e-3", 0.001),
        ("1:30", "1:30"),
        ("2026-12-24", "2026-12-24"),
        ("0x1F", "0x1F"),
        ("1e999", "1e999"),
        (".nan", ".nan"),
        ("'7'", "7"),
        ('"true"', "true"),
        ("price > 1000", "price > 1000"),
        ("[1, NO, {a: 0.5}]", [1, "NO", {"a": 0.5}]),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_parameters_of_detectors_follow_yaml_1_2(text: str, value: Any) -> None:
    [one] = shop(f"  detectors: {{pricey: {{share_of: {text}}}}}").recommenders
    assert one.detectors["pricey"] == {"share_of": value}
    assert type(one.detectors["pricey"]["share_of"]) is type(value)


def test_numbers_and_words_of_models() -> None:
    config = shop("  window: {late_share: 5e-2}", daemon='daemon: {workers: "3"}')
    assert (config.daemon.workers, config.recommenders[0].window.late_share) == (3, 0.05)


def test_characters_of_all_kinds() -> None:
    text = "a'b\"c\\d\n<script>\u2028\U0001f600\x85 ü"
    escaped = "a'b\\\"c\\\\d\\n<script>\\u2028\\U0001F600\\x85 ü"
    [one] = shop(f'    guests: ["{escaped}"]').recommenders
    assert one.log.guests == (text,)


def test_a_byte_order_mark_is_no_text() -> None:
    assert parse("\ufeff" + SHOP, "shop.yaml") == shop("")


def test_windows_line_ends() -> None:
    assert parse(SHOP.replace("\n", "\r\n"), "shop.yaml") == shop("")


def test_too_large() -> None:
    with pytest.raises(UserError) as told:
        shop("#" * 1_000_000)
    assert str(told.value) == "shop.yaml: larger than 1000 kB; a configuration is not, is it the right file?"


def test_very_many_mistakes() -> None:
    with pytest.raises(UserError) as told:
        shop("\n".join(f"  key{index}: 1" for index in range(5000)))
    assert len(str(told.value).splitlines()) == 101
    assert str(told.value).endswith("\nshop.yaml: and 4900 more mistakes")


def test_half_a_surrogate_pair() -> None:
    with pytest.raises(UserError) as told:
        shop("    guests: [\ud800]")
    assert str(told.value) == "shop.yaml:8: not valid YAML: the character '\\ud800' is not allowed; remove it"


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text())
def test_any_text_is_a_configuration_or_a_user_error(text: str) -> None:
    with pytest.raises(UserError, match=r"^shop\.yaml"):
        parse(text, "shop.yaml", environment={})


SECTIONS = ["recommenders", "defaults", "overrides", "daemon"]
KEYS = [
    "name",
    "log",
    "path",
    "columns",
    "item",
    "timestamp",
    "split_by",
    "detectors",
    "labels",
    "window",
    "mode",
]
WORDS = ["x", "page", "1d", "1", "s3://b", "*", "x/*", "null", "${X}"]
PIECES = st.sampled_from([*SECTIONS, *KEYS, *WORDS])
TREES = st.recursive(
    PIECES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PIECES, inner, max_size=4),
    max_leaves=30,
)


@settings(derandomize=True, deadline=None, max_examples=500)
@given(st.dictionaries(st.sampled_from(SECTIONS), TREES))
def test_any_tree_is_a_configuration_or_a_user_error(tree: dict[str, Any]) -> None:
    import json

    try:
        assert parse(json.dumps(tree), "shop.yaml", environment={"X": "x"}).recommenders
    except UserError as error:
        for line in str(error).splitlines():
            assert line.startswith("shop.yaml:")
