"""A configuration file as a tree of nodes that know their line: strict YAML, with the environment filled in.

Scalars stay text until a model says what they are: `NO` is a country, `007` an item, `1:30` not ninety seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from monitor.config.problems import Problems, child, shown

LARGEST = 1_000_000  # bytes of a file, characters of a text
TOO_LARGE = f"larger than {LARGEST // 1000} kB; a configuration is not, is it the right file?"
DEEPEST = 30
NULLS = ("", "~", "null", "Null", "NULL")
NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SURROGATE = re.compile("[\ud800-\udfff]")
VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
BARE_VARIABLE = re.compile(r"""[{\[](?:[^"']|"[^"]*"|'[^']*')*\$\{""")  # {path: ${LOGS}} is not YAML
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Scalar:
    """Text as it stands in the file; `plain` when it has no quotes, so that it may be a number or a boolean."""

    text: str
    plain: bool


@dataclass(frozen=True)
class Node:
    """A value of the file.

    Parameters
    ----------
    value : None, Scalar, dict of str to Node, or list of Node
    line : int
        Line of its key, or of the value itself in a list; counted from 1, and 0 when it comes from no file.
    path : str
        Where it stands in the file, `recommenders[0].log`.
    """

    value: Scalar | dict[str, Node] | list[Node] | None
    line: int = 0
    path: str = ""


def read(text: str, environment: Mapping[str, str], problems: Problems) -> Node | None:
    """The tree of a YAML text, None when there is no telling what it says; what is wrong goes to `problems`."""
    if len(text) > LARGEST:
        problems.add(0, "", TOO_LARGE)
        return None
    text = text.removeprefix("\ufeff")
    if match := NOT_YAML.search(text):
        line = text.count("\n", 0, match.start()) + 1
        problems.add(line, "", f"not valid YAML: the character {match[0]!a} is not allowed; remove it")
        return None
    try:
        return _Reader(text, environment, problems).document()
    except yaml.MarkedYAMLError as error:
        _add_syntax_error(error, text, problems)
    except yaml.YAMLError as error:
        problems.add(0, "", f"not valid YAML: {error}")
    return None


def _add_syntax_error(error: yaml.MarkedYAMLError, text: str, problems: Problems) -> None:
    lines = text.splitlines() or [""]
    mark = error.problem_mark or error.context_mark
    at = min(mark.line if mark else 0, len(lines) - 1)
    what = f"not valid YAML: {error.problem}; check the indentation, brackets and quotes here and just above"
    if BARE_VARIABLE.search(lines[at][:500]):
        what = 'not valid YAML: between brackets, "${NAME}" needs quotes'
    if "\t" in lines[at][: len(lines[at]) - len(lines[at].lstrip())]:
        what = "not valid YAML: indented with a tab; use spaces"
    problems.add(at + 1, "", what)


class _Reader:
    """Builds the tree from the parser's events, which show aliases, tags and duplicate keys for what they are."""

    def __init__(self, text: str, environment: Mapping[str, str], problems: Problems) -> None:
        self.events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
        self.anchors: set[str] = set()
        self.environment = environment
        self.problems = problems

    def document(self) -> Node:
        next(self.events)  # start of the stream
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return Node(None)
        root = self.node(next(self.events), 1, "", 0)
        next(self.events)  # end of the document
        if not isinstance(second := next(self.events), yaml.StreamEndEvent):
            line = second.start_mark.line + 1
            self.problems.add(
                line, "", 'a second document starts here; a configuration is one, without "---"'
            )
        return root

    def node(self, event: Any, line: int, path: str, depth: int) -> Node:
        if depth > DEEPEST:
            raise yaml.YAMLError(
                f"nested more than {DEEPEST} deep, from line {line} on; a configuration is not"
            )
        self.refuse_extras(event, line, path)
        if isinstance(event, yaml.MappingStartEvent):
            return Node(self.mapping(path, depth), line, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(self.sequence(path, depth), line, path)
        if isinstance(event, yaml.AliasEvent) or (not event.style and event.value in NULLS):
            return Node(None, line, path)
        return Node(Scalar(self.filled(event.value, line, path), not event.style), line, path)

    def mapping(self, path: str, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent):
                self.problems.add(line, path, "a key must be text; quote it")
                self.node(event, line, path, depth + 1)
                self.node(next(self.events), line, path, depth + 1)
                continue
            key, at = event.value, child(path, event.value)
            self.refuse_extras(event, line, at)
            value = self.node(next(self.events), line, at, depth + 1)
            if key == "<<" and not event.style:
                self.problems.add(line, at, "merge keys are not supported; put what is shared under defaults")
            elif key in entries:
                self.problems.add(line, at, f"given twice, first on line {entries[key].line}; remove one")
            else:
                entries[key] = value
        return entries

    def sequence(self, path: str, depth: int) -> list[Node]:
        entries: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            line = event.start_mark.line + 1
            entries.append(self.node(event, line, child(path, len(entries)), depth + 1))
        return entries

    def refuse_extras(self, event: Any, line: int, path: str) -> None:
        """Aliases can make a small file huge, tags can make objects; a configuration needs neither."""
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:  # or its anchor was told already
                self.problems.add(line, path, f'quote text that starts with *: "*{event.anchor}"')
        elif event.anchor:
            self.anchors.add(event.anchor)
            what = (
                f"anchors and aliases (&{event.anchor}) are not supported; put what is shared under defaults"
            )
            self.problems.add(line, path, what)
        elif event.tag:
            self.problems.add(line, path, f"YAML tags ({shown(event.tag)}) are not supported; remove it")

    def filled(self, text: str, line: int, path: str) -> str:
        """The text with variables of the environment filled in; `$${` stands for `${`."""

        def value(match: re.Match[str]) -> str:
            if match[0] == "$${":
                return "${"
            if not match[2] or not VARIABLE_NAME.fullmatch(match[1]):
                what = f"{shown(match[0])} is not a variable; write ${{NAME}}, or $${{ for the text ${{"
            elif match[1] not in self.environment:
                what = (
                    f"the environment variable {match[1]} is not set; set it, or write $${{ for the text ${{"
                )
            elif SURROGATE.search(self.environment[match[1]]):
                what = f"the environment variable {match[1]} is not UTF-8 text; set it to text"
            else:
                return self.environment[match[1]]
            self.problems.add(line, path, what)
            return match[0]

        if SURROGATE.search(text):
            self.problems.add(line, path, "half of a surrogate pair is not text; write the whole character")
        return VARIABLE.sub(value, text)
