"""Gradient agreement harness: one definition, five engines, an exact truth, one report."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "harness.api": ("Agreement", "Disagreement", "assert_agree", "check"),
    "harness.declare": ("Case", "DeclarationError", "case", "data", "param"),
    "harness.points": ("PointError", "draw", "point"),
}


if not TYPE_CHECKING:  # a type checker shall not take every name for granted

    def __getattr__(name: str) -> Any:
        """Return a name of the package, imported when it is asked for: pytest imports the package in every session."""
        for home, names in _HOMES.items():
            if name in names:
                return getattr(import_module(home), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, imported or not."""
    return __all__
