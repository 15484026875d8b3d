"""Names of columns and the parts that they can play."""

from __future__ import annotations

import pytest

from monitor.inspect.names import TABLE, best_match, tokens

ROLES = tuple(TABLE)


def best_role(path: str, listed: bool = False) -> str | None:
    scored = {role: best_match(role, path, listed) for role in ROLES}
    best = max(scored, key=lambda role: scored[role])
    return best if scored[best] else None


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("eventTime", "timestamp"),
        ("created_at", "timestamp"),
        ("payload.ts", "timestamp"),
        ("SKU", "item"),
        ("asin", "item"),
        ("articleId", "item"),
        ("reco.product.id", "item"),
        ("impression_id", "request"),
        ("visitorId", "user"),
        ("user.id", "user"),
        ("customer", "user"),
        ("slot", "position"),
        ("display_position", "position"),
        ("model.score", "score"),
        ("isClicked", "click"),
        ("modelVersion", "model_version"),
        ("seed_item_id", "context"),
        ("context.item_id", "context"),
    ],
)
def test_usual_names(path: str, role: str) -> None:
    assert best_role(path) == role


@pytest.mark.parametrize(
    "path", ["propensity_score", "user_feature_0", "country", "price", "item_created_at", "lat"]
)
def test_names_of_nothing(path: str) -> None:
    assert best_role(path) is None


@pytest.mark.parametrize(
    "path", ["items", "item_ids", "recommendations.id", "recs.sku", "payload.products.product_id"]
)
def test_lists_of_items(path: str) -> None:
    assert best_role(path, listed=True) == "item"


def test_whole_names_before_their_ends() -> None:
    assert best_match("user", "user_id") > best_match("user", "payload.user_id") > 0


@pytest.mark.parametrize("path", ["", ".", "😀", "a..b", "__", "\n"])
def test_any_name_has_words(path: str) -> None:
    assert tokens(path)
    assert best_role(path) is None
