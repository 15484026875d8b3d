"""`recwatch detectors`: a new one passes its test at once; broken laws are told; so is what history would have told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from monitor.cli.main import cli
from monitor.config.loader import load
from monitor.detector_settings import build, check_detectors
from monitor.errors import UserError
from monitor.own.laws import laws
from monitor.reading.described import describe
from tests.monitor.own_shop import settings, write_shop

LAWS = 10


def recwatch(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["detectors", *map(str, arguments)])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_shop(tmp_path_factory.mktemp("shop"), hours=8, broken_from=5)
    lines = {
        "adultish": {
            "share_of": "catalog.adult", "among": "not verified", "above": 0.02, "change": 0.1, "severity": "page"
        }
    }  # fmt: skip
    config = {"recommenders": [settings(folder, detectors=lines)]}
    (folder / "shop.yaml").write_text(yaml.safe_dump(config))
    return folder


@pytest.mark.parametrize("door", ["line", "function", "class"])
def test_a_new_detector_passes_its_test_and_keeps_the_laws(tmp_path: Path, door: str) -> None:
    name = f"by_{door}"
    done = recwatch("new", name, "--door", door, "--folder", tmp_path)
    assert done.exit_code == 0, done.output
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        "-c",
        "/dev/null",
    ]
    tested = subprocess.run(
        [*command, f"test_{name}.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout
    assert "1 passed" in tested.stdout
    if door != "line":
        held = recwatch("test", tmp_path / f"{name}.py")
        assert (held.exit_code, held.output.count("  ok ")) == (0, LAWS), held.output
    again = recwatch("new", name, "--door", door, "--folder", tmp_path)
    assert isinstance(again.exception, UserError)
    assert "is there already; give the detector another name" in str(again.exception)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Pricey", "write lower-case letters, digits and _, a letter first"),
        ("lists", "is built in; give yours another name"),
        ("import", "is a word of Python's own; give yours another name"),
        ("random", "is the name of a Python module, which the file would hide; give yours another name"),
        ("numpy", "is the name of a Python module, which the file would hide; give yours another name"),
        ("test_prices", "files called test_* are taken for tests; give yours another name"),
        ("latency_ms", "measure 'latency_ms.share': 'ms' in its name is no base unit; measure in one (here 'ratio'), "
         "which then ends the metric's name by itself"),
    ],
)  # fmt: skip
def test_names_that_would_not_work_are_refused_before_anything_is_written(
    tmp_path: Path, name: str, why: str
) -> None:
    assert str(recwatch("new", name, "--folder", tmp_path).exception) == f"{name}: {why}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "law", "why"),
    [
        ("return batch.row_request < 100", "parts measure what the whole does", "share: value is "),
        ("return batch.items == str(batch.items.names[int(batch.item[0])])", "a slice measures what its rows alone do",
         "share: value is "),
        ("batch.position[:] = 1\n    return batch.position > 1", "the batch stays as it was",
         "ValueError: assignment destination is read-only"),
        ("return batch.position * 2", "parts can be merged in any order and grouping",
         "TypeError: f() (line 3) must return a boolean mask, not int32"),
        ("return batch.row_request < 500", "a larger sample of the same measures the same",
         "share is 0.25"),
    ],
)  # fmt: skip
def test_broken_laws_are_told(tmp_path: Path, code: str, law: str, why: str) -> None:
    file = tmp_path / "f.py"
    file.write_text(
        f'from detectors import share_of_rows\n\n@share_of_rows\ndef f(batch):\n    """F."""\n    {code}\n'
    )
    done = recwatch("test", file)
    assert done.exit_code == 1
    lines = done.output.splitlines()
    at = lines.index(f"  broken  {law}")
    assert lines[at + 1].strip().startswith(why), done.output


@pytest.mark.parametrize(
    ("line", "why", "held"),
    [
        ("while True: pass", "TimeoutError: it was still not done after 0.5 s ({file}:5)", 1),
        ("raise SystemExit(3)", "SystemExit: 3 ({file}:5)", LAWS),
    ],
)
def test_the_laws_end_with_a_detector_that_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, why: str, held: int
) -> None:
    monkeypatch.setattr("monitor.own.laws.LAW_SECONDS", 0.5)
    file = tmp_path / "f.py"
    file.write_text(
        f'from detectors import share_of_rows\n@share_of_rows\ndef f(batch):\n    """F."""\n    {line}\n'
    )
    done = recwatch("test", file)
    assert done.exit_code == 1
    assert f"          {why.format(file=file)}\n" in done.output, done.output
    assert done.output.count("  ok ") + done.output.count("  broken ") == held


def test_an_installed_package_brings_a_detector_that_observes(tmp_path: Path, shop: Path) -> None:
    """A package as pip leaves it: the module, and its entry point in the folder of its metadata."""
    assert recwatch("new", "dear", "--folder", tmp_path).exit_code == 0
    metadata = tmp_path / "shop_detectors-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-detectors\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[recwatch.detectors]\ndear = dear:dear\n")
    program = [sys.executable, "-c", "from monitor.cli import main; main()"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}

    def typed(*arguments: object) -> str:
        done = subprocess.run(
            [*program, *map(str, arguments)], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = typed("detectors", "list")
    assert f"({tmp_path / 'dear.py'})\n" in next(
        line for line in listed.splitlines(keepends=True) if line.startswith("dear ")
    )
    assert "nobody is told (mode: observe): adultish, dear\n" in typed("check", shop / "shop.yaml")


def test_a_class_whose_measure_has_no_name_for_prometheus_is_told(tmp_path: Path) -> None:
    assert recwatch("new", "short", "--door", "class", "--folder", tmp_path).exit_code == 0
    file = tmp_path / "short.py"
    file.write_text(file.read_text().replace('"short_share"', '"short_percent"'))
    done = recwatch("test", file)
    assert done.exit_code == 1
    lines = done.output.splitlines()
    at = lines.index("  broken  names, units and help are as Prometheus has them")
    assert (
        lines[at + 1]
        .strip()
        .startswith("measure 'short.short_percent': 'percent' in its name is no base unit")
    )


def test_built_in_detectors_keep_the_laws() -> None:
    from detectors import discover

    for name in ("same_item", "scores"):
        assert [o for o in laws(discover()[name]()) if o.why] == []
    # How far lengths vary in a few lists is said by those of the whole, too.
    assert [o.law for o in laws(discover()["lists"]()) if o.why] == [
        "a slice measures what its rows alone do"
    ]


def test_what_there_is(shop: Path) -> None:
    listed = recwatch("list", shop / "shop.yaml").output
    assert "lists " in listed
    assert "(built in)" in listed
    assert (
        "adultish             1 measure   Share of rows with catalog.adult among rows with not verified."
        in listed
    )
    shown = recwatch("show", "adultish", shop / "shop.yaml").output
    assert "  setting above = 0.02\n" in shown
    assert "  share (recwatch_adultish_share_ratio): Share of rows with" in shown
    assert "    page above 0.02\n    page when it moves from what is usual at that hour by 0.1\n" in shown
    assert "    needs column catalog.adult, column verified\n" in shown
    assert str(recwatch("show", "lits").exception) == 'lits: unknown detector; did you mean "lists"?'


PLAIN = """
import numpy as np
from detectors import Detector, Measure, Measurement, Unit
from detectors.judgement.spec import Floor
from detectors.statistics.traffic_tally import TrafficTally

class Plain(Detector):
    name = "plain"
    statistics = (TrafficTally,)

    def measures(self):
        return (Measure("level", Unit.SCORE, "Always one.", (Floor(above=2.0),)),)

    def measure(self, summary, context):
        n = len(summary.slices)
        yield Measurement("level", np.ones(n), np.zeros(n), np.full(n, 100.0))
"""


def test_a_detector_that_is_no_dataclass_has_no_settings_and_is_described(shop: Path, tmp_path: Path) -> None:
    """Configuring allows it; reading about it, in the commands and for the page, has to as well."""
    (tmp_path / "plain.py").write_text(PLAIN)
    config = settings(shop, detector_files=[str(tmp_path / "plain.py")])
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump({"recommenders": [config]}))
    shown = recwatch("show", "plain", tmp_path / "shop.yaml")
    assert shown.exit_code == 0, shown.exception
    assert shown.output.splitlines() == [
        "plain: it does not say what it looks at",
        "  level (recwatch_plain_level_score): Always one.",
        "    ticket above 2",
    ]
    [recommender] = load(tmp_path / "shop.yaml", check_detectors).recommenders
    described = describe(build(recommender.detectors, recommender.detector_files), recommender)["plain"]
    assert described.settings == ()
    assert described.judged == {"plain.level": ("ticket above 2",)}


def test_trying_says_what_it_would_have_told(shop: Path) -> None:
    done = recwatch("try", "adultish", shop / "shop.yaml")
    assert done.exit_code == 0, done.exception
    out = done.output
    assert "shop: 8 windows, 4,800 rows" in out
    assert "  adultish.share, all traffic:" in out
    assert "          |     !!!\n" in out
    assert (
        "    2026-03-02 06:10 UTC  page    shop: share of rows with catalog.adult among rows with not verified: "
        in out
    )
    assert "  by chance: at most " in out
    assert "  cost: " in out
    quiet = recwatch("try", "adultish", shop / "shop.yaml", "--to", "2026-03-02T05:00Z").output
    assert "shop: 5 windows" in quiet
    assert "  it would have told nothing.\n" in quiet


def test_trying_a_file_that_is_not_configured(shop: Path, tmp_path: Path) -> None:
    assert recwatch("new", "dear", "--folder", tmp_path).exit_code == 0
    out = recwatch("try", tmp_path / "dear.py", shop / "shop.yaml", "--to", "2026-03-02T02:00Z").output
    assert "  dear.share, all traffic:" in out
    assert "adultish" not in out
    unknown = recwatch("try", "nothing", shop / "shop.yaml")
    assert str(unknown.exception) == "nothing: is neither a file nor a detector of shop"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("    return batch['verified']", "wrong failed in 2 of 2 windows: KeyError: "),
        ("    return batch['adlut']", 'wrong.share cannot be measured: the log has no column "adlut"'),
    ],
)
def test_what_could_not_be_tried_is_no_good_sign(shop: Path, tmp_path: Path, code: str, why: str) -> None:
    columns = '{"adlut": bool}' if "adlut" in code else "{}"
    head = f"from detectors import share_of_rows\n\n@share_of_rows(columns={columns})\ndef wrong(batch):\n"
    file = tmp_path / "wrong.py"
    file.write_text(f'{head}    """Share."""\n{code}\n')
    done = recwatch("try", file, shop / "shop.yaml", "--to", "2026-03-02T02:00Z")
    assert done.exit_code == 1
    assert why in done.output
    assert "  it would have told nothing, which says nothing: see above.\n" in done.output
