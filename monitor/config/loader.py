"""A configuration file becomes a `Config`: read, inherit, validate, check; every mistake is told at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitor.config.assembly import DetectorCheck, assemble
from monitor.config.document import LARGEST, TOO_LARGE, read
from monitor.config.models import Config, RecommenderConfig
from monitor.config.problems import Problems
from monitor.errors import UserError


def load(path: Path, check_detectors: DetectorCheck | None = None) -> Config:
    """The configuration in a file; relative paths in it start at its folder.

    Raises
    ------
    UserError
        With a line for each mistake: file, line, key, what is wrong, what to do.
    """
    return _decoded(content(path), path, check_detectors)


@dataclass
class ConfigFile:
    """A configuration file that is looked at again and again.

    What counts is its content, not its name or time: a symbolic link that moves, as in a Kubernetes ConfigMap, is
    noticed, and a mere touch is not.
    """

    path: Path
    check_detectors: DetectorCheck | None = None
    _loaded: str = field(default="", init=False)

    def load(self) -> Config:
        """As `load`; what was read now is what `changed` compares with, even when it is wrong."""
        data = content(self.path)
        self._loaded = hashlib.sha256(data).hexdigest()
        return _decoded(data, self.path, self.check_detectors)

    def changed(self) -> bool:
        """Whether the file has another content than at the last `load`. A file that cannot be read has changed."""
        try:
            return hashlib.sha256(content(self.path)).hexdigest() != self._loaded
        except UserError:
            return True


def content(path: Path, otherwise: str = "name a configuration, or write one with recwatch init") -> bytes:
    """The bytes of a configuration file; `otherwise` says what to do when there is none.

    Raises
    ------
    UserError
        When there is no reading it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; {otherwise}") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder; name the configuration file in it") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    if len(data) > LARGEST:
        raise UserError(f"{path}: {TOO_LARGE}")
    return data


def _decoded(data: bytes, path: Path, check_detectors: DetectorCheck | None) -> Config:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from None
    return parse(text, str(path), folder=path.parent, check_detectors=check_detectors)


def parse(
    text: str,
    source: str,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    check_detectors: DetectorCheck | None = None,
) -> Config:
    """The configuration in a text.

    Parameters
    ----------
    source : str
        What messages call it; the file's name.
    folder : Path or None
        Where relative paths start; None leaves them as they are.
    environment : mapping
        What `${NAME}` is replaced from.
    check_detectors : callable or None
        Checks the detectors' own parameters.

    Raises
    ------
    UserError
        With a line for each mistake: file, line, key, what is wrong, what to do.

    Examples
    --------
    >>> shop = "recommenders: [{name: shop, log: {path: log, columns: {timestamp: time, item: product}}}]"
    >>> parse(shop, "shop.yaml").recommenders[0].log.columns.item
    'product'
    """
    problems = Problems(source)
    root = read(text, environment, problems)
    config = assemble(root, problems, folder, check_detectors) if root else None
    problems.raise_if_any()
    assert config is not None  # or there would have been a problem
    return sharing(config)


def sharing(config: Config) -> Config:
    """With the number of recommenders that share the false alarms that are allowed, where none is given."""
    n = len(config.recommenders)

    def told(recommender: RecommenderConfig) -> RecommenderConfig:
        allowed = recommender.false_alarms
        if allowed.recommenders is not None:
            return recommender
        return recommender.model_copy(update={"false_alarms": allowed.model_copy(update={"recommenders": n})})

    return config.model_copy(update={"recommenders": tuple(map(told, config.recommenders))})
