"""`split_by`: one recommender for each value of a column of a shared log; which values there are, the log tells."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from monitor.config.checks import mistakes
from monitor.config.inheritance import matching, merged
from monitor.config.models import RecommenderConfig
from monitor.config.problems import Problems
from monitor.config.validation import place, validated
from monitor.config.values import as_node

LONGEST_NAME = 100
DIGEST = 12


def is_split(recommender: RecommenderConfig) -> bool:
    """Whether it stands for a recommender for each value, not for one alone."""
    return recommender.split_by is not None and recommender.split_value is None


def expand(recommender: RecommenderConfig, values: Sequence[str]) -> tuple[RecommenderConfig, ...]:
    """One recommender for each of the values, with the overrides that are for it; itself when it is not split.

    Raises
    ------
    UserError
        When overrides that are right one by one do not go together.

    Examples
    --------
    >>> from monitor.config.models import Columns, LogConfig
    >>> log = LogConfig(path="log", columns=Columns(timestamp="time", item="item"))
    >>> shop = RecommenderConfig(name="shop", log=log, split_by="surface", overrides={"*/email": {"mode": "ticket"}})
    >>> [(one.name, one.split_value, one.mode.value) for one in expand(shop, ["home", "email"])]
    [('shop/home', 'home', 'page'), ('shop/email', 'email', 'ticket')]
    """
    if not is_split(recommender):
        return (recommender,)
    whole = as_node(recommender.model_dump(mode="json", exclude={"overrides"}))
    overrides = {pattern: as_node(part) for pattern, part in recommender.overrides.items()}
    made = []
    for value in dict.fromkeys(values):
        name = split_name(recommender.name, value)
        parts = matching(overrides, [name, f"{recommender.name}/{value}"])
        own = as_node({"name": name, "split_value": _whole_characters(value)})
        node, problems = merged(whole, [*parts.values(), own]), Problems(f"recommender {name}")
        if one := validated(RecommenderConfig, node, problems):
            for keys, what in mistakes(one):
                problems.add(*place(node, keys), what)
            made.append(one)
        problems.raise_if_any()
    return tuple(made)


def split_name(name: str, value: str) -> str:
    """NAME/VALUE; a value that cannot be in a name, or not be told from another one, is cut and gets a digest.

    >>> split_name("shop", "email")
    'shop/email'
    >>> split_name("shop", "e-mail 'new'")
    'shop/e-mail _new_-e1ca84693898'
    """
    longest = LONGEST_NAME - len(name) - 1
    text = re.sub(r"[^A-Za-z0-9_.:/@ -]", "_", value)
    looks_made = re.search(rf"-[0-9a-f]{{{DIGEST}}}$", value)
    if text == value == value.strip() and 0 < len(value) <= longest and not looks_made:
        return f"{name}/{value}"
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST]
    return f"{name}/{text[: longest - DIGEST - 1].strip()}-{digest}"


def _whole_characters(value: str) -> str:
    """Half of a surrogate pair is no text: it becomes U+FFFD, as it does wherever it is stored."""
    return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
