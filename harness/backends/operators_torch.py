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
    "adjoint": ("dual", "func"),
}


def lines(call: Call) -> str:
    """Return the lines that bind the function of the operator."""
    own = {
        ("vjp", "eager"): vjp,
        ("jvp", "dual"): jvp,
        ("hvp", "reverse-reverse"): hvp,
        ("adjoint", "dual"): adjoint,
    }
    writer = own.get((call.operator, call.variant), FUNCTIONAL.lines)
    return writer(call)


def rooted(call: Call) -> str:
    """Return the value as what is differentiated: where it may have no graph, as a leaf."""
    return "value.requires_grad_()" if call.loose else "value"


def vjp(call: Call) -> str:
    """Return the lines of `torch.autograd.grad` from a cotangent."""
    further = f"grad_outputs={call.cotangent}, allow_unused=True"
    return f"""def vjp({", ".join(call.signature)}):
{taped(call)}    return value, torch.autograd.grad({rooted(call)}, [{given(call)}], {further})
"""


def taped(call: Call) -> str:
    """Return the lines of the value on a tape."""
    params = given(call)
    one, each = f"{params}.detach().requires_grad_()", f"(p.detach().requires_grad_() for p in ({params}))"
    return f"""    {params} = {one if len(call.params) == 1 else each}
    value = {value(call)}
"""


def jvp(call: Call) -> str:
    """Return the lines of dual numbers."""
    return f"""def jvp({", ".join(call.signature)}):
{pushed(call)}    return value, [tangent]
"""


def pushed(call: Call) -> str:
    """Return the lines of the value and its tangent by dual numbers."""
    duals = [f"torch.autograd.forward_ad.make_dual({p}, {v})" for p, v in zip(call.params, call.tangents, strict=True)]
    made = "".join(f"        {p} = {dual}\n" for p, dual in zip(call.params, duals, strict=True))
    return f"""    with torch.autograd.forward_ad.dual_level():
{made}        value, tangent = torch.autograd.forward_ad.unpack_dual({value(call)})
"""


def adjoint(call: Call) -> str:
    """Return the lines of both sides of the adjoint identity, where dual numbers hold no tape: they come first.

    The tangent of a value that depends on no parameter is None.
    """
    further = f"grad_outputs={call.cotangent}, materialize_grads=True"
    partials = f"torch.autograd.grad({rooted(call)}, [{given(call)}], {further})"
    pushed_on = f"tangent * {call.cotangent}"
    pushed_on = f"tangent if tangent is None else {pushed_on}" if call.loose else pushed_on
    return f"""def adjoint({", ".join(call.signature)}):
{pushed(call)}{taped(call)}    partials = {partials}
    return value, [{pushed_on}, {FUNCTIONAL.along("partials", call)}]
"""


def hvp(call: Call) -> str:
    """Return the lines of a double backward."""
    return f"""def hvp({", ".join(call.signature)}):
    return torch.autograd.functional.vhp({of_params(call)}, {several(call.params)}, {several(call.tangents)})
"""
