"""A recommender that answers in real time, and its log: what it shows can be broken and mended while it runs."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

PARTITIONS = "date=%Y-%m-%d/hour=%H/minute=%M"
SECOND = timedelta(seconds=1)
REQUESTS = 60  # a second
USERS, ITEMS, TASTE, PLACES = 900, 400, 15, 5
STUCK_SHARE = 0.97


class LiveLog:
    """Writes what was shown, a file a second; each appears complete, when its second is over.

    Every user has a taste of fifteen items and gets five of them in another order each time. A quarter of the
    requests are for e-mails.

    Parameters
    ----------
    root : Path
        Folder of the log.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._stuck: tuple[tuple[datetime, str | None, str | None], ...] = ()
        rng = np.random.default_rng(7)
        self._tastes = [rng.choice(ITEMS, TASTE, replace=False) for _ in range(USERS)]
        self._next = datetime.now(UTC).replace(microsecond=0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def show(self, since: datetime, item: str | None, surface: str | None = None) -> None:
        """From then on an item is first, for nearly everybody on a surface (None: on all); None: as it should be."""
        self._stuck = (*self._stuck, (since, item, surface))

    def write_history(self, duration: timedelta) -> None:
        """What was shown before now, all of it healthy."""
        moment = self._next - duration
        while moment < self._next:
            self._write(moment)
            moment += SECOND

    def __enter__(self) -> LiveLog:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stop.is_set():
            if datetime.now(UTC) >= self._next + SECOND:
                self._write(self._next)
                self._next += SECOND
            else:
                time.sleep(0.02)

    def _shown_at(self, second: datetime) -> tuple[str | None, str | None]:
        """The item that is stuck, and on which surface."""
        stuck = [(item, surface) for since, item, surface in self._stuck if since <= second]
        return stuck[-1] if stuck else (None, None)

    def _write(self, second: datetime) -> None:
        rng = np.random.default_rng(int(second.timestamp()))
        lines = []
        for number in range(REQUESTS):
            user = int(rng.integers(USERS))
            row: dict[str, Any] = {
                "ts": (second + SECOND * (number / REQUESTS)).isoformat(),
                "request": f"{second:%H%M%S}-{number}",
                "user": f"u{user}",
                "surface": "email" if user % 4 == 0 else "home",
                "items": [f"sku-{i}" for i in rng.choice(self._tastes[user], PLACES, replace=False)],
            }
            item, surface = self._shown_at(second)
            if item is not None and surface in (None, row["surface"]) and rng.random() < STUCK_SHARE:
                row["items"][0] = item
            lines.append(json.dumps(row))
        path = self.root / second.strftime(PARTITIONS) / f"{second:%S}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        half_written = path.with_suffix(".tmp")
        half_written.write_text("\n".join(lines) + "\n")
        half_written.replace(path)
