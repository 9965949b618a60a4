"""The two tables of operations, and what a row of each must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.graph.node import Attrs, Kind, Node, Shape

if TYPE_CHECKING:
    from harness.graph.build import Ref

Signature = tuple[Shape, Kind]
Infer = Callable[..., Signature]
Rule = Callable[..., "tuple[Ref | None, ...]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Primitive:
    """An operation that every number domain evaluates by itself."""

    name: str
    infer: Infer
    """`infer(*arg_nodes, **attrs)` → shape and kind of the result."""
    vjp: Rule | None
    """`vjp(g, y, *args, **attrs)` → an adjoint per operand; None where nothing flows. None: a leaf or a decision."""
    decision: bool = False
    """The result is data of the point: decided once by the ball run, read by all domains."""
    adjoint_only: bool = False
    """Born in reverse rules; users never call it, and backends need no phrase for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """An operation that frameworks have as one call and that is defined by others."""

    name: str
    define: Callable[..., Ref]
    """`define(*args, **attrs)` → the same function in other operations."""


PRIMITIVES: dict[str, Primitive] = {}
COMPOSITES: dict[str, Composite] = {}


def primitive(name: str, infer: Infer, vjp: Rule | None = None, **flags: bool) -> None:
    """Add a row to the table of primitives."""
    _absent(name)
    PRIMITIVES[name] = Primitive(name=name, infer=infer, vjp=vjp, **flags)


def composite(name: str) -> Callable[[Callable[..., Ref]], Callable[..., Ref]]:
    """Return a decorator that adds a row to the table of composites."""

    def register(define: Callable[..., Ref]) -> Callable[..., Ref]:
        _absent(name)
        COMPOSITES[name] = Composite(name=name, define=define)
        return define

    return register


def _absent(name: str) -> None:
    if name in PRIMITIVES or name in COMPOSITES:
        raise ValueError(f"operation {name!r} has two homes; remove one")


def infer_primitive(op: str, args: tuple[Node, ...], attrs: Attrs) -> Signature:
    """Return the shape and kind of primitive `op` applied to `args`."""
    return PRIMITIVES[op].infer(*args, **attrs)


def attribute_key(attrs: Attrs) -> tuple[tuple[str, Any], ...]:
    """Return the attributes as a hashable key."""
    return tuple(sorted(attrs.items()))
