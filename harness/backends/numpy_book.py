"""How NumPy says a graph: forward only, for finite differences."""

from __future__ import annotations

from harness.backends.phrasebook import Phrasebook, calls, full, numpy_style

MAX_WEIGHT = """def max_weight(x, axes):
    lines = np.moveaxis(x, axes, range(-len(axes), 0))
    flat = lines.reshape(*lines.shape[: -len(axes)], -1)
    first = np.arange(flat.shape[-1]) == np.argmax(flat, axis=-1)[..., None]
    return np.moveaxis(first.reshape(lines.shape), range(-len(axes), 0), axes) * 1.0
"""

BOOK = Phrasebook(
    name="NumPy",
    imports={
        "Array": "from __future__ import annotations\n",
        "math": "import math",
        "np": "import numpy as np",
        "scipy": "import scipy.special",
    },
    prelude="",
    leaves={"real": "np.asarray({0}, float)", "int": "np.asarray({0})", "bool": "np.asarray({0})"},
    helpers={"max_weight": MAX_WEIGHT},
    phrases={
        **numpy_style("np"),
        **calls("scipy.special", "erf erfc"),
        "sigmoid": "scipy.special.expit({0})",
        "softplus": "np.logaddexp({0}, 0)",
        "relu": "np.maximum({0}, 0)",
        "softmax": "scipy.special.softmax({0}, axis={axis})",
        "log_softmax": "scipy.special.log_softmax({0}, axis={axis})",
        "stop_gradient": "{0}",
        "step": "np.where({0} > 0, 1.0, 0.0)",
        "sign_weight": "np.sign({0})",
        "pick": "{0} * {1}",
        "max_weight": "max_weight({0}, {axes})",
        "max_select": "np.max({0}, axis={axes}, keepdims={keepdims})",
        "eye": "np.eye({n})",
        "full": full("np", "float"),
    },
)
