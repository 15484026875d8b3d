"""A function as a detector: what it measures against counting by hand, the laws of its state, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import (
    Batch,
    Floor,
    History,
    Severity,
    Summary,
    Texts,
    count_of_requests,
    count_of_rows,
    mean_of_requests,
    mean_of_rows,
    quantile_of_requests,
    quantile_of_rows,
    share_of_requests,
    share_of_rows,
    share_of_users,
)
from detectors.own import states
from tests.detectors.batches import (
    batches,
    in_slices,
    measure,
    measure_summary,
    of_lists,
    only,
    parts_of,
    random_batch,
    split,
)

PRICE = {"price": float}


@share_of_rows(columns=PRICE, above=0.2, severity="page")
def pricey(batch: Any) -> Any:
    """Share of items over 5.

    More words."""
    return batch["price"] > 5


@share_of_rows(columns=PRICE)
def pricey_on_top(batch: Any) -> Any:
    """Share of items over 5 among the first ones."""
    return batch["price"] > 5, batch.position == 1


@share_of_requests(columns=PRICE, change=0.2, direction="up")
def all_pricey(batch: Any) -> Any:
    """Share of lists with nothing but items over 5."""
    return batch.all_rows(batch["price"] > 5)


@share_of_users(columns={"brand": str})
def fans(batch: Any) -> Any:
    """Share of users who see brand a."""
    return batch.any_row(batch["brand"] == "a")


@mean_of_rows(columns=PRICE, unit="currency")
def price(batch: Any) -> Any:
    """Price of an item."""
    return batch["price"]


@mean_of_requests(columns=PRICE, unit="currency")
def dispersion(batch: Any) -> Any:
    """Spread of prices in a list."""
    return batch.spread_rows(batch["price"])


@quantile_of_rows(columns=PRICE, quantile=0.9, unit="currency")
def dear(batch: Any) -> Any:
    """Price that one in ten items exceeds."""
    return batch["price"]


@mean_of_requests(unit="items")
def length_of_lists(batch: Any) -> Any:
    """Length of a list."""
    return batch.length


@quantile_of_requests
def length(batch: Any) -> Any:
    """Median length of a list."""
    return batch.length


@count_of_rows(columns=PRICE)
def pricey_rows(batch: Any) -> Any:
    """Items over 5."""
    return batch["price"] > 5


@count_of_requests
def long_lists(batch: Any) -> Any:
    """Lists of four items and more."""
    return batch.length >= 4


ALL = [pricey, pricey_on_top, all_pricey, fans, price, dispersion, dear, length, pricey_rows, long_lists]
every = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)


def with_columns(batch: Batch, seed: int = 0) -> Batch:
    """Prices, a tenth of them missing, and brands."""
    rng = np.random.default_rng(seed)
    values = np.round(rng.lognormal(1, 1, batch.n_rows), 2)
    values[rng.random(batch.n_rows) < 0.1] = np.nan
    brand = Texts.of([[None, "a", "b"][n] for n in rng.integers(0, 3, batch.n_rows)])
    columns = {"number:price": values, "text:brand": brand}
    return replace(batch, columns=columns, has=batch.has | {"column price", "column brand"})


def by_hand(batch: Batch) -> dict[str, float]:
    """The whole, row by row in Python."""
    value, brand = batch.columns["number:price"].tolist(), np.asarray(batch.columns["text:brand"]).tolist()
    rows = [(r, value[i], brand[i], int(batch.position[i]))
            for r in range(batch.n_requests) for i in range(batch.offsets[r], batch.offsets[r + 1])]  # fmt: skip
    lists = [[v for q, v, _, _ in rows if q == r] for r in range(batch.n_requests)]
    known = [v for _, v, _, _ in rows if v == v]
    top = [v for _, v, _, p in rows if p == 1]
    users = {int(u): False for u, k in zip(batch.user, batch.user_known, strict=True) if k}
    for r, _, b, _ in rows:
        if batch.user_known[r] and b == "a":
            users[int(batch.user[r])] = True
    spreads = [float(np.std(shown)) for shown in lists if shown and all(v == v for v in shown)]
    return {
        "pricey": sum(v > 5 for v in value) / len(value),
        "pricey_on_top": sum(v > 5 for v in top) / len(top),
        "all_pricey": sum(bool(shown) and all(v > 5 for v in shown) for shown in lists) / len(lists),
        "fans": sum(users.values()) / len(users),
        "price": sum(known) / len(known),
        "dispersion": sum(spreads) / len(spreads),
        "dear": float(np.quantile(known, 0.9, method="inverted_cdf")),
        "length": float(np.quantile(batch.length, 0.5, method="inverted_cdf")),
        "pricey_rows": sum(v > 5 for v in value),
        "long_lists": sum(n >= 4 for n in batch.length.tolist()),
    }


@pytest.mark.parametrize("seed", range(3))
def test_what_is_measured_is_what_counting_by_hand_gives(seed: int) -> None:
    batch = with_columns(random_batch(np.random.default_rng(seed), requests=300), seed)
    hand = by_hand(batch)
    for kind in ALL:
        (found,) = measure(kind(), batch).values()
        rough = 0.02 if "quantile" in found.measure else 1e-9
        assert in_slices(batch, found)["all"] == pytest.approx(hand[kind.name], rel=rough), kind.name


@every
@given(a=batches(), b=batches(), c=batches(), seed=st.integers(0, 2**32))
def test_laws_of_the_state(kind: Any, a: Batch, b: Batch, c: Batch, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(states, "USERS", 5)
        x, y, z = (kind.state.from_batch(with_columns(batch, seed)) for batch in (a, b, c))
        assert x.merge(y).equals(y.merge(x))
        assert x.merge(y).merge(z).equals(x.merge(y.merge(z)))
        assert x.merge(kind.state.empty()).equals(x)
        assert kind.state.from_bytes(x.to_bytes()).equals(x)
        whole = with_columns(a, seed)
        for part, parts in parts_of(np.random.default_rng(seed), a.n_requests):
            made = [kind.state.from_batch(p) for p in split(whole, part, parts)]
            assert kind.state.merge_all(made[::-1]).equals(x)


@every
@given(batch=batches(least=1), seed=st.integers(0, 2**32))
def test_a_slice_measures_as_its_rows_alone_do(kind: Any, batch: Batch, seed: int) -> None:
    batch = with_columns(batch, seed)
    whole = measure(kind(), batch)
    for s, members in enumerate(batch.cells.slices.members):
        alone = measure(kind(), only(batch, members))
        assert alone.keys() == whole.keys()
        for name, found in whole.items():
            for column in ("value", "error", "n"):
                a, b = getattr(found, column)[s], getattr(alone[name], column)[0]
                assert a == pytest.approx(b, rel=1e-9, abs=1e-12, nan_ok=True)


def test_sums_are_exact_whatever_is_added_first() -> None:
    batch = random_batch(np.random.default_rng(1), requests=400)
    rng = np.random.default_rng(2)
    odd = rng.choice([1e15, -1e15, 1e-6, 0.1, 3.0], batch.n_rows)
    batch = replace(batch, columns={"number:price": odd})
    state = price.state.from_batch(batch)
    sums, counts = state.by_slice(np.ones((1, len(state.groups)), bool))
    exact = sum(Fraction(v) for v in odd.tolist())
    digits = state.digits.sum(axis=(0, 1)).tolist()
    found = sum(Fraction(d) * Fraction(2) ** p for d, p in zip(digits, states.LIMBS, strict=True))
    assert abs(found - exact) <= Fraction(batch.n_rows, 2**64)
    assert counts.sum() == batch.n_rows
    assert sums.shape == (1, 64)


def test_the_error_counts_users_not_rows() -> None:
    """Everybody sees their one price again and again: a thousand rows know as little as the users that made them."""
    rng = np.random.default_rng(3)
    batch = random_batch(rng, requests=2000, users=2000, countries=1, surfaces=1)
    of_user = dict(zip(np.unique(batch.user), rng.lognormal(1, 1, batch.n_requests), strict=False))
    values = np.array([of_user[u] for u in batch.user.tolist()])[batch.row_request]
    batch = replace(with_columns(batch), columns={"number:price": values})
    (found,) = measure(price(), batch).values()
    rows = np.bincount(batch.row_request, minlength=batch.n_requests)
    _, number = np.unique(batch.user, return_inverse=True)
    sums = np.bincount(number, np.bincount(batch.row_request, values, batch.n_requests))
    counts = np.bincount(number, rows)
    by_users = np.sqrt(((sums - found.value[0] * counts) ** 2).sum()) / counts.sum()
    assert found.error[0] == pytest.approx(by_users, rel=0.35)
    assert found.error[0] > 1.5 * values.std() / np.sqrt(len(values))


def test_what_is_known_at_most_of_a_few_users() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(states, "USERS", 200)
        batch = with_columns(random_batch(np.random.default_rng(5), requests=3000, users=2000), 5)
        (found,) = measure(fans(), batch).values()
    hand = by_hand(batch)["fans"]
    assert abs(found.value[0] - hand) < 4 * found.error[0]
    assert found.n[0] <= 200 * len(batch.cells)


def test_settings_and_words() -> None:
    (measure_,) = pricey().measures()
    assert (measure_.name, measure_.unit, measure_.help) == ("share", "ratio", "Share of items over 5.")
    assert measure_.judge == (Floor(above=0.2, severity=Severity.PAGE),)
    assert measure_.says == "share of items over 5: {value}"
    assert measure_.needs == {"column price"}
    (measure_,) = all_pricey(above=0.5).measures()
    assert measure_.judge == (Floor(above=0.5), History("up", 0.2))
    (measure_,) = price().measures()
    assert measure_.judge == (History("both", 0.5, relative=True),)
    assert pricey.name == "pricey"
    assert pricey.__doc__ == "Share of items over 5."
    assert pricey.__module__ == __name__


def test_a_changed_function_has_a_state_of_its_own() -> None:
    def of(limit: int) -> Any:
        namespace: dict[str, Any] = {}
        exec(f'def f(batch):\n    "Share."\n    return batch.position > {limit}', namespace)
        return share_of_rows(namespace["f"])

    assert of(1).state.version == of(1).state.version != of(2).state.version


def test_nothing_is_measured_without_the_column_and_of_no_rows() -> None:
    batch = random_batch(np.random.default_rng(1))
    for kind in ALL:
        summary = Summary.of(batch, kind.statistics)
        if kind.columns:
            assert measure_summary(kind(), replace(summary, has=frozenset())) == {}
        nothing = replace(
            Summary(), has=frozenset({"request", "user", *(f"column {c}" for c in kind.columns)})
        )
        for found in measure_summary(kind(), nothing).values():
            assert np.isnan(found.value[0]) or found.measure in ("rows", "requests")


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (lambda b: b.length > 1, ValueError,
         "must return one element for each row, shape (3,), not shape (2,) (that is one for each request)"),
        (lambda b: True, ValueError, "must return one element for each row, shape (3,), not a single value"),
        (lambda b: b.position, TypeError,
         "must return a boolean mask, not int64: compare it with something, or use mean_of_rows or mean_of_requests "
         "for numbers"),
        (lambda b: (b.position > 1,) * 3, TypeError, "must return one mask, or two: (marked, among)"),
        (lambda b: b["price"] > 1, KeyError, ""),
        (lambda b: (b.position > 1) and (b.position < 3), ValueError,
         "a mask is neither true nor false: combine masks by &, | and ~, not by and, or, not"),
    ],
)  # fmt: skip
def test_what_a_share_refuses(answer: Any, error: type[Exception], text: str) -> None:
    def share(batch: Any) -> Any:
        """Share."""
        return answer(batch)

    batch = _of_three_rows()
    with pytest.raises(error) as raised:
        share_of_rows(share).state.from_batch(batch)
    if text:
        called = f"share() (line {share.__code__.co_firstlineno}) " if text.startswith("must") else ""
        assert str(raised.value) == called + text
    else:
        assert "column 'price' was not declared: name it in columns={'price': float}" in str(raised.value)


def test_what_a_mean_refuses() -> None:
    def ratio(batch: Any) -> Any:
        """Mean."""
        return 1.0 / (batch.position - 1)

    with pytest.raises(ValueError, match=r"returned inf for 2 of 3: return NaN where there is no number$"):
        mean_of_rows(ratio).state.from_batch(_of_three_rows())


def test_what_is_called_a_ratio_is_one() -> None:
    def ratio(batch: Any) -> Any:
        """Mean."""
        return batch.position / 2 + 0.25

    with pytest.raises(
        ValueError, match=r'returned 1.25 for 1 of 3, and a ratio is from 0 to 1: give unit="score"'
    ):
        mean_of_rows(ratio, unit="ratio").state.from_batch(_of_three_rows())
    assert mean_of_rows(ratio, unit="score").state.from_batch(_of_three_rows()).counts.sum() == 3


@pytest.mark.parametrize("users", [3, 30, 100, 300, 3000])
def test_the_sample_size_of_a_mean_is_about_that_of_its_users(users: int) -> None:
    """One list each, so as many as there are users; whether or not every group has one of them."""
    batch = random_batch(np.random.default_rng(7), requests=users, users=10**6, countries=1, surfaces=1)
    (found,) = measure(length_of_lists(), batch).values()
    assert found.n[0] == pytest.approx(len(np.unique(batch.user)), rel=0.35)


def _of_three_rows() -> Batch:
    batch = of_lists([["a", "b"], ["a"]])
    return replace(batch, position=np.array([1, 2, 1]))


@pytest.mark.parametrize(
    ("name", "doc", "settings", "text"),
    [
        ("Pricey", "Share.", {},
         "'Pricey' is not a name for a detector: write lower-case letters, digits and _, a letter first"),
        ("pricey", "", {}, "has no docstring: its first sentence is the help of the metric"),
        ("pricey", "Share.", {"columns": {"x": list}},
         "column 'x' of pricey must be float, bool or str, not <class 'list'>"),
        ("pricey", "Share.", {"columns": ["x"]},
         "columns of pricey must say of which type each is, such as {'price': float}"),
        ("pricey", "Share.", {"abov": 1},
         "'abov' is no setting of pricey: use some of columns, needs, unit, quantile, above, below, change, direction, "
         "relative, severity"),
        ("pricey", "Share.", {"above": "0.1"}, "above must be a number, not '0.1'"),
        ("pricey", "Share.", {"change": True}, "change must be a number, not True"),
        ("pricey", "Share.", {"direction": "upwards"}, "direction must be one of up, down, both, not 'upwards'"),
        ("pricey", "Share.", {"severity": "pages"}, "severity must be one of ticket, page, not 'pages'"),
    ],
)  # fmt: skip
def test_what_is_refused_when_it_is_defined(name: str, doc: str, settings: dict[str, Any], text: str) -> None:
    def function(batch: Any) -> Any:
        return batch.position > 1

    function.__name__, function.__doc__ = name, doc
    with pytest.raises(ValueError, match=re.escape(text)):
        share_of_rows(function, **settings)


def test_a_unit_that_is_none() -> None:
    def price(batch: Any) -> Any:
        """Price."""
        return batch["price"]

    with pytest.raises(ValueError, match=r"^'euros' is not a base unit: use one of ratio, requests, "):
        mean_of_rows(price, unit="euros")


def test_writing_into_a_batch_fails() -> None:
    @share_of_rows(columns=PRICE)
    def writes(batch: Any) -> Any:
        """Share."""
        batch["price"][:] = 0
        return batch["price"] > 1

    with pytest.raises(ValueError, match="read-only"):
        Summary.of(with_columns(random_batch(np.random.default_rng(0))), writes.statistics)
