"""Looks at a log that nobody has described, and writes the configuration that watches it."""

from monitor.inspect.inspection import Inspection, inspect_log
from monitor.inspect.report import report
from monitor.inspect.writer import configuration

__all__ = ["Inspection", "configuration", "inspect_log", "report"]
