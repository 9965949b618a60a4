"""Operators beyond the gradient in PyTorch: by the tape, by dual numbers, by `torch.func`."""

from __future__ import annotations

from harness.backends.operators_functional import Transformations, given, of_params, several, value
from harness.graph.phrase import Call

FUNCTIONAL = Transformations(module="torch.func", total="torch.sum({0})")

ROUTES = {
    "vjp": ("eager", "func"),
    "jvp": ("dual", "func"),
    "jacobian": ("reverse", "forward"),
    "hvp": ("reverse-reverse", "forward-reverse", "reverse-forward"),
    "adjoint": ("func",),
}


def lines(call: Call) -> str:
    """Return the lines that bind the function of the operator."""
    own = {("vjp", "eager"): vjp, ("jvp", "dual"): jvp, ("hvp", "reverse-reverse"): hvp}
    writer = own.get((call.operator, call.variant), FUNCTIONAL.lines)
    return writer(call)


def vjp(call: Call) -> str:
    """Return the lines of `torch.autograd.grad` from a cotangent."""
    params = given(call)
    one, each = f"{params}.detach().requires_grad_()", f"(p.detach().requires_grad_() for p in ({params}))"
    return f"""def vjp({", ".join(call.signature)}):
    {params} = {one if len(call.params) == 1 else each}
    value = {value(call)}
    return value, torch.autograd.grad(value, [{params}], grad_outputs={call.cotangent}, allow_unused=True)
"""


def jvp(call: Call) -> str:
    """Return the lines of dual numbers."""
    duals = [f"torch.autograd.forward_ad.make_dual({p}, {v})" for p, v in zip(call.params, call.tangents, strict=True)]
    made = "".join(f"        {p} = {dual}\n" for p, dual in zip(call.params, duals, strict=True))
    return f"""def jvp({", ".join(call.signature)}):
    with torch.autograd.forward_ad.dual_level():
{made}        value, tangent = torch.autograd.forward_ad.unpack_dual({value(call)})
    return value, [tangent]
"""


def hvp(call: Call) -> str:
    """Return the lines of a double backward."""
    return f"""def hvp({", ".join(call.signature)}):
    return torch.autograd.functional.vhp({of_params(call)}, {several(call.params)}, {several(call.tangents)})
"""
