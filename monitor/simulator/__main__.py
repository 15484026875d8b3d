"""Writes a simulated log: `python -m monitor.simulator OUT --scenario NAME_OR_FILE`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from monitor.errors import UserError
from monitor.simulator.log import LogWriter
from monitor.simulator.scenario import Scenario
from monitor.simulator.scenarios import NAMES, scenario_named
from monitor.simulator.simulation import Simulation


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0, or 2 with a sentence on stderr when something was asked that cannot be."""
    options = _parser().parse_args(arguments)
    try:
        writer = LogWriter(Simulation(_scenario(options), options.seed))
        rows = sum(writer.write(options.out))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{rows:,} rows of {writer.simulation.hours} hours in {options.out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m monitor.simulator", description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--scenario", default="incidents", help=f"a JSON file, or {', '.join(NAMES)}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests-per-hour", type=float, metavar="R")
    parser.add_argument("--items", type=int, metavar="I")
    parser.add_argument("--users", type=int, metavar="U")
    parser.add_argument("--slots", type=int, metavar="K", help="length of a list")
    parser.add_argument("--layout", choices=("long", "list"))
    parser.add_argument("--format", choices=("parquet", "jsonl", "csv"))
    parser.add_argument("--clicks", choices=("column", "log", "none"))
    parser.add_argument(
        "--without", action="append", default=[], choices=("requests", "users", "scores", "catalogue")
    )
    return parser


def _scenario(options: argparse.Namespace) -> Scenario:
    scenario = scenario_named(options.scenario, options.seed)
    shop = _given(options, "requests_per_hour", "items", "users", "slots")
    log = _given(options, "layout", "format", "clicks") | dict.fromkeys(options.without, False)
    return replace(scenario, shop=replace(scenario.shop, **shop), log=replace(scenario.log, **log))


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(options, name)) is not None}


if __name__ == "__main__":
    sys.exit(main())
