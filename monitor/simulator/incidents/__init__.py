"""Every kind of event, by name; each is a small function that changes one hour of the log."""

from collections.abc import Mapping

from monitor.simulator.incidents.fallback import FALLBACK_KINDS
from monitor.simulator.incidents.harmless import HARMLESS_KINDS
from monitor.simulator.incidents.kind import COMMON, Event, Kind, Scene, Stage, touched
from monitor.simulator.incidents.lists import LIST_KINDS
from monitor.simulator.incidents.logs import LOG_KINDS
from monitor.simulator.incidents.scores import SCORE_KINDS
from monitor.simulator.incidents.versions import VERSION_KINDS

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (*LIST_KINDS, *FALLBACK_KINDS, *SCORE_KINDS, *LOG_KINDS, *VERSION_KINDS, *HARMLESS_KINDS)
}

__all__ = ["COMMON", "KINDS", "Event", "Kind", "Scene", "Stage", "touched"]
