"""Which files and folders belong to a window."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_examples import (
    HOUR,
    NOW,
    ROWS,
    canonical,
    config,
    listed,
    make_old,
    make_young,
    read_all,
    write_bytes,
    write_parquet,
)

from monitor.errors import LogError, UserError
from monitor.logs import LogFile, PredictionLog, Quarantine
from monitor.logs.listing import Partitions
from monitor.logs.source import Entry, LocalSource
from monitor.windows import Window

SECOND = timedelta(seconds=1)


class Recording(LocalSource):
    """The local file system, and what was asked of it."""

    def __init__(self) -> None:
        self.looked: list[str] = []

    def walk(self, path: str) -> list[Entry] | None:
        self.looked.append(path)
        return super().walk(path)

    def folders(self, path: str) -> list[str] | None:
        self.looked.append(path)
        return super().folders(path)


def partitioned(root: Path, hours: range, pattern: str = "date=%Y-%m-%d/hour=%H") -> None:
    for hour in hours:
        moment = HOUR.start + timedelta(hours=hour)
        write_parquet(root / moment.strftime(pattern) / "part-0.parquet", [{**ROWS[0], "ts": moment}])


def names(files: tuple[object, ...], root: Path) -> list[str]:
    return [str(Path(f.path).relative_to(root)) for f in files]  # type: ignore[attr-defined]  # a LogFile


@pytest.mark.parametrize(
    "pattern",
    ["date=%Y-%m-%d/hour=%H", "%Y/%m/%d/%H", "dt=%Y%m%d%H", "year=%Y/month=%-m/day=%-d/h=%-H", "%Y-%j/%H"],
)
def test_only_the_partitions_of_the_window_are_looked_at(tmp_path: Path, pattern: str) -> None:
    partitioned(tmp_path, range(-30, 30), pattern)
    source = Recording()
    log = PredictionLog(config(tmp_path, partitions=pattern), source=source)
    window = Window(HOUR.start, HOUR.end + timedelta(minutes=1))
    expected = [HOUR.start.strftime(pattern), HOUR.end.strftime(pattern)]
    found = log.files(window, NOW)
    assert names(found.files, tmp_path) == sorted(f"{p}/part-0.parquet" for p in expected)
    assert source.looked == [f"{tmp_path}/{p}" for p in expected]
    assert found.missing_partitions == found.waiting == ()


def test_a_log_partitioned_by_arrival_is_looked_at_for_longer_but_never_ahead(tmp_path: Path) -> None:
    partitioned(tmp_path, range(-2, 8))
    settings_ = {
        "partitions": "date=%Y-%m-%d/hour=%H",
        "partitioned_by": "arrival",
        "partition_lateness": "2h",
    }
    log = PredictionLog(config(tmp_path, **settings_))
    late = log.files(HOUR, HOUR.end + timedelta(days=1))
    assert names(late.files, tmp_path) == [f"date=2026-03-02/hour=0{h}/part-0.parquet" for h in (5, 6, 7)]
    now = log.files(HOUR, NOW)
    assert names(now.files, tmp_path) == [f"date=2026-03-02/hour=0{h}/part-0.parquet" for h in (5, 6)]


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    pattern=st.sampled_from(["%Y", "%Y/%m", "%Y-%m-%d", "%Y-%j/%H", "d=%Y%m%d/h=%H/m=%M", "x=*/%Y/%m/%d"]),
    start=st.datetimes(datetime(2019, 1, 1), datetime(2030, 1, 1)),
    minutes=st.integers(1, 3000),
    share=st.floats(0, 1, exclude_max=True),
)
def test_every_moment_of_a_window_lies_in_exactly_one_partition_of_it(
    pattern: str, start: datetime, minutes: int, share: float
) -> None:
    start = start.replace(tzinfo=UTC)
    partitions = Partitions(pattern)
    moment = start + timedelta(minutes=minutes) * share
    found = list(partitions.names(start, start + timedelta(minutes=minutes)))
    times = [partitions.parse(tuple(n.replace("*", "v") for n in f)) for f in found]
    assert sum(t is not None and t[0] <= moment < t[1] for t in times) == 1
    assert len(set(found)) == len(found)


def test_folders_that_do_not_tell_the_time_are_columns(tmp_path: Path) -> None:
    for value in ("home", "a%2Fb", "__HIVE_DEFAULT_PARTITION__"):
        write_parquet(tmp_path / "date=2026-03-02" / f"surface={value}" / "p.parquet", [ROWS[0]])
    write_parquet(tmp_path / "date=2026-03-02" / "other" / "p.parquet", [ROWS[0]])
    log = PredictionLog(config(tmp_path, partitions="date=%Y-%m-%d/surface=*"), ["surface", "date"])
    files = log.files(HOUR, NOW).files
    assert len(files) == 3
    table = read_all(log, files)
    assert sorted(table["surface"].to_pylist(), key=str) == [None, "a/b", "home"]
    assert set(table["date"].to_pylist()) == {"2026-03-02"}
    assert log.columns_found(files)["surface"] == "string"


@pytest.mark.parametrize(
    ("pattern", "by", "path", "minutes"),
    [
        ("date=%Y-%m-%d/hour=%H", "event_time", "date=2026-03-02/hour=05/p.parquet", (-5, 65)),
        ("date=%Y-%m-%d/hour=%H", "arrival", "date=2026-03-02/hour=05/s=1/p.parquet", (-180, 65)),
        ("date=%Y-%m-%d/surface=*", "event_time", "date=2026-03-02/surface=home/p.parquet", (-305, 1145)),
        ("date=%Y-%m-%d/hour=%H", "event_time", "date=2026-03-02/hour=xx/p.parquet", None),
        ("date=%Y-%m-%d/hour=%H", "event_time", "p.parquet", None),
        ("", "event_time", "p.parquet", None),
    ],
)
def test_when_rows_can_be_follows_from_the_folder(
    tmp_path: Path, pattern: str, by: str, path: str, minutes: tuple[int, int] | None
) -> None:
    """In minutes from the start of the hour that these tests are about."""
    log = PredictionLog(
        config(tmp_path, partitions=pattern, partitioned_by=by, partition_lateness=timedelta(hours=3))
    )
    found = log.period(LogFile(f"{tmp_path}/{path}", 1, 1))
    if found is None:
        assert minutes is None
    else:
        assert minutes == tuple((t - HOUR.start_us) / 60e6 for t in (found.earliest, found.latest))
        assert found.length == (24 if "surface" in pattern else 1) * 3_600_000_000


def test_a_star_above_the_date(tmp_path: Path) -> None:
    for surface in ("home", "email"):
        write_parquet(tmp_path / surface / "2026-03-02" / "p.parquet", [ROWS[0]])
    log = PredictionLog(config(tmp_path, partitions="*/%Y-%m-%d"))
    assert names(log.files(HOUR, NOW).files, tmp_path) == [
        "email/2026-03-02/p.parquet",
        "home/2026-03-02/p.parquet",
    ]
    assert log.span() == (HOUR.start, HOUR.start)


def test_a_partition_that_should_be_there_is_missing(tmp_path: Path) -> None:
    partitioned(tmp_path, range(-2, 0))
    log = PredictionLog(config(tmp_path, partitions="date=%Y-%m-%d/hour=%H"))
    found = log.files(HOUR, NOW)
    assert (found.files, found.missing_partitions) == ((), ("date=2026-03-02/hour=05",))


def test_half_written_files_wait_and_markers_are_nothing(tmp_path: Path) -> None:
    whole = write_parquet(tmp_path / "a.parquet", ROWS)
    write_parquet(tmp_path / "hive_style_without_suffix", ROWS)
    for name in ("b.parquet.tmp", "c.inprogress", "d.parquet.part", "e.crdownload"):
        write_bytes(tmp_path / name, whole.read_bytes()[:100])
    for name in ("_SUCCESS", ".a.parquet.crc", "_temporary/0/x.parquet", "notes.txt"):
        write_bytes(tmp_path / name, b"")
    make_young(write_bytes(tmp_path / "growing.parquet", whole.read_bytes()[:-10]))
    write_bytes(tmp_path / "cut.parquet", whole.read_bytes()[:-10])
    make_young(write_parquet(tmp_path / "young_and_whole.parquet", ROWS))
    found = PredictionLog(config(tmp_path)).files(HOUR, NOW)
    assert names(found.files, tmp_path) == [
        "a.parquet",
        "cut.parquet",
        "hive_style_without_suffix",
        "young_and_whole.parquet",
    ]
    assert [Path(w).name for w in found.waiting] == [
        "b.parquet.tmp",
        "c.inprogress",
        "d.parquet.part",
        "e.crdownload",
        "growing.parquet",
    ]


def test_without_partitions_footers_leave_out_files_of_other_times(tmp_path: Path) -> None:
    for day in range(5):
        rows = [{**row, "ts": row["ts"] + timedelta(days=day - 2)} for row in ROWS]
        write_parquet(tmp_path / f"{day}.parquet", rows)
    write_parquet(tmp_path / "no-statistics.parquet", ROWS, write_statistics=False)
    write_parquet(tmp_path / "text.parquet", [{**row, "ts": "2020-01-01"} for row in ROWS])
    write_bytes(tmp_path / "bad.parquet", b"PAR1")
    found = PredictionLog(config(tmp_path)).files(HOUR, NOW)
    assert names(found.files, tmp_path) == [
        "2.parquet",
        "bad.parquet",
        "no-statistics.parquet",
        "text.parquet",
    ]


def test_a_single_file_of_any_name(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "log.bin", ROWS)
    log = PredictionLog(config(path))
    assert log.files(HOUR, NOW).files == (listed(path),)
    assert read_all(log, log.files(HOUR, NOW).files).to_pylist() == canonical(ROWS)


def test_links_that_lead_to_themselves_pipes_and_odd_folders_do_not_hang(tmp_path: Path) -> None:
    write_parquet(tmp_path / "more.parquet" / "in folder é%2F.parquet", ROWS)
    os.symlink(tmp_path, tmp_path / "more.parquet" / "loop")
    os.symlink("self.parquet", tmp_path / "self.parquet")
    os.symlink("nowhere", tmp_path / "gone.parquet")
    os.mkfifo(tmp_path / "pipe.parquet")
    make_old(tmp_path / "pipe.parquet")
    log, quarantine = PredictionLog(config(tmp_path)), Quarantine()
    files = log.files(HOUR, NOW).files
    assert names(files, tmp_path) == ["more.parquet/in folder é%2F.parquet", "pipe.parquet"]
    assert read_all(log, files, quarantine).num_rows == len(ROWS)
    assert [(Path(q.path).name, q.reason) for q in quarantine.items] == [
        ("pipe.parquet", "is not a plain file but a named pipe")
    ]


def test_the_span_of_a_partitioned_log_needs_two_partitions(tmp_path: Path) -> None:
    partitioned(tmp_path, range(-40, 41))
    source = Recording()
    log = PredictionLog(config(tmp_path, partitions="date=%Y-%m-%d/hour=%H"), source=source)
    assert log.span() == (HOUR.start - timedelta(hours=40), HOUR.start + timedelta(hours=40))
    assert len(source.looked) == 2 * (2 + 1)  # root, a day and an hour on each side


def test_the_span_without_partitions_and_with_implausible_times(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", ROWS[:2])
    write_parquet(tmp_path / "b.parquet", ROWS[2:], write_statistics=False)
    write_parquet(tmp_path / "c.parquet", [{**ROWS[0], "ts": datetime(1970, 1, 1, tzinfo=UTC)}])
    write_bytes(tmp_path / "d.parquet", b"nothing")
    assert PredictionLog(config(tmp_path)).span() == (HOUR.start, HOUR.start + 9 * SECOND)


def test_the_span_of_empty_partitions_is_what_their_names_say(tmp_path: Path) -> None:
    for day in ("2026-03-02", "2026-03-04", "not-a-day"):
        (tmp_path / f"date={day}").mkdir()
    log = PredictionLog(config(tmp_path, partitions="date=%Y-%m-%d"))
    assert log.span() == (datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC))
    (tmp_path / "other").mkdir()
    assert PredictionLog(config(tmp_path / "other", partitions="date=%Y-%m-%d")).span() is None


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("date=%Y-%d", "does not name a time: it needs %Y and every unit down to the smallest"),
        ("hour=%H", "does not name a time: it needs %Y and every unit down to the smallest"),
        ("%Y-%m-%d/%M", "does not name a time: it needs %Y and every unit down to the smallest"),
        ("surface=*", "does not name a time: it needs %Y and every unit down to the smallest"),
        ("%Y-%m-%d/%p", "%p is not known: use %Y %m %d %j %H %M"),
    ],
)
def test_a_pattern_without_a_time_is_a_mistake(tmp_path: Path, pattern: str, says: str) -> None:
    with pytest.raises(UserError) as error:
        PredictionLog(config(tmp_path, partitions=pattern))
    assert str(error.value) in (f"log.partitions: {pattern!r}: {says}", f"log.partitions: {pattern!r} {says}")


@pytest.mark.parametrize("partitions", ["", "date=%Y-%m-%d"])
def test_nothing_there_is_an_error_that_says_what_to_do(tmp_path: Path, partitions: str) -> None:
    with pytest.raises(LogError) as error:
        PredictionLog(config(tmp_path / "log", partitions=partitions)).files(HOUR, NOW)
    assert str(error.value) == f"{tmp_path}/log: does not exist: check `log.path`"
    (tmp_path / "log").mkdir()
    with pytest.raises(LogError) as error:
        PredictionLog(config(tmp_path / "log", partitions=partitions)).files(HOUR, NOW)
    assert (
        str(error.value)
        == f"{tmp_path}/log: is an empty folder: check `log.path`, or wait for the first file"
    )


def test_only_files_of_another_format(tmp_path: Path) -> None:
    write_bytes(tmp_path / "part-0.csv", b"ts,item_id\n")
    with pytest.raises(LogError) as error:
        PredictionLog(config(tmp_path)).files(HOUR, NOW)
    assert str(error.value) == (
        f"{tmp_path}: holds no parquet file but 1 others, such as {tmp_path}/part-0.csv: check `log.format` (parquet)"
    )


def test_permission_denied_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    partitioned(tmp_path / "log", range(1))
    folder = Path("log/date=2026-03-02/hour=05")
    monkeypatch.chdir(tmp_path)  # folders above need no leave then
    tmp_path.chmod(0o711)
    folder.chmod(0o311)  # may be entered, not listed
    log = PredictionLog(config("log", partitions="date=%Y-%m-%d/hour=%H"))
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # root may read everything
    try:
        with pytest.raises(LogError) as error:
            log.files(HOUR, NOW)
    finally:
        os.seteuid(user)
        folder.chmod(0o755)
    assert str(error.value) == f"{folder}: permission denied: give the daemon leave to list and read it"
