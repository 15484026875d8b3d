"""Logs in an object store: moto's server speaks S3."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from log_examples import HOUR, NOW, ROWS, canonical, config, json_lines, read_all
from moto.server import ThreadedMotoServer
from pyarrow import fs

from monitor.errors import LogError
from monitor.logs import PredictionLog, Quarantine
from monitor.logs.object_store import close_object_stores

PATTERN = "date=%Y-%m-%d/hour=%H"


class Store:
    """A running server, its bucket, and the requests it got."""

    def __init__(self, server: ThreadedMotoServer) -> None:
        host, port = server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self.fs = fs.S3FileSystem(
            endpoint_override=f"{host}:{port}", scheme="http", region="us-east-1", allow_bucket_creation=True
        )
        self.fs.create_dir("bucket")
        self.requests: list[str] = []

    def write(self, key: str, rows: list[dict[str, Any]]) -> None:
        pq.write_table(pa.Table.from_pylist(rows), f"bucket/{key}", filesystem=self.fs)

    def log(self, path: str, **settings: Any) -> PredictionLog:
        return PredictionLog(config(path, endpoint=self.endpoint, region="us-east-1", **settings))


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedMotoServer]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def store(server: ThreadedMotoServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    store = Store(server)
    application = server._server.app  # type: ignore[union-attr]  # moto offers no other way to see requests

    def recording(environ: dict[str, Any], start_response: Any) -> Any:
        store.requests.append(
            f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
        )
        return application(environ, start_response)

    monkeypatch.setattr(server._server, "app", recording)
    yield store
    store.fs.delete_dir_contents("bucket")
    close_object_stores()


def prefixes(requests: list[str]) -> set[str]:
    """What was listed."""
    queries = [parse_qs(urlsplit(r.split(" ", 1)[1]).query) for r in requests if "list-type" in r]
    return {unquote(q.get("prefix", [""])[0]) for q in queries}


def test_only_the_partitions_of_the_window_are_listed_and_read(store: Store) -> None:
    for hour in range(-30, 30):
        moment = HOUR.start + timedelta(hours=hour)
        store.write(f"log/{moment.strftime(PATTERN)}/part-0.parquet", [{**row, "ts": moment} for row in ROWS])
    store.requests.clear()
    log, quarantine = store.log("s3://bucket/log", partitions=PATTERN), Quarantine()
    files = log.files(HOUR, NOW).files
    assert [f.path for f in files] == [f"s3://bucket/log/{HOUR.start.strftime(PATTERN)}/part-0.parquet"]
    assert log.cost(files, quarantine).rows == len(ROWS)
    assert read_all(log, files, quarantine).to_pylist() == canonical(
        [{**row, "ts": HOUR.start} for row in ROWS]
    )
    assert quarantine.items == ()
    assert prefixes(store.requests) == {f"log/{HOUR.start.strftime(PATTERN)}/"}
    assert not [r for r in store.requests if r.startswith("GET /bucket/") and "hour=05" not in unquote(r)]
    assert log.span() == (HOUR.start - timedelta(hours=30), HOUR.start + timedelta(hours=29))


def test_folders_that_are_missing_markers_and_files_still_written(store: Store) -> None:
    folder = f"log/{HOUR.start.strftime(PATTERN)}"
    store.write(f"{folder}/surface=a b/part é.parquet", ROWS)
    store.write(f"{folder}/_temporary/0/part-1.parquet", ROWS)
    store.write(f"{folder}/part-2.parquet.tmp", ROWS)
    with store.fs.open_output_stream(f"bucket/{folder}/_SUCCESS") as stream:
        stream.write(b"")
    log = PredictionLog(config("s3://bucket/log/", endpoint=store.endpoint, partitions=PATTERN), ["surface"])
    found = log.files(HOUR, NOW)
    assert [f.path for f in found.files] == [f"s3://bucket/{folder}/surface=a b/part é.parquet"]
    assert found.waiting == (f"s3://bucket/{folder}/part-2.parquet.tmp",)
    assert read_all(log, found.files)["surface"].to_pylist() == ["a b"] * len(ROWS)
    after = log.files(type(HOUR)(HOUR.end, HOUR.end + HOUR.length), NOW + HOUR.length)
    assert after.missing_partitions == ("date=2026-03-02/hour=06",)


def test_a_star_is_the_only_level_that_is_looked_at(store: Store) -> None:
    for surface in ("home", "email"):
        for day in range(1, 4):
            store.write(f"log/surface={surface}/2026-03-0{day}/p.parquet", ROWS)
    store.requests.clear()
    files = store.log("s3://bucket/log", partitions="surface=*/%Y-%m-%d").files(HOUR, NOW).files
    assert len(files) == 2
    assert prefixes(store.requests) == {"log/"} | {f"log/surface={s}/2026-03-02/" for s in ("home", "email")}


def test_without_partitions_many_footers_are_looked_up(store: Store) -> None:
    for day in range(6):
        store.write(
            f"log/{day}.parquet", [{**row, "ts": row["ts"] + timedelta(days=day - 2)} for row in ROWS]
        )
    log = store.log("s3://bucket/log")
    assert [f.path for f in log.files(HOUR, NOW).files] == ["s3://bucket/log/2.parquet"]


def test_json_lines_and_a_single_object(store: Store) -> None:
    with store.fs.open_output_stream("bucket/log.jsonl.gz", compression="gzip") as stream:
        stream.write(json_lines(ROWS))
    log = store.log("s3://bucket/log.jsonl.gz", format="jsonl")
    assert read_all(log, log.files(HOUR, NOW).files).to_pylist() == canonical(ROWS)


@pytest.mark.parametrize("path", ["s3://bucket/nothing", "s3://no-such-bucket/log"])
def test_nothing_there(store: Store, path: str) -> None:
    for partitions in ("", PATTERN):
        with pytest.raises(LogError) as error:
            store.log(path, partitions=partitions).files(HOUR, NOW)
        assert str(error.value) == f"{path}: does not exist: check `log.path`"


def test_an_object_that_is_gone_is_quarantined(store: Store) -> None:
    store.write("log/a.parquet", ROWS)
    log, quarantine = store.log("s3://bucket/log"), Quarantine()
    files = log.files(HOUR, NOW).files
    store.fs.delete_file("bucket/log/a.parquet")
    assert read_all(log, files, quarantine).num_rows == 0
    assert [q.reason for q in quarantine.items] == ["was deleted after it was listed"]


def test_a_store_that_fails_while_reading_fails_the_window(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("log/a.parquet", ROWS)
    log = store.log("s3://bucket/log")
    files = log.files(HOUR, NOW).files
    refused = closed_port()
    broken = PredictionLog(
        config("s3://bucket/log", endpoint=f"http://127.0.0.1:{refused}", connect_timeout="1s")
    )
    with pytest.raises(LogError, match=r"^s3://bucket/log/a.parquet: cannot connect to the object store"):
        read_all(broken, files)


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_an_endpoint_that_refuses(credentials: None) -> None:
    log = PredictionLog(config("s3://bucket/log", endpoint=f"http://127.0.0.1:{closed_port()}"))
    with pytest.raises(LogError) as error:
        log.files(HOUR, NOW)
    assert str(error.value).startswith(
        "s3://bucket/log: cannot connect to the object store: check `log.endpoint` and the network ("
    )


def test_an_endpoint_that_never_answers(credentials: None) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        port = listener.getsockname()[1]
        log = PredictionLog(
            config("s3://bucket/log", endpoint=f"http://127.0.0.1:{port}", request_timeout="200ms")
        )
        found: list[Exception] = []

        def look() -> None:
            try:
                log.files(HOUR, NOW)
            except LogError as error:
                found.append(error)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
    assert str(found[0]).startswith("s3://bucket/log: the object store did not answer in time (")


@pytest.mark.parametrize(
    ("status", "says"), [(403, "permission denied: give the daemon leave to list and read it")]
)
def test_a_store_that_forbids(credentials: None, status: int, says: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)

        def answer() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    body = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
                    head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                    connection.sendall(head.encode() + body)

        threading.Thread(target=answer, daemon=True).start()
        port = listener.getsockname()[1]
        log = PredictionLog(
            config("s3://bucket/log", endpoint=f"http://127.0.0.1:{port}", partitions=PATTERN)
        )
        with pytest.raises(LogError) as error:
            log.files(HOUR, NOW)
        listener.shutdown(socket.SHUT_RDWR)
    assert str(error.value).endswith(says)


def test_the_interpreter_ends_while_a_store_is_open(store: Store) -> None:
    store.write("log/a.parquet", ROWS)
    program = (
        "from monitor.config.models import LogConfig, Columns\n"
        "from monitor.logs import PredictionLog, Quarantine\n"
        "from datetime import UTC, datetime\n"
        "from monitor.windows import Window\n"
        f"config = LogConfig(path='s3://bucket/log', endpoint={store.endpoint!r}, region='us-east-1',\n"
        "    columns=Columns(timestamp='ts', item='item_id'))\n"
        "log = PredictionLog(config)\n"
        "window = Window(datetime(2026, 3, 2, 5, tzinfo=UTC), datetime(2026, 3, 2, 6, tzinfo=UTC))\n"
        "files = log.files(window, window.end).files\n"
        "reading = log.read(files[0], Quarantine())\n"
        "print(next(reading).num_rows)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, f"{len(ROWS)}\n"), ended.stderr
