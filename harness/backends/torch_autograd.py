"""PyTorch: `torch.autograd.grad`."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.backends.adapter import Adapter
from harness.backends.phrasebook import OPERATORS, Call, Phrase, Phrasebook, calls, full, reduction, swapped


def differentiate(call: Call) -> str:
    """Return the lines that bind `gradient`; `detach` keeps the caller's arrays as they are."""
    names, params = ", ".join(call.arguments), ", ".join(call.params)
    one, several = f"{params}.detach().requires_grad_()", f"(p.detach().requires_grad_() for p in ({params}))"
    leaves = one if len(call.params) == 1 else several
    return f"""def gradient({names}):
    {params} = {leaves}
    value = cost({names})
    return value, torch.autograd.grad(value, [{params}], allow_unused=True)
"""


def reduced(function: str, *, more: str = "", always: bool = False) -> Phrase:
    """Return the row of a reduction in torch's own argument names."""
    return reduction(f"torch.{function}", axis="dim", keepdims="keepdim", more=more, always=always)


BOOK = Phrasebook(
    name="PyTorch",
    imports={
        "math": "import math",
        "np": "import numpy as np",
        "torch": "import torch",
        "F": "import torch.nn.functional as F",
    },
    prelude="dtype = torch.{dtype}\n",
    differentiate=differentiate,
    leaves={"real": "torch.tensor({0}, dtype=dtype)", "int": "torch.tensor({0})", "bool": "torch.tensor({0})"},
    value="value.item()",
    setup="torch.set_num_threads(1)\n",
    phrases={
        **OPERATORS,
        **calls("torch", "exp expm1 log log1p sqrt sin cos tan sinh cosh tanh asin acos atan erf erfc sigmoid relu"),
        **calls("torch", "square abs sign"),
        "softplus": "F.softplus({0})",
        "stop_gradient": "{0}.detach()",
        "atan2": Phrase(words="torch.atan2({0}, {1})", numbers="refused"),
        "logaddexp": Phrase(words="torch.logaddexp({0}, {1})", numbers="refused"),
        "maximum": Phrase(words="torch.maximum({0}, {1})", numbers="refused"),
        "minimum": Phrase(words="torch.minimum({0}, {1})", numbers="refused"),
        "clip": Phrase(words="torch.clamp({0}, {1}, {2})", numbers="all or none"),
        "where": Phrase(words="torch.where({0}, {1}, {2})"),
        "matvec": "{0} @ {1}",
        "vecmat": "{0} @ {1}",
        "dot": "{0} @ {1}",
        "softmax": "torch.softmax({0}, dim={axis})",
        "log_softmax": "torch.log_softmax({0}, dim={axis})",
        "logsumexp": reduced("logsumexp", always=True),
        "sum": reduced("sum"),
        "mean": reduced("mean"),
        "max": reduced("amax"),
        "min": reduced("amin"),
        "var": reduced("var", more=", correction={correction}"),
        "std": reduced("std", more=", correction={correction}"),
        "reshape": "torch.reshape({0}, {shape})",
        "broadcast_to": "torch.broadcast_to({0}, {shape})",
        "permute_dims": Phrase(words=swapped("{0}.mT", "torch.permute({0}, {axes})")),
        "concat": "torch.cat([{all}], dim={axis})",
        "stack": "torch.stack([{all}], dim={axis})",
        "take": Phrase(words=lambda node: "{0}[" + ":, " * node.attrs["axis"] + "{1}]"),
        "take_along_axis": "torch.take_along_dim({0}, {1}, dim={axis})",
        "argsort": "torch.argsort({0}, dim={axis}, descending={descending}, stable=True)",
        "eye": "torch.eye({n}, dtype=dtype)",
        "arange": "torch.arange({n})",
        "full": full("torch", "dtype=dtype"),
    },
)


class TorchAutograd(Adapter):
    """PyTorch's autograd, eager."""

    name, mechanism, package = "torch", "autograd", "torch"
    book = BOOK

    def __init__(self) -> None:
        self.torch: Any = importlib.import_module("torch")
        self.torch.set_num_threads(1)

    def native(self, values: NDArray[np.generic], dtype: str) -> Any:
        return self.torch.tensor(values, dtype=getattr(self.torch, dtype) if values.dtype.kind == "f" else None)

    def numpy(self, array: Any) -> tuple[NDArray[np.generic], str]:
        """Return the array, by way of float64: NumPy has no bfloat16."""
        return array.detach().double().numpy(), str(array.dtype).removeprefix("torch.")

    def versions(self) -> dict[str, str]:
        return {"torch": str(self.torch.__version__)}

    def flags(self) -> dict[str, str]:
        return {
            "torch.threads": str(self.torch.get_num_threads()),
            "torch.onednn": str(self.torch.backends.mkldnn.is_available()),
            "torch.deterministic": str(self.torch.are_deterministic_algorithms_enabled()),
        }
