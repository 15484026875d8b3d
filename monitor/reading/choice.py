"""What somebody typed, held against what there is: a mistake says what may have been meant."""

from __future__ import annotations

from collections.abc import Collection

from detectors.core.cells import WHOLE, parse_slice, slice_text
from monitor.config.problems import shown, suggestion
from monitor.errors import UserError

LISTED = 5


def meant(word: str, known: Collection[str]) -> str:
    """What may have been meant, or some of what there is to choose from.

    >>> meant("hom", ["home"]), meant("x", [])
    ('did you mean "home"?', 'nothing was evaluated yet')
    """
    if not known:
        return "nothing was evaluated yet"
    near = suggestion(word, known)
    if near.startswith("did") or len(known) <= LISTED:
        return near
    return f"{suggestion(word, list(known)[:LISTED])} or {len(known) - LISTED} more"


def chosen_recommender(name: str, known: Collection[str]) -> str:
    """Raises UserError when nothing is known of it."""
    if name not in known:
        raise UserError(f"nothing is known of a recommender {shown(name)}; {meant(name, known)}")
    return name


def chosen_slice(typed: str | None, known: Collection[str], when: str = "then") -> str:
    """The canonical text of a slice.

    Raises
    ------
    UserError
        When it is none, or there was none of that name.

    >>> chosen_slice("surface=email,country=DE", ["all", "country=DE,surface=email"])
    'country=DE,surface=email'
    """
    if typed is None or typed.strip() in ("", WHOLE):
        return WHOLE
    try:
        text = slice_text(parse_slice(typed.strip()))
    except ValueError:
        raise UserError(f"--slice {shown(typed)}: write COLUMN=VALUE, or two with a comma between") from None
    if text not in known:
        raise UserError(f"--slice {shown(typed)}: there was no such slice {when}; {meant(text, known)}")
    return text


def chosen_detector(name: str, known: Collection[str], when: str = "then") -> str:
    """Raises UserError when no such detector measured anything."""
    if name not in known:
        raise UserError(
            f"--detector {shown(name)}: no such detector measured anything {when}; {meant(name, known)}"
        )
    return name
