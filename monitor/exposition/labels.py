"""Label values: whatever a log or a configuration holds, made safe for the exposition format and for eyes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

LONGEST = 200
# Control characters, lone surrogates, line separators, and marks that make text run backwards.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


def printable(text: str, longest: int = LONGEST) -> str:
    """`text` on one line, cut to `longest` characters, without what cannot be shown or encoded.

    >>> printable("sku-1\\nsku-2")
    'sku-1�sku-2'
    >>> printable("abcdefgh", 5)
    'abcd…'
    """
    head = UNPRINTABLE.sub("\ufffd", text[:longest])
    return head if len(text) <= longest else head[:-1] + "…"


def label_value(text: str) -> str:
    """A label's value. Where `printable` had to change the text, a digest keeps different texts different.

    >>> label_value("sku-007065")
    'sku-007065'
    >>> label_value("a\\x00"), label_value("a\\x01")
    ('a�~3ce739', 'a�~c42e56')
    """
    shown = printable(text)
    if shown == text:
        return text
    digest = hashlib.blake2s(text.encode("utf-8", "surrogatepass"), digest_size=3).hexdigest()
    return f"{printable(text, LONGEST - 7)}~{digest}"


def quoted(text: str) -> str:
    r"""A label's value with its quotes.

    >>> print(quoted('say "hi"\\'))
    "say \"hi\"\\"
    """
    return escaped(label_value(text))


def escaped(line: str) -> str:
    """Printable text as a label's value with its quotes."""
    text = line.replace("\\", r"\\").replace('"', r"\"")
    return f'"{text}"'


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels as they stand between the braces of a sample line.

    >>> labels_text({"recommender": "home", "slice": "all"})
    'recommender="home",slice="all"'
    """
    return ",".join(f"{name}={quoted(value)}" for name, value in labels.items())
