"""What `init` takes for meant: what has been so all along; never what began lately, nor what could be the outage."""

from __future__ import annotations

import numpy as np

from monitor.inspect.sameness import Expectation, Learned, Rows, learn

HOURS = 24 * 8
FIRST_HOUR = 24 * 20_000


def shop(seed: int = 0, per_hour: int = 20, slots: int = 5, hours: int = HOURS) -> dict[str, np.ndarray]:
    """Requests of two surfaces with lists of their own, as columns of requests and an array of lists."""
    rng = np.random.default_rng(seed)
    n = hours * per_hour
    return {
        "hour": FIRST_HOUR + np.repeat(np.arange(hours), per_hour),
        "surface": rng.integers(0, 2, n),  # home, email
        "context": np.full(n, -1),
        "lists": rng.integers(0, 3000, (n, slots)),
    }


def learned(made: dict[str, np.ndarray]) -> Learned:
    n, slots = made["lists"].shape
    row = np.repeat(np.arange(n), slots)
    return learn(
        Rows(
            made["hour"][row], row, np.tile(np.arange(1, slots + 1), n), made["lists"].ravel(),
            {"surface": (made["surface"][row], ["home", "email"])}, made["context"][row],
        )
    )  # fmt: skip


def said(found: tuple[Expectation, ...]) -> list[tuple[str, dict[str, str], dict[str, str]]]:
    return [(e.key, dict(e.where), dict(e.values)) for e in found]


def day(made: dict[str, np.ndarray]) -> np.ndarray:
    return (made["hour"] - FIRST_HOUR) // 24


def test_a_healthy_log_teaches_nothing() -> None:
    assert learned(shop()) == Learned()


def test_a_sponsored_place_with_another_item_each_day_is_pinned_where_it_is() -> None:
    made = shop()
    home = made["surface"] == 0
    made["lists"][home, 2] = 5000 + day(made)[home]
    assert said(learned(made).certain) == [("positions", {"surface": "home"}, {"position": "3"})]
    made["lists"][:, 2] = 5000 + day(made)
    assert said(learned(made).certain) == [("positions", {}, {"position": "3"})]


def test_what_began_lately_is_not_learned() -> None:
    for begin in (4, 6, 7):
        made = shop()
        late = day(made) >= begin
        made["lists"][late, 2] = 5000 + day(made)[late]
        assert learned(made) == Learned()


def test_an_incident_of_some_hours_neither_teaches_nor_hides() -> None:
    made = shop()
    made["lists"][:, 2] = 5000 + day(made)
    hour = made["hour"] - FIRST_HOUR
    made["lists"][(hour >= 100) & (hour < 110), 0] = 7777
    assert said(learned(made).certain) == [("positions", {}, {"position": "3"})]


def test_half_a_day_of_trouble_where_the_sample_is_dense_does_not_hide() -> None:
    """Of the last days every hour is read, of those before one in eight: trouble is a fifth of the sampled hours."""
    made = shop()
    made["lists"][:, 2] = 5000 + day(made)
    hour = made["hour"] - FIRST_HOUR
    broken = (hour >= HOURS - 14) & (hour < HOURS - 2)
    made["lists"][broken] = np.random.default_rng(1).integers(0, 3000, (int(broken.sum()), 5))
    read = (hour >= HOURS - 36) | (hour % 8 == 0)
    assert said(learned({name: values[read] for name, values in made.items()}).certain) == [
        ("positions", {}, {"position": "3"})
    ]


def test_a_first_place_that_never_changed_may_be_the_outage() -> None:
    made = shop()
    made["lists"][:, 0] = 7777
    found = learned(made)
    assert found.certain == ()
    assert said(found.proposed)[0] == ("positions", {}, {"position": "1"})
    made["lists"][:, 0] = 7777 + made["hour"] - FIRST_HOUR  # stuck on another item every hour
    assert learned(made).certain == ()
    made["lists"][:, 0] = 7777 + day(made)  # an editor's choice of the day
    assert said(learned(made).certain) == [("positions", {}, {"position": "1"})]


def test_one_list_for_everybody_is_proposed_and_not_switched_on() -> None:
    made = shop()
    email = made["surface"] == 1
    made["lists"][email] = np.arange(5)
    found = learned(made)
    assert found.certain == ()
    assert said(found.proposed) == [("kinds", {"surface": "email"}, {"kind": "popular"})]


def test_lists_of_what_is_looked_at_are_contextual() -> None:
    made = shop()
    rng = np.random.default_rng(1)
    page = made["surface"] == 1
    made["context"][page] = (40 * rng.random(page.sum()) ** 3).astype(int)
    assert learned(made) == Learned()  # a context that nothing depends on
    made["lists"][page] = made["context"][page][:, None] * 10 + np.arange(5)
    assert said(learned(made).certain) == [("kinds", {"surface": "email"}, {"kind": "contextual"})]
    made["lists"][page] = np.arange(5)  # one list whatever is looked at
    assert learned(made).certain == ()


def test_a_nightly_batch_is_seen_by_the_hours_without_it() -> None:
    made = shop(per_hour=40)
    night = (made["hour"] % 24) == 3
    made["surface"] = night & (np.arange(len(night)) % 2 == 0)
    made["surface"] = made["surface"].astype(int)
    assert said(learned(made).certain) == [("batches", {"surface": "email"}, {"hours": "[3]"})]
    few = shop(per_hour=2)
    few["surface"] = np.zeros(len(few["hour"]), int)
    few["surface"][[0, 48 * 2, 96 * 2]] = 1  # three requests at the same hour are chance
    assert learned(few) == Learned()
