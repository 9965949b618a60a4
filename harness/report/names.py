"""How reports call backends and classes."""

from __future__ import annotations

from collections.abc import Iterable

from harness.run.records import CellLine, HeaderLine, Run
from harness.wording import OPERATORS, plural, result

__all__ = ["OPERATORS", "result"]  # said by the judge too

BACKENDS = {
    "tensorflow": "TensorFlow",
    "torch": "PyTorch",
    "jax": "JAX",
    "sympy": "SymPy",
    "finite_difference": "finite differences",
    "numpy": "own backward",
}

GLYPHS = {"fail": "✗", "inconclusive": "?", "pass": "✓"}
"""By class, the worst first."""

RAN = "ran"

OWN = "xp"
"""The spelling of the definition itself; others are named."""

DTYPES = ("float64", "float32", "bfloat16", "float16")


def beyond(operator: str) -> str:
    """Return ", Hessian-vector product"; "" of the gradient, which goes without saying."""
    return "" if operator == "grad" else f", {result(operator)}"


PARTIALS = {
    "grad": "∂J/∂{}",
    "vjp": "c·∂J/∂{}",
    "jacobian": "∂J/∂{}",
    "hvp": "∂(v·∇J)/∂{}",
}
"""What an entry of an operator's result is; the others' entries have names of their own."""


def partial(operator: str, entry: str) -> str:
    """Return what the entry is: `∂J/∂w[0]` of a gradient, `∂(v·∇J)/∂w[0]` of a Hessian-vector product."""
    return PARTIALS.get(operator, "{}").format(entry)


def backend(name: str) -> str:
    """Return the name by which people know the backend."""
    return BACKENDS.get(name, name)


def source(key: str) -> str:
    """Return the heading of a source that is recorded under `key`: the engine, and the spelling if it has one."""
    name, _, spelling = key.partition("/")
    return f"{backend(name)} · {spelling}" if spelling else backend(name)


def engine(cell: CellLine, beside: Iterable[CellLine]) -> str:
    """Return the engine's name, with spelling and variant where cells beside it could be taken for it."""
    alike = [other for other in beside if other.backend == cell.backend]
    spelling = cell.spelling if cell.spelling != OWN else ""
    variant = cell.variant if len({other.variant for other in alike}) > 1 else ""
    return " ".join(filter(None, (backend(cell.backend), spelling, variant)))


def status(cell: CellLine) -> str:
    """Return the cell's class; a class that is not known reads as a failure, never as a pass."""
    return cell.cls if cell.cls in GLYPHS else "fail"


def glyph(cell: CellLine) -> str:
    """Return the sign of the cell's class."""
    return GLYPHS[status(cell)]


def word(cell: CellLine) -> str:
    """Return the verdict with its diagnosis: `DISAGREE{negated}`."""
    return f"{cell.verdict}{{{cell.diagnosis}}}" if cell.diagnosis else cell.verdict


def label(cell: CellLine) -> str:
    """Return what tells the cell from the others of its case and backend: the rest of its id."""
    return "/".join((cell.spelling, cell.variant, cell.operator, cell.dtype, cell.point))


def backends(run: Run) -> tuple[str, ...]:
    """Return the backends of the run, those of the header first."""
    others = sorted({cell.backend for cell in run.cells} - run.header.backends.keys())
    return (*run.header.backends, *others)


def how_many_ran(header: HeaderLine) -> str:
    """Return "4 of 5 backends ran"."""
    ran = sum(said == RAN for said in header.backends.values())
    return f"{ran} of {plural(len(header.backends), 'backend')} ran"


def mechanism(header: HeaderLine, name: str) -> str:
    """Return how the backend differentiates, "" where the run does not say."""
    return header.mechanisms.get(name, "")


def pair(key: str) -> str:
    """Return the name of a pair of backends, written "torch|jax" in the record."""
    return " and ".join(map(backend, key.split("|")))
