"""Speed and memory as ratios to decoding: `python -m tests.bench`."""

import os

from monitor.daemon.vectors import without_slow_sorts

# As in the workers; numpy looks once, when it is imported.
os.environ.update({**without_slow_sorts(), **os.environ})
# pip compiles what it installs: a start that compiles all of recwatch again is nobody's.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
