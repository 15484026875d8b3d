"""Runbooks and documentation as pages: every link of alerts, pages and files leads somewhere."""

import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from markdown_it import MarkdownIt

from detectors.core.detector import discover
from monitor.alerts.rules import Rendering
from monitor.web.handbook import FOLDER, READING_ORDER, Handbook, slug
from monitor.web.links import Links
from tests.monitor.factories import CATALOGUE
from tests.monitor.web.browser import Page, Site

ROOT = Path(__file__).parents[3]
FILES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "grafana").rglob("*.md")),
]


class Ids(HTMLParser):
    """The anchors of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids |= {value for name, value in attrs if name == "id" and value}


@pytest.fixture
def site() -> Site:
    with Site() as site:
        yield site


def anchors(markdown: str) -> set[str]:
    """By the forges' own rule, from the lines of the file."""
    text = re.sub(r"^```.*?^```", "", markdown, flags=re.M | re.S)
    return {slug(line.lstrip("#").replace("`", "")) for line in re.findall(r"^#+ .*$", text, re.M)}


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_file_leads_to_a_file_and_a_heading(file: Path) -> None:
    for token in MarkdownIt("commonmark").enable("table").parse(file.read_text()):
        for child in token.children or ():
            href = str(child.attrs.get("href", child.attrs.get("src", "")))
            if not href or urlsplit(href).scheme:
                continue
            target, _, anchor = href.partition("#")
            path = (file.parent / target).resolve() if target else file
            assert path.exists(), href
            assert not anchor or anchor in anchors(path.read_text()), href


def test_every_link_of_the_documentation_leads_to_a_page_and_its_heading(site: Site) -> None:
    listed = [
        link for link in Page(site.ask("/docs").text).links if link.startswith(("/docs/", "/runbooks/"))
    ]
    assert len(listed) == len(list((ROOT / "docs").glob("*.md"))) + len(
        list((ROOT / "docs/detectors").glob("*.md"))
    )
    for page in listed:
        for link in Page(site.ask(page).text).links:
            if not link.startswith("http"):
                target, _, anchor = link.partition("#")
                answer = site.ask(target or page)
                assert answer.status_code == 200, (page, link)
                assert not anchor or anchor in Ids(answer.text).ids, (page, link)


def test_the_documentation_is_listed_as_one_reads_it() -> None:
    files = [file for file, _, _ in Handbook(Links("")).contents()]
    general = [file.removesuffix(".md") for file in files if "/" not in file]
    assert general == list(READING_ORDER), "a page that is not in the order comes last"
    assert files[len(general) :] == sorted(files[len(general) :])


def test_every_alert_leads_to_a_runbook_that_is_there(site: Site) -> None:
    rules = Rendering(external_url="http://recwatch.test").rules()
    alerts = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    assert len(alerts) > 10
    for alert in alerts:
        for detector in sorted({info.detector for info in CATALOGUE.values()}):
            url = alert["annotations"]["runbook_url"].replace("{{ $labels.detector }}", detector)
            path, _, anchor = url.removeprefix("http://recwatch.test").partition("#")
            answer = site.ask(path)
            assert answer.status_code == 200, url
            assert not anchor or anchor in Ids(answer.text).ids, url


def test_a_detector_without_a_runbook_tells_what_it_measures(site: Site) -> None:
    assert not (FOLDER / "detectors" / "traffic.md").exists() or "traffic" in site.text("/runbooks/traffic")
    with Site() as own:
        info = next(iter(CATALOGUE.values()))
        own.view._catalogue = lambda: {
            "fresh.items": type(info)("fresh.items", "items", "Items <b>new</b> today.")
        }
        text = own.text("/runbooks/fresh")
    assert "Items <b>new</b> today." in text
    assert "Look for a change of the model" in text


@pytest.mark.parametrize(
    "path", ["/runbooks/nobody", "/runbooks/..%2fconcepts", "/docs/alerts", "/docs/nothing", "/docs/images/x.png",
             "/docs/images/..%2f..%2fREADME.md", "/runbooks/%2e%2e"]
)  # fmt: skip
def test_what_is_not_documented_is_not_found(site: Site, path: str) -> None:
    assert site.ask(path).status_code == 404


def test_html_in_a_file_is_text_and_prefixes_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "# A `b`\n\n<script>x</script> [b](b.md#c) [out](../x.md) [z](javascript:alert(1))\n"
    )
    (tmp_path / "b.md").write_text("# B\n\n## C\n\n## C\n")
    book = Handbook(Links("https://ops.example.org/rw"), tmp_path)
    text = book.page("a")
    assert text is not None
    assert text.title == "A `b`"
    assert "&lt;script&gt;" in text.body
    assert '<a href="/rw/docs/b#c">b</a> out' in text.body
    assert '<a href="javascript' not in text.body
    other = book.page("b")
    assert other is not None
    assert 'id="c"' in other.body
    assert 'id="c-1"' in other.body


def test_the_package_takes_the_documentation_along() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"][
        "monitor"
    ]
    packed = {path for pattern in patterns for path in (ROOT / "monitor").glob(pattern)}
    served = {FOLDER / path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.*")}
    assert served <= packed


@pytest.mark.parametrize("name", sorted(discover()))
def test_every_detector_that_is_built_in_has_a_runbook(name: str) -> None:
    text = (FOLDER / "detectors" / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    for heading in ("What it means", "How to confirm", "Usual causes", "What to do first", "How to tune"):
        assert f"\n## {heading}" in text, heading
