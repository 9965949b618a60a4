"""What each framework answers at a tie, as the run measured it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.format import NOTHING, brief
from harness.run.records import Num, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A probe, with an answer for each framework."""

    probe: str
    answers: tuple[str, ...]
    differ: bool
    """The frameworks that have an answer do not have the same."""


def backends(run: Run) -> list[str]:
    """Return the frameworks that were probed, in the order of the record."""
    return list(run.header.conventions)


def table(run: Run) -> list[Answer]:
    """Return a row for each probe; empty where nothing was probed."""
    probed = run.header.conventions
    found = []
    for probe in dict.fromkeys(name for answers in probed.values() for name in answers):
        texts = tuple(_text(answers.get(probe)) for answers in probed.values())
        given = {text for text in texts if text != NOTHING}
        found.append(Answer(probe=probe, answers=texts, differ=len(given) > 1))
    return found


def _text(answer: tuple[Num, ...] | None) -> str:
    """Return the gradient there: a number, or several in the order of the entries; -0 is 0."""
    return NOTHING if answer is None else ", ".join(brief(0.0 if number == 0 else number) for number in answer)
