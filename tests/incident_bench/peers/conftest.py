"""The adapters need packages that are installed in the environment of the peers only."""

collect_ignore = ["adapters"]
