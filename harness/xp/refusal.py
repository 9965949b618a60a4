"""Refusals: what a case may not do, where it did it, and what to write instead."""

from __future__ import annotations

import linecache
import os
import sys
from dataclasses import dataclass
from itertools import islice
from types import FrameType

_OWN = tuple(
    os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), room) + os.sep for room in ("xp", "graph")
)


class Refused(TypeError):
    """A case does what not every engine can do, or what has no meaning in the standard."""


class NoSuchName(Refused, AttributeError):
    """A name that arrays or `xp` do not have; an AttributeError too, so that `hasattr` works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A stretch of a line of the user's file."""

    file: str
    line: int
    start: int | None
    stop: int | None


def _user_frame() -> FrameType:
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN):
        frame = frame.f_back
    return frame


def line_here() -> tuple[str, int]:
    """Return file and line of the innermost call that the user wrote."""
    frame = _user_frame()
    return frame.f_code.co_filename, frame.f_lineno


def place_here() -> Place:
    """Return the innermost call that the user wrote, with its columns."""
    frame = _user_frame()
    spans = islice(frame.f_code.co_positions(), frame.f_lasti // 2, None)
    _, _, start, stop = next(spans, (None, None, None, None))
    return Place(file=frame.f_code.co_filename, line=frame.f_lineno, start=start, stop=stop)


def refuse(what: str, instead: str, kind: type[Refused] = Refused) -> Refused:
    """Return the exception that names file, line, marked column and what to write instead."""
    place = place_here()
    stop = "" if instead.endswith("?") else "."
    return kind(f"{place.file}:{place.line}{_column(place)}: {what}. {instead}{stop}{_marked(place)}")


def _column(place: Place) -> str:
    """Return the column as editors count it, from 1; "" where it is not known."""
    text = linecache.getline(place.file, place.line)
    return "" if not text.strip() or place.start is None else f":{_characters(text, place.start) + 1}"


def _marked(place: Place) -> str:
    """Return the line with carets under the columns."""
    text = linecache.getline(place.file, place.line).rstrip("\n")
    if not text.strip() or place.start is None or place.stop is None:
        return ""
    shown = text.strip()
    indent = len(text) - len(text.lstrip())
    start = _characters(text, place.start) - indent
    stop = _characters(text, place.stop) - indent
    width = max(1, (stop if stop > start else len(shown)) - start)
    return f"\n    {shown}\n    {' ' * max(0, start)}{'^' * width}"


def _characters(text: str, octets: int) -> int:
    """Return how many characters the first bytes of a text are: Python counts columns in bytes of UTF-8."""
    return len(text.encode()[:octets].decode(errors="ignore"))
