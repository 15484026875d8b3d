"""Values of a configuration as the fields of a dataclass want them."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from monitor.config.problems import shown


def read_value(annotation: Any, value: Any) -> Any:
    """A value as a field wants it: a list may be a tuple, a text an enumeration, but no text is a number."""
    return TypeAdapter(annotation).validate_json(json.dumps(value), strict=True)


def wrong_value(annotation: Any, value: Any) -> str | None:
    """Why a value is not what an annotation wants, None when it is."""
    try:
        read_value(annotation, value)
    except ValidationError as error:
        wanted = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}.get(
            annotation
        )
        if wanted:
            return f"{shown(value)} is not {wanted}"
        return f"{shown(value)}: {error.errors(include_url=False)[0]['msg'].removeprefix('Value error, ')}"
    return None
