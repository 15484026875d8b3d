"""The store: evaluations, incidents and what people were told, in one SQLite file."""

from monitor.store.lock import StateLock
from monitor.store.rows import Told, WindowState
from monitor.store.store import Store

__all__ = ["StateLock", "Store", "Told", "WindowState"]
