"""From nodes to models: what pydantic finds wrong, told with the place in the file and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from monitor.config.document import Node
from monitor.config.inheritance import without_nulls
from monitor.config.models import RecommenderConfig
from monitor.config.problems import Problems, child, shown, suggestion
from monitor.config.values import settings

Model = TypeVar("Model", bound=BaseModel)
Keys = Sequence[str | int]


def validated(
    model: type[Model], node: Node, problems: Problems, folder: Path | None = None, partial: bool = False
) -> Model | None:
    """The model that a node describes; None when it is wrong, with the mistakes added to `problems`.

    Parameters
    ----------
    folder : Path or None
        Where relative paths start; None leaves them as they are.
    partial : bool
        The node is a part of a recommender, completed from no file: only the part's own mistakes are told.
    """
    try:
        return model.model_validate(settings(without_nulls(node)), context={"folder": folder})
    except ValidationError as error:
        for mistake in error.errors(include_url=False):
            keys = [key for key in mistake["loc"] if key != "[key]"]
            line, path = place(node, keys)
            if not partial or (line and mistake["type"] != "missing"):
                problems.add(line, path, _explained(model, keys, mistake["type"], mistake["input"], mistake))
    return None


def place(node: Node, keys: Keys) -> tuple[int, str]:
    """Line and path of a key: where it was set or, when nowhere, where the recommender's entry should have it."""
    found = own = node
    for depth, key in enumerate(keys):
        if (below := _below(found, key)) is None:
            if any(isinstance(key, int) for key in keys[:depth]):  # lists are inherited whole
                return found.line, _joined(found.path, keys[depth:])
            return own.line, _joined(node.path, keys)
        found = below
        if found.path == child(own.path, key):
            own = found
    return found.line, found.path


def _below(node: Node, key: str | int) -> Node | None:
    if isinstance(node.value, dict) and isinstance(key, str):
        return node.value.get(key)
    if isinstance(node.value, list) and isinstance(key, int) and key < len(node.value):
        return node.value[key]
    return None


def _joined(path: str, keys: Keys) -> str:
    for key in keys:
        path = child(path, key)
    return path


def _explained(model: type[BaseModel], keys: Keys, kind: str, given: Any, mistake: Any) -> str:
    """One mistake in the words of somebody who writes a configuration."""
    limits = mistake.get("ctx", {})
    match kind:
        case "missing":
            return f"required, and not given: {_description(model, keys)}"
        case "extra_forbidden":
            return f"unknown key; {_key_suggestion(model, keys)}"
        case "enum" | "literal_error":
            return (
                f"{_called(given)} is not known here; {suggestion(str(given), _choices(limits['expected']))}"
            )
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return f"{_called(given)} is not a whole number"
        case "float_parsing" | "float_type" | "finite_number":
            return f"{_called(given)} is not a number"
        case "greater_than_equal":
            return f"{_called(given)} is too small; the least is {limits['ge']}"
        case "greater_than":
            return f"{_called(given)} is too small; it must be more than {limits['gt']:g}"
        case "less_than_equal":
            return f"{_called(given)} is too large; the most is {limits['le']:g}"
        case "string_type":
            return f"must be text, not {_called(given)}"
        case "string_too_short" | "too_short":
            return "must not be empty"
        case "tuple_type":
            return f"must be a list, not {_called(given)}; write [a, b], or [] for none"
        case "model_type" | "dict_type":
            return f"must be a mapping of keys, not {_called(given)}"
        case "value_error":
            return str(limits["error"])
    return str(mistake["msg"])


def _called(given: Any) -> str:
    if isinstance(given, dict):
        return "a mapping of keys"
    if isinstance(given, list):
        return "a list"
    return "nothing" if given is None else shown(given)


def _choices(expected: str) -> list[str]:
    """The words in pydantic's "'a', 'b' or 'c'"."""
    return re.findall(r"'([^']*)'", expected)


def _description(model: type[BaseModel], keys: Keys) -> str:
    section = model_at(model, keys[:-1])
    field = section.model_fields.get(str(keys[-1])) if section else None
    return (field.description if field else None) or "add it"


def _key_suggestion(model: type[BaseModel], keys: Keys) -> str:
    """The nearest key of this section, else the section that has a key of this name."""
    known = [*section.model_fields] if (section := model_at(model, keys[:-1])) else []
    said = suggestion(str(keys[-1]), known)
    elsewhere = [path for path in key_paths(RecommenderConfig) if path.split(".")[-1] == keys[-1]]
    return f"did you mean {shown(elsewhere[0])}?" if elsewhere and said.startswith("use") else said


def model_at(model: type[BaseModel] | None, keys: Keys) -> type[BaseModel] | None:
    """The model of the section at `keys` below `model`."""
    for key in keys:
        if isinstance(key, str) and model:
            field = model.model_fields.get(key)
            model = nested(field.annotation) if field else None
    return model


def nested(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as `CatalogConfig | None` or `tuple[ExpectedItem, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := nested(part))), None)


def key_paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key of a model and the models inside, `log.columns.item`; the outer ones first.

    >>> from monitor.config.models import BudgetConfig
    >>> list(key_paths(BudgetConfig))
    ['rows_per_evaluation', 'bytes_per_evaluation', 'bytes_per_day']
    """
    yield from (prefix + name for name in model.model_fields)
    for name, field in model.model_fields.items():
        if inner := nested(field.annotation):
            yield from key_paths(inner, f"{prefix}{name}.")
