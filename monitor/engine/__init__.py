"""The engine: rows of a window become batches, batches become statistics, statistics are merged into a summary."""
