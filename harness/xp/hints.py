"""What to write instead: attributes of other libraries' arrays, and NumPy's names."""

from __future__ import annotations

_FUNCTIONS = (
    "sum mean max min var std prod abs exp log sqrt sin cos tanh reshape squeeze take sort clip matmul square "
    "minimum maximum where flip roll cumulative_sum"
).split()

METHODS: dict[str, str] = {name: f"Write xp.{name}(x, …)" for name in _FUNCTIONS} | {
    "size": "Write math.prod(x.shape)",
    "astype": "Leave it out: a case has one dtype, chosen by the cell",
    "to": "Leave it out: a case has one dtype and no device",
    "float": "Leave it out: a case has one dtype, chosen by the cell",
    "double": "Leave it out: a case has one dtype, chosen by the cell",
    "numpy": "Leave it out: a case never leaves its engine",
    "item": "Leave it out: values are not known while a case is traced",
    "tolist": "Leave it out: values are not known while a case is traced",
    "detach": "Write xp.stop_gradient(x)",
    "backward": "Leave it out: the harness differentiates",
    "grad": "Leave it out: the harness differentiates",
    "requires_grad_": "Leave it out: declare the input with param()",
    "view": "Write xp.reshape(x, shape)",
    "flatten": "Write xp.reshape(x, (-1,))",
    "ravel": "Write xp.reshape(x, (-1,))",
    "unsqueeze": "Write xp.expand_dims(x, axis=…)",
    "permute": "Write xp.permute_dims(x, axes)",
    "transpose": "Write xp.permute_dims(x, axes), x.T or x.mT",
    "dot": "Write x @ y or xp.matmul(x, y)",
    "mm": "Write x @ y",
    "pow": "Write x ** p",
    "at": "Write xp.where(condition, value, x)",
    "copy": "Leave it out: arrays do not change",
    "clone": "Leave it out: arrays do not change",
    "fill": "Write xp.full(shape, value)",
    "norm": "Write xp.linalg.vector_norm(x)",
    "argmax": "Write xp.max, or pass the index as integer data",
    "real": "Leave it out: an array is real; a complex value is xp.complex(re, im)",
    "imag": "Leave it out: an array is real; a complex value is xp.complex(re, im)",
    "conj": "Leave it out: an array is real; a complex value is xp.complex(re, im)",
    "device": "Leave it out: a case has no device",
}

_NUMPY_NAMES = {
    "absolute": "abs",
    "fabs": "abs",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "power": "pow",
    "true_divide": "divide",
    "concatenate": "concat",
    "vstack": "concat",
    "hstack": "concat",
    "transpose": "permute_dims",
    "amax": "max",
    "amin": "min",
    "dot": "matmul",
    "inner": "vecdot",
    "cumsum": "cumulative_sum",
    "einsum": "tensordot",
    "norm": "linalg.vector_norm",
    "median": "sort",
    "ravel": "reshape",
    "zeros_like": "zeros_like",
    "ones_like": "ones_like",
    "logical_xor": "not_equal",
    "conjugate": "conj",
}


_STEPS = (
    "floor ceil round trunc signbit floor_divide remainder nextafter isnan isinf isfinite any all argmax argmin "
    "argsort nonzero count_nonzero searchsorted unique_all unique_counts unique_inverse unique_values bitwise_and "
    "bitwise_or bitwise_xor bitwise_invert bitwise_left_shift bitwise_right_shift"
).split()
_CONSTANTS = "arange linspace meshgrid from_dlpack".split()
_DTYPES = "astype can_cast finfo iinfo isdtype result_type".split()

NOT_OFFERED: dict[str, str] = (
    dict.fromkeys(_STEPS, "It has no derivative: compute it outside, and pass the result as an input: name=data(array)")
    | dict.fromkeys(_CONSTANTS, "Compute the numbers outside, and declare them as an input: name=data(array)")
    | dict.fromkeys(_DTYPES, "Leave it out: a case has one dtype, chosen by the cell")
    | dict.fromkeys(("tril", "triu"), "Multiply by a triangle of ones, declared as an input: name=data(array)")
    | {
        "empty": "Write xp.zeros(shape)",
        "empty_like": "Write xp.zeros_like(x)",
        "nan": "NaN is no number: leave entries out with xp.where(condition, a, b)",
        "log2": "Write xp.log(x) / math.log(2)",
        "log10": "Write xp.log(x) / math.log(10)",
        "asinh": "Write xp.log(x + xp.sqrt(x**2 + 1))",
        "acosh": "Write xp.log(x + xp.sqrt(x**2 - 1))",
        "atanh": "Write (xp.log1p(x) - xp.log1p(-x)) / 2",
        "copysign": "Write xp.where(y < 0, -xp.abs(x), xp.abs(x))",
        "positive": "Write x",
        "diff": "Write x[1:] - x[:-1]",
        "cumulative_prod": "Write the products in a loop, and xp.stack them",
        "tile": "Write xp.concat([x, x], axis=…)",
        "repeat": "Write xp.take(x, i, axis=…) with an input i=data([0, 0, 1, 1])",
        "moveaxis": "Write xp.permute_dims(x, axes)",
        "broadcast_arrays": "Write xp.broadcast_to(x, shape)",
        "fft": "Multiply by the matrix of the transform, its parts declared as inputs: name=data(array)",
    }
)
"""Names of the array API standard 2024.12 that `xp` leaves out → what to write."""


def numpy_advice(name: str) -> str:
    """Return the sentence that tells what replaces a NumPy function."""
    ours = _NUMPY_NAMES.get(name, name)
    return NOT_OFFERED.get(ours) or f"Write xp.{ours}, so that each engine runs its own function"


_ROOMS = {
    "nn": "relu leaky_relu elu sigmoid softplus silu gelu softmax log_softmax logsumexp one_hot conv2d avg_pool2d "
    "max_pool2d layer_norm",
    "special": "erf erfc logit xlogy",
    "linalg": "cholesky solve inv det slogdet diagonal trace vector_norm",
}
_NUMPY_NAMES |= {name: f"{room}.{name}" for room, names in _ROOMS.items() for name in names.split()}

NAMES: dict[str, str] = _NUMPY_NAMES | {
    "asarray": "data",
    "array": "data",
    "tensor": "data",
    "constant": "data",
    "reduce_sum": "sum",
    "reduce_mean": "mean",
    "reduce_max": "max",
    "swish": "nn.silu",
    "reduce_prod": "prod",
    "detach": "stop_gradient",
    "cat": "concat",
    "clamp": "clip",
    "unsqueeze": "expand_dims",
    "gather": "take",
    "rsqrt": "sqrt",
    "random": "data",
    "cast": "astype",
    "reduce_min": "min",
    "reduce_std": "std",
    "reduce_variance": "var",
    "reduce_logsumexp": "nn.logsumexp",
    "fsum": "sum",
    "convert_to_tensor": "data",
    "as_tensor": "data",
    "from_numpy": "data",
}
"""Other libraries' names → the name in xp; `data` means: declare it as an input."""
