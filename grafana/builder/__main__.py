"""Writes grafana/dashboards/."""

from __future__ import annotations

import sys
from pathlib import Path

from grafana.builder import files

FOLDER = Path(__file__).parents[1] / "dashboards"


def main(folder: Path = FOLDER) -> None:
    """Bring the files in step with the code."""
    folder.mkdir(exist_ok=True)
    for name, text in files():
        (folder / name).write_text(text, "utf-8")
    print(f"{folder} is in step with the code")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
