"""From nodes to the plain data that models validate, and back."""

from __future__ import annotations

import math
import re
from typing import Any

from monitor.config.document import Node, Scalar
from monitor.config.problems import child

BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INT = re.compile(r"[-+]?[0-9]{1,100}")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def settings(node: Node) -> Any:
    """A recommender's settings, or part of them. Scalars are text, which the models turn into what they want; only
    detectors' parameters, of which no model knows the type, follow the rules of YAML 1.2.
    """
    if not isinstance(node.value, dict):
        return text(node)
    out = {}
    for key, value in node.value.items():
        if key == "detectors":
            out[key] = resolved(value)
        elif key == "overrides" and isinstance(value.value, dict):
            out[key] = {pattern: settings(over) for pattern, over in value.value.items()}
        else:
            out[key] = text(value)
    return out


def text(node: Node) -> Any:
    """Mappings, lists and None, with every scalar as text."""
    if isinstance(node.value, dict):
        return {key: text(value) for key, value in node.value.items()}
    if isinstance(node.value, list):
        return [text(value) for value in node.value]
    return node.value.text if isinstance(node.value, Scalar) else None


def resolved(node: Node) -> Any:
    """Mappings, lists and None, with plain scalars as booleans and numbers where YAML 1.2's core schema says so."""
    if isinstance(node.value, dict):
        return {key: resolved(value) for key, value in node.value.items()}
    if isinstance(node.value, list):
        return [resolved(value) for value in node.value]
    return resolve(node.value) if node.value else None


def resolve(scalar: Scalar) -> bool | int | float | str:
    """The core schema's booleans and decimal numbers; everything else is text, infinities too: no limit is one.

    >>> [resolve(Scalar(text, plain=True)) for text in ("true", "NO", "1:30", "7", "1e-3")]
    [True, 'NO', '1:30', 7, 0.001]
    """
    word = scalar.text
    if not scalar.plain:
        return word
    if word in BOOLS:
        return BOOLS[word]
    if INT.fullmatch(word):
        return int(word)
    if FLOAT.fullmatch(word) and math.isfinite(number := float(word)):
        return number
    return word


def as_node(data: Any, path: str = "") -> Node:
    """Plain data as a node that comes from no file; `settings` reads it back."""
    if isinstance(data, dict):
        return Node({key: as_node(value, child(path, key)) for key, value in data.items()}, 0, path)
    if isinstance(data, list):
        return Node([as_node(value, child(path, index)) for index, value in enumerate(data)], 0, path)
    if data is None:
        return Node(None, 0, path)
    if isinstance(data, bool):
        return Node(Scalar(str(data).lower(), True), 0, path)
    return Node(Scalar(str(data), not isinstance(data, str)), 0, path)


def picked(part: Any, whole: Any) -> Any:
    """The keys of `part` with their values in `whole`; None where `part` resets a key.

    >>> picked({"log": {"path": "x"}, "mode": None}, {"log": {"path": "/srv/x", "layout": "long"}, "mode": "page"})
    {'log': {'path': '/srv/x'}, 'mode': None}
    """
    if isinstance(part, dict) and isinstance(whole, dict):
        return {key: None if value is None else picked(value, whole[key]) for key, value in part.items()}
    return whole
