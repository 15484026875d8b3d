"""What can go wrong, as one tree; the command line turns each into a sentence and an exit code.

RecwatchError
├── UserError            a mistake in the command line or configuration: exit 2
├── LogError             the log cannot be read at all: the window fails, others go on
├── BudgetError          reading would cost more than allowed: the window is refused
└── StoreError           the state cannot be used: exit 1
"""


class RecwatchError(Exception):
    """Base of all that recwatch raises on purpose; the text is for people."""


class UserError(RecwatchError):
    """The command line or the configuration is wrong: says what, where and what to do."""


class LogError(RecwatchError):
    """The prediction log cannot be read."""


class BudgetError(RecwatchError):
    """The window costs more to read than the budget allows."""


class StoreError(RecwatchError):
    """The store cannot be opened, read or written."""
