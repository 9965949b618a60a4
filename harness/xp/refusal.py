"""Refusals: what a case may not do, where it did it, and what to write instead."""

from __future__ import annotations

import linecache
import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import islice
from types import FrameType

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_TRACING = tuple(_ROOT + room for room in ("xp" + os.sep, "graph" + os.sep, "calling.py"))
BOUNDARY = _ROOT + "calling.py"
"""Where the user's function is called: what is further out is no part of it."""
_LIBRARIES = tuple(
    os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")
)
_MADE = ("<frozen ", "<__array_function__", "__autograph_generated_file")
"""How the names of files begin that a library makes up."""


class Whose(Enum):
    """Whose file a line stands in."""

    USER = "a file that the user can change"
    HARNESS = "the harness, such as the functions that it tries itself on"
    TRACING = "what traces a case"
    LIBRARY = "Python's own library, or an installed package"


@lru_cache(maxsize=4096)
def whose(file: str) -> Whose:
    """Return whose a file is; the bundled catalogue is its readers' to change."""
    if file.startswith(_TRACING):
        return Whose.TRACING
    if file.startswith(_ROOT):
        return Whose.USER if file.startswith(_ROOT + "_catalogue" + os.sep) else Whose.HARNESS
    installed = {"site-packages", "dist-packages"} & set(re.split(r"[\\/]", file))
    made = file.startswith(_MADE) or os.path.basename(file).startswith(_MADE)
    return Whose.LIBRARY if installed or made or file.startswith(_LIBRARIES) else Whose.USER


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


def _user_frame(*, inside: bool = True) -> FrameType:
    """Return the innermost frame of the user's function; of the call outside, where a library's function is traced."""
    fallback = sys._getframe(1)
    for frame in _outwards(fallback):
        mine = whose(frame.f_code.co_filename)
        if mine is Whose.USER or (inside and mine is Whose.HARNESS):
            return frame
        inside = inside and frame.f_code.co_filename != BOUNDARY
        if mine is not Whose.TRACING and whose(fallback.f_code.co_filename) is Whose.TRACING:
            fallback = frame
    return fallback


def _outwards(innermost: FrameType) -> Iterator[FrameType]:
    frame: FrameType | None = innermost
    while frame is not None:
        yield frame
        frame = frame.f_back


def line_here() -> tuple[str, int]:
    """Return file and line of the innermost call that the user wrote."""
    frame = _user_frame()
    return frame.f_code.co_filename, frame.f_lineno


def place_here(*, inside: bool = True) -> Place:
    """Return the innermost call that the user wrote, with its columns; the call of the harness, where not `inside`."""
    frame = _user_frame(inside=inside)
    return place_of(frame, frame.f_lasti, frame.f_lineno)


def place_of(frame: FrameType, instruction: int, line: int) -> Place:
    """Return where a frame is at an instruction."""
    _, _, start, stop = next(islice(frame.f_code.co_positions(), instruction // 2, None), (None, None, None, None))
    return Place(file=frame.f_code.co_filename, line=line, start=start, stop=stop)


def refuse(what: str, instead: str, kind: type[Refused] = Refused) -> Refused:
    """Return the exception that names file, line, marked column and what to write instead."""
    return kind(said(place_here(), what, instead))


def said(place: Place, what: str, instead: str) -> str:
    """Return the sentence on a place, and below it the line with what is meant marked."""
    stop = "" if instead.endswith("?") else "."
    return f"{place.file}:{place.line}{_column(place)}: {what}. {instead}{stop}{_marked(place)}"


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
