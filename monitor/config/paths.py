"""Paths as a configuration writes them."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from monitor.config.strict import Text


def _anchored(path: str, info: ValidationInfo) -> str:
    """A relative local path starts at the folder of the configuration file, when there is one."""
    folder = (info.context or {}).get("folder")
    if folder is None or "://" in path or "\0" in path:
        return path
    return os.path.normpath(os.path.join(os.path.realpath(folder), path))


LocalPath = Annotated[Text, AfterValidator(_anchored)]
