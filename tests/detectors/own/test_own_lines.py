"""A line of configuration as a detector: expressions against Python's own, row by row, and what is told of mistakes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Batch, Floor, History, Texts, View
from detectors.own.expression import ExpressionError, parse
from detectors.own.lines import LineError, line
from tests.detectors.batches import in_slices, measure, random_batch

NAN = float("nan")


def batch_of(seed: int) -> Batch:
    rng = np.random.default_rng(seed)
    batch = random_batch(rng, requests=80)
    price = rng.integers(-3, 9, batch.n_rows).astype(float)
    price[rng.random(batch.n_rows) < 0.1] = np.nan
    columns: dict[str, Any] = {
        "number:price": price,
        "number:cost": rng.integers(0, 9, batch.n_rows).astype(float),
        "flag:adult": rng.random(batch.n_rows) < 0.3,
        "text:country": Texts.of([[None, "DE", "US"][n] for n in rng.integers(0, 3, batch.n_rows)]),
        "text:my column": Texts.of(["x"] * batch.n_rows),
    }
    return replace(batch, columns=columns, has=batch.has | {f"column {k.partition(':')[2]}" for k in columns})


def rows_of(batch: Batch) -> list[dict[str, Any]]:
    columns = {key.partition(":")[2]: np.asarray(values).tolist() for key, values in batch.columns.items()}
    columns["position"] = batch.position.tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


numbers = st.recursive(
    st.sampled_from(["price", "cost", "position", "2", "0.5", "7"]),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner)
        | st.builds("(-{})".format, inner)
        | st.builds("abs({})".format, inner)
    ),
    max_leaves=4,
)
conditions = st.recursive(
    st.builds("{} {} {}".format, numbers, st.sampled_from(["<", "<=", ">", ">=", "== 0 +"]), numbers)
    | st.sampled_from(["adult", "country == 'DE'", "country in ('DE', 'FR')", "price in (1, -2, 3)", "true"]),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=5,
)


@given(text=conditions, seed=st.integers(0, 99))
def test_conditions_mean_what_they_mean_in_python(text: str, seed: int) -> None:
    batch = batch_of(seed)
    expression = parse(text, "flag")
    found = np.broadcast_to(expression.of(View(batch, expression.columns)), (batch.n_rows,))
    for row, answer in zip(rows_of(batch), found.tolist(), strict=True):
        # What is not a number compares as false here and there; `in` over one is false in Python too.
        assert answer == eval(text, {"abs": abs, "true": True}, row), (text, row)


@pytest.mark.parametrize(
    ("text", "of"),
    [
        ("country != 'DE'", lambda r: r["country"] not in (None, "DE")),
        ("country not in ('DE', 'AT')", lambda r: r["country"] not in (None, "DE", "AT")),
        ("price != 3", lambda r: r["price"] not in (3,) and r["price"] == r["price"]),
        (
            "known(number(price)) and not known(country)",
            lambda r: r["price"] == r["price"] and r["country"] is None,
        ),
        ("number(price) = number(cost)", lambda r: r["price"] == r["cost"]),
        ("`my column` = 'x' or false", lambda r: True),
        ("cost / 2 > 2", lambda r: r["cost"] / 2 > 2),
        ("not not adult and 1 < 2", lambda r: r["adult"]),
    ],
)
def test_what_python_says_otherwise(text: str, of: Any) -> None:
    batch = batch_of(3)
    expression = parse(text, "flag")
    found = expression.of(View(batch, expression.columns))
    assert np.asarray(found).tolist() == [of(row) for row in rows_of(batch)]


@pytest.mark.parametrize(
    ("text", "what", "at"),
    [
        ("price >", "a value is missing here", 7),
        ("price >> 3", "a value is missing here", 7),
        ("price = cost",
         "cannot tell whether price and cost are numbers or texts: write number(price) or text(price), "
         "and a text that is no column in quotes", 0),
        ("(price > 3", "')' is missing here", 10),
        ("price > 'a'", "texts are not ordered: use = or !=, or number(...)", 6),
        ("price > 3 and price = 'a'", "price is used as a text here and as something else before", 14),
        ("__import__('os')", "__import__ is no function; there are abs, log, known, number, flag, text", 0),
        ("country in ('DE', 3)", "a list holds either numbers or texts", 0),
        ("country in (x)", "a number or a text in quotes is missing here", 12),
        ("price + 1", "this is a number, where a condition is wanted", 0),
        ("price > 3 4", "'4' is not expected here", 10),
        ("price > 3; x", "';' is not known here", 9),
        ("'a' = 'b'", "a column is missing here", 0),
        ("known('a')", "a column is missing here", 6),
        ("(" * 60 + "adult" + ")" * 60, "too many parentheses", 50),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_place(text: str, what: str, at: int) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse(text, "flag")
    assert str(raised.value) == f"{what}\n    {text}\n    {' ' * at}^"


def test_it_has_an_end() -> None:
    with pytest.raises(ExpressionError, match=r"^is longer than 1000 characters: write a function instead$"):
        parse("price > 1 or " * 100, "flag")


def test_lines_measure_what_they_say() -> None:
    batch = batch_of(5)
    rows = rows_of(batch)
    lists = [rows[a:b] for a, b in zip(batch.offsets[:-1], batch.offsets[1:], strict=True)]
    germans = [r for r in rows if r["country"] == "DE"]
    known = [r["price"] for r in rows if r["price"] == r["price"]]
    expected = {
        "share": ({"share_of": "price > 3"}, sum(r["price"] > 3 for r in rows) / len(rows)),
        "among": ({"share_of": "adult", "among": "country = 'DE'"}, sum(r["adult"] for r in germans) / len(germans)),
        "requests": ({"share_of": "adult", "of": "requests"},
                     sum(any(r["adult"] for r in shown) for shown in lists) / len(lists)),
        "mean": ({"mean_of": "price * 2"}, 2 * sum(known) / len(known)),
        "quantile": ({"quantile_of": "cost + 100", "quantile": 0.9},
                     float(np.quantile([r["cost"] + 100 for r in rows], 0.9, method="inverted_cdf"))),
        "count": ({"count_of": "adult"}, sum(r["adult"] for r in rows)),
        "lists": ({"count_of": "adult", "of": "requests"}, sum(any(r["adult"] for r in shown) for shown in lists)),
    }  # fmt: skip
    for name, (settings, value) in expected.items():
        (found,) = measure(line(name, settings)(), batch).values()
        assert in_slices(batch, found)["all"] == pytest.approx(
            value, rel=0.02 if name == "quantile" else 1e-9
        ), name


def test_judgement_and_words() -> None:
    (floor,) = line("pricey", {"share_of": "price > 3"})(above=0.2).measures()
    assert floor.judge == (Floor(above=0.2), History("both", 0.1))
    (only_floor,) = line("pricey", {"share_of": "price > 3", "above": 0.2})(above=0.2).measures()
    assert (only_floor.judge, only_floor.help) == ((Floor(above=0.2),), "Share of rows with price > 3.")
    (mean,) = line("cost", {"mean_of": "price", "unit": "currency", "says": "What it costs"})().measures()
    assert (mean.unit, mean.help, mean.judge) == (
        "currency",
        "What it costs.",
        (History("both", 0.5, relative=True),),
    )


@pytest.mark.parametrize(
    ("settings", "key", "what"),
    [
        ({"share_of": "a", "mean_of": "b"}, "mean_of",
         "a line asks one thing, and share_of is there already: make it a second one"),
        ({"share_of": "a", "of": "row"}, "of", "'row' is not known here; use one of rows, requests, users"),
        ({"mean_of": "a", "of": "requests"}, "of",
         "mean_of is of rows: write a function for one number of a whole request"),
        ({"share_of": True}, "share_of", 'must be an expression, such as "price > 1000"'),
        ({"quantile_of": "a", "quantile": 90}, "quantile", "90 is not between 0 and 1"),
        ({"mean_of": "a", "unit": "euros"}, "unit",
         "'euros' is not a base unit: use one of ratio, requests, rows, users, items, seconds, score, shannons, "
         "frequency, currency, change, nats, spreads"),
        ({"share_of": "a", "among": "a > 3"}, "among", "a is used as float here and as bool before"),
    ],
)  # fmt: skip
def test_mistakes_in_a_line(settings: dict[str, Any], key: str, what: str) -> None:
    with pytest.raises(LineError) as raised:
        line("x", settings)
    assert (raised.value.key, str(raised.value)) == (key, what)
