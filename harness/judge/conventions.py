"""A cell's evidence as it would be under the conventions that its point leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from harness.judge.evidence import Evidence
from harness.truth import Question
from harness.truth.conventions import Candidate, Own, Uniform
from harness.truth.flips import Flips

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assumed:
    """Evidence with the gradient and tolerance of one convention."""

    evidence: Evidence
    words: str
    own: bool
    """It is what this backend was measured to do."""


def ask(evidence: Evidence, question: Question[T]) -> T | None:
    """Return the answer to a question about the truth; None where nothing more can be asked."""
    return None if evidence.recourse is None else evidence.recourse(question)


def assumptions(evidence: Evidence) -> Iterator[Assumed]:
    """Yield the evidence under the backend's own convention, where that was measured, then under uniform ones."""
    own = ask(evidence, Own(own=evidence.own)) if evidence.own else None
    if own is not None:
        yield Assumed(evidence=under(evidence, own), words=own.words, own=True)
    for candidate in ask(evidence, Uniform()) or ():
        yield Assumed(evidence=under(evidence, candidate), words=candidate.words, own=False)


def flips(evidence: Evidence) -> Iterator[Evidence]:
    """Yield the evidence with decisions within rounding taken the other way."""
    found = ask(evidence, Flips(own=evidence.own)) if evidence.truth.near else None
    for flipped in found or ():
        yield under(evidence, flipped.candidate)


def under(evidence: Evidence, candidate: Candidate) -> Evidence:
    """Return the evidence with another gradient as its truth."""
    truth = replace(evidence.truth, partials=candidate.partials)
    return replace(evidence, truth=truth, tolerance=replace(evidence.tolerance, partials=candidate.tolerance.partials))
