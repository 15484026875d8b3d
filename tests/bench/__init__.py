"""Speed and memory as ratios to decoding: `python -m tests.bench`."""

import os

from monitor.daemon.vectors import without_slow_sorts

# As in the workers; numpy looks once, when it is imported.
os.environ.update({**without_slow_sorts(), **os.environ})
