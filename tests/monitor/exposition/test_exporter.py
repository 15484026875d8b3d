"""The body of /metrics: two formats, packed or not, the same series in all; rendered once, never half."""

import gzip
import subprocess
import zlib
from datetime import timedelta

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from monitor.exposition.exporter import OPENMETRICS, TEXT, Exporter, wants_openmetrics
from monitor.exposition.health import Health
from monitor.exposition.state import RecommenderState
from tests.monitor.factories import (
    CATALOGUE,
    NOON,
    config,
    evaluation,
    finding,
    findings,
    incident,
    stuck_evaluation,
)

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;"
    "q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.fixture
def exporter() -> Exporter:
    exporter = Exporter(Health("1.2.3", wall=NOON.timestamp), CATALOGUE)
    for name in ("home", "email"):
        told = (incident(name),)
        exporter.update(RecommenderState(config(name), stuck_evaluation(name), NOON, NOON, told))
    return exporter


def series(text: str, openmetrics: bool) -> set[tuple[str, frozenset[tuple[str, str]], float]]:
    """Samples without those of the process, which change by themselves."""
    families = (parse_openmetrics if openmetrics else parse_text)(text)
    samples = [sample for family in families for sample in family.samples]
    return {(s.name, frozenset(s.labels.items()), s.value) for s in samples if s.name.startswith("recwatch")}


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        ("application/openmetrics-text", OPENMETRICS),
        ("text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5", TEXT),
        ("application/openmetrics-text;version=2.0.0", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        ("application/openmetrics-text;q=lots", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
        ("", TEXT),
        (";;,=,;q=,", TEXT),
    ],
)
def test_the_format_is_the_one_asked_for(exporter: Exporter, accept: str, content_type: str) -> None:
    answer = exporter.answer(accept)
    assert answer.content_type == content_type
    assert answer.body.endswith(b"# EOF\n") == wants_openmetrics(accept) == (content_type == OPENMETRICS)


def test_both_formats_say_the_same(exporter: Exporter) -> None:
    text = series(exporter.answer().body.decode(), openmetrics=False)
    assert text == series(exporter.answer(PROMETHEUS_2).body.decode(), openmetrics=True)
    assert len([s for s in text if s[0] == "recwatch_incident_open"]) == 2


@pytest.mark.parametrize("accept", ["", PROMETHEUS_2])
def test_a_packed_body_is_one_gzip_member_with_the_same_content(exporter: Exporter, accept: str) -> None:
    for _ in range(2):  # from the cache as well
        answer = exporter.answer(accept, "gzip, deflate")
        unpacker = zlib.decompressobj(wbits=31)
        body = unpacker.decompress(answer.body)
        assert answer.encoding == "gzip"
        assert unpacker.eof
        assert unpacker.unused_data == b""
        assert gzip.decompress(answer.body) == body
        assert series(body.decode(), bool(accept)) == series(
            exporter.answer(accept).body.decode(), bool(accept)
        )


def test_nothing_old_is_served_after_an_update(exporter: Exporter) -> None:
    for accept in ("", PROMETHEUS_2):
        exporter.answer(accept, "gzip")
    exporter.update(RecommenderState(config(), evaluation()))
    line = b'recwatch_verdict{recommender="home",slice="all",detector="same_item"} 0\n'
    for accept in ("", PROMETHEUS_2):
        assert line in exporter.answer(accept).body
        assert line in gzip.decompress(exporter.answer(accept, "gzip").body)


def test_health_is_live(exporter: Exporter) -> None:
    health = Health("1.2.3")
    exporter = Exporter(health, CATALOGUE)
    assert b"recwatch_ticks_total 0.0\n" in exporter.answer().body
    health.tick(NOON)
    assert b"recwatch_ticks_total 1.0\n" in exporter.answer().body
    assert b"recwatch_ticks_total 1.0\n" in gzip.decompress(exporter.answer(accept_encoding="gzip").body)


def test_a_retired_recommender_vanishes(exporter: Exporter) -> None:
    exporter.retire("home")
    body = exporter.answer().body
    assert b'recommender="home"' not in body
    assert b'recommender="email"' in body
    exporter.retire("email")
    assert b"recommender=" not in exporter.answer().body
    assert exporter.textfile() == b""


def test_the_textfile_leaves_the_process_out(exporter: Exporter) -> None:
    text = exporter.textfile()
    assert b"recwatch_incident_open" in text
    assert b"process_" not in text
    assert b"recwatch_ticks_total" not in text


def test_a_new_configuration_counts_from_the_next_update(exporter: Exporter) -> None:
    exporter.configure({}, 50)
    assert b"# TYPE recwatch_traffic_requests " not in exporter.answer().body
    exporter.configure(CATALOGUE, 2000)
    assert b"recwatch_traffic_requests" in exporter.answer().body


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("recommenders", [0, 2])
def test_promtool_finds_nothing_to_say(exporter: Exporter, recommenders: int) -> None:
    health = Health("1.2.3")
    health.tick(NOON)
    health.answered("/metrics", 200)
    health.evaluated(evaluation(failures={"custom": "raised"}))
    clean = Exporter(health, CATALOGUE)
    for n in range(recommenders):
        state = RecommenderState(config(f"r{n}"), stuck_evaluation(f"r{n}"), NOON, NOON, (incident(f"r{n}"),))
        clean.update(state)
    result = subprocess.run(
        ["promtool", "check", "metrics"], input=clean.answer().body, capture_output=True, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_each_metric_is_declared_once_however_many_recommenders(exporter: Exporter) -> None:
    types = [line for line in exporter.answer().body.splitlines() if line.startswith(b"# TYPE")]
    assert len(types) == len(set(types))


def test_five_thousand_series_are_cut_to_the_cap() -> None:
    rows = [finding("traffic.requests", n, slice=f"city={n}", n=n) for n in range(5000)]
    wide = RecommenderState(config(), evaluation(findings=findings(rows)), NOON + timedelta(hours=1))
    exporter = Exporter(Health("1.2.3"), CATALOGUE, series_per_recommender=300)
    exporter.update(wide)
    lines = [line for line in exporter.textfile().splitlines() if not line.startswith(b"#")]
    assert len(lines) in (299, 300)  # a slice goes as a whole
    assert b'recwatch_traffic_requests{recommender="home",slice="city=4999"} 4999' in lines
