"""Column types of the store: moments as integers, text that may hold anything, JSON that stays ASCII."""

from __future__ import annotations

import json
import re
import zlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, LargeBinary, Text
from sqlalchemy.types import TypeDecorator

from monitor.windows import EPOCH

MICROSECOND = timedelta(microseconds=1)


def pack_json(value: Any) -> str:
    """Compact JSON; everything outside ASCII is escaped, so that lone surrogates survive."""
    return json.dumps(value, separators=(",", ":"))


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since the epoch, in UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + value * MICROSECOND


class AnyText(TypeDecorator[str]):
    r"""Text from a log: a lone surrogate, which UTF-8 cannot hold, lies as `\ud83d`, say, a backslash as two."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return re.sub("[\ud800-\udfff]", lambda m: f"\\u{ord(m[0]):04x}", value.replace("\\", "\\\\"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or "\\" not in value:
            return value
        return re.sub(r"\\(?:\\|u([0-9a-f]{4}))", lambda m: chr(int(m[1], 16)) if m[1] else "\\", value)


class Json(TypeDecorator[Any]):
    """JSON types."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return pack_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class PackedJson(TypeDecorator[Any]):
    """JSON types, compressed: for lists that are long and alike."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes:
        return zlib.compress(pack_json(value).encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(zlib.decompress(value))
