"""The command line: one module a command, imported only when it is called, so that each starts fast."""

from monitor.cli.main import main

__all__ = ["main"]
