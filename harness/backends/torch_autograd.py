"""PyTorch: `torch.autograd.grad`."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.backends import operators_torch, torch_once, torch_state
from harness.backends.adapter import Adapter
from harness.backends.complex_rows import complex_rows
from harness.backends.custody import Watched
from harness.backends.phrasebook import OPERATORS, Call, Phrase, Phrasebook, calls, full, reduction, swapped
from harness.graph.node import Node
from harness.graph.own_rules import EXP_OF_DIFFERENCE
from harness.graph.script import Script
from harness.measurement import Task


def differentiate(call: Call) -> str:
    """Return the lines that bind `gradient`; `detach` keeps the caller's arrays as they are.

    A value that may depend on no parameter has no graph then and is made a leaf itself: the answer is None for each.
    """
    if call.operator != "grad":
        return operators_torch.lines(call)
    if call.variant in ("func", "vmap"):
        return functional(call)
    names, params = ", ".join(call.arguments), ", ".join(call.params)
    one, several = f"{params}.detach().requires_grad_()", f"(p.detach().requires_grad_() for p in ({params}))"
    leaves = one if len(call.params) == 1 else several
    return f"""def gradient({names}):
    {params} = {leaves}
    value = cost({names})
    return value, torch.autograd.grad({operators_torch.rooted(call)}, [{params}], allow_unused=True)
"""


def functional(call: Call) -> str:
    """Return the lines of `torch.func`; in a batch of two points, the second one half of the first, for vmap."""
    names, given, first = ", ".join(call.arguments), list(call.arguments), ""
    gradients = f"torch.func.grad_and_value(cost, argnums={call.positions})"
    if call.variant == "vmap":
        gradients, first = f"torch.func.vmap({gradients}, in_dims={call.batch})", "[0]"
        given = [f"torch.stack([{name}, {name} / 2])" if name in call.params else name for name in given]
    return f"""gradients = {gradients}

def gradient({names}):
    partials, value = gradients({", ".join(given)})
    return value{first}, [p{first} for p in partials]
"""


def reduced(function: str, *, more: str = "", always: bool = False) -> Phrase:
    """Return the row of a reduction in torch's own argument names."""
    return reduction(f"torch.{function}", axis="dim", keepdims="keepdim", more=more, always=always)


CONV2D = """def conv2d(x, w, strides, padding=0):
    x, w = x.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1).contiguous()
    return F.conv2d(x, w, stride=strides, padding=padding).permute(0, 2, 3, 1)
"""


def conv2d(node: Node) -> str:
    """Return the words of a convolution; unequal borders are padded beforehand."""
    (top, bottom), (left, right) = node.attrs["padding"]
    if (top, left) != (bottom, right):
        return f"conv2d(F.pad({{0}}, (0, 0, {left}, {right}, {top}, {bottom})), {{1}}, {{strides}})"
    return "conv2d({0}, {1}, {strides}" + (f", ({top}, {left}))" if top or left else ")")


def prod(node: Node) -> str:
    """Return the words of a product: over all axes, or over one after the other."""
    axes, kept = node.attrs["axes"], node.attrs["keepdims"]
    if not node.shape and not kept:
        return "torch.prod({0})"
    text = "{0}"
    for axis in reversed(axes):
        text = f"torch.prod({text}, dim={axis}{', keepdim=True' if kept else ''})"
    return text


def trace(node: Node) -> str:
    """Return the words of a trace: torch has it of one matrix and its main diagonal."""
    other = "torch.sum(torch.diagonal({0}, {offset}, -2, -1), dim=-1)"
    return other if node.shape or node.attrs["offset"] else "torch.trace({0})"


def layer_norm(node: Node) -> str:
    """Return the words of a normalisation along the last axes, whose lengths torch asks for."""
    return f"F.layer_norm({{0}}, {node.shape[node.attrs['axes'][0] :]}, {{1}}, {{2}}, {{eps}})"


def pooled(function: str) -> str:
    """Return the words of a pooling of images whose channels are last."""
    return f"F.{function}({{0}}.permute(0, 3, 1, 2), {{window}}, {{strides}}).permute(0, 2, 3, 1)"


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
    own_rules={"logsumexp": EXP_OF_DIFFERENCE},
    helpers={"conv2d": CONV2D},
    phrases={
        **OPERATORS,
        **calls("torch", "exp expm1 log log1p sqrt sin cos tan sinh cosh tanh asin acos atan erf erfc sigmoid relu"),
        **calls("torch", "square abs sign"),
        **calls("torch.linalg", "cholesky inv det"),
        **calls("F", "softplus silu"),
        "leaky_relu": "F.leaky_relu({0}, {negative_slope})",
        "elu": "F.elu({0}, {alpha})",
        "gelu": 'F.gelu({0}, approximate="{approximate}")',
        "one_hot": "F.one_hot({0}, {n}).to(dtype)",
        "conv2d": Phrase(words=conv2d),
        "avg_pool2d": pooled("avg_pool2d"),
        "max_pool2d": pooled("max_pool2d"),
        "layer_norm": Phrase(words=layer_norm),
        "logit": "torch.logit({0})",
        "xlogy": Phrase(words="torch.xlogy({0}, {1})", numbers="refused"),
        "hypot": Phrase(words="torch.hypot({0}, {1})", numbers="refused"),
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
        "vecdot": "torch.linalg.vecdot({0}, {1}, dim={axis})",
        "tensordot": "torch.tensordot({0}, {1}, dims=({left}, {right}))",
        "diagonal": "torch.diagonal({0}, {offset}, -2, -1)",
        "trace": Phrase(words=trace),
        "solve": "torch.linalg.solve({0}, {1})",
        "logabsdet": "torch.linalg.slogdet({0})[1]",
        "signdet": "torch.linalg.slogdet({0})[0]",
        "vector_norm": reduced("linalg.vector_norm"),
        "softmax": "torch.softmax({0}, dim={axis})",
        "log_softmax": "torch.log_softmax({0}, dim={axis})",
        "logsumexp": reduced("logsumexp", always=True),
        "sum": reduced("sum"),
        "mean": reduced("mean"),
        "prod": Phrase(words=prod),
        "cumulative_sum": "torch.cumsum({0}, dim={axis})",
        "max": reduced("amax"),
        "min": reduced("amin"),
        "var": reduced("var", more=", correction={correction}"),
        "std": reduced("std", more=", correction={correction}"),
        "reshape": "torch.reshape({0}, {shape})",
        "broadcast_to": "torch.broadcast_to({0}, {shape})",
        "permute_dims": Phrase(words=swapped("{0}.mT", "torch.permute({0}, {axes})")),
        "concat": "torch.cat([{all}], dim={axis})",
        "stack": "torch.stack([{all}], dim={axis})",
        "flip": "torch.flip({0}, {axes})",
        "roll": "torch.roll({0}, {shift}, {axes})",
        "sort": "torch.sort({0}, dim={axis}, descending={descending}).values",
        "take": Phrase(words=lambda node: "{0}[" + ":, " * node.attrs["axis"] + "{1}]"),
        "take_along_axis": "torch.take_along_dim({0}, {1}, dim={axis})",
        "argsort": "torch.argsort({0}, dim={axis}, descending={descending}, stable=True)",
        "eye": "torch.eye({n}, dtype=dtype)",
        "arange": "torch.arange({n})",
        "full": full("torch", "dtype=dtype"),
        **complex_rows("torch", of="torch.complex({0}, {1})", lifted="{0} + 0j", total=reduced("sum")),
    },
)


class TorchAutograd(Adapter):
    """PyTorch's autograd, eager."""

    name, mechanism, package = "torch", "autograd", "torch"
    variants = ("eager", "func", "vmap")
    routes = operators_torch.ROUTES
    book = BOOK

    def __init__(self) -> None:
        self.torch: Any = importlib.import_module("torch")
        self.arrays = (self.torch.Tensor,)

    def settle(self) -> None:
        self.torch.set_num_threads(1)

    @contextlib.contextmanager
    def settings(self) -> Iterator[None]:
        """Hold one thread: sums in parts round otherwise, and small work is faster so."""
        held = self.torch.get_num_threads()
        self.torch.set_num_threads(1)
        try:
            yield
        finally:
            self.torch.set_num_threads(held)

    def watched(self, *, closely: bool) -> Watched:
        return super().watched(closely=closely).plus(torch_state.watched(self.torch, closely=closely))

    def lack(self, task: Task, script: Script) -> str:
        once = torch_once.once_only(self.torch, *self._user(task, script)) if task.operator == "hvp" else ""
        return once and f"the backward of {once} is declared to be differentiable once (@once_differentiable)"

    def native(self, values: NDArray[np.generic], dtype: str) -> Any:
        return self.torch.tensor(values, dtype=getattr(self.torch, dtype) if values.dtype.kind == "f" else None)

    def numpy(self, array: Any) -> tuple[NDArray[np.generic], str]:
        """Return the array, by way of float64: NumPy has no bfloat16."""
        return array.detach().double().numpy(force=True), str(array.dtype).removeprefix("torch.")

    def versions(self) -> dict[str, str]:
        return {"torch": str(self.torch.__version__)}

    def flags(self) -> dict[str, str]:
        return {
            "torch.threads": str(self.torch.get_num_threads()),
            "torch.onednn": str(self.torch.backends.mkldnn.is_available()),
            "torch.deterministic": str(self.torch.are_deterministic_algorithms_enabled()),
        }
