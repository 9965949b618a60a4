"""Operators beyond the gradient in JAX, compiled unless the variant ends in `eager`."""

from __future__ import annotations

from harness.backends.operators_functional import Transformations
from harness.graph.phrase import Call

EAGER = Transformations(module="jax", total="jnp.sum({0})")
COMPILED = Transformations(module="jax", total="jnp.sum({0})", decorator="@jax.jit\n")

ROUTES = {
    "vjp": ("jit",),
    "jvp": ("jit",),
    "jacobian": ("reverse", "forward"),
    "hvp": ("forward-reverse", "reverse-reverse", "reverse-forward"),
    "adjoint": ("jit",),
}


def lines(call: Call) -> str:
    """Return the lines that bind the function of the operator."""
    variant = call.variant.removesuffix("eager").rstrip()
    return (COMPILED if variant == call.variant else EAGER).lines(call._replace(variant=variant))
