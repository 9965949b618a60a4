"""The exact gradient of a case at a point, its certificate, and the tolerance around it."""

from harness.truth.beside import At, Beside, There, Where, at
from harness.truth.certificate import Certificate
from harness.truth.enclosure import Enclosure
from harness.truth.establish import establish, refused
from harness.truth.ideal import ideal
from harness.truth.kinks import Tie
from harness.truth.question import Question
from harness.truth.tolerance import Terms, Tolerance, tolerance
from harness.truth.truth import Kind, NoTruth, Rounding, Truth

__all__ = [
    "At",
    "Beside",
    "Certificate",
    "Enclosure",
    "Kind",
    "NoTruth",
    "Question",
    "Rounding",
    "Terms",
    "There",
    "Tie",
    "Tolerance",
    "Truth",
    "Where",
    "at",
    "establish",
    "ideal",
    "refused",
    "tolerance",
]
