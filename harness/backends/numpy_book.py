"""How NumPy says a graph: forward only, for finite differences."""

from __future__ import annotations

from harness.backends.phrasebook import Phrase, Phrasebook, calls, full, numpy_style

MAX_WEIGHT = """def max_weight(x, axes):
    lines = np.moveaxis(x, axes, range(-len(axes), 0))
    flat = lines.reshape(*lines.shape[: -len(axes)], -1)
    first = np.arange(flat.shape[-1]) == np.argmax(flat, axis=-1)[..., None]
    return np.moveaxis(first.reshape(lines.shape), range(-len(axes), 0), axes) * 1.0
"""

SORT = "np.sort({0}, axis={axis})"

PIVOTS = """def pivots(x):
    return np.argsort(scipy.linalg.lu(x, p_indices=True, check_finite=False)[0], axis=-1)
"""
PARITY = """def parity(order):
    return np.linalg.det(np.eye(order.shape[-1])[order])
"""

BOOK = Phrasebook(
    name="NumPy",
    imports={
        "Array": "from __future__ import annotations\n",
        "math": "import math",
        "np": "import numpy as np",
        "scipy.linalg": "import scipy.linalg",
        "scipy.special": "import scipy.special",
    },
    prelude="",
    leaves={"real": "np.asarray({0}, float)", "int": "np.asarray({0})", "bool": "np.asarray({0})"},
    helpers={"max_weight": MAX_WEIGHT, "parity": PARITY, "pivots": PIVOTS},
    phrases={
        **numpy_style("np"),
        **calls("scipy.special", "erf erfc logit"),
        "xlogy": "scipy.special.xlogy({0}, {1})",
        "sigmoid": "scipy.special.expit({0})",
        "softplus": "np.logaddexp({0}, 0)",
        "relu": "np.maximum({0}, 0)",
        "softmax": "scipy.special.softmax({0}, axis={axis})",
        "log_softmax": "scipy.special.log_softmax({0}, axis={axis})",
        "stop_gradient": "{0}",
        "backward_error": "{0}",
        "step": "np.where({0} > 0, 1.0, 0.0)",
        "sign_weight": "np.sign({0})",
        "pick": "{0} * {1}",
        "max_weight": "max_weight({0}, {axes})",
        "max_select": "np.max({0}, axis={axes}, keepdims={keepdims})",
        "sort": Phrase(words=lambda node: "-np.sort(-{0}, axis={axis})" if node.attrs["descending"] else SORT),
        "one_hot": "np.eye({n})[{0}]",
        "pivots": "pivots({0})",
        "parity": "parity({0})",
        "eye": "np.eye({n})",
        "full": full("np", "float"),
    },
)
