"""A backward that is marked `@once_differentiable`: `torch.autograd.grad` says nothing where it is met again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def once_only(torch: Any, cost: Callable[..., Any], native: tuple[Any, ...]) -> str:
    """Return the name of a function on the way to the cost whose backward is so marked; "" where there is none.

    PyTorch raises in `.backward()` alone: the path through such a backward is missing in a Hessian-vector product.
    """
    given = [x.detach().requires_grad_() if x.is_floating_point() else x for x in native]
    marked = torch.autograd.function.once_differentiable(lambda ctx: None).__code__
    left, seen = [cost(*given).grad_fn], {None}
    while left:
        node = left.pop()
        if node in seen:
            continue
        seen.add(node)
        function = getattr(node, "_forward_cls", None)
        if getattr(getattr(function, "backward", None), "__code__", None) is marked:
            return str(getattr(function, "__name__", "a Function"))
        left += [further for further, _ in node.next_functions]
    return ""
