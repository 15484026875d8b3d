"""A load generator: asks one address over and over, through a connection that stays open, as a scraper does."""

from __future__ import annotations

import gzip
import http.client
import time
from collections.abc import Callable, Sequence
from math import ceil

from tests.bench.figures import CouldNotMeasure

# As Prometheus asks.
HEADERS = {
    "Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Accept-Encoding": "gzip",
}


class Client:
    """One connection to loopback."""

    def __init__(self, port: int, path: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._path = path

    def ask(self) -> tuple[float, bytes]:
        """Seconds from asking to the last byte, and the answer unpacked.

        Raises
        ------
        CouldNotMeasure
            When the answer is no success.
        """
        begin = time.perf_counter()
        self._connection.request("GET", self._path, headers=HEADERS)
        answer = self._connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - begin
        if answer.status != 200:
            raise CouldNotMeasure(
                f"{self._path} answered {answer.status}: {body[:200].decode(errors='replace')}"
            )
        return took, gzip.decompress(body) if answer.getheader("Content-Encoding") == "gzip" else body

    def close(self) -> None:
        self._connection.close()


def latencies(client: Client, go_on: Callable[[bytes], bool], most: int, pause: float) -> list[float]:
    """Seconds of each answer, one after the other with a pause between, while they say to go on."""
    times: list[float] = []
    while len(times) < most:
        took, body = client.ask()
        if not go_on(body):
            break
        times.append(took)
        time.sleep(pause)
    return times


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed (nearest rank).

    >>> percentile([3.0, 1.0, 2.0, 4.0], 50), percentile([3.0, 1.0, 2.0, 4.0], 99), percentile([7.0], 1)
    (2.0, 4.0, 7.0)
    """
    if not values:
        raise ValueError("no values, no percentile")
    return sorted(values)[max(0, ceil(percent / 100 * len(values)) - 1)]
