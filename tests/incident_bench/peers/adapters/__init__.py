"""One file for each peer, run in an environment of its own; nothing here imports recwatch, pytest does not look."""
