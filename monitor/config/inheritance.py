"""How settings are inherited: defaults <- the recommender's entry <- the overrides whose pattern or name matches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from monitor.config.document import Node


def merge(base: Node, over: Node) -> Node:
    """Mappings merge by key; everything else, lists included, replaces. Null stays, to be dropped at the end."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    merged = {key: merge(base.value[key], node) for key, node in over.value.items() if key in base.value}
    return Node({**base.value, **over.value, **merged}, over.line, over.path)


def merged(base: Node, overs: Iterable[Node]) -> Node:
    """`base` with all of `overs` worked in, the last one strongest."""
    for over in overs:
        base = merge(base, over)
    return base


def without_nulls(node: Node) -> Node:
    """Null resets a key to the built-in default: it is taken out, whoever had set it."""
    if not isinstance(node.value, dict):
        return node
    kept = {key: without_nulls(value) for key, value in node.value.items() if value.value is not None}
    return Node(kept, node.line, node.path)


def matching(overrides: Mapping[str, Node], names: Iterable[str]) -> dict[str, Node]:
    """The overrides for a recommender that goes by any of `names`: patterns in file order, then the exact name.

    >>> list(matching({"shop": Node(None), "s*": Node(None), "x": Node(None)}, ["shop"]))
    ['s*', 'shop']
    """
    names = list(names)
    exact = {name: overrides[name] for name in names if name in overrides}
    globs = {
        pattern: node
        for pattern, node in overrides.items()
        if pattern not in exact and is_pattern(pattern) and any(fnmatchcase(name, pattern) for name in names)
    }
    return {**globs, **exact}


def is_pattern(text: str) -> bool:
    """Whether it may match something other than itself."""
    return any(wild in text for wild in "*?[")


def may_match_below(pattern: str, name: str) -> bool:
    """Whether a pattern can match some NAME/VALUE, whatever the value.

    >>> may_match_below("*/email", "shop"), may_match_below("shop/email", "shop"), may_match_below("shop", "shop")
    (True, True, False)
    """
    if not is_pattern(pattern):
        return pattern.startswith(f"{name}/")
    return any(fnmatchcase(f"{name}/", pattern[:end]) for end in range(1, len(pattern) + 1))
