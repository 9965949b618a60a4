"""What a command line asks for, read and checked before anything runs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace

from harness.declare import Case
from harness.run.execute import Order
from harness.run.hints import listing
from harness.run.plan import Selection, SelectionError, checked, plan
from harness.told import encodable
from harness.wording import plural, verb
from harness.workers.limits import Limits, positive

LONGEST = 500
"""Characters of an expression of words: Python's own parser reads it, which gives up in the depths."""
SHARD = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


def split(given: Sequence[str] | None) -> tuple[str, ...]:
    """Return the words of an option that is repeated or joined by commas, each once."""
    return tuple(dict.fromkeys(word.strip() for text in given or [] for word in text.split(",") if word.strip()))


def formats(text: str) -> tuple[str, ...]:
    """Return the reports that are to be written, the usual ones where none is named. Raises SelectionError."""
    from harness.report import REPORTERS, USUAL

    return checked(split([text]), REPORTERS, "report") or USUAL


def limits(seconds: float, megabytes: float) -> Limits:
    """Return what one cell may take. Raises SelectionError."""
    return Limits(
        seconds=positive("--timeout", seconds, "seconds"), megabytes=positive("--memory", megabytes, "megabytes")
    )


def keyword(text: str) -> str:
    """Return the words of -k. Raises SelectionError where they are too many, or no text."""
    if len(text) > LONGEST or encodable(text) != text:
        raise SelectionError(f"-k of {len(text)} characters cannot be read; write a few words joined by and, or, not")
    return text


def matching(cases: Sequence[Case], keyword_: str) -> dict[str, tuple[str, ...]]:
    """Return the labels of the points that a run with -k has, by the id of their case. Raises SelectionError."""
    if not keyword(keyword_).strip():
        return {case.id: tuple(point.label for point in case.points) for case in cases}
    order = Order(cases=tuple(cases), selection=Selection(keyword=keyword_, profile="default"))
    check_matched(order)
    labels: dict[str, dict[str, None]] = {}
    for cell in plan(order.cases, order.selection):
        labels.setdefault(cell.case, {})[cell.point] = None
    return {case: tuple(own) for case, own in labels.items()}


def shard(text: str) -> tuple[int, int]:
    """Return which part of how many. Raises SelectionError."""
    read = SHARD.fullmatch(text)
    number, parts = map(int, read.groups()) if read else (0, 0)
    if 1 <= number <= parts:
        return number, parts
    raise SelectionError(f"--shard {text!r} cannot be read; write 1/2 and 2/2 for two parts")


def check_matched(order: Order) -> None:
    """Raise SelectionError where nothing is asked for; a part of the cases that came out empty is none the less one."""
    if not order.cases and order.unread:
        raise SelectionError("\n".join(order.unread))
    if not order.cases:
        raise SelectionError("no case is declared there; write @case above a function")
    if not plan(order.cases, replace(order.selection, shard=(1, 1))):
        raise SelectionError(
            f"nothing matched: no cell of {plural(len(order.cases), 'case')} has {_narrowing(order.selection)}; "
            f"see: {listing(order.cases)}"
        )


def emptiness(order: Order) -> str:
    """Return why a part of the cases has nothing to run; "" where it has."""
    number, parts = order.selection.shard
    if plan(order.cases, order.selection):
        return ""
    if len(order.cases) < number:
        few = f"holds no case: there {verb(len(order.cases), 'is', 'are')} {plural(len(order.cases), 'case')}"
        return f"--shard {number}/{parts} {few}, dealt out in turn; ask for at most {plural(len(order.cases), 'part')}"
    return f"--shard {number}/{parts} holds no cell that has {_narrowing(order.selection)}; the other parts do"


def check_points(labels: Sequence[str], cases: Sequence[Case]) -> None:
    """Raise SelectionError with the nearest label for one that no case has."""
    there = dict.fromkeys(point.label for case in cases for point in case.points)
    for label in labels:
        if label not in there:
            near = difflib.get_close_matches(label, there, n=1)
            hint = f"did you mean {near[0]}?" if near else f"see: {listing(cases)}"
            raise SelectionError(f"there is no point {label!r}; {hint}")


def _narrowing(selection: Selection) -> str:
    """Return the options that narrow a selection, as they are written."""
    named = {
        "-k": (selection.keyword,),
        "--backend": selection.backends,
        "--dtype": () if selection.dtypes == Selection().dtypes else selection.dtypes,
        "--variant": selection.variants,
        "--point": selection.points,
    }
    return ", ".join(f"{option} {','.join(words)}" for option, words in named.items() if any(words))
