"""Words that depend on a number."""

from __future__ import annotations


def plural(count: int, noun: str, many: str = "") -> str:
    """Return "1 cell", "2 cells"; `many` is the plural where it is not the noun with an s."""
    return f"{count} {noun if count == 1 else many or noun + 's'}"


def verb(count: int, one: str, many: str) -> str:
    """Return the form of a verb whose subject is so many."""
    return one if count == 1 else many
