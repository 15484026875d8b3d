"""Expressions over columns, `price > 1000 and not verified`: a small grammar of its own, and nothing is ever run.

condition  = and { "or" and }
and        = not { "and" not }
not        = "not" not | comparison
comparison = sum [ ("<" | "<=" | ">" | ">=" | "=" | "==" | "!=") sum | ["not"] "in" "(" list ")" ]
list       = ["-"] number { "," ["-"] number } | 'text' { "," 'text' }
sum        = product { ("+" | "-") product }
product    = factor { ("*" | "/") factor }
factor     = "-" factor | number | 'text' | true | false | column | function "(" condition ")" | "(" condition ")"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from detectors.own.view import View

NUMBER, FLAG, TEXT = "number", "flag", "text"
TYPES: dict[str, type] = {NUMBER: float, FLAG: bool, TEXT: str}
WORDS = {NUMBER: "a number", FLAG: "a condition", TEXT: "a text"}
ROLES = {"position": NUMBER, "score": NUMBER, "click": FLAG, "item": TEXT}
LONGEST, DEEPEST = 1000, 50
FUNCTIONS = ("abs", "log", "known", "number", "flag", "text")

TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+)|(?P<text>'[^']*'|"[^"]*")|`(?P<quoted>[^`]+)`"""
    r"""|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)|(?P<mark><=|>=|==|!=|[-+*/()<>=,]))"""
)
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "=": np.equal, "==": np.equal,
    "!=": np.not_equal,
}  # fmt: skip
ADD = {"+": np.add, "-": np.subtract}
MULTIPLY = {"*": np.multiply, "/": np.divide}


class ExpressionError(ValueError):
    """What is wrong with an expression, with a caret under the place."""


@dataclass(frozen=True)
class Expression:
    """An expression that was understood.

    Parameters
    ----------
    kind : {"number", "flag", "text"}
    columns : dict of str to type
        Columns that it reads beside the roles.
    roles : frozenset of str
        Roles that it reads.
    of : callable
        From a `View` to one value for each row.
    """

    kind: str
    columns: dict[str, type]
    roles: frozenset[str]
    of: Callable[[View], Any]


@dataclass(frozen=True)
class _Token:
    kind: str  # number, text, name, mark, end
    text: str
    at: int


@dataclass(frozen=True)
class _Part:
    """A part of an expression; the kind of a column is not known before it is seen what it is compared with."""

    at: int
    kind: str | None
    of: Callable[[View], Any] | None
    column: str = ""


def parse(text: str, wanted: str) -> Expression:
    """Understand an expression.

    Parameters
    ----------
    wanted : {"number", "flag"}
        What it must be.

    Raises
    ------
    ExpressionError

    >>> parse("price * 2 > 1000 and country in ('DE', 'AT')", "flag").columns
    {'price': <class 'float'>, 'country': <class 'str'>}
    >>> parse("price > ", "flag")
    Traceback (most recent call last):
    ...
    detectors.own.expression.ExpressionError: a value is missing here
        price >
               ^
    """
    parser = _Parser(text)
    return parser.whole(wanted)


@dataclass
class _Parser:
    text: str
    columns: dict[str, type] = field(default_factory=dict)
    roles: set[str] = field(default_factory=set)
    depth: int = 0

    def __post_init__(self) -> None:
        self.text = self.text.rstrip()
        if len(self.text) > LONGEST:
            raise ExpressionError(f"is longer than {LONGEST} characters: write a function instead")
        self.tokens = [*self._tokens()]
        self.next = 0

    def whole(self, wanted: str) -> Expression:
        part = self._condition()
        if self._token.kind != "end":
            self._wrong(self._token.at, f"{self._token.text!r} is not expected here")
        part = self._as(part, wanted)
        assert part.of is not None
        return Expression(wanted, self.columns, frozenset(self.roles), part.of)

    def _tokens(self) -> Iterator[_Token]:
        at = 0
        while at < len(self.text):
            found = TOKEN.match(self.text, at)
            if found is None:
                start = at + len(self.text[at:]) - len(self.text[at:].lstrip())
                self._wrong(start, f"{self.text[start]!r} is not known here")
            kind = str(found.lastgroup)
            yield _Token(
                "name" if kind == "quoted" else kind, found[kind], found.start(kind) - (kind == "quoted")
            )
            at = found.end()
        yield _Token("end", "", len(self.text))

    @property
    def _token(self) -> _Token:
        return self.tokens[self.next]

    def _take(self, *texts: str) -> _Token | None:
        token = self._token
        if token.kind in ("mark", "name") and token.text in texts:
            self.next += 1
            return token
        return None

    def _expect(self, text: str) -> None:
        if self._take(text) is None:
            self._wrong(self._token.at, f"{text!r} is missing here")

    def _wrong(self, at: int, what: str) -> NoReturn:
        raise ExpressionError(f"{what}\n    {self.text}\n    {' ' * at}^")

    # The grammar, the loosest binding first

    def _condition(self) -> _Part:
        self.depth += 1
        if self.depth > DEEPEST:
            self._wrong(self._token.at, "too many parentheses")
        part = self._and()
        while token := self._take("or"):
            part = self._both(token, part, self._and(), FLAG, FLAG, np.logical_or)
        self.depth -= 1
        return part

    def _and(self) -> _Part:
        part = self._not()
        while token := self._take("and"):
            part = self._both(token, part, self._not(), FLAG, FLAG, np.logical_and)
        return part

    def _not(self) -> _Part:
        nots, at = 0, self._token.at
        while self._take("not"):
            nots += 1
        part = self._comparison()
        if not nots:
            return part
        inner = self._of(self._as(part, FLAG))
        return _Part(at, FLAG, (lambda view: np.logical_not(inner(view))) if nots % 2 else inner)

    def _comparison(self) -> _Part:
        left = self._sum()
        if token := self._take(*COMPARE):
            right = self._sum()
            ordered = token.text not in ("=", "==", "!=")
            kind = left.kind or right.kind or (NUMBER if ordered else None)
            if kind is None:
                self._wrong(
                    left.at,
                    f"cannot tell whether {left.column} and {right.column} are numbers or texts: "
                    f"write number({left.column}) or text({left.column}), and a text that is no column in quotes",
                )
            if kind == TEXT and ordered:
                self._wrong(token.at, "texts are not ordered: use = or !=, or number(...)")
            return self._both(token, left, right, kind, FLAG, COMPARE[token.text])
        negated = self._token.text == "not" and self.tokens[self.next + 1].text == "in"
        if negated:
            self.next += 1
        if token := self._take("in"):
            return self._among(left, negated)
        return left

    def _among(self, left: _Part, negated: bool) -> _Part:
        self._expect("(")
        literals = [self._literal()]
        while self._take(","):
            literals.append(self._literal())
        self._expect(")")
        kinds = {kind for kind, _ in literals}
        if len(kinds) > 1:
            self._wrong(left.at, "a list holds either numbers or texts")
        kind = kinds.pop()
        self._needs_column(left)
        of = self._of(self._as(left, kind))
        values = [value for _, value in literals]

        def isin(view: View) -> Any:
            column = of(view)
            there = column.isin(values) if kind == TEXT else np.isin(column, values)
            if not negated:
                return there
            return ~there & (column.known if kind == TEXT else ~np.isnan(column))

        return _Part(left.at, FLAG, isin)

    def _literal(self) -> tuple[str, Any]:
        sign = -1.0 if self._take("-") else 1.0
        token = self._token
        if token.kind not in ("number", "text") or (token.kind == "text" and sign < 0):
            self._wrong(token.at, "a number or a text in quotes is missing here")
        self.next += 1
        return (NUMBER, sign * float(token.text)) if token.kind == "number" else (TEXT, token.text[1:-1])

    def _sum(self) -> _Part:
        part = self._product()
        while token := self._take(*ADD):
            part = self._both(token, part, self._product(), NUMBER, NUMBER, ADD[token.text])
        return part

    def _product(self) -> _Part:
        part = self._factor()
        while token := self._take(*MULTIPLY):
            part = self._both(token, part, self._factor(), NUMBER, NUMBER, MULTIPLY[token.text])
        return part

    def _factor(self) -> _Part:
        at, signs = self._token.at, 0
        while self._take("-"):
            signs += 1
        part = self._value()
        if not signs:
            return part
        inner = self._of(self._as(part, NUMBER))
        return _Part(at, NUMBER, (lambda view: -inner(view)) if signs % 2 else inner)

    def _value(self) -> _Part:
        token = self._token
        if self._take("("):
            part = self._condition()
            self._expect(")")
            return part
        if token.kind in ("end", "mark") or token.text in ("and", "or", "in"):
            self._wrong(token.at, "a value is missing here")
        self.next += 1
        if token.kind == "number":
            number = float(token.text)
            return _Part(token.at, NUMBER, lambda view: number)
        if token.kind == "text":
            return _Part(token.at, TEXT, lambda view: token.text[1:-1])
        if token.text in ("true", "false"):
            truth = token.text == "true"
            return _Part(token.at, FLAG, lambda view: np.full(view.n_rows, truth))
        if token.text in FUNCTIONS and self._take("("):
            return self._function(token)
        if self._token.text == "(":
            self._wrong(token.at, f"{token.text} is no function; there are {', '.join(FUNCTIONS)}")
        return self._column(token)

    def _function(self, token: _Token) -> _Part:
        part = self._condition()
        self._expect(")")
        if token.text in TYPES:
            of = self._of(self._as(part, token.text))
            return _Part(token.at, token.text, of, part.column)
        if token.text == "known":
            self._needs_column(part)
            part = self._as(part, part.kind or self._known_kind(part.column))
            of = self._of(part)
            return _Part(
                token.at, FLAG, (lambda view: of(view).known) if part.kind == TEXT
                else (lambda view: ~np.isnan(of(view)))
            )  # fmt: skip
        of = self._of(self._as(part, NUMBER))
        function = np.abs if token.text == "abs" else np.log
        return _Part(token.at, NUMBER, lambda view: function(of(view)))

    def _known_kind(self, column: str) -> str:
        """As what a column is used already; a text unless it is."""
        of_type = self.columns.get(column, str)
        return next(kind for kind, known in TYPES.items() if known is of_type)

    def _column(self, token: _Token) -> _Part:
        name = token.text
        if name not in ROLES:
            return _Part(token.at, None, None, name)
        self.roles.add(name)
        attribute = "items" if name == "item" else name
        return _Part(token.at, ROLES[name], lambda view: getattr(view, attribute), name)

    # Kinds

    def _as(self, part: _Part, kind: str) -> _Part:
        """The part as that kind; a column becomes what it is wanted as."""
        if part.kind is None:
            name, of_type = part.column, TYPES[kind]
            if self.columns.setdefault(name, of_type) is not of_type:
                self._wrong(part.at, f"{name} is used as {WORDS[kind]} here and as something else before")
            return _Part(part.at, kind, lambda view: view[name], name)
        if part.kind != kind:
            self._wrong(part.at, f"this is {WORDS[part.kind]}, where {WORDS[kind]} is wanted")
        return part

    def _needs_column(self, *parts: _Part) -> None:
        """Texts in quotes are only something beside a column."""
        if all(part.kind == TEXT and not part.column for part in parts):
            self._wrong(parts[0].at, "a column is missing here")

    def _of(self, part: _Part) -> Callable[[View], Any]:
        assert part.of is not None  # `_as` made it
        return part.of

    def _both(
        self, token: _Token, left: _Part, right: _Part, wanted: str, kind: str, function: Callable[[Any, Any], Any]
    ) -> _Part:  # fmt: skip
        a, b = self._of(self._as(left, wanted)), self._of(self._as(right, wanted))
        if wanted == TEXT:
            self._needs_column(left, right)
        if wanted != TEXT:
            if token.text == "!=":  # what is not known differs from nothing, as texts do

                def differ(view: View) -> Any:
                    x, y = a(view), b(view)
                    return (x != y) & ~(np.isnan(x) | np.isnan(y))

                return _Part(left.at, kind, differ)
            return _Part(left.at, kind, lambda view: function(a(view), b(view)))
        if token.text == "!=":
            return _Part(left.at, kind, lambda view: _texts(a(view), b(view), different=True))
        return _Part(left.at, kind, lambda view: _texts(a(view), b(view), different=False))


def _texts(a: Any, b: Any, *, different: bool) -> Any:
    if isinstance(a, str):
        a, b = b, a
    return (a != b) if different else (a == b)
