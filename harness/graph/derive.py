"""Gradients of graphs, as graphs.

Only the reverse rules of the primitives are used: a Hessian-vector product is the gradient of
⟨gradient, v⟩, a Jacobian-vector product the transpose of the transpose, and no forward rules are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.graph import build as b
from harness.graph.build import Builder, Ref
from harness.graph.directions import tangents
from harness.graph.node import Graph
from harness.graph.registry import PRIMITIVES, Primitive


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivative:
    """A graph of primitives that holds a function and its derivative."""

    graph: Graph
    """Its outputs are the value, then every partial that is not None."""
    value: int
    """Node of the function's value."""
    partials: dict[str, int | None]
    """Node of the partial by leaf path; None where the function does not depend on the leaf.

    Of another operator than the gradient: its results, by leaf path or by name (graph/operators.py)."""
    claims: tuple[Derivative, ...] = ()
    """Functions with their gradients, in this graph, that the results rest on: they are certified.

    Empty: the value and the partials themselves."""
    equal: tuple[tuple[int, int], ...] = ()
    """Nodes that hold the same number, derived in two ways."""
    function: Graph | None = None
    """The function as it was written, composites kept; None where the results are not its gradient."""
    asked: tuple[str, Graph] | None = None
    """Of another operator: its name, and the function as it was written."""


def lower(graph: Graph) -> Graph:
    """Return the graph with every composite written out in primitives."""
    return rebuild(graph, Builder(keep=lambda op: False))


def rebuild(graph: Graph, builder: Builder) -> Graph:
    """Return the graph replayed in `builder`, which decides what stays composite."""
    made: list[Ref] = []
    for node in graph.nodes:
        builder.where = node.where
        if node.op in ("input", "constant", "eye", "arange"):
            made.append(builder.append(node))
        else:
            made.append(builder.call(node.op, *(made[k] for k in node.args), **node.attrs))
    builder.inputs = {path: made[k].id for path, k in graph.inputs.items()}
    builder.params = list(graph.params)
    return builder.freeze(*(made[k] for k in graph.outputs))


def gradient(graph: Graph, rules: dict[str, Primitive] = PRIMITIVES) -> Derivative:
    """Return value and gradient of the graph's first output with respect to its params.

    A composite that has a row among the rules is kept and goes backward by it.
    """
    low = rebuild(graph, Builder(keep=rules.__contains__))
    builder, value = b.thaw(low, tidy=True), low.outputs[0]
    wanted = [builder.inputs[path] for path in builder.params]
    adjoints = sweep(builder, value, wanted, rules)
    return replace(_finish(builder, value, dict(zip(builder.params, adjoints, strict=True))), function=graph)


def hvp(graph: Graph, rules: dict[str, Primitive] = PRIMITIVES) -> Derivative:
    """Return ⟨gradient, v⟩ and the Hessian times v; the inputs `v.<path>` hold v."""
    return second(gradient(graph, rules), rules)


def second(first: Derivative, rules: dict[str, Primitive] = PRIMITIVES) -> Derivative:
    """Return ⟨gradient, v⟩ and its gradient, in the graph of the gradient continued."""
    builder = b.thaw(first.graph, tidy=True)
    slope = along(builder, first.partials, tangent_inputs(builder, first.graph))
    wanted = [builder.inputs[path] for path in builder.params]
    adjoints = sweep(builder, slope.id, wanted, rules)
    return _finish(builder, slope.id, dict(zip(builder.params, adjoints, strict=True)))


def tangent_inputs(builder: Builder, graph: Graph) -> dict[str, Ref]:
    """Add the inputs that hold v; return them by leaf path."""
    return {path: builder.input(v, builder.at(graph.inputs[path]).shape) for path, v in tangents(graph).items()}


def along(builder: Builder, partials: Mapping[str, int | None], direction: Mapping[str, Ref]) -> Ref:
    """Return ⟨partials, direction⟩."""
    products = [builder.at(node) * direction[path] for path, node in partials.items() if node is not None]
    terms = [b.total(product, range(product.ndim)) for product in products]
    return sum(terms[1:], terms[0]) if terms else builder.constant(0)


def _finish(builder: Builder, value: int, adjoints: dict[str, Ref | None]) -> Derivative:
    partials = {path: None if ref is None else ref.id for path, ref in adjoints.items()}
    present = [builder.at(k) for k in partials.values() if k is not None]
    return Derivative(graph=builder.freeze(builder.at(value), *present), value=value, partials=partials)


def sweep(
    builder: Builder, output: int, wanted: list[int], rules: dict[str, Primitive] = PRIMITIVES, seed: Ref | None = None
) -> list[Ref | None]:
    """Add the reverse sweep from `output`, of which `seed` (1) is the adjoint; return the adjoint of each wanted node.

    Source: Griewank and Walther, Evaluating Derivatives, 2008, section 3.2 (reverse mode).
    """
    active = _active(builder, wanted)
    first = b.broadcast_to(builder.constant(1), builder.at(output).shape) if seed is None else seed
    adjoint: dict[int, Ref] = {output: first}
    for position in range(output, -1, -1):
        node = builder.nodes[position]
        if position not in adjoint or position not in active or not node.args or node.kind != "real":
            continue
        rule = rules[node.op].vjp
        assert rule is not None, f"{node.op} has no reverse rule"
        builder.where = node.where
        operands = [builder.at(k) for k in node.args]
        for operand, part in zip(
            operands, rule(adjoint[position], builder.at(position), *operands, **node.attrs), strict=True
        ):
            if part is not None and operand.id in active:
                known = adjoint.get(operand.id)
                adjoint[operand.id] = part if known is None else known + part
    return [adjoint.get(k) for k in wanted]


def _active(builder: Builder, wanted: list[int]) -> set[int]:
    """Return the nodes whose value depends smoothly on a wanted node."""
    active = set(wanted)
    for position, node in enumerate(builder.nodes):
        if node.kind == "real" and any(k in active for k in node.args):
            active.add(position)
    return active
