"""Which column plays which part, by its name and by what is in it; what stays open is said."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from monitor.config.models import Columns
from monitor.config.problems import shown, suggestion
from monitor.errors import UserError
from monitor.inspect import content
from monitor.inspect.moments import Lists, lists_of_moments
from monitor.inspect.names import best_match, tokens
from monitor.inspect.sample import Sample, SampleColumn

ROLES = tuple(Columns.model_fields)
Judge = Callable[[SampleColumn], str | None]
"""Why a column cannot play a part, None when it can."""


@dataclass(frozen=True)
class Choice:
    """A column and the part that it plays.

    Parameters
    ----------
    why : str
        What speaks for it, for the comment beside it.
    others : tuple of str
        Columns that could play it as well.
    """

    column: str
    why: str
    others: tuple[str, ...] = ()


@dataclass
class Mapped:
    """What was found: the parts that have a column, and why the others have none.

    Parameters
    ----------
    lists : Lists or None
        What tells lists apart in a long log without request ids, if anything does.
    """

    choices: dict[str, Choice] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    unit: str = "auto"
    lists: Lists | None = None

    def column(self, role: str) -> str | None:
        return self.choices[role].column if role in self.choices else None

    def request_of_rows(self, sample: Sample) -> SampleColumn | None:
        """Which rows are one list, in the long layout: equal values are."""
        if (path := self.column("request")) is not None:
            return sample.columns[path]
        return None if self.lists is None else self.lists.column

    @property
    def taken(self) -> set[str]:
        return {choice.column for choice in self.choices.values()}


def map_columns(
    sample: Sample, given: Mapping[str, str] | None = None, catalog: Collection[str] = ()
) -> Mapped:
    """Find a column for each part.

    Parameters
    ----------
    given : mapping of role to column
        What the user says, which is not doubted; an empty column leaves the part out.
    catalog : collection of str
        Ids of the catalogue's items.

    Raises
    ------
    UserError
        When there is no timestamp or no item, with the columns that there are and how to say it.
    """
    given = dict(given or {})
    _check_given(sample, given)
    mapped = Mapped()
    finder = _Finder(sample, mapped, given, frozenset(catalog))
    finder.timestamp()
    finder.item()
    finder.request()
    finder.user()
    finder.position()
    finder.lists()
    finder.others()
    for role, choice in mapped.choices.items():
        left = tuple(column for column in choice.others if column not in mapped.taken)
        mapped.choices[role] = replace(choice, others=left)
    return mapped


def parse_given(options: Collection[str]) -> dict[str, str]:
    """`ROLE=COLUMN` options as a mapping.

    Raises
    ------
    UserError
        When one is of another form or names no part.
    """
    out = {}
    for option in options:
        role, equals, column = option.partition("=")
        if not equals:
            raise UserError(f"--column {option}: write ROLE=COLUMN, such as --column timestamp=served_at")
        if role not in ROLES:
            raise UserError(f"--column {option}: {shown(role)} is no part; {suggestion(role, ROLES)}")
        out[role] = column
    return out


def _check_given(sample: Sample, given: Mapping[str, str]) -> None:
    for role, column in given.items():
        if column and column not in sample.columns:
            raise UserError(
                f"--column {role}={column}: the log has no such column; {suggestion(column, sample.columns)}"
            )
    for role in ("timestamp", "item"):
        if given.get(role) == "":
            raise UserError(f"--column {role}=: a log without its {role} cannot be watched")


@dataclass
class _Finder:
    sample: Sample
    mapped: Mapped
    given: Mapping[str, str]
    catalog: frozenset[str]

    def timestamp(self) -> None:
        candidates = []
        for column in self._free(listed=False):
            if (what := content.times(column)) is None:
                continue
            match = best_match("timestamp", column.path)
            if what.number and not match:
                continue  # any large number could be a time
            score = (
                match + (30 if what.native else 0) + (2 if not what.number else 1) - (150 if what.days else 0)
            )
            candidates.append((score, column.path, what))
        if "timestamp" in self.given:
            told = content.times(self.sample.columns[self.given["timestamp"]])
            if told is None:
                raise UserError(
                    f"--column timestamp={self.given['timestamp']}: its values are no times of the years 2000 to 2099"
                )
            self._take("timestamp", self.given["timestamp"], "as you said")
            self.mapped.unit = told.unit
            return
        if not candidates:
            raise UserError(self._not_found("timestamp", [c.path for c in self._free(listed=False)]))
        candidates.sort(key=lambda c: (-c[0], c[1]))
        _, path, what = candidates[0]
        others = tuple(p for _, p, w in candidates[1:] if best_match("timestamp", p) and not w.days)
        why = "whole days only: nothing can be told within a day" if what.days else what.text
        self._take("timestamp", path, why, others)
        self.mapped.unit = what.unit

    def item(self) -> None:
        if "item" in self.given or self.sample.item_list:
            path = self.given.get("item") or self.sample.item_list or ""
            why = "as you said" if "item" in self.given else "a list: one row is one request"
            self._take("item", path, f"{why}; {content.distinct(self.sample.columns[path])}")
            return
        scored = []
        for column in self._free(listed=False):
            if not content.is_id(column) or column.distinct < 2:
                continue
            match = best_match("item", column.path)
            known = content.share_known(column, self.catalog)
            by_catalog = known >= 0.9 and column.distinct >= max(10, 0.02 * len(self.catalog))
            if match or by_catalog:
                scored.append((match + (300 * known if match else 150 * by_catalog), column.path, known))
        if not scored:
            candidates = [c.path for c in self._free(listed=False) if content.is_id(c) and c.distinct >= 2]
            raise UserError(self._not_found("item", candidates))
        scored.sort(key=lambda s: (-s[0], s[1]))
        _, path, known = scored[0]
        why = content.distinct(self.sample.columns[path])
        if self.catalog:
            why += f", {100 * known:.0f} % of them in the catalogue"
        self._take("item", path, why, tuple(p for s, p, _ in scored[1:] if s >= 100))

    def request(self) -> None:
        listed = self.sample.item_list is not None
        when = self.sample.columns[self.mapped.choices["timestamp"].column]
        self._by_name(
            "request",
            (lambda c: content.not_unique(c)) if listed else (lambda c: content.no_request(c, when)),
            (lambda c: "one row each") if listed else content.rows_each,
        )
        if listed and "request" not in self.mapped.choices:
            self.mapped.absent["request"] = (
                "each row is a request of its own; ids that repeat cannot be noticed"
            )

    def user(self) -> None:
        request = self.mapped.request_of_rows(self.sample)

        def judge(column: SampleColumn) -> str | None:
            if not content.is_id(column) or column.distinct < 2:
                return "has fewer than two values"
            if request is not None and content.constant_within(column, request) < 0.95:
                return "differs within a request"
            return None

        def why(column: SampleColumn) -> str:
            session = (
                " (there is no user; a session stands for one)" if "session" in tokens(column.path) else ""
            )
            return content.distinct(column) + session

        self._by_name("user", judge, why)

    def position(self) -> None:
        if self.sample.item_list is not None:
            return
        request = self.mapped.request_of_rows(self.sample)
        self._by_name("position", lambda c: content.no_position(c, request), content.value_range)
        if "position" not in self.mapped.choices and request is not None and "position" not in self.given:
            for column in self._free(listed=False):
                if content.counts_rows(column, request):
                    why = "no usual name, but it counts the rows of each request"
                    self._take("position", column.path, f"{why}; {content.value_range(column)}")
                    return

    def lists(self) -> None:
        """Without request ids: whether rows of one time can be seen to be lists."""
        if self.sample.item_list is not None or "request" in self.mapped.choices or "request" in self.given:
            return
        when = self.sample.columns[self.mapped.choices["timestamp"].column]
        found = lists_of_moments(when, self._column("position"), self._column("user"))
        if isinstance(found, Lists):
            self.mapped.lists = found
        else:
            self.mapped.absent.setdefault("request", found)

    def others(self) -> None:
        request, position = self.mapped.request_of_rows(self.sample), self._column("position")
        listed = self.sample.item_list is not None

        def per_request(column: SampleColumn) -> str | None:
            if column.listed or column.distinct < 1:
                return "has no values"
            if request is not None and not listed and content.constant_within(column, request) < 0.95:
                return "differs within a request"
            return None

        def version(column: SampleColumn) -> str | None:
            return "has too many values" if column.distinct > 200 else per_request(column)

        self._by_name("score", content.no_score, lambda c: content.order_of(c, request, position))
        self._by_name("click", content.no_click, content.share_true)
        self._by_name("model_version", version, content.examples)
        self._by_name("context", per_request, content.distinct)
        for path in self.sample.columns:
            if (
                "propensity" in tokens(path)
                and path not in self.mapped.taken
                and "score" not in self.mapped.choices
            ):
                why = "is the probability of the policy's choice, and says nothing about the order of a list"
                self.mapped.absent["score"] = f"{shown(path)} {why}"

    def _by_name(self, role: str, judge: Judge, why: Callable[[SampleColumn], str]) -> None:
        """The best name whose content fits; the reason why names that fit better were not taken, if none is."""
        if role in self.given:
            if self.given[role]:
                self._take(role, self.given[role], "as you said")
            else:
                self.mapped.absent[role] = "as you said"
            return
        named = [(m, c) for c in self._free() if (m := best_match(role, c.path, c.listed))]
        named.sort(key=lambda pair: (-pair[0], pair[1].path))
        judged = [(column, judge(column)) for _, column in named]
        fit = [column for column, what in judged if what is None]
        if fit:
            others = tuple(c.path for c in fit[1:] if role != "user" or "session" not in tokens(c.path))
            self._take(role, fit[0].path, why(fit[0]), others)
        elif judged:
            self.mapped.absent[role] = "; ".join(f"{shown(c.path)} {what}" for c, what in judged)

    def _take(self, role: str, path: str, why: str, others: tuple[str, ...] = ()) -> None:
        self.mapped.choices[role] = Choice(path, why, others)

    def _column(self, role: str) -> SampleColumn | None:
        path = self.mapped.column(role)
        return self.sample.columns[path] if path is not None else None

    def _free(self, listed: bool | None = None) -> Iterator[SampleColumn]:
        taken = self.mapped.taken | {path for path in self.given.values() if path}
        for path, column in self.sample.columns.items():
            if (
                path not in taken
                and (listed is None or column.listed == listed)
                and np.any(column.codes >= 0)
            ):
                yield column

    def _not_found(self, role: str, candidates: list[str]) -> str:
        what = {"timestamp": "when a recommendation was made", "item": "which item was shown"}[role]
        names = ", ".join(map(shown, candidates[:30])) or "none"
        return (
            f"no column could be found that says {what}; the log has {names}: "
            f"say which one it is with --column {role}=NAME"
        )
