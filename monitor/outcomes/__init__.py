"""Clicks and purchases that have a log of their own: read, and joined with the lists that they are of."""

from monitor.outcomes.log import OutcomesLog
from monitor.outcomes.summary import LateOutcomes, OutcomesSummary, lag, with_outcomes, with_report

__all__ = ["LateOutcomes", "OutcomesLog", "OutcomesSummary", "lag", "with_outcomes", "with_report"]
