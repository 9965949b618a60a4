"""Gradient agreement harness: one definition, five engines, an exact truth, one report."""

from harness.declare import Case, DeclarationError, case, data, param
from harness.points import draw, point

__all__ = ["Case", "DeclarationError", "case", "data", "draw", "param", "point"]
__version__ = "0.1.0"
