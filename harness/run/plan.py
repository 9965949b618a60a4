"""The plan of a run: which cells there are, before anything is measured."""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from harness.backends import BACKENDS, BY_HAND, describe
from harness.backends.forward_rules import forward_rules
from harness.declare import Case
from harness.points import Point
from harness.spelling import DEFINITION, Spelling


class SelectionError(ValueError):
    """A selection that cannot be read or that names what is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One derivative: case × backend × spelling × variant × operator × dtype × point."""

    case: str
    backend: str
    variant: str
    dtype: str
    point: str
    spelling: str = DEFINITION
    operator: str = "grad"

    @property
    def id(self) -> str:
        """A path that is safe in a shell and matched by prefix."""
        parts = (self.case, self.backend, self.spelling, self.variant, self.operator, self.dtype, self.point)
        return "/".join(parts)

    @property
    def group(self) -> tuple[str, str, str, str]:
        """Case, point, dtype and operator: what the truth is established for."""
        return self.case, self.point, self.dtype, self.operator


OPERATORS = ("grad", "vjp", "jvp", "jacobian", "hvp", "adjoint")
"""What may be asked of the derivative, the gradient first."""

CHEAP = ("grad", "hvp", "adjoint")
"""The operators of the default profile, by one way each, since JAX compiles every way anew: the adjoint identity holds
a JVP and a VJP."""

WRITTEN = ("grad", "hvp", "vjp")
"""Those of what users write: a rule that forgets the adjoint that it is given is right in a gradient, where that is 1.
"""
WRITTEN_FORWARD = ("grad", "hvp", "jvp", "adjoint")
"""Those of a function whose rules have forward mode."""

SMALL = 64
"""Entries up to which a Jacobian is planned: forward mode takes a pass for each."""

PROFILES = {
    "quick": "each backend's first variant",
    "default": "the same, and at each case's first point in float64 every variant, and operators beyond the gradient",
    "full": "every variant and operator everywhere",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What of the cases is to be run; empty means all."""

    backends: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ("float64", "float32")
    variants: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    """Empty: the gradient, and by the profile the others; named ones are planned at every point."""
    points: tuple[str, ...] = ()
    keyword: str = ""
    """Words of the cell id joined by and, or, not."""
    prefix: str = ""
    """Start of the cell id, whole parts."""
    profile: str = "quick"
    """How much is planned where variants are not named: see PROFILES."""
    seed: int = 0
    shard: tuple[int, int] = field(default=(1, 1))
    """(i, n): the i-th of n equal parts, cases dealt out in turn."""


def plan(cases: Sequence[Case], selection: Selection) -> list[Cell]:
    """Return the cells of a run in a fixed order: case, dtype, point, operator, backend, spelling, variant.

    Raises SelectionError.
    """
    matches = keyword_matcher(selection.keyword)
    number, parts = selection.shard
    dealt = [case for position, case in enumerate(cases) if position % parts == number - 1]
    return [
        cell
        for case in dealt
        for dtype in selection.dtypes
        for point in _chosen(case.points, selection.points)
        for operator in _operators(case, selection)
        for cell in _cells(case, dtype, point, operator, selection)
        if matches(cell.id) and below(cell.id, selection.prefix)
    ]


def left_out(cases: Sequence[Case], selection: Selection) -> tuple[str, ...]:
    """Return the gradients by hand, as case/backend/spelling, that a selection leaves out by its backends or dtypes."""

    def by_hand(asked: Selection) -> Iterator[str]:
        return (f"{cell.case}/{cell.backend}/{cell.spelling}" for cell in plan(cases, asked) if cell.backend in BY_HAND)

    widest = replace(selection, backends=tuple(BY_HAND), dtypes=("float64",))
    planned = set(by_hand(selection))
    return tuple(name for name in dict.fromkeys(by_hand(widest)) if name not in planned)


def _chosen(points: Iterable[Point], labels: Sequence[str]) -> list[Point]:
    return [point for point in points if not labels or point.label in labels]


def _operators(case: Case, selection: Selection) -> list[str]:
    """Return the operators that may be planned: of few entries the Jacobian too, of ports only the gradient."""
    asked = selection.operators or OPERATORS
    if case.function is None:
        return [operator for operator in asked if operator == "grad"]
    entries = sum(math.prod(leaf.shape) for leaf in case.inputs.values() if leaf.param)
    return [operator for operator in asked if operator != "jacobian" or entries <= SMALL]


def _cells(case: Case, dtype: str, point: Point, operator: str, selection: Selection) -> Iterable[Cell]:
    first = point is case.points[0] and dtype == "float64"
    for backend in selection.backends or (*BACKENDS, *BY_HAND):
        known = describe(backend)
        if dtype not in known.dtypes or operator not in known.operators():
            continue
        variants = known.variants if operator == "grad" else known.routes[operator]
        for spelling, native in _spellings(case, backend).items():
            if operator not in _usual(native, first, selection):
                continue
            for variant in _variants(variants, first, operator, native, selection):
                yield Cell(
                    case=case.id,
                    backend=backend,
                    spelling=spelling,
                    variant=variant,
                    dtype=dtype,
                    point=point.label,
                    operator=operator,
                )


def _usual(native: Spelling | None, first: bool, selection: Selection) -> tuple[str, ...]:
    """Return the operators that are planned of a spelling: those that are named, or those that the profile has."""
    if selection.operators:
        return selection.operators
    if selection.profile == "quick" or (selection.profile == "default" and not first):
        return CHEAP[:1]
    if native is not None:
        return WRITTEN_FORWARD if forward_rules(native.function) else WRITTEN
    return OPERATORS if selection.profile == "full" else CHEAP


def _variants(
    known: Sequence[str], first: bool, operator: str, native: Spelling | None, selection: Selection
) -> Sequence[str]:
    """Return the variants that are planned; what users write has the first unless one is named."""
    if selection.variants:
        return [variant for variant in known if variant in selection.variants]
    if native is not None:
        return known[:1]
    if operator == "grad":
        everything = selection.profile == "full" or (selection.profile == "default" and first)
    else:
        everything = selection.profile == "full" or operator in selection.operators
    return known if everything else known[:1]


def _spellings(case: Case, backend: str) -> dict[str, Spelling | None]:
    """Return the case's spellings on a backend by name, the definition's own (None) first."""
    own = {DEFINITION: None} if backend in BACKENDS and case.function is not None else {}
    return own | {native.name: native for native in case.natives if native.backend == backend}


def checked(given: Sequence[str], names: Iterable[str], noun: str) -> tuple[str, ...]:
    """Return the given names; raises SelectionError with the nearest name for one that there is not."""
    there = list(names)
    for name in given:
        if name not in there:
            near = difflib.get_close_matches(name, there, n=1)
            hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(there)}"
            raise SelectionError(f"there is no {noun} {name!r}; {hint}")
    return tuple(given)


def below(identity: str, prefix: str) -> bool:
    """Return whether the id is the prefix or lies below it, whole parts only."""
    wanted = prefix.rstrip("/")
    return not wanted or identity == wanted or identity.startswith((wanted + "/", wanted + "."))


def keyword_matcher(expression: str) -> Callable[[str], bool]:
    """Return the test that a `-k` expression stands for: words in the id, with and, or, not."""
    if not expression.strip():
        return lambda identity: True
    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError:
        raise SelectionError(f"-k {expression!r} cannot be read; write words joined by and, or, not") from None
    return lambda identity: _holds(tree, identity)


def _holds(tree: ast.expr, identity: str) -> bool:
    match tree:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_holds(value, identity) for value in values)
        case ast.BoolOp(values=values):
            return any(_holds(value, identity) for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _holds(operand, identity)
        case ast.Constant(value=str(word)):
            return word in identity
    return ast.unparse(tree).replace(" ", "") in identity
