"""Whatever stands in a log comes out as text: escaped, encodable, bounded."""

import pytest

from detectors.core.verdict import Verdict
from monitor.evaluation import CannotMeasure, Evaluation, Quarantined
from monitor.incidents.incident import Symptom
from tests.monitor.factories import evaluation, finding, findings, incident, read_report
from tests.monitor.web.browser import Page, Site

INCIDENT = "/incidents/home-same_item-3f9c1a"
PATHS = ("/", INCIDENT, "/recommenders/home")
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": '" onmouseover="alert(1)" x=\'',
    "image": "<img src=x onerror=alert(1)>",
    "template": "{{ 7 * 7 }}{% raw %}",
    "newlines": "a\r\nSet-Cookie: x=1\r\n\r\nb",
    "surrogate": "a\ud800b",
    "nul": "a\x00b\x1b[31m",
    "backwards": "a\u202egnp.exe",
    "emoji": "🧦 Größe",
    "closing": "--></title></style></textarea>",
}


def everywhere(text: str) -> Evaluation:
    """An evaluation with the text wherever a log can put one."""
    top = {
        "item": text,
        "top_items": [{"item": text, "share": 0.9, text: text}],
        text: [text],
        "by": {text: text},
    }
    told = incident(
        item=text,
        summary=text,
        slice={text: text},
        model_version=text,
        evidence=top,
        items=(text,),
        before={"value": 0.03, "top_items": [{"item": text, "share": 0.1}], "lists": [[text, None]]},
        after={"value": 0.9, "top_items": [{"item": text, "share": 0.9}], "lists": [[text] * 3]},
        labels={"team": text},
        symptoms=(Symptom(text, text, {text: text}, 1.0, None, text),),
    )
    rows = findings(
        [
            finding("same_item.first_place_share", 0.9, Verdict.BREACH, evidence=top),
            finding(
                "same_item.first_place_share", 0.9, Verdict.BREACH, slice=f"surface={text}", evidence=top
            ),
        ]
    )
    return evaluation(
        findings=rows,
        reason=text,
        read=read_report(quarantined=(Quarantined(text, text, 0),), waiting=(text,)),
        failures={text: text},
        cannot_measure=(CannotMeasure(text, text),),
        open_incidents=(told,),
    )


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", PATHS)
def test_a_hostile_text_is_shown_and_does_nothing(name: str, path: str) -> None:
    with Site([everywhere("harmless")]) as site:
        tags = Page(site.ask(path).text).tags
    with Site([everywhere(HOSTILE[name])]) as site:
        answer = site.ask(path)
        assert answer.status_code == 200
        page = Page(answer.text)  # fails on anything that could run
        # long names may break after punctuation
        assert [t for t in page.tags if t != "wbr"] == [t for t in tags if t != "wbr"]
        assert "set-cookie" not in answer.headers
        assert HOSTILE["template"] in page.text or name != "template"
        assert not any(character in page.text for character in "\ud800\x00\x1b\u202e")


def test_ten_megabytes_in_one_id_make_small_pages() -> None:
    huge = "x" * 10_000_000
    told = incident(
        item=huge, summary=huge, evidence={"item": huge, "top_items": [{"item": huge, "share": 0.9}]}
    )
    with Site([evaluation(open_incidents=(told,))]) as site:
        for path in PATHS:
            answer = site.ask(path)
            assert answer.status_code == 200
            assert len(answer.content) < 100_000


def test_emoji_and_umlauts_are_shown_as_they_are() -> None:
    with Site([everywhere("🧦 Größe")]) as site:
        assert "🧦 Größe" in site.text("/")


def test_hostile_paths_are_not_found() -> None:
    with Site([everywhere("x")]) as site:
        for path in (
            "/incidents/%00",
            "/incidents/%ED%A0%80",
            "/recommenders/<script>",
            "/incidents/" + "a" * 9000,
        ):
            answer = site.ask(path)
            assert answer.status_code == 404
            assert "script>" not in answer.text
