"""Speed and memory as ratios to decoding: `python -m tests.bench`."""
