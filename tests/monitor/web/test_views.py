"""Views hold what the store says, in the order in which people need it."""

from datetime import timedelta

from detectors.core.verdict import Severity, Verdict
from monitor.config.models import Mode
from monitor.evaluation import Status
from monitor.incidents.incident import Symptom
from tests.monitor.factories import (
    HOUR,
    NOON,
    config,
    evaluation,
    failed_evaluation,
    finding,
    findings,
    incident,
    stuck_evaluation,
)
from tests.monitor.web.browser import Site


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_the_worst_comes_first() -> None:
    names = ["fine", "new", "blind", "stuck"]
    evaluations = [evaluation("fine"), failed_evaluation("blind"), stuck_evaluation("stuck")]
    with Site(evaluations, [config(name) for name in names]) as site:
        page = site.view.overview()
        assert [(v.name, v.state.word) for v in page.recommenders] == [
            ("stuck", "page"),
            ("blind", "failed"),
            ("new", "not evaluated yet"),
            ("fine", "ok"),
        ]
        assert (page.headline.word, page.headline.tone) == ("1 incident is open", "bad")


def test_the_headline_never_calls_the_unknown_fine() -> None:
    def headline(*names: str) -> tuple[str, str]:
        made = {
            "fine": evaluation("fine"),
            "blind": failed_evaluation("blind"),
            "empty": evaluation("empty", status=Status.NO_DATA),
        }
        with Site([made[n] for n in names if n in made], [config(n) for n in names]) as site:
            page = site.view.overview()
            return page.headline.word, page.headline.tone

    assert headline("fine") == ("1 recommender watched, nothing is wrong", "good")
    assert headline("fine", "new") == ("No incident is open: 1 of 2 recommenders fine, 1 not known", "mute")
    assert headline("fine", "blind", "empty") == (
        "No incident is open: 1 of 3 recommenders fine, 1 with trouble, 1 not known",
        "warn",
    )
    assert headline() == ("No recommender is watched", "mute")
    assert headline("new") == ("Nothing is known yet of 1 recommender: older windows come first", "mute")


def test_an_incident_tells_what_where_since_when_and_how_much() -> None:
    with Site([stuck_evaluation()], now=NOON + timedelta(hours=1, minutes=10)) as site:
        (seen,) = site.view.overview().open
        assert seen.since == NOON - HOUR
        assert seen.lasted == timedelta(hours=2, minutes=10)
        assert (seen.where, seen.item) == ("everywhere", "sku-007065")
        assert seen.before is not None
        assert seen.after is not None
        assert (plain(seen.before.text), plain(seen.after.text)) == ("3.1 %", "96.9 %")
        assert seen.affected == (("requests", "1,523"), ("users", "1,302"))
        assert [(s.measure, plain(s.value), plain(s.expected)) for s in seen.symptoms] == [
            ("diversity.effective_items", "6.2", "812"),
            ("same_item.first_place_share", "95 %", "3 %"),
        ]


def test_a_value_that_is_no_share_is_shown_in_its_unit() -> None:
    few = incident(measure="diversity.effective_items", before={"value": 812.0}, after={"value": 6.2})
    with Site([evaluation(open_incidents=(few,))]) as site:
        (seen,) = site.view.overview().open
        assert (seen.before, seen.after) != (None, None)
        assert [side.text for side in (seen.before, seen.after) if side] == ["812", "6.2"]
        assert [side.share for side in (seen.before, seen.after) if side] == [None, None]


def test_a_closed_incident_lasts_until_it_closed() -> None:
    closed = incident(resolved_at=NOON + 2 * HOUR)
    with Site([evaluation(open_incidents=(closed,))], now=NOON + 50 * HOUR) as site:
        page = site.view.overview()
        assert page.open == ()
        assert [seen.lasted for seen in page.closed] == [3 * HOUR]


def test_incidents_that_nobody_was_told_of_say_so() -> None:
    silent = incident(id="old", silent=True)
    with Site([evaluation(open_incidents=(silent,))]) as site:
        assert site.view.overview().open == ()
        page = site.view.recommender("home")
        assert page is not None
        assert [(seen.id, seen.silent) for seen in page.others] == [("old", True)]
    with Site([stuck_evaluation()], [config(mode=Mode.OBSERVE)]) as site:
        overview = site.view.overview()
        assert [seen.observed for seen in overview.open] == [True]
        assert overview.headline.word == "No incident is open: 0 of 1 recommender fine, 1 with trouble"


def test_failures_stay_visible_behind_many_successes() -> None:
    failed = failed_evaluation(end=NOON - 100 * HOUR)
    rest = [evaluation(end=NOON - n * HOUR) for n in range(99)]
    with Site([failed, *rest]) as site:
        page = site.view.recommender("home")
        assert page is not None
        assert len(page.evaluations) == 48
        assert [(e.state.word, e.end) for e in page.older_trouble] == [("failed", NOON - 100 * HOUR)]


def test_recent_trouble_is_on_the_first_page_newest_first() -> None:
    evaluations = [
        failed_evaluation(end=NOON - 5 * HOUR),
        evaluation(end=NOON),
        evaluation(end=NOON - HOUR, status=Status.REFUSED),
    ]
    with Site(evaluations) as site:
        assert [e.state.word for e in site.view.overview().trouble] == ["refused", "failed"]


def test_findings_of_the_last_judged_window_stay_when_a_later_one_fails() -> None:
    with Site([stuck_evaluation(end=NOON - HOUR), failed_evaluation()]) as site:
        page = site.view.recommender("home")
        assert page is not None
        assert page.findings_of is not None
        assert page.findings_of.end == NOON - HOUR
        assert [(s.name, s.verdict.word) for s in page.slices] == [
            ("everything", "breach"),
            ("surface=email", "breach"),
            ("country=LU,surface=email", "too few"),
        ]


def test_findings_read_in_their_units() -> None:
    with Site([stuck_evaluation()]) as site:
        page = site.view.recommender("home")
        assert page is not None
        rows = {f.measure: f for f in page.slices[0].findings}
        share, items = rows["same_item.first_place_share"], rows["diversity.effective_items"]
        assert [plain(t) for t in (share.value, share.usual, share.expected, share.n)] == [
            "96.9 %",
            "3.1 %",
            "at most 9 %",
            "1,571",
        ]
        assert [items.value, items.usual, items.expected] == ["6.2", "812", "640 to 980"]
        assert page.slices[0].counts == "3 breach, 1 ok"


def test_findings_with_trouble_come_first_the_others_by_name() -> None:
    verdicts = {
        "a.b": Verdict.OK,
        "b.c": Verdict.TOO_FEW,
        "c.d": Verdict.OK,
        "d.e": Verdict.ERROR,
        "e.f": Verdict.BREACH,
    }
    rows = [finding(name, 1, verdict) for name, verdict in verdicts.items()]
    with Site([evaluation(findings=findings(rows))]) as site:
        page = site.view.recommender("home")
        assert page is not None
        assert [f.measure for f in page.slices[0].findings] == ["d.e", "e.f", "a.b", "b.c", "c.d"]


def test_slices_with_trouble_come_before_many_healthy_ones() -> None:
    rows = [finding("traffic.requests", 1, slice=f"city={n}") for n in range(300)]
    rows.append(finding("traffic.requests", 1, Verdict.BREACH, slice="city=last"))
    with Site([evaluation(findings=findings([finding("traffic.requests", 9), *rows]))]) as site:
        page = site.view.recommender("home")
        assert page is not None
        assert [s.name for s in page.slices[:2]] == ["everything", "city=last"]
        assert (len(page.slices), page.slices_left_out) == (61, 241)


def test_the_age_of_the_data_survives_windows_without_any() -> None:
    with Site([evaluation(end=NOON - HOUR), failed_evaluation()]) as site:
        (seen,) = site.view.overview().recommenders
        assert seen.newest_event == NOON - HOUR - timedelta(seconds=3)
        assert seen.strip_text == "1 evaluated, 1 failed"


def test_a_recommender_that_is_no_longer_watched_has_no_page_but_its_incidents_have() -> None:
    with Site([stuck_evaluation("gone")], [config("home")]) as site:
        assert site.view.recommender("gone") is None
        assert site.view.overview().open == ()
        page = site.view.incident("gone-same_item-3f9c1a")
        assert page is not None
        assert page.recommender is None
        assert site.view.incident("no such") is None


def test_hundreds_of_symptoms_are_cut() -> None:
    many = tuple(Symptom("x", f"x.m{n}", {}, None, None, "Broken.") for n in range(500))
    with Site([evaluation(open_incidents=(incident(symptoms=many, severity=Severity.TICKET),))]) as site:
        (seen,) = site.view.overview().open
        assert (len(seen.symptoms), seen.symptoms_left_out) == (30, 470)
        assert (seen.symptoms[0].value, seen.symptoms[0].expected) == ("–", "–")
