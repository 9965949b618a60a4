"""What to do where a framework raises because a user's function leaves it."""

from __future__ import annotations

import re

ADVICE: dict[str, tuple[tuple[str, str], ...]] = {
    "torch": (
        (
            r"Can't call numpy\(\) on Tensor that requires grad",
            "keep to torch operations: what NumPy computes leaves the graph, and .detach() only hides it",
        ),
        (r".*inference tensor.*", "take torch.inference_mode() away: what is computed in it leaves the graph"),
        (
            r"Cannot access data pointer of Tensor that doesn't have storage",
            "keep to torch operations: .numpy() leaves the graph",
        ),
    ),
    "tensorflow": (
        (r".*(NumPy call|to a numpy array|attribute 'numpy').*", "keep to tf operations: NumPy leaves the tape"),
        (r".*(float|int|complex)\(\).*SymbolicTensor.*", "keep to tf operations: a Python number leaves the tape"),
    ),
    "jax": (
        (
            r"Abstract tracer value encountered where concrete value is expected.*",
            "keep to jax.numpy operations: float(), int(), .item() and .tolist() leave the trace",
        ),
        (
            r"The numpy\.ndarray conversion method __array__\(\) was called on.*",
            "write jax.numpy in NumPy's place: NumPy leaves the trace",
        ),
        (
            r"Attempted boolean conversion of traced array.*",
            "write jax.numpy.where or jax.lax.cond in place of `if` and `and`",
        ),
        (
            r"The __index__\(\) method was called on traced array.*",
            "index with jax.numpy arrays: a Python integer leaves the trace",
        ),
    ),
}
"""Backend → the part of a framework's sentence that is kept, and the clause that says what to do.

PyTorch's own advice, to detach, is not kept: who follows it has no gradient.
"""


def advised(backend: str, line: str) -> str:
    """Return the line with what is to be done, where that is known."""
    for pattern, advice in ADVICE.get(backend, ()):
        if found := re.match(pattern, line):
            return f"{found.group().rstrip('.')}; {advice}"
    return line
