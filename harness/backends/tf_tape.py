"""TensorFlow: `GradientTape`."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.backends import operators_tensorflow, tf_state
from harness.backends.adapter import Adapter
from harness.backends.complex_rows import complex_rows
from harness.backends.custody import Watched
from harness.backends.phrasebook import (
    OPERATORS,
    Call,
    Phrase,
    Phrasebook,
    calls,
    few,
    full,
    population,
    reduction,
    swapped,
)
from harness.backends.silence import silenced
from harness.conduct import Foreign
from harness.graph.node import Node

DECORATORS = {
    "eager": "",
    "function": "@tf.function\n",
    "xla": "@tf.function(jit_compile=True)\n",
    "vmap": "@tf.function\n",
}


def differentiate(call: Call) -> str:
    """Return the lines that bind `gradient`."""
    if call.operator != "grad":
        return operators_tensorflow.lines(call)
    names, params = ", ".join(call.arguments), ", ".join(call.params)
    if call.variant == "vmap":
        return batched(call)
    return f"""{DECORATORS[call.variant]}def gradient({names}):
    with tf.GradientTape() as tape:
        tape.watch([{params}])
        value = cost({names})
    return value, tape.gradient(value, [{params}])
"""


def batched(call: Call) -> str:
    """Return the lines of a gradient in a batch of two points, the second one half of the first."""
    data = [name for name in call.arguments if name not in call.params]
    pairs = ", ".join(f"tf.stack([{name}, {name} / 2])" for name in call.params)
    one = f"lambda point: one({', '.join(['point', *data])})" if data else "one"
    return f"""def one({", ".join(["point", *data])}):
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = cost({", ".join(entries(call))})
    return value, tape.gradient(value, point, unconnected_gradients="zero")

gradient = tf.function(lambda {", ".join(call.arguments)}: tf.nest.map_structure(
    lambda both: both[0], tf.vectorized_map({one}, [{pairs}])))
"""


def entries(call: Call) -> list[str]:
    """Return the arguments of one point of a batch, whose parameters are the entries of `point`."""
    return [f"point[{call.params.index(name)}]" if name in call.params else name for name in call.arguments]


LOGADDEXP = "tf.reduce_logsumexp(tf.stack([{0}, {1}]), axis=0)"

TAKE_ALONG_AXIS = """def take_along_axis(x, indices, axis):
    order = [k for k in range(len(x.shape)) if k != axis] + [axis]
    rows, picks = tf.transpose(x, order), tf.transpose(indices, order)
    taken = tf.gather(rows, picks, axis=-1, batch_dims=len(order) - 1)
    return tf.transpose(taken, [order.index(k) for k in range(len(order))])
"""


def product(node: Node) -> str:
    """Return the words of a product whose operands are read transposed."""
    flags = [flag for flag in ("transpose_a", "transpose_b") if node.attrs[flag]]
    return f"tf.matmul({{0}}, {{1}}, {', '.join(f'{flag}=True' for flag in flags)})"


def take_along_axis(node: Node) -> str:
    """Return the words of a gather entry by entry: TensorFlow has it along the last axis."""
    last = node.attrs["axis"] == len(node.shape) - 1
    return "tf.gather({0}, {1}, axis={axis}, batch_dims={axis})" if last else "take_along_axis({0}, {1}, {axis})"


def argsort(node: Node) -> str:
    """Return the words of a stable argsort, whose result is int64 like all integers here."""
    direction = ', direction="DESCENDING"' if node.attrs["descending"] else ""
    return f"tf.cast(tf.argsort({{0}}, axis={{axis}}{direction}, stable=True), tf.int64)"


def sort(node: Node) -> str:
    """Return the words of a sort."""
    return "tf.sort({0}, axis={axis}" + (', direction="DESCENDING")' if node.attrs["descending"] else ")")


def trace(node: Node) -> str:
    """Return the words of a trace: TensorFlow has it of the main diagonal."""
    other = "tf.reduce_sum(tf.linalg.diag_part({0}, k={offset}), axis=-1)"
    return other if node.attrs["offset"] else "tf.linalg.trace({0})"


def conv2d(node: Node) -> str:
    """Return the words of a convolution, padded by name or by rows and columns."""
    explicit = [[0, 0], *map(list, node.attrs["padding"]), [0, 0]]
    padding = f"{explicit}" if node.attrs["mode"] == "EXPLICIT" else '"{mode}"'
    return f"tf.nn.conv2d({{0}}, {{1}}, {{strides}}, {padding})"


COMPLEX = complex_rows(
    "tf.math",
    of="tf.complex({0}, {1})",
    lifted="tf.complex({0}, tf.zeros_like({0}))",
    total=reduction("tf.reduce_sum"),
    complex_matvec="tf.linalg.matvec({0}, {1})",
    complex_vecmat="tf.linalg.matvec({1}, {0}, transpose_a=True)",
    complex_dot="tf.tensordot({0}, {1}, 1)",
)

BOOK = Phrasebook(
    name="TensorFlow",
    imports={"math": "import math", "np": "import numpy as np", "tf": "import tensorflow as tf"},
    prelude="dtype = tf.{dtype}\n",
    differentiate=differentiate,
    leaves={"real": "tf.constant({0}, dtype)", "int": "tf.constant({0}, tf.int64)", "bool": "tf.constant({0})"},
    show="tf.convert_to_tensor({0}).numpy().tolist()",
    setup="tf.config.threading.set_intra_op_parallelism_threads(1)\ntf.config.threading.set_inter_op_parallelism_threads(1)\n",
    helpers={"take_along_axis": TAKE_ALONG_AXIS},
    phrases={
        **OPERATORS,
        **calls("tf", "exp sqrt sin cos tan sinh cosh tanh asin acos atan sigmoid square abs sign stop_gradient"),
        **calls("tf.math", "expm1 log log1p erf erfc softplus"),
        **calls("tf.linalg", "cholesky inv det"),
        "relu": "tf.nn.relu({0})",
        "leaky_relu": "tf.nn.leaky_relu({0}, alpha={negative_slope})",
        "elu": Phrase(words="tf.nn.elu({0})", covers=lambda attrs: bool(attrs["alpha"] == 1)),
        "silu": "tf.nn.silu({0})",
        "gelu": Phrase(words=lambda node: f"tf.nn.gelu({{0}}, approximate={node.attrs['approximate'] == 'tanh'})"),
        "one_hot": "tf.one_hot({0}, {n}, dtype=dtype)",
        "conv2d": Phrase(words=conv2d),
        "avg_pool2d": 'tf.nn.avg_pool2d({0}, {window}, {strides}, "VALID")',
        "max_pool2d": 'tf.nn.max_pool2d({0}, {window}, {strides}, "VALID")',
        "xlogy": Phrase(words="tf.math.xlogy({0}, {1})", numbers="not first"),
        "atan2": Phrase(words="tf.atan2({0}, {1})", numbers="not first"),
        "logaddexp": Phrase(words=LOGADDEXP, numbers="refused", broadcasts="none"),
        "maximum": Phrase(words="tf.maximum({0}, {1})", numbers="not first"),
        "minimum": Phrase(words="tf.minimum({0}, {1})", numbers="not first"),
        "clip": Phrase(words="tf.clip_by_value({0}, {1}, {2})", numbers="not first", broadcasts="not first"),
        "where": Phrase(words="tf.where({0}, {1}, {2})", numbers="not first"),
        "matmul_transposed": Phrase(words=product),
        "matvec": "tf.linalg.matvec({0}, {1})",
        "vecmat": "tf.linalg.matvec({1}, {0}, transpose_a=True)",
        "dot": "tf.tensordot({0}, {1}, 1)",
        "tensordot": "tf.tensordot({0}, {1}, axes=({left}, {right}))",
        "diagonal": "tf.linalg.diag_part({0}, k={offset})",
        "trace": Phrase(words=trace),
        "solve": "tf.linalg.solve({0}, {1})",
        "logabsdet": "tf.linalg.slogdet({0})[1]",
        "signdet": "tf.linalg.slogdet({0})[0]",
        "vector_norm": reduction("tf.norm", covers=few),
        "softmax": "tf.nn.softmax({0}, axis={axis})",
        "log_softmax": "tf.nn.log_softmax({0}, axis={axis})",
        "logsumexp": reduction("tf.reduce_logsumexp"),
        "sum": reduction("tf.reduce_sum"),
        "mean": reduction("tf.reduce_mean"),
        "prod": reduction("tf.reduce_prod"),
        "cumulative_sum": "tf.cumsum({0}, axis={axis})",
        "max": reduction("tf.reduce_max"),
        "min": reduction("tf.reduce_min"),
        "var": reduction("tf.math.reduce_variance", covers=population),
        "std": reduction("tf.math.reduce_std", covers=population),
        "reshape": "tf.reshape({0}, {shape})",
        "broadcast_to": "tf.broadcast_to({0}, {shape})",
        "permute_dims": Phrase(words=swapped("tf.linalg.matrix_transpose({0})", "tf.transpose({0}, {axes})")),
        "concat": "tf.concat([{all}], axis={axis})",
        "stack": "tf.stack([{all}], axis={axis})",
        "flip": "tf.reverse({0}, {axes})",
        "roll": "tf.roll({0}, {shift}, {axes})",
        "sort": Phrase(words=sort),
        "take": "tf.gather({0}, {1}, axis={axis})",
        "take_along_axis": Phrase(words=take_along_axis),
        "argsort": Phrase(words=argsort),
        "eye": "tf.eye({n}, dtype=dtype)",
        "arange": "tf.range({n}, dtype=tf.int64)",
        "full": full("tf", "dtype", "tf.fill({{shape}}, tf.constant({{0}}, dtype))"),
        **COMPLEX,
    },
)


class TensorFlowTape(Adapter):
    """TensorFlow's GradientTape: eager, in a `tf.function`, and compiled by XLA."""

    name, mechanism, package = "tensorflow", "GradientTape", "tensorflow"
    variants = ("eager", "function", "xla", "vmap")
    routes = operators_tensorflow.ROUTES
    compiled = ("function", "xla", "vmap")
    book = BOOK

    def __init__(self) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with silenced():  # TensorFlow greets on standard error whatever its log level
            self.tf: Any = importlib.import_module("tensorflow")
        self.arrays = (self.tf.Tensor, self.tf.Variable, self.tf.IndexedSlices)
        self.tf.get_logger().setLevel("ERROR")  # else it takes equal functions of different scripts for retracings

    def settle(self) -> None:
        """Compute in one thread; too late where the process has used TensorFlow before, as flags() tells."""
        with contextlib.suppress(RuntimeError):
            self.tf.config.threading.set_intra_op_parallelism_threads(1)
            self.tf.config.threading.set_inter_op_parallelism_threads(1)

    def watched(self, *, closely: bool) -> Watched:
        return super().watched(closely=closely).plus(tf_state.watched(self.tf, closely=closely))

    def departed(self, cost: Callable[..., Any], native: tuple[Any, ...]) -> tuple[Foreign, ...]:
        return tf_state.departed(self.tf, cost, native)

    def native(self, values: NDArray[np.generic], dtype: str) -> Any:
        return self.tf.constant(values, dtype if values.dtype.kind == "f" else None)

    def numpy(self, array: Any) -> tuple[NDArray[np.generic], str]:
        """Return the array; of IndexedSlices, the gradient of a gather, the dense array with duplicates summed."""
        dense = self.tf.convert_to_tensor(array)
        return dense.numpy(), dense.dtype.name

    def versions(self) -> dict[str, str]:
        return {"tensorflow": self.tf.__version__}

    def flags(self) -> dict[str, str]:
        threading = self.tf.config.threading
        return {
            "tensorflow.intra_op_threads": str(threading.get_intra_op_parallelism_threads()),
            "tensorflow.inter_op_threads": str(threading.get_inter_op_parallelism_threads()),
            "tensorflow.onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        }
