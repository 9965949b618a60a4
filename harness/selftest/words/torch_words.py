"""The vocabulary in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


def words(torch: Any) -> SimpleNamespace:
    """Return functions of tensors under the names of the array API, with those that a defect needs."""

    def along(function: Any) -> Callable[..., Any]:
        def reduced(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
            return function(x) if axis is None else function(x, dim=axis, keepdim=keepdims)

        return reduced

    return SimpleNamespace(
        **{name: getattr(torch, name) for name in "sin cos exp log tanh sqrt abs sign square where maximum".split()},
        nn=SimpleNamespace(
            relu=torch.relu,
            sigmoid=torch.sigmoid,
            softplus=torch.nn.functional.softplus,
            softmax=lambda x, axis: torch.softmax(x, dim=axis),
        ),
        sum=along(torch.sum),
        mean=along(torch.mean),
        max=along(torch.amax),
        matrix_transpose=lambda x: x.mT,
        reshape=torch.reshape,
        take=lambda x, indices, axis: x[indices],
        sort=lambda x: torch.sort(x).values,
        like=lambda numbers, x: torch.tensor(numbers, dtype=x.dtype),
        flags=lambda numbers: torch.tensor(numbers),
        cast=lambda x, dtype: x.to(getattr(torch, dtype)),
        dtype=lambda x: str(x.dtype).removeprefix("torch."),
        matmul=torch.matmul,
        add=lambda a, b: a + b,
        divide=lambda a, b: a / b,
        stop_gradient=lambda x: x.detach(),
        outside=lambda function, x: torch.tensor(function(x.detach().double().numpy()), dtype=x.dtype),
        transformed=lambda x: torch._C._functorch.peek_interpreter_stack() is not None,
        custom=lambda forward, backward: custom(torch, forward, backward),
        random=lambda: torch.rand(1),
        module=torch,
    )


def custom(torch: Any, forward: Callable[..., Any], backward: Callable[..., Any]) -> Any:
    """Return the function whose derivative is written by hand: backward(adjoint, result, *inputs) → adjoints."""

    class Planted(torch.autograd.Function):  # type: ignore[misc]  # the framework comes as a value
        generate_vmap_rule = True

        @staticmethod
        def forward(*inputs: Any) -> Any:
            return forward(*inputs)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs, output)

        @staticmethod
        def backward(ctx: Any, adjoint: Any) -> Any:
            *inputs, output = ctx.saved_tensors
            return backward(adjoint, output, *inputs)

    return Planted.apply
