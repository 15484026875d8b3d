"""The kinds of panels, each with a title, what it means, and its queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import common as c
from grafana_foundation_sdk.builders import dashboard as d
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import (
    BigValueTextMode,
    GraphGradientMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TableCellHeight,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DashboardLinkType,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.builder.frame import source

MEASURED, AT_MOST, AT_LEAST = "measured", "expected at most", "expected at least"
GREEN, YELLOW, ORANGE, RED, BLUE, GRAY = "green", "yellow", "orange", "red", "blue", "#8e8e8e"

States = Mapping[int, tuple[str, str]]  # what a number stands for: text and colour


def query(expression: str, legend: str = "", letter: str = "A") -> prometheus.Dataquery:
    """A query of the chosen time."""
    return (
        prometheus.Dataquery()
        .datasource(source())
        .expr(expression)
        .legend_format(legend or "__auto")
        .ref_id(letter)
        .range()
    )


def now(expression: str, letter: str = "A", legend: str = "") -> prometheus.Dataquery:
    """A query of the end of the chosen time, as a table."""
    asked = query(expression, legend, letter).instant()
    return asked.format(PromQueryFormat.TABLE)


def queries(expressions: Mapping[str, str]) -> list[Builder[Dataquery]]:
    """Queries by their legends."""
    return [query(text, legend, "ABCDEFGH"[k]) for k, (legend, text) in enumerate(expressions.items())]


def mappings(states: States) -> list[ValueMapping]:
    options = {
        str(value): ValueMappingResult(text=text, color=color, index=k)
        for k, (value, (text, color)) in enumerate(states.items())
    }
    return [ValueMap(options)]


def thresholds(*steps: tuple[float, str], base: str = GREEN) -> d.ThresholdsConfig:
    """Colours from given values on."""
    first = Threshold(value=None, color=base)
    return (
        d.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([first, *(Threshold(value=value, color=color) for value, color in steps)])
    )


def link(title: str, url: str) -> DashboardLink:
    """A link on a value."""
    return DashboardLink(title=title, type_val=DashboardLinkType.LINK, url=url, target_blank=True)


def number(
    title: str,
    description: str,
    expression: str,
    unit: str = "none",
    *,
    steps: Sequence[tuple[float, str]] = (),
    base: str = GREEN,
    states: States | None = None,
    text: str = "",
) -> stat.Panel:
    """One number, of now, or the label `text` in its place; where there is none it is unknown, never 0."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(source())
        .unit(unit)
        .no_value("unknown")
        .reduce_options(c.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .thresholds(thresholds(*steps, base=base))
        .color_scheme(d.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .with_target(query(expression, f"{{{{{text}}}}}" if text else "").instant())
    )
    if text:
        panel = panel.text_mode(BigValueTextMode.NAME)
    return panel.mappings(mappings(states)) if states else panel


def course(
    title: str,
    description: str,
    expressions: Mapping[str, str],
    unit: str,
    *,
    stacked: bool = False,
    least: float | None = None,
    most: float | None = None,
) -> timeseries.Panel:
    """Lines over time."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(source())
        .unit(unit)
        .line_width(2)
        .fill_opacity(40 if stacked else 0)
        .gradient_mode(GraphGradientMode.NONE)
        .show_points(VisibilityMode.NEVER)
        .legend(
            c.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .calcs(["lastNotNull"])
        )
        .tooltip(c.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .targets(queries(expressions))
    )
    if stacked:
        panel = panel.stacking(c.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if least is not None:
        panel = panel.min(least)
    return panel.max(most) if most is not None else panel


def within_band(
    title: str, description: str, measured: str, at_most: str, at_least: str, unit: str
) -> timeseries.Panel:
    """A value with the band in which it is expected; what is outside the band is seen at once."""
    faint = [
        DynamicConfigValue("color", {"mode": "fixed", "fixedColor": GRAY}),
        DynamicConfigValue("custom.lineWidth", 1),
        DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [6, 6]}),
    ]
    band = [DynamicConfigValue("custom.fillBelowTo", AT_LEAST), DynamicConfigValue("custom.fillOpacity", 12)]
    return (
        course(title, description, {MEASURED: measured, AT_MOST: at_most, AT_LEAST: at_least}, unit)
        .override_by_name(MEASURED, [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": BLUE})])
        .override_by_name(AT_MOST, [*faint, *band])
        .override_by_name(AT_LEAST, faint)
    )


def timeline(
    title: str, description: str, expression: str, legend: str, states: States
) -> statetimeline.Panel:
    """A bar for each series, in the colour of its state."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(source())
        .unit("none")
        .mappings(mappings(states))
        .color_scheme(d.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(GRAY))
        .show_value(VisibilityMode.NEVER)
        .merge_values(True)
        .row_height(0.85)
        .fill_opacity(85)
        .line_width(0)
        .per_page(30)
        .legend(
            c.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
        )
        .tooltip(c.VizTooltipOptions().mode(TooltipDisplayMode.SINGLE))
        .with_target(query(expression, legend))
    )


def rows(
    title: str,
    description: str,
    asked: Mapping[str, str],
    columns: Mapping[str, str],
    units: Mapping[str, str] | None = None,
    links: Mapping[str, DashboardLink] | None = None,
    states: Mapping[str, States] | None = None,
    empty: str = "none",
) -> table.Panel:
    """A table of now.

    Parameters
    ----------
    asked : mapping of letter to expression
        Their series are joined by the labels that they share.
    columns : mapping of field to title
        In order; a query's values are the field "Value #A". All others are left out.
    units, links, states : mapping of title to what its column has
    empty : str
        What is said when there are no rows.
    """
    order = {field: k for k, field in enumerate(columns)}
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(source())
        .unit("none")
        .no_value(empty)
        .cell_height(TableCellHeight.SM)
        .targets([now(text, letter) for letter, text in asked.items()])
        .transformations(
            [
                DataTransformerConfig("merge", options={}),
                DataTransformerConfig("filterFieldsByName", options={"include": {"names": list(columns)}}),
                DataTransformerConfig(
                    "organize",
                    options={"excludeByName": {}, "indexByName": order, "renameByName": dict(columns)},
                ),
            ]
        )
    )
    for title_of, unit in (units or {}).items():
        panel = panel.override_by_name(title_of, [DynamicConfigValue("unit", unit)])
    for title_of, target in (links or {}).items():
        shown = {"title": target.title, "url": target.url, "targetBlank": target.target_blank}
        panel = panel.override_by_name(title_of, [DynamicConfigValue("links", [shown])])
    for title_of, meaning in (states or {}).items():
        properties = [
            DynamicConfigValue("mappings", mappings(meaning)),
            DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
        ]
        panel = panel.override_by_name(title_of, properties)
    return panel
