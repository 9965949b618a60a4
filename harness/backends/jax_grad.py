"""JAX: `jax.value_and_grad`."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.backends.adapter import Adapter
from harness.backends.phrasebook import Call, Phrasebook, calls, numpy_style, reduction
from harness.measurement import Task

LARGEST_JIT = 500
"""Most nodes that are compiled: the time for a chain grows faster than its length (355 nodes 2.4 s, 1 405: 33 s)."""


def differentiate(call: Call) -> str:
    """Return the line that binds `gradient`."""
    eager = f"jax.value_and_grad(cost, argnums={call.positions})"
    return f"gradient = {eager if call.variant == 'eager' else f'jax.jit({eager})'}\n"


BOOK = Phrasebook(
    name="JAX",
    imports={
        "math": "import math",
        "os": "import os",
        "np": "import numpy as np",
        "jax": "import jax",
        "jax.scipy.special": "import jax.scipy.special",
        "jnp": "import jax.numpy as jnp",
    },
    prelude='jax.config.update("jax_enable_x64", True)\ndtype = jnp.{dtype}\n',
    differentiate=differentiate,
    leaves={"real": "jnp.asarray({0}, dtype)", "int": "jnp.asarray({0})", "bool": "jnp.asarray({0})"},
    phrases={
        **numpy_style("jnp"),
        **calls("jax.nn", "sigmoid softplus relu"),
        **calls("jax.scipy.special", "erf erfc"),
        "argsort": "jnp.argsort({0}, axis={axis}, descending={descending}, stable=True)",
        "stop_gradient": "jax.lax.stop_gradient({0})",
        "softmax": "jax.nn.softmax({0}, axis={axis})",
        "log_softmax": "jax.nn.log_softmax({0}, axis={axis})",
        "logsumexp": reduction("jax.nn.logsumexp"),
    },
)


class JaxGrad(Adapter):
    """JAX's grad: compiled by `jax.jit`, or operation by operation."""

    name, mechanism, package = "jax", "grad", "jax"
    variants = ("jit", "eager")
    book = BOOK

    def __init__(self) -> None:
        self.jax: Any = importlib.import_module("jax")
        self.jax.config.update("jax_enable_x64", True)

    def variant(self, task: Task) -> tuple[str, str]:
        nodes = len(task.graph.needed())
        if task.variant != "jit" or nodes <= LARGEST_JIT:
            return task.variant, ""
        return "eager", f"ran eagerly, not by jit: {nodes} nodes, and above {LARGEST_JIT} compiling takes long"

    def native(self, values: NDArray[np.generic], dtype: str) -> Any:
        return self.jax.numpy.asarray(values, dtype if values.dtype.kind == "f" else None)

    def numpy(self, array: Any) -> tuple[NDArray[np.generic], str]:
        return np.asarray(array), str(array.dtype)

    def wait(self, result: Any) -> Any:
        return self.jax.block_until_ready(result)

    def versions(self) -> dict[str, str]:
        return {"jax": self.jax.__version__, "jaxlib": self.jax.lib.__version__}

    def flags(self) -> dict[str, str]:
        return {
            "jax.x64": str(self.jax.config.jax_enable_x64),
            "jax.platform": self.jax.default_backend(),
            "jax.xla_flags": os.environ.get("XLA_FLAGS", ""),
        }
