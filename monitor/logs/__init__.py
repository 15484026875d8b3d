"""Reading prediction logs: which files hold a window, what they cost, and their rows in canonical columns."""

from monitor.logs.facts import Cost, FileCost
from monitor.logs.listing import Listing, LogFile, Period
from monitor.logs.log import PredictionLog
from monitor.logs.quarantine import Quarantine

__all__ = ["Cost", "FileCost", "Listing", "LogFile", "Period", "PredictionLog", "Quarantine"]
