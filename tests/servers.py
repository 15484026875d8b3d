"""Real servers on loopback for tests: Prometheus, Alertmanager, and a receiver of webhooks."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml

PATIENCE = 60.0  # seconds until a test gives up


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """What the condition gives as soon as it gives something."""
    give_up = time.monotonic() + patience
    while True:
        try:
            if found := condition():
                return found
        except OSError:  # not up yet
            pass
        assert time.monotonic() < give_up, condition
        time.sleep(0.05)


@contextmanager
def running(*command: object, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended afterwards; what it says is in `log`."""
    with log.open("wb") as said:
        process = subprocess.Popen([*map(str, command)], stdout=said, stderr=said)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)


class Prometheus:
    """A running Prometheus.

    Attributes
    ----------
    targets : Path
        Written by `scrape`; Prometheus notices within a second or so.
    """

    def __init__(self, port: int, targets: Path) -> None:
        self.url = f"http://127.0.0.1:{port}/api/v1/"
        self.targets = targets

    def scrape(self, *addresses: object) -> None:
        """From now on these are scraped, as the job `recwatch`."""
        half_written = self.targets.with_suffix(".part")
        half_written.write_text(json.dumps([{"targets": [str(address) for address in addresses]}]))
        half_written.replace(self.targets)

    def ask(self, path: str, **parameters: str) -> Any:
        with urlopen(f"{self.url}{path}?{urlencode(parameters)}", timeout=PATIENCE) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str, at: datetime | None = None) -> list[tuple[dict[str, str], float]]:
        """Series of an instant query, now unless another moment is said."""
        moment = {} if at is None else {"time": str(at.timestamp())}
        found = self.ask("query", query=expression, **moment)["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]


@contextmanager
def prometheus(
    folder: Path,
    *targets: object,
    rules: Sequence[Path] = (),
    alertmanager: str = "",
    flags: Sequence[str] = (),
    interval: str = "1s",
) -> Iterator[Prometheus]:
    """A Prometheus with its data in a folder; it scrapes and evaluates once in an interval."""
    listed = folder / "targets.json"
    discovery = {"files": [str(listed)], "refresh_interval": "1s"}
    settings: dict[str, Any] = {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "scrape_configs": [{"job_name": "recwatch", "file_sd_configs": [discovery]}],
        "rule_files": [str(path) for path in rules],
    }
    if alertmanager:
        settings["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    config, port = folder / "prometheus.yml", free_port()
    config.write_text(yaml.safe_dump(settings))
    server = Prometheus(port, listed)
    server.scrape(*targets)
    with running(
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
        *flags,
        log=folder / "prometheus.log",
    ):
        yield server


class Alertmanager:
    """A running Alertmanager."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"

    def post(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Take these alerts, as from Prometheus."""
        body = json.dumps(alerts).encode()
        url = f"http://{self.address}/api/v2/alerts"
        request = Request(url, body, {"content-type": "application/json"}, method="POST")
        urlopen(request, timeout=PATIENCE).close()

    def ready(self) -> bool:
        with urlopen(f"http://{self.address}/-/ready", timeout=PATIENCE) as answer:
            return bool(answer.status == 200)


@contextmanager
def alertmanager(folder: Path, settings: Mapping[str, Any]) -> Iterator[Alertmanager]:
    """An Alertmanager, alone in its cluster, that is ready."""
    config, port = folder / "alertmanager.yml", free_port()
    config.write_text(yaml.safe_dump(dict(settings)))
    with running(
        "prometheus-alertmanager",
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=warn",
        log=folder / "alertmanager.log",
    ):
        server = Alertmanager(port)
        wait_for(server.ready)
        yield server


class Receiver:
    """What arrived by webhook: the path it was sent to, and the payload."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, dict[str, Any]]] = []
        self.url = ""

    def at(self, path: str, status: str = "") -> list[dict[str, Any]]:
        """Payloads that came to a path, in order; with `status`, those alone."""
        return [
            payload
            for where, payload in list(self.arrived)
            if where == f"/{path}" and status in ("", payload["status"])
        ]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A server that takes every webhook."""
    got = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.arrived.append((self.path, json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    got.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield got
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)
