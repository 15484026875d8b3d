"""One recommender for each value of a column."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from config_examples import config, recommender
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.effective import fingerprint
from monitor.config.models import Mode, RecommenderConfig
from monitor.config.split import expand, is_split
from monitor.errors import UserError

values = st.lists(st.text(st.characters(codec=None)), max_size=8)


def split(overrides: dict[str, Any] | None = None, **settings: Any) -> RecommenderConfig:
    return recommender({"split_by": "surface", **settings}, overrides=overrides or {})


def test_one_recommender_for_each_value() -> None:
    home, cart = expand(split(labels={"team": "web"}), ["home", "cart", "home"])
    assert (home.name, home.split_by, home.split_value) == ("shop/home", "surface", "home")
    assert (cart.name, cart.split_by, cart.split_value) == ("shop/cart", "surface", "cart")
    assert home.labels == cart.labels == {"team": "web"}
    assert not is_split(home)
    assert expand(home, ["cart"]) == (home,)


def test_no_value_makes_no_recommender() -> None:
    assert expand(split(), []) == ()


def test_a_recommender_that_is_not_split_is_itself() -> None:
    whole, one = recommender(), recommender({"split_by": "surface", "split_value": "home"})
    assert expand(whole, ["home", "cart"]) == (whole,)
    assert expand(one, ["home", "cart"]) == (one,)
    assert one.name == "shop"


@pytest.mark.parametrize(
    ("overrides", "modes"),
    [
        ({"shop/cart": {"mode": "ticket"}}, ("page", "ticket")),
        ({"shop/*": {"mode": "observe"}, "shop/cart": {"mode": "ticket"}}, ("observe", "ticket")),
        ({"shop/cart": {"mode": "ticket"}, "shop/*": {"mode": "observe"}}, ("observe", "ticket")),
        ({"*/cart": {"mode": "ticket"}}, ("page", "ticket")),
        ({"*": {"mode": "ticket"}, "shop/cart": {"mode": None}}, ("ticket", "page")),
        ({"shop": {"mode": "observe"}, "*": {"mode": "ticket"}}, ("observe", "observe")),
        ({"sh*rt": {"mode": "ticket"}}, ("page", "ticket")),
    ],
)
def test_overrides_by_name(overrides: dict[str, Any], modes: tuple[str, str]) -> None:
    assert tuple(one.mode for one in expand(split(overrides), ["home", "cart"])) == modes


def test_overrides_of_the_entry_come_before_those_of_the_file() -> None:
    own = {"shop/cart": {"mode": "ticket", "window": {"settle": "5m"}}, "shop/h*": {"mode": "ticket"}}
    entry = {"split_by": "surface", "overrides": own}
    shop = recommender(entry, overrides={"shop/cart": {"mode": "observe"}})
    home, cart = expand(shop, ["home", "cart"])
    assert (home.mode, cart.mode) == (Mode.TICKET, Mode.OBSERVE)
    assert cart.window.settle == timedelta(minutes=5)


def test_an_override_reaches_a_value_by_its_own_spelling_too() -> None:
    [one] = expand(split({"shop/<cart>": {"mode": "ticket"}}), ["<cart>"])
    assert one.mode == Mode.TICKET


def test_overrides_of_others_stay_away() -> None:
    entries = [{"name": "shop", "split_by": "surface"}, {"name": "app", "split_by": "screen"}]
    shop, app = config(entries, overrides={"shop/home": {"mode": "ticket"}}).recommenders
    assert app.overrides == {}
    assert expand(app, ["home"])[0].mode == Mode.PAGE
    assert expand(shop, ["home"])[0].mode == Mode.TICKET


def test_overrides_that_do_not_go_together_for_one_value() -> None:
    shop = split({"shop/c*": {"slices": ["country"]}, "*art": {"log": {"columns": {"user": "country"}}}})
    assert [one.name for one in expand(shop, ["corner", "start"])] == ["shop/corner", "shop/start"]
    with pytest.raises(UserError) as told:
        expand(shop, ["cart"])
    assert str(told.value) == (
        'recommender shop/cart: slices[0]: "country" is the user, which parts no traffic; '
        "slice by what many requests share"
    )


@pytest.mark.parametrize("value", ["home", "product page", "de/home:1", "a@b", "x" * 95])
def test_a_plain_value_is_in_the_name_as_it_is(value: str) -> None:
    [one] = expand(split(), [value])
    assert one.name == f"shop/{value}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('it\'s "new"\n', "it_s _new__"),
        ("Zürich", "Z_rich"),
        ("<b>", "_b_"),
        ("", ""),
        (" home ", "home"),
        ("\ud800", "_"),
        ("x" * 96, "x" * 82),
        ("home-e3b0c44298fc", "home-e3b0c44298fc"),  # looks like the name of an odd value
    ],
)
def test_an_odd_value_gets_a_digest(value: str, text: str) -> None:
    [one] = expand(split(), [value])
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    assert one.name == f"shop/{text}-{digest}"
    assert len(one.name) <= 100
    assert one.split_value == value.replace("\ud800", "\ufffd\ufffd\ufffd")


@settings(derandomize=True, deadline=None)
@given(values)
def test_every_value_gets_a_valid_name_of_its_own(found: list[str]) -> None:
    made = expand(split(), found)
    assert len({one.name for one in made}) == len(made) == len(set(found))
    for one in made:
        assert RecommenderConfig.model_validate(one.model_dump()) == one
        assert len(fingerprint(one)) == 16


def test_a_value_has_the_same_name_whatever_others_there_are() -> None:
    alone, together = expand(split(), ["a'b"]), expand(split(), ["a_b", 'a"b', "a'b"])
    assert alone[0] == together[2]
    assert len({one.name for one in together}) == 3
