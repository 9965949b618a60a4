"""Gradient agreement harness: one definition, five engines, an exact truth, one report."""

from harness.api import Agreement, Disagreement, assert_agree, check
from harness.declare import Case, DeclarationError, case, data, param
from harness.points import PointError, draw, point

__all__ = [
    "Agreement",
    "Case",
    "DeclarationError",
    "Disagreement",
    "PointError",
    "assert_agree",
    "case",
    "check",
    "data",
    "draw",
    "param",
    "point",
]
__version__ = "0.1.0"
