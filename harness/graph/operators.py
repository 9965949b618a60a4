"""The operators: what may be asked of a function's derivative, each as a graph with the function and the results.

The results stand in `Derivative.partials`: by leaf path where there is one per leaf, else by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec

from harness.graph import build as b
from harness.graph.build import Builder, Ref
from harness.graph.derive import Derivative, along, gradient, second, sweep, tangent_inputs
from harness.graph.directions import cotangent
from harness.graph.node import Graph, Node

BY_JVP, BY_VJP = "by jvp", "by vjp"
"""The two sides of the adjoint identity ⟨Jv, c⟩ = ⟨v, Jᵀc⟩."""


def vjp(graph: Graph) -> Derivative:
    """Return the value and Jᵀc: it is the gradient of c·f, and certified as such."""
    first = gradient(graph)
    builder = b.thaw(first.graph, tidy=True)
    c = builder.input(cotangent(graph), ())
    pulled = _pulled(builder, first, c)
    weighed = _of(builder, (builder.at(first.value) * c).id, pulled)
    return _finished(builder, first, "vjp", pulled, claims=(weighed,))


def jvp(graph: Graph) -> Derivative:
    """Return the value and Jv, which is linear in the gradient: the certificate of the gradient covers it.

    It is derived as the transpose of Jᵀu, which orders the operations as forward mode does; ⟨gradient, v⟩ must be
    equal. Source: Christianson, Automatic Hessians by reverse accumulation, 1992, section 2.
    """
    first = gradient(graph)
    builder = b.thaw(first.graph, tidy=True)
    v = tangent_inputs(builder, graph)
    slope = along(builder, first.partials, v)
    seed = builder.append(Node(op="input", attrs={"path": "the seed of a linear function"}))  # it cancels
    forward = _transposed(builder, along(builder, _pulled(builder, first, seed), v), seed)
    return _finished(builder, first, "jvp", {"jvp": forward.id}, claims=(first,), equal=((forward.id, slope.id),))


def hvp(graph: Graph) -> Derivative:
    """Return the value and the Hessian times v; both the gradient and the derivative of ⟨gradient, v⟩ are certified."""
    first = gradient(graph)
    slope = second(first)
    builder = b.thaw(slope.graph, tidy=True)
    return _finished(builder, first, "hvp", slope.partials, claims=(first, slope))


def adjoint(graph: Graph) -> Derivative:
    """Return the value and both sides of the adjoint identity; each is c·⟨gradient, v⟩."""
    first = gradient(graph)
    builder = b.thaw(first.graph, tidy=True)
    v, c = tangent_inputs(builder, graph), builder.input(cotangent(graph), ())
    pulled = _pulled(builder, first, c)
    by_vjp = along(builder, pulled, v)
    by_jvp = _transposed(builder, by_vjp, c) * c
    weighed = _of(builder, (builder.at(first.value) * c).id, pulled)
    sides: dict[str, int | None] = {BY_JVP: by_jvp.id, BY_VJP: by_vjp.id}
    return _finished(builder, first, "adjoint", sides, claims=(weighed,), equal=((by_jvp.id, by_vjp.id),))


OPERATORS: dict[str, Callable[[Graph], Derivative]] = {
    "grad": gradient,
    "vjp": vjp,
    "jvp": jvp,
    "jacobian": gradient,
    "hvp": hvp,
    "adjoint": adjoint,
}
"""Operator → its derivative. The Jacobian of a number is its gradient; frameworks take it by ways of their own."""


def _pulled(builder: Builder, first: Derivative, seed: Ref) -> dict[str, int | None]:
    """Add the reverse sweep from `seed`; return the adjoint of each leaf."""
    wanted = [builder.inputs[path] for path in builder.params]
    adjoints = sweep(builder, first.value, wanted, seed=seed)
    return {path: None if ref is None else ref.id for path, ref in zip(builder.params, adjoints, strict=True)}


def _transposed(builder: Builder, linear: Ref, seed: Ref) -> Ref:
    """Return the factor of a number that is `seed` times it."""
    (factor,) = sweep(builder, linear.id, [seed.id])
    return builder.constant(0) if factor is None else factor


def _of(builder: Builder, value: int, partials: dict[str, int | None]) -> Derivative:
    """Return the function at `value` with its partials."""
    nodes = [builder.at(value), *(builder.at(k) for k in partials.values() if k is not None)]
    return Derivative(graph=builder.freeze(*nodes), value=value, partials=partials)


def _finished(
    builder: Builder,
    first: Derivative,
    operator: str,
    results: dict[str, int | None],
    *,
    claims: tuple[Derivative, ...],
    equal: tuple[tuple[int, int], ...] = (),
) -> Derivative:
    """Return the function with the results; whatever they rest on is an output as well."""
    found = _of(builder, first.value, results)
    rest = [k for claim in claims for k in claim.graph.outputs] + [k for pair in equal for k in pair]
    graph = msgspec.structs.replace(found.graph, outputs=tuple(dict.fromkeys([*found.graph.outputs, *rest])))
    own = tuple(replace(one, graph=msgspec.structs.replace(graph, outputs=one.graph.outputs)) for one in claims)
    asked = None if first.function is None else (operator, first.function)
    return replace(found, graph=graph, claims=own, equal=equal, asked=asked)
