"""What other people's objects say of themselves, as text that can be written: nothing here raises.

An exception's own `__str__` may raise, speak for megabytes, or answer with characters that no file takes.
"""

from __future__ import annotations

from collections.abc import Callable

RAISED = (Exception, SystemExit)
"""What a user's function may raise and nobody else's: whoever leaves the process leaves it without a verdict."""

LONGEST = 400
"""Characters that are kept of a message."""


def told(error: BaseException) -> str:
    """Return class and message of an exception: `ValueError: no such`; the class alone where there is no message."""
    said = fitting(first_line(message(error)))
    return f"{kind(error)}: {said}" if said else kind(error)


def kind(error: BaseException) -> str:
    """Return the name of the exception's class."""
    return fitting(_of(lambda: type(error).__name__) or "an exception of no name")


def message(error: object) -> str:
    """Return what an exception or a warning says, however long; that it cannot be had is said in its place."""
    return _of(lambda: str(error), "its message cannot be read")


def shown(value: object) -> str:
    """Return the value as Python writes it, cut where it is long."""
    return fitting(_of(lambda: repr(value), f"a value of class {fitting(_of(lambda: type(value).__name__))}"))


def first_line(text: str) -> str:
    """Return the first line that says something; "" where none does."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def fitting(text: str, longest: int = LONGEST) -> str:
    """Return one line of at most `longest` characters that can be encoded and printed."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(ch if ch.isprintable() else " " if ch.isspace() else "\N{REPLACEMENT CHARACTER}" for ch in cut)


def encodable(text: str) -> str:
    """Return text that UTF-8 can hold; it is not cut, and its lines stay lines."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _of(ask: Callable[[], str], otherwise: str = "") -> str:
    """Return the answer as a plain string, whatever class of string it is; `otherwise` where asking raises."""
    try:
        return str.__getitem__(ask(), slice(None))
    except BaseException:
        return otherwise
