"""Operators beyond the gradient in the words of functional transformations: JAX's, and those of `torch.func`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.graph.phrase import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformations:
    """Where a framework has jvp, vjp, grad, jacfwd and jacrev, and how it writes what stands around them."""

    module: str
    """jax, torch.func."""
    total: str
    """Template of the sum of all entries of a product: `torch.sum({0})`."""
    decorator: str = ""
    """Line above the function."""

    def lines(self, call: Call) -> str:
        """Return the lines that bind the function of the operator."""
        body = BODIES[call.operator, call.variant if (call.operator, call.variant) in BODIES else ""]
        head = f"{self.decorator}def {call.operator}({', '.join(call.signature)}):\n"
        return head + body(self, call)

    def jvp(self, call: Call, function: str) -> str:
        """Return the call of jvp along the tangents."""
        return f"{self.module}.jvp({function}, {several(call.params)}, {several(call.tangents)})"

    def grad(self, function: str, call: Call) -> str:
        """Return the call of grad for all parameters of a function of these alone."""
        return f"{self.module}.grad({function}, argnums={several([str(k) for k in range(len(call.params))])})"

    def along(self, partials: str, call: Call) -> str:
        """Return the scalar product of partials with the tangents."""
        return f"sum({self.total.format('p * v')} for p, v in zip({partials}, {several(call.tangents)}))"


def several(names: tuple[str, ...] | list[str]) -> str:
    """Return the names as a tuple."""
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def of_params(call: Call) -> str:
    """Return the cost as a function of its parameters alone."""
    if call.arguments == call.params:
        return "cost"
    return f"lambda {', '.join(call.params)}: {value(call)}"


def value(call: Call) -> str:
    """Return the call of the cost."""
    return f"cost({', '.join(call.arguments)})"


def given(call: Call) -> str:
    """Return the parameters as arguments."""
    return ", ".join(call.params)


def vjp(words: Transformations, call: Call) -> str:
    """Return a pullback and its value at the cotangent."""
    return f"""    value, pullback = {words.module}.vjp({of_params(call)}, {given(call)})
    return value, pullback({call.cotangent})
"""


def jvp(words: Transformations, call: Call) -> str:
    """Return forward mode along the tangents."""
    return f"""    value, tangent = {words.jvp(call, of_params(call))}
    return value, [tangent]
"""


def jacobian(mode: str) -> Callable[[Transformations, Call], str]:
    """Return the Jacobian by columns (jacfwd) or by rows (jacrev)."""

    def lines(words: Transformations, call: Call) -> str:
        positions = several([str(k) for k in call.positions])
        names = ", ".join(call.arguments)
        return f"    return {value(call)}, {words.module}.{mode}(cost, argnums={positions})({names})\n"

    return lines


def forward_over_reverse(words: Transformations, call: Call) -> str:
    """Return the tangent of the gradient."""
    return f"""    slopes = {words.grad(of_params(call), call)}
    _, products = {words.jvp(call, "slopes")}
    return {value(call)}, products
"""


def reverse_over_reverse(words: Transformations, call: Call) -> str:
    """Return the gradient of ⟨gradient, v⟩."""
    return f"""    def slope({given(call)}):
        return {words.along(f"{words.grad(of_params(call), call)}({given(call)})", call)}

    return {value(call)}, {words.grad("slope", call)}({given(call)})
"""


def reverse_over_forward(words: Transformations, call: Call) -> str:
    """Return the gradient of the tangent."""
    return f"""    def slope({given(call)}):
        return {words.jvp(call, of_params(call))}[1]

    return {value(call)}, {words.grad("slope", call)}({given(call)})
"""


def adjoint(words: Transformations, call: Call) -> str:
    """Return both sides of the adjoint identity."""
    return f"""    value, pullback = {words.module}.vjp({of_params(call)}, {given(call)})
    _, tangent = {words.jvp(call, of_params(call))}
    return value, [tangent * {call.cotangent}, {words.along(f"pullback({call.cotangent})", call)}]
"""


BODIES: dict[tuple[str, str], Callable[[Transformations, Call], str]] = {
    ("vjp", ""): vjp,
    ("jvp", ""): jvp,
    ("jacobian", "forward"): jacobian("jacfwd"),
    ("jacobian", "reverse"): jacobian("jacrev"),
    ("hvp", "forward-reverse"): forward_over_reverse,
    ("hvp", "reverse-reverse"): reverse_over_reverse,
    ("hvp", "reverse-forward"): reverse_over_forward,
    ("adjoint", ""): adjoint,
}
"""Operator and variant → its lines; "" where the variants differ in what stands around them only."""
