"""How a log lies in its folders: the format of its files, and what the names of its folders say of time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.logs.listing import NULL_PARTITION, SUFFIXES, belongs

YEAR, MONTH, DAY = r"(?:19|20)\d\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
HOUR, MINUTE = r"(?:[01]\d|2[0-3])", r"[0-5]\d"
SEPARATOR = r"[-_.]?"
# A date, or more of a time, in one folder's name; each group is there only with those before it.
MOMENT = re.compile(
    rf"(?P<before>.*?)(?P<Y>{YEAR})(?P<s1>{SEPARATOR})(?P<m>{MONTH})"
    rf"(?:(?P<s2>{SEPARATOR})(?P<d>{DAY})(?:(?P<s3>[-_.T ]?)(?P<H>{HOUR})(?:(?P<s4>[-_.:]?)(?P<M>{MINUTE}))?)?)?"
    r"(?P<after>\D*)"
)
# What a name may add to the time that the levels above it have said, and the keys that hive folders use for it.
FINER: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {
    "": [("Y", YEAR, ("year", "y", "yyyy", "yr"))],
    "Y": [
        ("m", MONTH, ("month", "m", "mm", "mon")),
        ("j", r"[0-3]\d\d", ("doy", "day", "yday", "day_of_year")),
    ],
    "Ym": [("d", DAY, ("day", "d", "dd", "dom"))],
    "Ymd": [("H", HOUR, ("hour", "h", "hh", "hr"))],
    "Yj": [("H", HOUR, ("hour", "h", "hh", "hr"))],
    "YmdH": [("M", MINUTE, ("minute", "min", "mi", "mm", "m"))],
    "YjH": [("M", MINUTE, ("minute", "min", "mi", "mm", "m"))],
}
MOST = 0.9  # share of a level's names that must fit: strays are left alone


@dataclass(frozen=True)
class Pattern:
    """Folders whose names tell the time.

    Parameters
    ----------
    text : str
        As `log.partitions` wants it; empty when there is none that it can say.
    why_not : str
        Why a time that the names do tell is not used.
    """

    text: str = ""
    why_not: str = ""


def partition_pattern(levels: Sequence[Sequence[str]]) -> Pattern:
    """The pattern of a log's folders, from the names seen at each level, outermost first.

    >>> partition_pattern([["date=2026-03-01", "date=2026-03-02"], ["hour=00", "hour=23"]]).text
    'date=%Y-%m-%d/hour=%H'
    >>> partition_pattern([["2026"], ["03"], ["02"], ["surface=home"]]).text
    '%Y/%m/%d/surface=*'
    """
    known, out = "", []
    for depth, level in enumerate(levels):
        names = [name for name in level if not name.endswith(NULL_PARTITION)]
        found = _time_of(names, known)
        if found is None:
            if unpadded := _unpadded(names, known):
                return Pattern(why_not=f"{unpadded} has no leading zero, which a pattern cannot say")
            out.append(_other(names, depth))
        else:
            template, after = found
            if template.count("%Y") and known:  # all of the time once more: the levels before need not say it
                out = [
                    _other(level, depth) if "%" in text else text
                    for level, text in zip(levels, out, strict=False)
                ]
            out.append(template)
            known = after
    if known == "Y":
        return Pattern(why_not="the folders' names say no more than a year")
    return Pattern("/".join(out)) if known else Pattern()


def _time_of(names: Sequence[str], known: str) -> tuple[str, str] | None:
    """The template that most names of a level follow, and the time that is known with it."""
    votes = Counter(found for name in names if (found := _template(name, known)) is not None)
    if not votes:
        return None
    (template, after), n = votes.most_common(1)[0]
    return (template, after) if n >= MOST * len(names) else None


def _template(name: str, known: str) -> tuple[str, str] | None:
    key, equals, value = name.rpartition("=")
    prefix = _literal(key) + equals
    match = MOMENT.fullmatch(value)
    if match and all(_plain(text) for text in (key, match["before"], match["after"])):
        parts = match.groupdict()
        text = prefix + _literal(match["before"])
        directives = ""
        for separator, directive in (("", "Y"), ("s1", "m"), ("s2", "d"), ("s3", "H"), ("s4", "M")):
            if parts[directive] is None:
                break
            text += _literal(parts.get(separator) or "") + f"%{directive}"
            directives += directive
        # `20260302` may be a number; a date must go on from what the levels above said.
        if directives.startswith(known) and (directives != "Ym" or parts["s1"] or key):
            return text + _literal(match["after"]), directives
    for directive, form, keys in FINER.get(known, ()):
        if re.fullmatch(form, value) and (not equals or key.lower() in keys):
            return f"{prefix}%{directive}", known + directive
    return None


def _unpadded(names: Sequence[str], known: str) -> str | None:
    """A name such as `month=3`, which would be a time if it had a leading zero."""
    for name in names:
        key, equals, value = name.rpartition("=")
        for _, form, keys in FINER.get(known, ()) if equals else ():
            if key.lower() in keys and len(value) == 1 and re.fullmatch(form, f"0{value}"):
                return name
    return None


def _other(names: Sequence[str], depth: int) -> str:
    """A level that says no time: any value of its column, or any folder; the only folder at the top as it is."""
    keys = {name.partition("=")[0] for name in names if "=" in name}
    if len(keys) == 1 and all("=" in name for name in names) and _plain(*keys):
        return f"{_literal(*keys)}=*"
    if depth == 0 and len(names) == 1 and _plain(names[0]):
        return _literal(names[0])
    return "*"


def _plain(text: str) -> bool:
    """Whether a pattern can say it: no wildcard, nothing that cannot be printed."""
    return text.isprintable() and not re.search(r"[*?\[\]]", text)


def _literal(text: str) -> str:
    return text.replace("%", "%%")


def format_by_name(names: Sequence[str]) -> str | None:
    """`parquet`, `jsonl` or `csv`, by what most of the names that say it end in.

    >>> format_by_name(["part-0.json.gz", "part-1.json.gz", "readme.txt"])
    'jsonl'
    """
    votes = Counter(found for name in names for found in SUFFIXES if "." in name and belongs(name, found))
    return votes.most_common(1)[0][0] if votes else None


def format_by_content(start: bytes) -> str:
    """What a file is, by its first bytes.

    >>> format_by_content(b'PAR1..'), format_by_content(b' {"a": 1}'), format_by_content(b'a,b')
    ('parquet', 'jsonl', 'csv')
    """
    if start.startswith(b"PAR1"):
        return "parquet"
    return "jsonl" if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else "csv"
