"""JAX: `jax.value_and_grad`."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.backends import jax_state, operators_jax
from harness.backends.adapter import Adapter
from harness.backends.complex_rows import complex_rows
from harness.backends.custody import Watched
from harness.backends.phrasebook import Call, Phrase, Phrasebook, calls, numpy_style, reduction
from harness.graph.node import Node
from harness.graph.own_rules import EXP_OF_DIFFERENCE
from harness.measurement import Task

LARGEST_JIT = 500
"""Most nodes that are compiled: the time for a chain grows faster than its length (355 nodes 2.4 s, 1 405: 33 s)."""


def differentiate(call: Call) -> str:
    """Return the lines that bind `gradient`."""
    if call.operator != "grad":
        return operators_jax.lines(call)
    eager = f"jax.value_and_grad(cost, argnums={call.positions})"
    if call.variant == "vmap":
        return batched(call, f"jax.jit(jax.vmap({eager}, in_axes={call.batch}))")
    return f"gradient = {eager if call.variant == 'eager' else f'jax.jit({eager})'}\n"


def batched(call: Call, mapped: str) -> str:
    """Return the lines of a gradient in a batch of two points, the second one half of the first."""
    names = ", ".join(call.arguments)
    pairs = ", ".join(f"jnp.stack([{name}, {name} / 2])" if name in call.params else name for name in call.arguments)
    return f"""gradients = {mapped}

def gradient({names}):
    value, partials = gradients({pairs})
    return value[0], [p[0] for p in partials]
"""


def conv2d(node: Node) -> str:
    """Return the words of a convolution, padded by name or by rows and columns."""
    padding = "{padding}" if node.attrs["mode"] == "EXPLICIT" else '"{mode}"'
    names = 'dimension_numbers=("NHWC", "HWIO", "NHWC")'
    return f"jax.lax.conv_general_dilated({{0}}, {{1}}, {{strides}}, {padding}, {names})"


def pooled(start: str, operation: str) -> Callable[[Node], str]:
    """Return the words of a reduction of windows of images."""

    def words(node: Node) -> str:
        window, strides = ((1, *node.attrs[name], 1) for name in ("window", "strides"))
        return f'jax.lax.reduce_window({{0}}, {start}, jax.lax.{operation}, {window}, {strides}, "VALID")'

    return words


def averaged(node: Node) -> str:
    """Return the words of a mean of windows: a sum, divided by their size."""
    return f"{pooled('0.0', 'add')(node)} / {math.prod(node.attrs['window'])}"


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
    own_rules={"softplus": EXP_OF_DIFFERENCE, "logaddexp": EXP_OF_DIFFERENCE},
    phrases={
        **numpy_style("jnp"),
        **calls("jax.nn", "sigmoid softplus relu silu"),
        **calls("jax.scipy.special", "erf erfc logit"),
        "xlogy": "jax.scipy.special.xlogy({0}, {1})",
        "leaky_relu": "jax.nn.leaky_relu({0}, {negative_slope})",
        "elu": "jax.nn.elu({0}, {alpha})",
        "gelu": Phrase(words=lambda node: f"jax.nn.gelu({{0}}, approximate={node.attrs['approximate'] == 'tanh'})"),
        "one_hot": "jax.nn.one_hot({0}, {n}, dtype=dtype)",
        "conv2d": Phrase(words=conv2d),
        "avg_pool2d": Phrase(words=averaged),
        "max_pool2d": Phrase(words=pooled("-jnp.inf", "max")),
        "cholesky": "jnp.linalg.cholesky({0})",
        "sort": "jnp.sort({0}, axis={axis}, descending={descending})",
        "argsort": "jnp.argsort({0}, axis={axis}, descending={descending}, stable=True)",
        "stop_gradient": "jax.lax.stop_gradient({0})",
        "softmax": "jax.nn.softmax({0}, axis={axis})",
        "log_softmax": "jax.nn.log_softmax({0}, axis={axis})",
        "logsumexp": reduction("jax.nn.logsumexp"),
        **complex_rows("jnp", of="jax.lax.complex({0}, {1})", lifted="{0} + 0j", total=reduction("jnp.sum")),
    },
)


class JaxGrad(Adapter):
    """JAX's grad: compiled by `jax.jit`, or operation by operation."""

    name, mechanism, package = "jax", "grad", "jax"
    variants = ("jit", "eager", "vmap")
    routes = operators_jax.ROUTES
    compiled = ("jit", "vmap")
    compiles_operators = True
    book = BOOK

    def __init__(self) -> None:
        self.jax: Any = importlib.import_module("jax")
        self.arrays = (self.jax.Array,)

    def settle(self) -> None:
        self.jax.config.update("jax_enable_x64", True)

    @contextlib.contextmanager
    def settings(self) -> Iterator[None]:
        """Hold x64, without which JAX makes every float64 a float32."""
        held = self.jax.config.jax_enable_x64
        self.jax.config.update("jax_enable_x64", True)
        try:
            yield
        finally:
            self.jax.config.update("jax_enable_x64", held)

    def variant(self, task: Task) -> tuple[str, str]:
        nodes, other = len(task.graph.needed()), task.operator != "grad"
        if not (other or task.variant == "jit") or nodes <= LARGEST_JIT:
            return task.variant, ""
        eagerly = f"{task.variant} eager" if other else "eager"
        return eagerly, f"ran eagerly, not by jit: {nodes} nodes, and above {LARGEST_JIT} compiling takes long"

    def watched(self, *, closely: bool) -> Watched:
        return super().watched(closely=closely).plus(jax_state.watched(self.jax, closely=closely))

    def native(self, values: NDArray[np.generic], dtype: str) -> Any:
        return self.jax.numpy.asarray(values, dtype if values.dtype.kind == "f" else None)

    def numpy(self, array: Any) -> tuple[NDArray[np.generic], str]:
        return np.asarray(array), str(array.dtype)

    def wait(self, result: Any) -> Any:
        return self.jax.block_until_ready(result)

    def forward(self, cost: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function compiled: operation by operation a call takes milliseconds."""
        compiled: Callable[..., Any] = self.jax.jit(cost)
        return compiled

    def versions(self) -> dict[str, str]:
        return {"jax": self.jax.__version__, "jaxlib": self.jax.lib.__version__}

    def flags(self) -> dict[str, str]:
        return {
            "jax.x64": str(self.jax.config.jax_enable_x64),
            "jax.platform": self.jax.default_backend(),
            "jax.xla_flags": os.environ.get("XLA_FLAGS", ""),
        }
