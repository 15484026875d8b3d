"""The pictures in docs/images: one command makes them, always from the same state, and a page shows each."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from tests.monitor.web.chromium import PHONE, browsing
from tests.monitor.web.pictures import PICTURES, STUCK, Picture, demonstration, draw, folder_of_always

ROOT = Path(__file__).parents[3]


def test_every_picture_is_made_by_a_command_and_shown() -> None:
    there = {path.stem for path in (ROOT / "docs/images").glob("*") if not path.stem.startswith("bench-")}
    assert there == set(PICTURES)
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    shown = {name for page in pages for name in re.findall(r"images/([\w-]+)\.png\)", page.read_text())}
    assert there <= shown


@pytest.mark.needs("chromium")
def test_pictures_show_the_incident_of_the_demonstration(tmp_path: Path) -> None:
    with folder_of_always() as folder, demonstration(folder) as (view, server):
        (incident,) = view.overview().open
        assert (incident.item, incident.since) == ("54", STUCK)
        with browsing(tmp_path / "profile") as browser:
            whole, part = Picture("/"), Picture("/incidents/{incident}", PHONE, height=700, dark=True)
            first, second, upper = (draw(browser, server.url, incident.id, p) for p in (whole, whole, part))
            assert "item 54 is in 100 % of rows" in browser.value("document.body.innerText").replace(
                "\u00a0", " "
            )
    assert first == second
    assert struct.unpack(">II", upper[16:24]) == (PHONE[0], 700), "of the header of a PNG"
    assert struct.unpack(">II", first[16:24])[0] == whole.size[0]
