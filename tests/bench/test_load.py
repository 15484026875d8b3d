"""The load generator times whole answers of a real server, stops when told, and takes no failure for an answer."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.bench.figures import CouldNotMeasure
from tests.bench.load import Client, latencies, percentile

BODY = b"recwatch_up 1\n" * 1000


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections: set[tuple[str, int]]

    def do_GET(self) -> None:
        self.connections.add(self.client_address)
        body = gzip.compress(BODY) if self.headers["Accept-Encoding"] == "gzip" else BODY
        self.send_response(200 if self.path == "/metrics" else 503)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    _Answer.connections = set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_answers_are_asked_for_on_one_connection_until_told_to_stop(port: int) -> None:
    client, seen = Client(port, "/metrics"), []

    def go_on(body: bytes) -> bool:
        seen.append(body)
        return len(seen) < 4

    times = latencies(client, go_on, most=100, pause=0.0)
    client.close()
    assert seen == [BODY] * 4
    assert len(times) == 3  # what came with the word to stop does not count
    assert all(t > 0 for t in times)
    assert len(_Answer.connections) == 1


def test_no_more_answers_than_wanted(port: int) -> None:
    client = Client(port, "/metrics")
    assert len(latencies(client, lambda body: True, most=2, pause=0.0)) == 2
    client.close()


def test_a_failure_is_no_answer(port: int) -> None:
    client = Client(port, "/broken")
    with pytest.raises(CouldNotMeasure, match=r"^/broken answered 503: "):
        client.ask()
    client.close()


def test_the_percentile_of_a_hundred_is_one_of_them() -> None:
    values = [float(v) for v in range(100, 0, -1)]
    assert [percentile(values, p) for p in (0, 1, 50, 99, 99.5, 100)] == [1.0, 1.0, 50.0, 99.0, 100.0, 100.0]
    with pytest.raises(ValueError, match=r"^no values, no percentile$"):
        percentile([], 50)
