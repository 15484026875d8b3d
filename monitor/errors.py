"""What can go wrong, as one tree; the command line turns each into a sentence and an exit code.

RecwatchError
├── UserError            a mistake in the command line or configuration: exit 2
├── LogError             the log cannot be read at all: the window fails, others go on
├── BudgetError          reading would cost more than allowed: the window is refused
└── StoreError           the state cannot be used: exit 1
"""

import traceback


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


def describe(error: BaseException) -> str:
    """What to say of an exception where user ids must not appear.

    >>> describe(KeyError("user-17"))
    'KeyError'
    """
    if isinstance(error, RecwatchError):
        return str(error)
    where = _place(error)
    return type(error).__name__ + (f" at {where}" if where else "")


def _place(error: BaseException) -> str:
    """Where an exception came from, as `file.py:12 in function`; empty when it was never raised."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    last = frames[-1]
    return f"{last.filename.rpartition('/')[2]}:{last.lineno} in {last.name}"
