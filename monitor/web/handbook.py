"""The documentation as pages: runbooks under /runbooks/, the rest under /docs/, links between them kept right."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from monitor.web.links import Links

FOLDER = Path(__file__).parent / "docs"
DETECTORS = "detectors/"
RUNBOOKS = ("alerts",)  # runbooks that are not of a detector
READING_ORDER = (
    "tour", "concepts", "page", "alerts", "dashboards", "operations", "configuration", "metrics", "write-a-detector",
    "trustworthy-detectors", "incident-bench", "peers-bench", "performance", "stability",
)  # fmt: skip
TUNING = "how to tune"
NAME = re.compile(r"[a-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Text:
    """A page of the documentation.

    Parameters
    ----------
    title : str
        Its first heading.
    body : Markup
        Everything below it, as HTML.
    aside : Markup
        The same up to how to tune, one level of headings lower: beside an incident.
    """

    title: str
    body: Markup
    aside: Markup


class Handbook:
    """Turns the files of docs/ into HTML.

    Raw HTML in them is shown as text. A link to another file of docs/ leads to its page; one to a file that is not
    served stays as plain words.

    Parameters
    ----------
    links : Links
    folder : Path
        Of the Markdown files.
    """

    def __init__(self, links: Links, folder: Path = FOLDER) -> None:
        self._links, self._folder = links, folder
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
        self.text = lru_cache(maxsize=128)(self._text)

    def runbook(self, name: str) -> Text | None:
        """The page of a detector, or of the alerts; None when there is none."""
        if not NAME.fullmatch(name):
            return None
        return self.text(f"{name}.md" if name in RUNBOOKS else f"{DETECTORS}{name}.md")

    def page(self, name: str) -> Text | None:
        """Another page of the documentation; None when there is none."""
        return self.text(f"{name}.md") if NAME.fullmatch(name) and name not in RUNBOOKS else None

    def image(self, name: str) -> bytes | None:
        """A PNG of docs/images; None when there is none."""
        path = self._folder / "images" / name
        known = NAME.fullmatch(name.removesuffix(".png")) and name.endswith(".png")
        return path.read_bytes() if known and path.is_file() else None

    def contents(self) -> list[tuple[str, str, str]]:
        """Path in docs/, address and title of every page: the general ones as one reads them, then the runbooks."""
        there = sorted(p.name for p in self._folder.glob("*.md"))
        files = [f"{name}.md" for name in READING_ORDER if f"{name}.md" in there]
        files += [file for file in there if file not in files]
        files += [DETECTORS + p.name for p in sorted((self._folder / DETECTORS).glob("*.md"))]
        texts = ((file, self.text(file)) for file in files)
        return [(file, self._address(file), text.title) for file, text in texts if text]

    def _text(self, file: str) -> Text | None:
        path = self._folder / file
        if not path.is_file():
            return None
        tokens = self._markdown.parse(path.read_text("utf-8"))
        title = file.removesuffix(".md")
        if len(tokens) > 2 and tokens[0].tag == "h1":
            title = tokens[1].content
            tokens = tokens[3:]
        _name_headings(tokens)
        for token in tokens:
            if token.children:
                token.children = self._lead(token.children, posixpath.dirname(file))
        body = self._html(tokens)
        return Text(title, body, self._html(_as_aside(tokens, self._address(file))))

    def _html(self, tokens: Sequence[Token]) -> Markup:
        html = self._markdown.renderer.render(tokens, self._markdown.options, {})
        tabled = html.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace(
            "</table>", "</table></div>"
        )
        return Markup(tabled)

    def _lead(self, tokens: Sequence[Token], folder: str) -> list[Token]:
        """The same with every link leading to a page, or gone."""
        out: list[Token] = []
        dropped: list[bool] = []
        for token in tokens:
            if token.type == "link_open":
                address = self._resolve(str(token.attrs["href"]), folder)
                dropped.append(address is None)
                token.attrs["href"] = address or ""
            if token.type == "image":
                token.attrs["src"] = self._resolve(str(token.attrs["src"]), folder) or ""
            if not (token.type in ("link_open", "link_close") and dropped[-1]):
                out.append(token)
            if token.type == "link_close":
                dropped.pop()
        return out

    def _resolve(self, href: str, folder: str) -> str | None:
        """Where a link of a file in `folder` leads to; None when that is not served."""
        if href.startswith(("https://", "http://", "#")):
            return href
        target, _, anchor = href.partition("#")
        file = posixpath.normpath(posixpath.join(folder, target))
        if file.startswith("..") or not (self._folder / file).is_file():
            return None
        return self._address(file) + (f"#{anchor}" if anchor else "")

    def _address(self, file: str) -> str:
        name = file.removesuffix(".md")
        if name.startswith(DETECTORS):
            return self._links("runbooks", name.removeprefix(DETECTORS))
        return self._links("runbooks" if name in RUNBOOKS else "docs", name)


def slug(heading: str) -> str:
    """A heading's anchor, as code forges make it.

    >>> slug("How to confirm (three steps)"), slug("`recwatch run` & co")
    ('how-to-confirm-three-steps', 'recwatch-run--co')
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def _name_headings(tokens: Sequence[Token]) -> None:
    taken: dict[str, int] = {}
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            name = slug("".join(t.content for t in inline.children or ()))
            count = taken.get(name, 0)
            taken[name] = count + 1
            token.attrs["id"] = f"{name}-{count}" if count else name


def _as_aside(tokens: Sequence[Token], address: str) -> list[Token]:
    """What to do now; anchors lead to the whole page, so that none is there twice."""
    out: list[Token] = []
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following and following.content.lower() == TUNING:
            break
        if token.type.startswith("heading"):
            token = replace(token, tag=f"h{min(6, int(token.tag[1]) + 1)}", attrs={})
        if token.children:
            token = replace(token, children=[_to_page(child, address) for child in token.children])
        out.append(token)
    return out


def _to_page(token: Token, address: str) -> Token:
    href = str(token.attrs.get("href", ""))
    return replace(token, attrs={**token.attrs, "href": address + href}) if href.startswith("#") else token
