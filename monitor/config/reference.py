"""The page `docs/configuration.md`, made from the models.

python -m monitor.config.reference > docs/configuration.md
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from monitor.config import expected, maintenance, models, outcomes, paths, strict, units
from monitor.config.validation import nested

INTRODUCTION = """\
# Configuration

One YAML file says what is watched. `recwatch init` writes a first one from a log. `recwatch check` says what is wrong
with it and what it costs. `recwatch check --print-effective` shows what remains when all inheritance is worked in.
[`configs/minimal.yaml`](../configs/minimal.yaml) is the smallest file that runs;
[`configs/example.yaml`](../configs/example.yaml) watches a dozen recommenders.

This page is made from the code: `python -m monitor.config.reference > docs/configuration.md`.

## The file

| key | what it holds |
|---|---|
| `recommenders` | A list with one entry for each recommender. The only key that is required. |
| `defaults` | Settings of all recommenders: everything that an entry may have, except its name. |
| `overrides` | Settings by name of a recommender, or by a pattern with `*`, `?` and `[abc]`. |
| `maintenance` | Stretches of time in which nobody is told, by recommender's name or pattern. |
| `daemon` | What concerns the daemon as a whole. |

```yaml
defaults:
  log:
    path: s3://shop-logs/recommendations
    partitions: date=%Y-%m-%d/hour=%H
    columns: {timestamp: served_at, item: product_id, request: request_id, user: user_id}
  labels: {team: discovery}

recommenders:
  - name: shop
    split_by: surface
  - name: newsletter
    log: {path: s3://shop-logs/newsletter}
    window: {cadence: 1d}

overrides:
  shop/*: {slices: [country]}
  shop/cart: {mode: ticket}
```

### Inheritance

A recommender's settings are, each stronger than the one before:

1. the built-in defaults, which the tables below show;
2. `defaults`;
3. its entry in `recommenders`;
4. the `overrides` whose pattern matches its name, in the order of the file;
5. the override with exactly its name.

Mappings merge key by key, all the way down. Lists and single values replace what was there. `null` resets a key to the
built-in default. An override that matches no recommender is an error, so a typo does not go unnoticed.

### One recommender for each value of a column

Several recommenders often share a log. `split_by: surface` makes one recommender for each value of column `surface`,
named NAME/VALUE: `shop/home`, `shop/cart`. A new value joins when it first appears in the log, one that stays away is
retired. Overrides reach them by that name. Characters that a name cannot hold become `_`, and the name gets a short
digest at its end so that it stays unique. To watch a single value, give `split_value` as well; the entry then keeps its
name.

### Who is told

`mode: page` is the default: a breach is as severe as its detector says. `mode: ticket` makes it a ticket at most.
`mode: observe` tells nobody: everything is judged and exported, which suits a new recommender or detector. A detector
has a `mode` of its own, under `detectors`; the quieter of the two counts.

`labels` are put on the recommender's metrics and alerts, so that Alertmanager can route by them. recwatch's own labels
(`recommender`, `slice`, ...) and those that Prometheus's configuration usually sets (`job`, `instance`, `env`,
`service`, ...) are refused.

### Sameness that is meant

recwatch exists to notice that everybody gets the same. Where that is meant, say so, or it will page somebody.
`recwatch init` looks for it in the log's history and writes down what it finds.

- `expected.positions`: pinned or sponsored places. The places beside them are still watched; behind a pinned first
  place the second one counts as the first.
- `expected.items`: items that are meant to be everywhere.
- `expected.kinds`: parts of the traffic whose lists depend on something else than the recommender's `kind` says:
  `contextual`: the same list for all who look at the same thing (`log.columns.context` is its column); `popular`: the
  same list for everyone.
- `expected.batches`: traffic that is made in some hours of the day, such as a nightly batch. Wherever it is part of
  what is counted, those hours are held against the same hours of earlier days, and not against the hours beside them.
- `log.guests`: user ids that many people share, such as `guest`.

All but the guests can be limited to a part of the traffic (`where`, by slice columns) and to a last day (`until`). From
the day after, they are judged like everything else, and `recwatch check` says so.

```yaml
recommenders:
  - name: shop
    log:
      path: logs/shop
      columns:
        {timestamp: served_at, item: product_id, request: request_id, user: user_id, position: rank, context: viewed}
      guests: [guest]
    slices: [surface]
    expected:
      positions:
        - 1
        - {position: 3, where: {surface: home}, until: 2026-12-31, why: sold to sponsors}
      items:
        - {item: gift-card, until: 2026-12-24, why: christmas campaign}
      kinds:
        - {kind: contextual, where: {surface: product_page}, why: similar items}
      batches:
        - {where: {surface: email}, hours: [3], why: the newsletter is made at night}
```

### Detectors

```yaml
defaults:
  log:
    path: logs/home
    columns: {timestamp: served_at, item: product_id}
  detectors:
    scores: {enabled: false}
    diversity: {mode: observe}

recommenders:
  - name: home
```

Every built-in detector runs with defaults that need no tuning. Under `detectors`, by a detector's name, stand:

| key | type | default | what it means |
|---|---|---|---|
| `enabled` | `true`, `false` | `true` | Whether it runs. |
| `mode` | `observe`, `ticket`, `page` | `page` | Who is told of its breaches. |
| `judge` | mapping | none | How its measures are judged: settings by measure. |
| all others | | | The detector's own parameters. |

A limit under `judge` tunes what the measure has: `judge: {users_share: {above: 0.5, change: 0.2}}`. A whole judgement
by its name replaces the measure's own or is added, and `false` takes it away:

| judgement | limits | breach |
|---|---|---|
| `floor` | `above`, `below`, `severity` | surely beyond an absolute limit, from the first window on |
| `history` | `direction`, `change`, `relative`, `least`, `severity` | unlike the same hours of earlier days |
| `reference` | the same and `back_hours` (168) | unlike one earlier window |
| `other_slice` | the same and `slice` (`all`) | unlike another slice of the same window |

### How values are written

- A **duration** is numbers with units, the largest first: `250ms`, `90s`, `10m`, `1h30m`, `14d`, `2w`.
- A **size** is a number with a unit: `500MB` (of 1000s), `8GiB` (of 1024s).
- A **day** is year-month-day: `2026-12-24`. All times are UTC.
- **Text** needs no quotes to stay what it is: `NO` is Norway, `007` keeps its zeros, `1:30` is not a number. Quote what
  YAML would read otherwise: text that starts with one of `* & ! % @ [ {` or holds `: ` or ` #`, and the words `null`
  and `~`. A detector's own parameters follow YAML 1.2: `true`, `false` and numbers are what they look like, unless
  they are quoted.
- `${NAME}` in a value is replaced with the environment variable NAME; one that is not set is an error. Between
  brackets it needs quotes: `{path: "${LOGS}/shop"}`. `$${` stands for `${`.
- Unknown keys, keys given twice, tabs, anchors, aliases, merge keys and tags are errors. All mistakes are told at once,
  with line and key; keys that do not go together are told when each of them is right by itself.

The file is read again on SIGHUP. When the new one has a mistake, the daemon goes on with the old one
and says so.
"""

SECTIONS: dict[str, type[BaseModel]] = {
    "recommenders": models.RecommenderConfig,
    "log": models.LogConfig,
    "log.columns": models.Columns,
    "catalog": models.CatalogConfig,
    "outcomes": outcomes.OutcomesConfig,
    "outcomes.columns": outcomes.OutcomeColumns,
    "expected": expected.ExpectedSameness,
    "expected.positions": expected.ExpectedPosition,
    "expected.items": expected.ExpectedItem,
    "expected.kinds": expected.ExpectedKind,
    "expected.batches": expected.ExpectedBatch,
    "window": models.WindowConfig,
    "budget": models.BudgetConfig,
    "false_alarms": models.FalseAlarmsConfig,
    "maintenance": maintenance.Maintenance,
    "daemon": models.DaemonConfig,
}

TYPE_NAMES: dict[Any, str] = {
    models.Name: "name",
    models.LabelName: "label name",
    strict.Text: "text",
    paths.LocalPath: "path",
    units.Duration: "duration",
    units.Bytes: "size",
    units.Day: "day",
    units.Moment: "time",
    str: "text",
    int: "whole number",
    float: "number",
    Any: "anything",
}


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join([INTRODUCTION, "## All keys", *(line for name in SECTIONS for line in _section(name))])


def _section(name: str) -> Iterator[str]:
    model = SECTIONS[name]
    title = "An entry of `recommenders`" if name == "recommenders" else f"`{name}`"
    yield from ("", f"### {title}", "", " ".join((model.__doc__ or "").split()), "")
    yield from ("| key | type | default | what it means |", "|---|---|---|---|")
    hints = get_type_hints(model, include_extras=True)
    for key, field in model.model_fields.items():
        inner = nested(field.annotation)
        section = next((other for other, its in SECTIONS.items() if its is inner), "")
        what = f"{field.description}{f' See `{section}` below.' if section else ''}"
        cells = (f"`{key}`", f"{_type(hints[key])}{_range(field)}", _default(field, hints[key]), what)
        yield "| " + " | ".join(cells) + " |"


def _type(hint: Any) -> str:
    if hint in TYPE_NAMES:
        return TYPE_NAMES[hint]
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type(parts[0])
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in parts)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(part) for part in parts if part is not type(None))
    if origin is tuple:
        return f"list of {_type(parts[0])}s"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return ", ".join(f"`{word}`" for word in hint)
    return "mapping"


def _range(field: FieldInfo) -> str:
    words = {"ge": "at least", "gt": "more than", "le": "at most"}
    limits = [
        f"{word} {limit:g}"
        for data in field.metadata
        for name, word in words.items()
        if (limit := getattr(data, name, None)) is not None
    ]
    return "".join(f", {limit}" for limit in limits)


def _default(field: FieldInfo, hint: Any) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "as below"
    if value in (None, "", (), {}):
        return "none"
    return f"`{TypeAdapter(hint).dump_python(value, mode='json')}`"


if __name__ == "__main__":
    print(page())
