"""Reverse rules that one framework has and the others have not, by the name that a phrasebook calls them.

They stand in for the neutral rules in the tolerance of that framework alone, never in the truth: the function is the
same, its rounding is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.graph import build as b
from harness.graph.build import Ref
from harness.graph.derive import Derivative, along, gradient, lower, second, tangent_inputs
from harness.graph.directions import COTANGENTS, cotangent
from harness.graph.node import Graph
from harness.graph.operators import BY_JVP, BY_VJP
from harness.graph.primitives import exp, spread
from harness.graph.registry import PRIMITIVES, Primitive, Rule

EXP_OF_DIFFERENCE = "exp(x - y)"
"""The derivative of a logarithm of sums, from its result y: where both are large, the difference has lost digits."""


def _logsumexp(g: Ref, y: Ref, x: Ref, axes: tuple[int, ...], keepdims: bool) -> tuple[Ref]:
    return (spread(g, x.shape, axes) * exp(x - spread(y, x.shape, axes)),)


def _softplus(g: Ref, y: Ref, x: Ref) -> tuple[Ref]:
    return (g * exp(x - y),)


def _logaddexp(g: Ref, y: Ref, a: Ref, c: Ref) -> tuple[Ref, Ref]:
    return g * exp(a - y), g * exp(c - y)


RULES: dict[str, dict[str, Rule]] = {
    EXP_OF_DIFFERENCE: {"logsumexp": _logsumexp, "softplus": _softplus, "logaddexp": _logaddexp},
}
"""Name of a rule → operation → the rule."""


def gradient_by(graph: Graph, own: Mapping[str, str]) -> Derivative:
    """Return the gradient with the rules that `own` names by operation.

    Its first nodes are those of the lowered graph, so decisions that were taken there hold here.
    """
    return _lowered(gradient(graph, _with(own)))


def operator_by(operator: str, graph: Graph, own: Mapping[str, str]) -> Derivative:
    """Return what rounds as the operator's results where the gradient goes by these rules.

    The products with a direction are taken of the gradient itself: the order of a linear function's operations matters
    less than the digits that such a rule has lost.
    """
    if operator == "grad":
        return gradient_by(graph, own)
    first = gradient(graph, _with(own))
    found = second(first, _with(own)) if operator == "hvp" else first
    builder = b.thaw(found.graph, tidy=True)
    scale = builder.input(cotangent(graph), ()) if operator in COTANGENTS else builder.constant(1)
    results = {path: None if k is None else (builder.at(k) * scale).id for path, k in found.partials.items()}
    if operator in ("jvp", "adjoint"):
        slope = along(builder, results, tangent_inputs(builder, graph)).id
        results = {"jvp": slope} if operator == "jvp" else {BY_JVP: slope, BY_VJP: slope}
    present = [builder.at(k) for k in results.values() if k is not None]
    kept = builder.freeze(builder.at(first.value), *present)
    return _lowered(Derivative(graph=kept, value=first.value, partials=results))


def _with(own: Mapping[str, str]) -> dict[str, Primitive]:
    return PRIMITIVES | {op: Primitive(name=op, infer=_never, vjp=RULES[rule][op]) for op, rule in own.items()}


def _lowered(kept: Derivative) -> Derivative:
    """Return a derivative with its composites written out."""
    low = lower(kept.graph)
    value, *present = low.outputs
    paths = [path for path, node in kept.partials.items() if node is not None]
    return Derivative(
        graph=low, value=value, partials=dict.fromkeys(kept.partials) | dict(zip(paths, present, strict=True))
    )


def _never(*args: Any, **attrs: Any) -> Any:
    """A row of an own rule is read when adjoints are taken; shapes are those of the operation."""
    raise AssertionError("an own rule infers nothing")
