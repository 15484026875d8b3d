"""What all dashboards share: where their data is from, what can be chosen, where links lead, where panels stand."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    GridPos,
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from monitor.alerts.alert import DAEMON_DASHBOARD, OVERVIEW_DASHBOARD, RECOMMENDER_DASHBOARD
from monitor.incidents.fleet import FLEET

DETECTORS_DASHBOARD = "recwatch-detectors"
COLUMNS = 24  # of Grafana's grid

# Every query says which recwatch it asks: of the job and instance that were chosen, and of one or more recommenders.
DAEMONS = 'job=~"$job",instance=~"$instance"'
CHOSEN = f'{DAEMONS},recommender=~"$recommender"'
OF_FLEET = f'{DAEMONS},recommender="{FLEET}"'
ONE = f'{DAEMONS},recommender="$recommender"'


PanelBuilder = stat.Panel | statetimeline.Panel | table.Panel | timeseries.Panel


def source() -> DataSourceRef:
    """The Prometheus that was chosen; a fixed one would be another in every Grafana."""
    return DataSourceRef(type_val="prometheus", uid="${datasource}")


def datasource() -> build.DatasourceVariable:
    return (
        build.DatasourceVariable("datasource")
        .label("Data source")
        .type("prometheus")
        .description("The Prometheus that scrapes recwatch.")
    )


def choice(
    name: str,
    label: str,
    query: str,
    description: str,
    *,
    many: bool = False,
    first: str = "",
) -> build.QueryVariable:
    """A variable whose values Prometheus knows; `many`: several at once, all of them to begin with."""
    variable = (
        build.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(source())
        .query({"query": query, "refId": "values"})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .include_all(many)
        .multi(many)
    )
    if many:
        return variable.all_value(".+").current(VariableOption(selected=True, text="All", value="$__all"))
    if first:
        return variable.current(VariableOption(selected=True, text=first, value=first))
    return variable


def common(recommenders: str) -> list[build.QueryVariable]:
    """Which recwatch; `recommenders`: "one", "many" or "" for a dashboard that is not about them."""
    found = [
        choice("job", "Job", "label_values(recwatch_build_info, job)", "Scrape job of recwatch.", many=True),
        choice(
            "instance",
            "Instance",
            'label_values(recwatch_build_info{job=~"$job"}, instance)',
            "Daemon, by the address that is scraped.",
            many=True,
        ),
        choice(
            "page",
            "Page",
            f"label_values(recwatch_page_info{{{DAEMONS}}}, url)",
            "Where recwatch's own page is: links to incidents and runbooks lead there.",
        ).hide(VariableHide.HIDE_VARIABLE),
    ]
    if recommenders:
        found.append(
            choice(
                "recommender",
                "Recommender",
                f"label_values(recwatch_recommender_info{{{DAEMONS}}}, recommender)",
                "Recommender, by its name in the configuration.",
                many=recommenders == "many",
            )
        )
    return found


def to_dashboard(title: str, uid: str, tooltip: str) -> build.DashboardLink:
    """A link to another dashboard, which keeps what was chosen and the time."""
    return (
        build.DashboardLink(title)
        .type(DashboardLinkType.LINK)
        .url(f"/d/{uid}")
        .tooltip(tooltip)
        .icon("dashboard")
        .include_vars(True)
        .keep_time(True)
    )


def to_page(title: str, path: str, tooltip: str) -> build.DashboardLink:
    """A link to the daemon's own page."""
    return (
        build.DashboardLink(title)
        .type(DashboardLinkType.LINK)
        .url("${page:raw}/" + path)
        .tooltip(tooltip)
        .icon("external link")
        .target_blank(True)
    )


LINKS = {
    OVERVIEW_DASHBOARD: ("Overview", "All recommenders at a glance."),
    RECOMMENDER_DASHBOARD: ("Recommender", "One recommender: every value with what is expected of it."),
    DETECTORS_DASHBOARD: ("Detectors", "One detector in every slice."),
    DAEMON_DASHBOARD: ("Daemon", "recwatch itself: what it costs, and whether it keeps up."),
}


def frame(
    uid: str, title: str, description: str, recommenders: str, since: str = "now-24h"
) -> build.Dashboard:
    """A dashboard without panels."""
    dashboard = (
        build.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["recwatch"])
        .readonly()
        .timezone("browser")
        .time(since, "now")
        .refresh("1m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(datasource())
    )
    for variable in common(recommenders):
        dashboard = dashboard.with_variable(variable)
    for other, (name, tooltip) in LINKS.items():
        if other != uid:
            dashboard = dashboard.link(to_dashboard(name, other, tooltip))
    return dashboard.link(to_page("Incidents", "", "recwatch's own page: incidents with their evidence."))


class Annotation(model.AnnotationQuery):
    """An annotation as Prometheus's data source has it: the SDK knows only what those of all data sources share."""

    title_format: str = ""
    text_format: str = ""

    def to_json(self) -> dict[str, object]:
        formats = {"titleFormat": self.title_format, "textFormat": self.text_format, "step": "60s"}
        return {**super().to_json(), **formats}


class MarkedTime(Builder[model.AnnotationQuery]):
    """Builds the annotation of all times at which an expression has a value other than 0.

    Parameters
    ----------
    name : str
        What the switch at the top of the dashboard says.
    color : str
    expression : str
    title, text : str
        What a mark says, with labels as {{label}}.
    """

    def __init__(self, name: str, color: str, expression: str, title: str, text: str = "") -> None:
        self._built = Annotation(name, source(), icon_color=color, expr=expression)
        self._built.title_format, self._built.text_format = title, text

    def build(self) -> model.AnnotationQuery:
        return self._built


def incidents_marked(own: str) -> MarkedTime:
    """While an incident is open."""
    return MarkedTime(
        "Incidents",
        "red",
        f"max by (incident, recommender, detector, slice, severity) (recwatch_incident_open{{{own}}}) == 1",
        "{{recommender}}: {{severity}} of {{detector}}, {{slice}}",
        "{{incident}}",
    )


class Layout:
    """Puts panels side by side, from left to right and from top to bottom, and counts them.

    Parameters
    ----------
    dashboard : Dashboard
        To which everything is added.
    """

    def __init__(self, dashboard: build.Dashboard) -> None:
        self.dashboard = dashboard
        self._next_id, self._top = 1, 0

    def row(
        self, title: str, lines: Sequence[Sequence[PanelBuilder]], height: int = 8, *, open: bool = True
    ) -> None:
        """A row with its panels below it; the panels of a line share its width.

        A row that is not open is loaded when somebody opens it.
        """
        head = build.Row(title).id(self._id()).grid_pos(GridPos(h=1, w=COLUMNS, x=0, y=self._top))
        self._top += 1
        placed = [panel for line in lines for panel in self._line(line, height)]
        if open:
            self.dashboard = self.dashboard.with_row(head.collapsed(False))
            for panel in placed:
                self.dashboard = self.dashboard.with_panel(panel)
            return
        self._top -= len(lines) * height  # a closed row is one line high
        for panel in placed:
            head = head.with_panel(panel)
        self.dashboard = self.dashboard.with_row(head.collapsed(True))

    def line(self, panels: Sequence[PanelBuilder], height: int) -> None:
        """Panels without a row above them."""
        for panel in self._line(panels, height):
            self.dashboard = self.dashboard.with_panel(panel)

    def _line(self, panels: Sequence[PanelBuilder], height: int) -> list[PanelBuilder]:
        edges = [COLUMNS * k // len(panels) for k in range(len(panels) + 1)]
        placed = [
            panel.id(self._id()).grid_pos(GridPos(h=height, w=right - left, x=left, y=self._top))
            for panel, left, right in zip(panels, edges, edges[1:], strict=False)
        ]
        self._top += height
        return placed

    def _id(self) -> int:
        self._next_id += 1
        return self._next_id - 1
