"""Operators beyond the gradient in TensorFlow: by tapes and forward accumulators, one in the other."""

from __future__ import annotations

import textwrap

from harness.backends.operators_functional import given, value
from harness.graph.phrase import Call

ROUTES = {
    "vjp": ("eager", "function"),
    "jvp": ("eager", "function"),
    "jacobian": ("reverse", "forward"),
    "hvp": ("reverse-reverse", "forward-reverse", "reverse-forward"),
    "adjoint": ("eager",),
}
"""Forward accumulators differentiate the operations inside a `tf.custom_gradient`, past its rule: of what users write
only tape in tape judges the second derivative, so it is the first route."""


def lines(call: Call) -> str:
    """Return the lines that bind the function of the operator."""
    above = "@tf.function\n" if call.variant == "function" else ""
    body = BODIES[call.operator, call.variant if (call.operator, call.variant) in BODIES else ""](call)
    return f"{above}def {call.operator}({', '.join(call.signature)}):\n{textwrap.indent(body, '    ')}"


def taped(call: Call) -> str:
    """Return the lines of the value on a tape."""
    return f"""with tf.GradientTape() as tape:
    tape.watch([{given(call)}])
    value = {value(call)}
"""


def pushed(call: Call, inside: str) -> str:
    """Return lines inside an accumulator along the tangents."""
    head = f"with tf.autodiff.ForwardAccumulator([{given(call)}], [{', '.join(call.tangents)}]) as accumulator:\n"
    return head + textwrap.indent(inside, "    ")


def along(partials: str, call: Call) -> str:
    """Return the scalar product of partials with the tangents."""
    return f"sum(tf.reduce_sum(p * v) for p, v in zip({partials}, [{', '.join(call.tangents)}]))"


def vjp(call: Call) -> str:
    return taped(call) + f"return value, tape.gradient(value, [{given(call)}], output_gradients={call.cotangent})\n"


def jvp(call: Call) -> str:
    return pushed(call, f"value = {value(call)}\n") + "return value, [accumulator.jvp(value)]\n"


def rows(call: Call) -> str:
    return taped(call) + f"return value, tape.jacobian(value, [{given(call)}])\n"


def columns(call: Call) -> str:
    """Return the lines of one forward pass an entry."""
    return f"""def column(tangents):
    with tf.autodiff.ForwardAccumulator(primals, tangents) as accumulator:
        value = {value(call)}
    return accumulator.jvp(value, unconnected_gradients="zero")

primals, results = [{given(call)}], []
zeros = [tf.zeros_like(p) for p in primals]
for k, p in enumerate(primals):
    basis = tf.reshape(tf.eye(tf.size(p), dtype=dtype), (-1, *p.shape))
    entries = [column([*zeros[:k], entry, *zeros[k + 1 :]]) for entry in basis]
    results.append(tf.reshape(entries, p.shape))
return {value(call)}, results
"""


def reverse_over_reverse(call: Call) -> str:
    return f"""with tf.GradientTape() as outer:
    outer.watch([{given(call)}])
    with tf.GradientTape() as inner:
        inner.watch([{given(call)}])
        value = {value(call)}
    partials = inner.gradient(value, [{given(call)}], unconnected_gradients="zero")
    slope = {along("partials", call)}
return value, outer.gradient(slope, [{given(call)}], unconnected_gradients="zero")
"""


def forward_over_reverse(call: Call) -> str:
    gradient = f'tape.gradient(value, [{given(call)}], unconnected_gradients="zero")'
    inside = f"{taped(call)}partials = [tf.convert_to_tensor(p) for p in {gradient}]\n"
    result = '[accumulator.jvp(p, unconnected_gradients="zero") for p in partials]'
    return pushed(call, inside) + f"return value, {result}\n"


def reverse_over_forward(call: Call) -> str:
    inside = pushed(call, f"value = {value(call)}\n") + 'slope = accumulator.jvp(value, unconnected_gradients="zero")\n'
    return f"""with tf.GradientTape() as tape:
    tape.watch([{given(call)}])
{textwrap.indent(inside, "    ")}return value, tape.gradient(slope, [{given(call)}], unconnected_gradients="zero")
"""


def adjoint(call: Call) -> str:
    partials = f'tape.gradient(value, [{given(call)}], output_gradients={call.cotangent}, unconnected_gradients="zero")'
    tangent = 'accumulator.jvp(value, unconnected_gradients="zero")'
    sides = f"[{tangent} * {call.cotangent}, {along('partials', call)}]"
    return pushed(call, taped(call)) + f"partials = {partials}\nreturn value, {sides}\n"


BODIES = {
    ("vjp", ""): vjp,
    ("jvp", ""): jvp,
    ("jacobian", "reverse"): rows,
    ("jacobian", "forward"): columns,
    ("hvp", "reverse-reverse"): reverse_over_reverse,
    ("hvp", "forward-reverse"): forward_over_reverse,
    ("hvp", "reverse-forward"): reverse_over_forward,
    ("adjoint", ""): adjoint,
}
"""Operator and variant → its lines; "" where the variants differ in the decorator only."""
