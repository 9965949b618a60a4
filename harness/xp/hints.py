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


def numpy_advice(name: str) -> str:
    """Return the sentence that tells which xp function replaces a NumPy function."""
    return f"Write xp.{_NUMPY_NAMES.get(name, name)}, so that each engine runs its own function"


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
}
"""Other libraries' names → the name in xp; `data` means: declare it as an input."""
