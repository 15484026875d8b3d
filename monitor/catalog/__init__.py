"""The catalogue of items that may be shown: read from its file, and matched with the ids that a log has."""

from monitor.catalog.match import KnownItems, known_items, nothing_known
from monitor.catalog.own_columns import joining
from monitor.catalog.read import CatalogFile, CatalogRead

__all__ = ["CatalogFile", "CatalogRead", "KnownItems", "joining", "known_items", "nothing_known"]
