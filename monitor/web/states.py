"""How things stand, in a word with a tone, and why. What is not known is never said to be fine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from detectors.core.verdict import Severity, Verdict
from monitor.config.models import Mode
from monitor.config.units import format_duration
from monitor.evaluation import Evaluation, Status
from monitor.findings import Findings
from monitor.incidents.incident import Incident
from monitor.web.wording import moment, number, short

Tone = Literal["bad", "warn", "mute", "good"]
TONES: tuple[Tone, ...] = ("bad", "warn", "mute", "good")  # worst first
WHOLE = "all"
AT_WORK = timedelta(minutes=10)  # since an older window was evaluated: newer ones are on their way
BEHIND = ("overdue", "catching up")  # the newest window that was evaluated says nothing of now


@dataclass(frozen=True)
class State:
    """A word and the colour that goes with it; `why` is a sentence."""

    word: str
    tone: Tone
    why: str = ""


class Timing(Protocol):
    """When windows are evaluated, as `window` of a configuration says it."""

    @property
    def length(self) -> timedelta: ...
    @property
    def settle(self) -> timedelta: ...
    @property
    def cadence(self) -> timedelta | None: ...


class Watched(Protocol):
    """What has to be known of a recommender to say how it stands: its configuration, or what the store tells of it."""

    @property
    def mode(self) -> Mode: ...
    @property
    def window(self) -> Timing: ...


VERDICTS = {
    Verdict.OK: State("ok", "good", "as expected"),
    Verdict.BREACH: State("breach", "bad", "not as expected"),
    Verdict.NO_DATA: State("no data", "mute", "nothing was there to measure"),
    Verdict.TOO_FEW: State("too few", "mute", "too few rows to tell"),
    Verdict.ERROR: State("error", "warn", "the detector failed"),
}
SEVERITIES = {Severity.PAGE: State("page", "bad"), Severity.TICKET: State("ticket", "warn")}
STATUSES = {
    Status.EVALUATED: State("evaluated", "good"),
    Status.NO_DATA: State("no data", "mute", "the log has no rows of this window"),
    Status.REFUSED: State("refused", "warn", "reading it would cost more than the budget allows"),
    Status.FAILED: State("failed", "warn", "it could not be read or evaluated"),
    Status.SKIPPED: State("skipped", "mute", "left out while catching up"),
}


def evaluation_state(evaluation: Evaluation, incidents: Sequence[Incident] = ()) -> State:
    """How one evaluation ended; an incident that its window showed comes first."""
    if evaluation.status is not Status.EVALUATED:
        known = STATUSES[evaluation.status]
        return State(known.word, known.tone, short(evaluation.reason) if evaluation.reason else known.why)
    for incident in incidents:
        until = incident.last_seen_at or incident.resolved_at
        if incident.onset_at < evaluation.window.end and (until is None or evaluation.window.end <= until):
            return State("incident", SEVERITIES[incident.severity].tone, short(incident.summary))
    if evaluation.failures:
        return State("error", "warn", f"failed: {short(', '.join(sorted(evaluation.failures)))}")
    return STATUSES[Status.EVALUATED]


def recommender_state(
    config: Watched,
    latest: Evaluation | None,
    open_incidents: Sequence[Incident],
    newest_event: datetime | None,
    now: datetime,
) -> State:
    """How a recommender stands: trouble first, then what keeps us from knowing, then what was found."""
    if latest is None:
        return State("not evaluated yet", "mute", "No window has been evaluated so far.")
    for severity, known in SEVERITIES.items():
        for incident in open_incidents:
            if incident.severity is severity and config.mode is not Mode.OBSERVE:
                return State(known.word, known.tone, incident.summary)
    if overdue := _overdue(config, latest, now):
        if now - latest.evaluated_at <= AT_WORK:
            why = f"Older windows are being evaluated, by now up to {moment(latest.window.end)}."
            return State("catching up", "mute", why)
        return State("overdue", "warn", overdue)
    if latest.status is Status.NO_DATA:
        return _empty(config, latest, newest_event, now)
    if latest.status is not Status.EVALUATED:
        state = evaluation_state(latest)
        return State(state.word, state.tone, f"The last window was not evaluated: {state.why}.")
    return _judged(config, latest)


def notes(config: Watched, latest: Evaluation | None, state: State, now: datetime) -> tuple[str, ...]:
    """What else a person should know about the last window."""
    if latest is None:
        return ()
    read, out = latest.read, []
    if state.word in ("page", "ticket") and latest.status is not Status.EVALUATED:
        out.append(
            f"The last window was not evaluated: {evaluation_state(latest).why}. The incident stays open."
        )
    if state.word not in (*BEHIND, "not evaluated yet") and (overdue := _overdue(config, latest, now)):
        out.append(overdue)
    if config.mode is Mode.OBSERVE:
        out.append("Observed only: nobody is told of what is found here.")
    out += (f"Detector {short(name)} failed: {short(text)}" for name, text in sorted(latest.failures.items()))
    out += (f"Quarantined: {short(entry.path)}: {short(entry.reason)}" for entry in read.quarantined[:3])
    if len(read.quarantined) > 3:
        out.append(f"… and {len(read.quarantined) - 3} more quarantined.")
    out += (f"Catalogue: {short(remark)}." for remark in (read.catalog.remarks if read.catalog else ()))
    for count, what in (
        (len(read.waiting), "files are still being written and wait."),
        (read.rows_future, "rows are later than the clock allows and were left out."),
        (read.rows_past, "rows are implausibly old and were left out."),
    ):
        if count:
            out.append(f"{number(count)} {what}")
    return tuple(out)


def _overdue(config: Watched, latest: Evaluation, now: datetime) -> str:
    """A sentence when the next window should long have been evaluated."""
    window = config.window
    due = latest.window.end + window.length + window.settle
    if now <= due + window.length:
        return ""
    return f"The window after {moment(latest.window.end)} should have been evaluated at {moment(due)}."


def _empty(config: Watched, latest: Evaluation, newest_event: datetime | None, now: datetime) -> State:
    window = config.window
    if (
        window.cadence
        and newest_event
        and now - newest_event <= window.cadence + window.length + window.settle
    ):
        every = format_duration(window.cadence)
        return State(
            "waiting", "mute", f"The log gets data every {every}; the newest is of {moment(newest_event)}."
        )
    return State("no data", "mute", f"The last window was not judged: {evaluation_state(latest).why}.")


def _judged(config: Watched, latest: Evaluation) -> State:
    whole, slices = _counts(latest.findings)
    if whole[Verdict.BREACH]:
        silent = config.mode is Mode.OBSERVE
        why = (
            "nobody is told, as configured"
            if silent
            else "not conclusive enough for an incident so far, or only observed"
        )
        return State("breach", "warn", f"{_measurements(whole[Verdict.BREACH])} not as expected; {why}.")
    if latest.failures or whole[Verdict.ERROR]:
        return State("error", "warn", "A detector failed, so what it watches is not known.")
    if not whole[Verdict.OK]:
        word = "too few" if whole[Verdict.TOO_FEW] else "no data"
        return State(word, "mute", "Nothing could be judged: there is too little in the window.")
    why = f"{_measurements(whole[Verdict.OK])} as expected"
    if undecided := whole[Verdict.TOO_FEW] + whole[Verdict.NO_DATA]:
        why += f", {undecided} cannot be judged"
    if slices[Verdict.BREACH]:
        why += f"; {slices[Verdict.BREACH]} in slices not as expected, "
        why += "not conclusive enough for an incident, or only observed"
    return State("ok", "good", why + ".")


def _counts(findings: Findings) -> tuple[Counter[Verdict], Counter[Verdict]]:
    """How often each verdict was given, for the whole and for the slices."""
    whole: Counter[Verdict] = Counter()
    slices: Counter[Verdict] = Counter()
    columns = (findings.columns[name].tolist() for name in ("slice", "verdict"))
    for at, verdict in zip(*columns, strict=True):
        (whole if findings.slices[at] == WHOLE else slices)[Verdict(verdict)] += 1
    return whole, slices


def _measurements(count: int) -> str:
    return "1 measurement is" if count == 1 else f"{count} measurements are"
