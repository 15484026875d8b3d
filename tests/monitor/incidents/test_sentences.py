"""Sentences that somebody woken at night understands, whatever the log put into them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from breaches import MEASURES, REQUESTS, breach, stuck, ticket
from hypothesis import given
from hypothesis import strategies as st

from detectors.core.measurement import Unit
from detectors.same_item import SameItem
from monitor.incidents.sentence import LONGEST, say, say_place, sentence, shorten


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.004, Unit.RATIO, "0.4 %"),
        (0.0, Unit.RATIO, "0 %"),
        (0.0312, Unit.RATIO, "3.1 %"),
        (0.0999, Unit.RATIO, "10.0 %"),
        (0.1, Unit.RATIO, "10 %"),
        (0.974, Unit.RATIO, "97 %"),
        (1.0, Unit.RATIO, "100 %"),
        (1523.0, Unit.REQUESTS, "1,523"),
        (1_250_000.4, Unit.ROWS, "1,250,000"),
        (57.83, Unit.USERS, "57.8"),
        (100.0, Unit.ITEMS, "100"),
        (6.25, Unit.ITEMS, "6.25"),
        (0.0, Unit.REQUESTS, "0"),
        (-1.5, Unit.SCORE, "-1.5"),
        (0.0, Unit.SECONDS, "0 min"),
        (60.0, Unit.SECONDS, "1 min"),
        (3599.0, Unit.SECONDS, "1 h 0 min"),
        (5400.0, Unit.SECONDS, "1 h 30 min"),
        (math.nan, Unit.RATIO, "unknown"),
        (math.nan, Unit.SECONDS, "unknown"),
    ],
)
def test_a_value(value: float, unit: Unit, said: str) -> None:
    assert say(value, unit) == said


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            stuck("sku-007065", value=0.9694, expected=0.004),
            "shop: item sku-007065 is at position 1 in 97 % of requests; the top item usually has 0.4 %.",
        ),
        (
            stuck("sku-007065", "surface=email", expected=math.nan),
            "shop: item sku-007065 is at position 1 in 95 % of requests (surface email).",
        ),
        (
            breach(
                "same_item.any_place_share",
                "country=DE,surface=email",
                0.5,
                evidence={"item": "a", "position": 3},
            ),
            "shop: item a is at position 3 in 50 % of requests; the top item usually has 3.0 % "
            "(country DE, surface email).",
        ),
        (breach(REQUESTS, value=1523, expected=4000), "shop: 1,523 requests in the window, usually 4,000."),
        (breach(REQUESTS, value=0, expected=57.8), "shop: no requests in the window, usually 57.8."),
        (
            breach("traffic.rows", value=0, expected=math.nan),
            "shop: no rows in the window, usually nothing known.",
        ),
        (
            ticket("traffic.silence", value=5400, expected=120),
            "shop: no request for 1 h 30 min, usually 2 min.",
        ),
        (
            ticket("traffic.missing_user_share", value=0.41, expected=0),
            "shop: 41 % of rows have no user, usually 0 %.",
        ),
        (ticket("diversity.overlap", value=0.5), "shop: diversity: overlap is 50 %, usually 3.0 %."),
        (ticket("lists.short_share", value=0.5, expected=math.nan), "shop: lists: short share is 50 %."),
    ],
)
def test_a_sentence(found, said: str) -> None:  # type: ignore[no-untyped-def]  # a Breach
    assert sentence(found, "shop") == said


def told_of(name: str, value: float, **evidence: object) -> str:
    measure = {m.name: m for m in SameItem().measures()}[name]
    found = breach(f"same_item.{name}", "surface=home", value, expected=math.nan, evidence=evidence)
    return sentence(replace(found, measure=measure), "shop")


def test_sentences_name_what_the_evidence_has() -> None:
    assert told_of("top_two_share", 0.9, item="a", other="b\n", position=2) == (
        "shop: item a and b? share position 2 in 90 % of requests (surface home)."
    )
    assert told_of("first_place_rise", 0.22, item="a", share=0.25, share_before=0.004, position=1) == (
        "shop: item a is at position 1 in 25 % of requests, the day before in 0.4 % (surface home)."
    )
    assert told_of("family_first_share", 0.9, family="shirt", position=1) == (
        "shop: product shirt is under many ids at position 1 in 90 % of requests (surface home)."
    )
    assert told_of("family_first_share", 0.9, error="IndexError: gone") == (
        "shop: product unknown is under many ids at position 1 in 90 % of requests (surface home)."
    )


def test_the_item_to_blame_is_named_where_the_measure_is_of_all_items() -> None:
    moved = {"items": [{"item": "a", "share": 0.3, "share_before": 0.2}]}  # none of them rose far
    for evidence, named in (
        (moved, ""),
        (
            {**moved, "item": "79", "share": 0.524, "share_before": 0.057},
            "; item 79 has 52 % of rows, before 5.7 %",
        ),
    ):
        found = breach("drift.recent_item_distance", "all", 0.314, expected=math.nan, evidence=evidence)
        assert sentence(found, "shop", "rows") == (
            "shop: the last 4 hours show other items than the day before: 31 % further apart than any other hours of it"
            f"{named}."
        )


def test_a_log_without_requests_counts_rows() -> None:
    assert (
        sentence(stuck("54", value=1.0, expected=math.nan), "shop", "rows")
        == "shop: item 54 is at position 1 in 100 % of rows."
    )


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        ("a\nb\r\tc", "a?b??c"),
        ("{value} {0} {item.__class__}", "{value} {0} {item.__class__}"),
        ("%s %(x)s", "%s %(x)s"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ('it\'s "quoted"', 'it\'s "quoted"'),
        ("ネコ🐈", "ネコ🐈"),
        ("lone \ud83d half", "lone ? half"),
        ("\u202eright to left", "?right to left"),
        ("x" * 300, "x" * 79 + "…"),
        ("\0", "?"),
    ],
)
def test_hostile_names_are_one_line_of_bounded_length(item: str, shown: str) -> None:
    told = sentence(stuck(item, f"surface={item.translate({ord(c): None for c in ',=' + chr(92)})}"), "shop")
    assert told.startswith(f"shop: item {shown} is at position 1 in 95 % of requests; ")
    assert told.isprintable()
    assert told.encode()


@given(item=st.text(st.characters(exclude_categories=()), min_size=1), name=st.sampled_from(sorted(MEASURES)))
def test_every_measure_makes_a_sentence_of_any_item(item: str, name: str) -> None:
    told = sentence(breach(name, f"c={shorten(item)}".replace("\\", ""), evidence={"item": item}), "shop")
    assert told.startswith("shop: ")
    assert told.endswith(".")
    assert told.isprintable()
    assert len(told) < 3 * LONGEST + 200


def test_the_place_in_words() -> None:
    assert say_place({"surface": "e\nmail", "country": "DE"}) == " (country DE, surface e?mail)"
    assert say_place({}) == ""
