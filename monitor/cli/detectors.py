"""`recwatch detectors`: what there is, a new one of your own, tried on history and held against the laws."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.progress import progress
from monitor.cli.times import MOMENT
from monitor.errors import UserError

if TYPE_CHECKING:
    from detectors.core.detector import Detector
    from monitor.config.models import RecommenderConfig
    from monitor.daemon.history import Historian
    from monitor.detector_settings import ConfiguredDetector
    from monitor.own.trial import Trial


@click.group(short_help="List, write, try and test detectors.")
def detectors() -> None:
    """Detectors: those that come with recwatch, and your own."""


@detectors.command("list")
@click.argument("config", required=False, type=click.Path(path_type=Path))
def list_(config: Path | None) -> None:
    """The detectors that are installed, and with CONFIG those that it adds."""
    for name, detector in sorted(_known(config).items()):
        origin = "built in" if type(detector).__module__.startswith("detectors.") else _file(detector)
        measures = "measure " if (n := len(detector.measures())) == 1 else "measures"
        click.echo(f"{name:<18} {n:>3} {measures}  {_says(detector)}  ({origin})")


@detectors.command()
@click.argument("name")
@click.argument("config", required=False, type=click.Path(path_type=Path))
def show(name: str, config: Path | None) -> None:
    """What a detector measures, how that is judged, and what it needs."""
    from detectors.core.detector import settings_of
    from monitor.config.problems import suggestion
    from monitor.exposition.catalogue import MeasureInfo, metric_name

    known = _known(config)
    if name not in known:
        raise UserError(f"{name}: unknown detector; {suggestion(name, known)}")
    detector = known[name]
    click.echo(f"{name}: {_says(detector)}")
    for setting, value in settings_of(detector).items():
        click.echo(f"  setting {setting} = {value}")
    for measure in detector.measures():
        info = MeasureInfo(f"{name}.{measure.name}", measure.unit.value, measure.help)
        click.echo(f"  {measure.name} ({metric_name(info)}): {measure.help}")
        for judgement in measure.judge:
            click.echo(f"    {judgement}")
        if measure.needs:
            click.echo(f"    needs {', '.join(sorted(measure.needs))}")


@detectors.command()
@click.argument("name")
@click.option(
    "--door", type=click.Choice(["line", "function", "class"]), default="function", show_default=True
)
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path(), show_default=True, help="Where to write."
)
def new(name: str, door: str, folder: Path) -> None:
    """Write a detector called NAME and its test, which passes, to be changed from there."""
    from monitor.own.names import mistake_in
    from monitor.own.templates import files_of

    if what := mistake_in(name):
        raise UserError(f"{name}: {what}")
    files = {folder / file: text for file, text in files_of(door, name).items()}
    if there := [path for path in files if path.exists()]:
        raise UserError(
            f"{there[0]}: is there already; give the detector another name, or name another --folder"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); name another --folder") from error
    first, test = files
    click.echo(f"Wrote {first} and {test}.")
    click.echo(f"Its test:         python -m pytest {test}")
    if door == "line":
        click.echo(f"In use:           put what is in {first} into the configuration")
        return
    click.echo(f"The laws:         recwatch detectors test {first}")
    click.echo(f"Over history:     recwatch detectors try {first} CONFIG")
    click.echo(f"In use:           detector_files: [{first}] in the configuration")


@detectors.command()
@click.argument("file")
def test(file: str) -> None:
    """Hold the detectors of FILE against the laws: merging, order, slices, sample size, nothing, no writing.

    FILE may be the name of an installed detector. Exit codes: 0; 1 when a law is broken; 2 for a file that holds no
    detector.
    """
    from monitor.own.laws import laws

    broken = 0
    for name, detector in _of(file).items():
        click.echo(f"{name}:")
        for outcome in laws(detector):
            click.echo(f"  {'broken' if outcome.why else 'ok':<7} {outcome.law}")
            if outcome.why:
                click.echo(f"          {outcome.why}")
                broken += 1
    if broken:
        raise click.exceptions.Exit(1)


@detectors.command("try")
@click.argument("file")
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--from", "begin", type=MOMENT, default=None, help="First window; the log's first event by default."
)
@click.option(
    "--to", "end", type=MOMENT, default=None, help="End of the last window; the log's last event by default."
)
def try_(file: str, config: Path, begin: datetime | None, end: datetime | None) -> None:
    """Run the detectors of FILE alone over the history of CONFIG: what would have been told, how often by chance, at
    which cost, and how the series looked.

    FILE may be the name of a detector that CONFIG has, such as one with an expression. One that hangs or takes too
    much memory is stopped and left out, as in the daemon. Exit codes: 0; 1 when one failed, or measured nothing.
    """
    from monitor.cli.contained import checked
    from monitor.daemon.history import Historian
    from monitor.own.trial import TIMED_HISTORY

    found = checked(config)
    with Historian(found.daemon, cycle=TIMED_HISTORY) as historian:
        known = [_tried(historian, file, recommender, (begin, end)) for recommender in found.recommenders]
    if not all(known):
        raise click.exceptions.Exit(1)


def _tried(
    historian: Historian,
    file: str,
    recommender: RecommenderConfig,
    span: tuple[datetime | None, datetime | None],
) -> bool:
    """Whether something can be said of the detectors after they were tried and it was said."""
    from monitor.detector_settings import build
    from monitor.own.trial import Trial, alone

    in_file = Path(file).exists()
    names = sorted(_of(file)) if in_file else [file]
    if not in_file and file not in build(recommender.detectors, recommender.detector_files):
        raise UserError(f"{file}: is neither a file nor a detector of {recommender.name}")
    files = [str(Path(file).resolve())] if in_file else recommender.detector_files
    tried = alone(recommender, names, files)
    tested = build(tried.detectors, tried.detector_files)
    windows = historian.windows(recommender, *span)
    trial = Trial()
    with progress(recommender.name, len(windows)) as step:
        for evaluation in historian.evaluations(tried, windows):
            trial.add(evaluation)
            step(f"{evaluation.window.start:%Y-%m-%d %H:%M}")
    for line in _report(tried, {n: c for n, c in tested.items() if n in names}, trial):
        click.echo(line)
    return trial.knows(names)


def _report(
    recommender: RecommenderConfig, configured: Mapping[str, ConfiguredDetector], trial: Trial
) -> Sequence[str]:
    from monitor.own.trial import drawing, expected_false

    out = [f"{recommender.name}: {trial.windows} windows, {trial.rows:,} rows"]
    out += [f"  {name} failed in {trial.failed[name]} of {trial.windows} windows: {why}"
            for name, why in trial.failures.items() if name in configured]  # fmt: skip
    out += [f"  {measure} cannot be measured: {why}" for measure, why in sorted(trial.lacks.items())
            if measure.partition(".")[0] in configured]  # fmt: skip
    out += [f"  could not be used: {why}" + (f": {rows:,}" if rows else "")
            for why, rows in sorted(trial.unusable.items())]  # fmt: skip
    for measure, points in sorted(trial.series.items()):
        out += ["", f"  {measure}, all traffic:", *drawing(points)]
    told = sorted(trial.incidents.values(), key=lambda i: (i.opened_at, i.id))
    nothing = "nothing" if trial.knows(configured) else "nothing, which says nothing: see above"
    out += ["", "  it would have told:" if told else f"  it would have told {nothing}."]
    for incident in told:
        until = f"until {incident.resolved_at:%Y-%m-%d %H:%M}" if incident.resolved_at else "still open"
        out.append(
            f"    {incident.opened_at:%Y-%m-%d %H:%M} UTC  {incident.severity.value:6s}  "
            f"{trial.told[incident.id]}  ({until})"
        )
    chance = expected_false(recommender, configured, trial.slices)
    out.append(f"  by chance: at most {chance:.2g} false breaches in 30 days, over {trial.slices} slices")
    per_million = 1e6 * trial.seconds / max(trial.rows, 1)
    out.append(
        f"  cost: {trial.seconds:.2f} s in all with reading, {per_million:.2f} s a million rows; "
        f"{trial.own_seconds:.2f} s of it its own"
    )
    return out


def _known(config: Path | None) -> dict[str, Detector]:
    """Installed detectors with their defaults, those of a configuration as it has them."""
    from detectors.core.detector import discover
    from monitor.cli.contained import checked
    from monitor.detector_settings import build

    known: dict[str, Detector] = {name: kind() for name, kind in discover().items()}
    if config is not None:
        for recommender in checked(config).recommenders:
            made = build(recommender.detectors, recommender.detector_files)
            known |= {name: configured.detector for name, configured in made.items()}
    return known


def _of(file: str) -> dict[str, Detector]:
    """The detectors of a file or folder, or the installed one of that name."""
    from detectors.core.detector import discover
    from monitor.cli.contained import contain
    from monitor.own.files import load_files

    if file in discover() and not Path(file).exists():
        return {file: discover()[file]()}
    path = str(Path(file).resolve())
    contain(path)
    kinds = load_files([path])
    try:
        return {name: kind() for name, kind in kinds.items()}
    except TypeError as error:
        raise UserError(f"{file}: {error}; give every setting a default") from error


def _says(detector: Detector) -> str:
    own = inspect.cleandoc(type(detector).__doc__ or "")  # not what a base class says of itself
    return own.partition("\n\n")[0].replace("\n", " ") or "it does not say what it looks at"


def _file(detector: Detector) -> str:
    try:
        return inspect.getfile(type(detector))
    except (OSError, TypeError):
        return type(detector).__module__
