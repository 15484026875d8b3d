"""What `check --plan` prints of one recommender."""

from __future__ import annotations

from monitor.config.models import RecommenderConfig
from monitor.config.units import format_bytes
from monitor.detector_settings import build
from monitor.inspect.agreement import DAY, OpenedLog
from monitor.inspect.cost import DayCost, Look, day_cost, look, series
from monitor.inspect.report import blind_spot_lines, floors_of
from monitor.inspect.writer import about
from monitor.measurable import available

SUMMARISING = 2.0  # times the reading: what the statistics and the judgement take beside it
MOST_SLICES = 60


def plan_lines(recommender: RecommenderConfig, opened: OpenedLog, series_cap: int) -> list[str]:
    """Cost of a day, and the smallest trouble that each slice would show."""
    cost, seen = day_cost(recommender, opened), look(recommender, opened)
    day = "its newest complete day" if opened.complete else "its newest day, which is not complete"
    return [
        f"  plan, from {opened.day.start:%Y-%m-%d}, {day}:",
        *_cost(recommender, cost, seen),
        *_series(recommender, opened, seen, series_cap),
        *_blind_spots(recommender, opened, seen),
    ]


def _cost(recommender: RecommenderConfig, cost: DayCost, seen: Look) -> list[str]:
    budget, window = recommender.budget, recommender.window
    about_ = "" if cost.exact else "about "
    out = [
        _entry(
            "windows",
            f"{cost.windows} of {about(window.length)}, read {about(window.settle)} after their end",
        ),
        _entry(
            "bytes",
            f"{about_}{size(cost.bytes)} a day (budget {format_bytes(budget.bytes_per_day)}), "
            f"at most {size(cost.most_bytes)} for a window (budget {format_bytes(budget.bytes_per_evaluation)})",
        ),
        _entry("rows", f"{about_}{cost.rows:,} read a day; about {seen.rows:,.0f} belong to that day"),
    ]
    if seen.noun == "requests":
        lists = f"about {seen.requests:,.0f} a day, {seen.items_per_request:.1f} items each"
        out.append(_entry("requests", lists))
    out += [_entry("" if i else "sampling", line) for i, line in enumerate(_sampling(cost))]
    seconds = cost.rows * seen.items_per_row / seen.items_per_second * (1 + SUMMARISING)
    speed = f"a few files were read at {seen.items_per_second:,.0f} items a second"
    reckoned = f"{SUMMARISING:.0f} times that is reckoned for the statistics"
    return [*out, _entry("time", f"about {seconds:,.1f} s of one core a day: {speed}, and {reckoned}")]


def _sampling(cost: DayCost) -> list[str]:
    rate = "everybody"
    if cost.rate < 1:
        rate = (
            f"one user in {1 / cost.rate:.0f} (rate {cost.rate:g}): over budget.rows_per_evaluation otherwise"
        )
    out = [rate]
    if cost.left_out > 0:
        share = f"up to {100 * cost.left_out:.0f} % of a window's rows are not read"
        out.append(f"OVER BUDGET: {share}, because of the budget of rows or bytes")
    if cost.refused:
        out.append(
            f"OVER BUDGET: {len(cost.refused)} of {cost.windows} windows are refused: {cost.refused[0]}"
        )
    return out


def _series(recommender: RecommenderConfig, opened: OpenedLog, seen: Look, cap: int) -> list[str]:
    slices = len(seen.shares) + 1
    n = series(
        build(recommender.detectors, recommender.detector_files), available(recommender, opened.found), slices
    )
    over = f"; over the cap of {cap:,}: those of the smallest slices are dropped" if n > cap else ""
    return [_entry("series", f"about {n:,}, for {slices:,} {'slice' if slices == 1 else 'slices'}{over}")]


def _blind_spots(recommender: RecommenderConfig, opened: OpenedLog, seen: Look) -> list[str]:
    window = recommender.window
    within = about(window.length + window.settle)
    per_window = seen.requests * max(1.0, window.length / DAY) / max(1, seen.windows)
    floors = floors_of(
        build(recommender.detectors, recommender.detector_files), available(recommender, opened.found)
    )
    rows = [("all", per_window), *((name, share * per_window) for name, share in seen.shares[:MOST_SLICES])]
    lines = blind_spot_lines(rows, floors, seen.noun, seen.first_place)
    more = len(seen.shares) - MOST_SLICES
    return [
        f"  the smallest stuck item that one window shows, told within {within} of the window's begin:",
        *(f"  {line}" for line in lines),
        *([f"    and {more} slices more"] if more > 0 else []),
    ]


def size(n: int) -> str:
    """Bytes for people, in powers of ten.

    >>> size(1_234_567), size(12)
    ('1.2 MB', '12 B')
    """
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= scale:
            return f"{n / scale:.1f} {unit}"
    return f"{n} B"


def _entry(name: str, text: str) -> str:
    return f"    {name:<10}{text}"
