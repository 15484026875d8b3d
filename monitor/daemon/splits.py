"""Which values the column of a split log has: new ones join, gone ones retire after their history ends."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from monitor.config.models import Config, RecommenderConfig
from monitor.config.split import expand, is_split
from monitor.errors import StoreError, UserError
from monitor.logging_setup import logger
from monitor.windows import Window

FILE = "split_values.json"
FORMAT = 1


class Splits:
    """Remembers the values and when each was last seen, also over a restart.

    A value that is missing in the newest window stays: its recommender may have stopped, and that has to be told.
    It goes when it was not seen for as long as history is replayed.
    """

    def __init__(self, state_folder: Path) -> None:
        self._path = state_folder / FILE
        self._seen: dict[str, dict[str, datetime]] = self._read()
        self._asked: dict[str, Window] = {}
        self._log = logger("splits")

    def to_ask(self, config: Config, now: datetime) -> list[RecommenderConfig]:
        """Recommenders whose values are not known as of the newest complete window."""
        return [
            r for r in config.recommenders if is_split(r) and self._asked.get(r.name) != newest_window(r, now)
        ]

    def learn(self, recommender: RecommenderConfig, values: Iterable[str], now: datetime) -> None:
        """These values are in the newest window.

        Raises
        ------
        StoreError
            When they cannot be written down.
        """
        self._asked[recommender.name] = newest_window(recommender, now)
        known = self._seen.setdefault(recommender.name, {})
        known.update(dict.fromkeys(values, now))
        for value, seen in list(known.items()):
            if now - seen > recommender.window.replay:
                del known[value]
        self._write()

    def expanded(self, config: Config) -> tuple[RecommenderConfig, ...]:
        """All recommenders of the configuration, those that are split by their values."""
        out: list[RecommenderConfig] = []
        for recommender in config.recommenders:
            try:
                out += expand(recommender, sorted(self._seen.get(recommender.name, {})))
            except UserError as error:
                self._log.error(
                    "recommender cannot be split", recommender=recommender.name, reason=str(error)
                )
        return tuple(out)

    def _read(self) -> dict[str, dict[str, datetime]]:
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            if data["format"] != FORMAT:
                return {}
            return {
                name: {value: datetime.fromisoformat(seen) for value, seen in values.items()}
                for name, values in data["values"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}  # none yet, or damaged: the newest window tells them again

    def _write(self) -> None:
        values = {
            name: {value: seen.isoformat() for value, seen in known.items()}
            for name, known in self._seen.items()
        }
        partial = self._path.with_suffix(".part")
        try:
            partial.write_text(json.dumps({"format": FORMAT, "values": values}), encoding="utf-8")
            os.replace(partial, self._path)
        except OSError as error:
            raise StoreError(f"cannot write {self._path}: {error.strerror}") from error


def newest_window(recommender: RecommenderConfig, now: datetime) -> Window:
    """The newest window that is complete and settled."""
    length = recommender.window.length
    return Window.containing(now - recommender.window.settle - length, length)
