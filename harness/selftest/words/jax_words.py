"""The vocabulary in JAX."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np


def words(jax: Any) -> SimpleNamespace:
    """Return functions of arrays under the names of the array API, with those that a defect needs."""
    jnp = jax.numpy
    same = "sin cos exp log tanh sqrt abs sign square where maximum sum mean max matrix_transpose reshape take sort"
    return SimpleNamespace(
        **{name: getattr(jnp, name) for name in same.split()},
        nn=SimpleNamespace(relu=jax.nn.relu, sigmoid=jax.nn.sigmoid, softplus=jax.nn.softplus, softmax=jax.nn.softmax),
        like=lambda numbers, x: jnp.asarray(numbers, x.dtype),
        flags=jnp.asarray,
        cast=lambda x, dtype: x.astype(dtype),
        dtype=lambda x: str(x.dtype),
        matmul=jnp.matmul,
        add=lambda a, b: a + b,
        divide=lambda a, b: a / b,
        stop_gradient=jax.lax.stop_gradient,
        outside=lambda function, x: jax.pure_callback(
            lambda numbers: np.asarray(function(np.asarray(numbers)), x.dtype),
            jax.ShapeDtypeStruct(x.shape, x.dtype),
            x,
        ),
        transformed=lambda x: isinstance(x, jax.core.Tracer),
        custom=lambda forward, backward: custom(jax, forward, backward),
        random=lambda: np.random.rand(),  # the state that everybody shares
        module=jax,
    )


def custom(jax: Any, forward: Callable[..., Any], backward: Callable[..., Any]) -> Any:
    """Return the function whose derivative is written by hand: backward(adjoint, result, *inputs) → adjoints."""

    def kept(*inputs: Any) -> Any:
        output = forward(*inputs)
        return output, (output, inputs)

    planted = jax.custom_vjp(forward)
    planted.defvjp(kept, lambda saved, adjoint: tuple(backward(adjoint, saved[0], *saved[1])))
    return planted
