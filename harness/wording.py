"""Words of several rooms: those that depend on a number, and what an operator gives."""

from __future__ import annotations

OPERATORS = {
    "grad": "gradient",
    "vjp": "vector-Jacobian product",
    "jvp": "Jacobian-vector product",
    "jacobian": "Jacobian",
    "hvp": "Hessian-vector product",
    "adjoint": "adjoint identity",
}
"""How operators are called in sentences, in their order."""


def result(operator: str) -> str:
    """Return what an operator gives, as a sentence and the head of a column call it: gradient, Jacobian."""
    return OPERATORS.get(operator, operator)


def plural(count: int, noun: str, many: str = "") -> str:
    """Return "1 cell", "2 cells"; `many` is the plural where it is not the noun with an s."""
    return f"{count} {noun if count == 1 else many or noun + 's'}"


def verb(count: int, one: str, many: str) -> str:
    """Return the form of a verb whose subject is so many."""
    return one if count == 1 else many
