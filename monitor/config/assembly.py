"""From the tree of a file to the configuration: the file's sections, inheritance, validation, checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.config.checks import Keys, daemon_mistakes, mistakes
from monitor.config.document import Node, Scalar
from monitor.config.inheritance import matching, may_match_below, merge, merged
from monitor.config.maintenance import Maintenance
from monitor.config.models import Config, DaemonConfig, RecommenderConfig
from monitor.config.problems import Problems, shown, suggestion
from monitor.config.split import is_split
from monitor.config.validation import place, validated
from monitor.config.values import as_node, picked, settings

DetectorCheck = Callable[[RecommenderConfig], Iterable[tuple[Keys, str]]]
"""Tells what is wrong with a recommender's `detectors`: keys below it, `("scores", "above")`, and what to do."""

SECTIONS = ("daemon", "defaults", "recommenders", "overrides", "maintenance")
NOT_IN_DEFAULTS = ("name", "split_value", "overrides")
NOT_IN_OVERRIDES = ("name", "split_by", "split_value", "overrides")
STAND_IN = as_node({"name": "x", "log": {"path": "x", "columns": {"timestamp": "t", "item": "i"}}})


def assemble(
    root: Node, problems: Problems, folder: Path | None, check_detectors: DetectorCheck | None
) -> Config | None:
    """The configuration that a file's tree describes; what is wrong goes to `problems`."""
    if (sections := _sections(root, problems)) is None:
        return None
    assembly = _Assembly(problems, folder, check_detectors)
    daemon = validated(DaemonConfig, sections.get("daemon", Node({})), problems)
    defaults = assembly.part(sections.get("defaults", Node({})), NOT_IN_DEFAULTS)
    overrides = assembly.overrides(sections.get("overrides", Node({})))
    entries = _entries(sections, problems)
    made = [one for entry in entries if (one := assembly.recommender(entry, defaults, overrides))]
    made = assembly.with_maintenance(sections.get("maintenance", Node([])), made)
    _check_names(entries, defaults, overrides, problems)
    if daemon is None or not made:
        return None
    for keys, what in daemon_mistakes(daemon, made):
        problems.add(*place(sections.get("daemon", Node({}, 0, "daemon")), keys), what)
    return Config(daemon=daemon, recommenders=tuple(made))


def _sections(root: Node, problems: Problems) -> dict[str, Node] | None:
    if root.value is None:
        problems.add(0, "", "empty; the least is a recommender with its log: recwatch init writes one")
        return None
    if not isinstance(root.value, dict):
        problems.add(root.line, "", f"must be a mapping with the keys {', '.join(SECTIONS)}")
        return None
    for key, node in root.value.items():
        if key in SECTIONS:
            continue
        what = suggestion(key, SECTIONS)
        if key in RecommenderConfig.model_fields:
            what = "put it under defaults or in an entry of recommenders"
        problems.add(node.line, node.path, f"unknown key; {what}")
    return {key: node for key, node in root.value.items() if key in SECTIONS and node.value is not None}


def _entries(sections: Mapping[str, Node], problems: Problems) -> list[Node]:
    """The entries of `recommenders` that are mappings at all."""
    node = sections.get("recommenders")
    if node is None or node.value == []:
        what = 'required, and not given: a list with one "- name: ..." for each recommender'
        problems.add(node.line if node else 0, "recommenders", what)
        return []
    if not isinstance(node.value, list):
        problems.add(node.line, node.path, 'must be a list; start each recommender with "- name: ..."')
        return []
    for entry in node.value:
        if not isinstance(entry.value, dict):
            problems.add(entry.line, entry.path, 'must be a mapping of settings, starting with "name: ..."')
    return [entry for entry in node.value if isinstance(entry.value, dict)]


@dataclass(frozen=True)
class _Assembly:
    """Makes recommenders out of entries, defaults and overrides."""

    problems: Problems
    folder: Path | None
    check_detectors: DetectorCheck | None

    def part(self, node: Node, forbidden: Iterable[str]) -> Node:
        """Settings that are no recommender by themselves, checked as if they stood in one that is right."""
        if not isinstance(node.value, dict):
            self.problems.add(node.line, node.path, "must be a mapping of settings")
            return Node({}, node.line, node.path)
        for key in forbidden:
            if wrong := node.value.get(key):
                what = "belongs in an entry of recommenders; move it there"
                self.problems.add(wrong.line, wrong.path, what)
        kept = _without(node, forbidden)
        validated(RecommenderConfig, merge(STAND_IN, kept), self.problems, self.folder, partial=True)
        return kept

    def overrides(self, node: Node) -> dict[str, Node]:
        if not isinstance(node.value, dict):
            what = "must be a mapping of recommenders' names or patterns to settings"
            self.problems.add(node.line, node.path, what)
            return {}
        used = {pattern: part for pattern, part in node.value.items() if part.value is not None}
        return {pattern: self.part(part, NOT_IN_OVERRIDES) for pattern, part in used.items()}

    def recommender(
        self, entry: Node, defaults: Node, overrides: Mapping[str, Node]
    ) -> RecommenderConfig | None:
        name = _text(entry, "name")
        applied = matching(overrides, [name])
        node = _in_place_of(entry, merged(merge(defaults, entry), applied.values()))
        recommender = self.checked(node)
        if recommender is None or not is_split(recommender):
            return recommender
        below = self.overrides(_section(entry, "overrides"))
        for pattern, part in below.items():
            if not may_match_below(pattern, name):
                what = f"can match nothing that split_by makes; those names start with {shown(name + '/')}"
                self.problems.add(part.line, part.path, what)
        for pattern, part in overrides.items():
            if pattern not in applied and may_match_below(pattern, name):
                below[pattern] = merge(below[pattern], part) if pattern in below else part
        return recommender.model_copy(update={"overrides": self.tried(_without(node, ["overrides"]), below)})

    def with_maintenance(self, node: Node, recommenders: list[RecommenderConfig]) -> list[RecommenderConfig]:
        """The recommenders with the stretches of the file's `maintenance` that are for them behind their own."""
        if not isinstance(node.value, list):
            self.problems.add(node.line, node.path, 'must be a list; start each stretch with "- from: ..."')
            return recommenders
        for entry in node.value:
            stretch = validated(Maintenance, entry, self.problems)
            if stretch is None:
                continue
            begin, until = stretch.bounds
            if until <= begin:
                self.problems.add(*place(entry, ["until"]), "it ends before it begins; give a later time")
            pattern = stretch.pattern
            chosen = {
                r.name
                for r in recommenders
                if stretch.names(r.name) or (is_split(r) and may_match_below(pattern, r.name))
            }
            if recommenders and not chosen:
                what = f"matches no recommender; {suggestion(pattern, [r.name for r in recommenders])}"
                self.problems.add(*place(entry, ["recommenders"]), what)
            recommenders = [
                r.model_copy(update={"maintenance": (*r.maintenance, stretch)}) if r.name in chosen else r
                for r in recommenders
            ]
        return recommenders

    def tried(self, node: Node, overrides: Mapping[str, Node]) -> dict[str, dict[str, Any]]:
        """Overrides whose recommenders are known at run time only, tried on one of them; in their plain form."""
        plain = {}
        for pattern, part in overrides.items():
            child = merged(node, [as_node({"split_value": "x"}), *matching(overrides, [pattern]).values()])
            if recommender := self.checked(_in_place_of(node, child)):
                plain[pattern] = picked(settings(part), recommender.model_dump(mode="json"))
        return plain

    def checked(self, node: Node) -> RecommenderConfig | None:
        recommender = validated(RecommenderConfig, node, self.problems, self.folder)
        if recommender is not None:
            found = [*mistakes(recommender)]
            if self.check_detectors:
                found += [(("detectors", *keys), what) for keys, what in self.check_detectors(recommender)]
            for keys, what in found:
                self.problems.add(*place(node, keys), what)
        return recommender


def _check_names(
    entries: Iterable[Node], defaults: Node, overrides: Mapping[str, Node], problems: Problems
) -> None:
    """Names are unique, those made by `split_by` included, and every override is for one of them."""
    first: dict[str, Node] = {}
    for entry in entries:
        name = _text(entry, "name")
        if name in first:
            what = f"{shown(name)} is the name of {first[name].path} already; give each recommender its own"
            problems.add(*place(entry, ["name"]), what)
        elif name:
            first[name] = entry
    split = [name for name, entry in first.items() if _is_split_entry(merge(defaults, entry))]
    for name, entry in first.items():
        if maker := next((maker for maker in split if name.startswith(f"{maker}/")), None):
            what = f"{shown(name)} may be made by the split_by of {shown(maker)}; use another name"
            problems.add(*place(entry, ["name"]), what)
    used = {pattern for name in first for pattern in matching(overrides, [name])}
    for pattern, part in overrides.items():
        if first and pattern not in used and not any(may_match_below(pattern, name) for name in split):
            problems.add(part.line, part.path, f"matches no recommender; {suggestion(pattern, first)}")


def _is_split_entry(entry: Node) -> bool:
    return bool(_text(entry, "split_by")) and not _text(entry, "split_value")


def _text(node: Node, key: str) -> str:
    value = _section(node, key).value
    return value.text if isinstance(value, Scalar) else ""


def _section(node: Node, key: str) -> Node:
    """What is below a key, an empty mapping when there is nothing."""
    below = node.value.get(key) if isinstance(node.value, dict) else None
    return below if below is not None and below.value is not None else Node({}, node.line, node.path)


def _without(node: Node, keys: Iterable[str]) -> Node:
    entries = node.value if isinstance(node.value, dict) else {}
    return Node({key: value for key, value in entries.items() if key not in keys}, node.line, node.path)


def _in_place_of(entry: Node, node: Node) -> Node:
    """What was made of an entry still stands where the entry does."""
    return Node(node.value, entry.line, entry.path)
