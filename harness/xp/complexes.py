"""Complex values of a case: `xp.complex(re, im)` of two real arrays, and what every engine does with them.

Parameters stay real: the partials by the two parts are ∂L/∂Re and ∂L/∂Im, whatever an engine calls the gradient by a
complex argument.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from harness.graph import build as b
from harness.graph.build import Ref
from harness.graph.node import Shape
from harness.told import fitting, message
from harness.xp import array
from harness.xp.array import Array, operands, subscripts, wrap
from harness.xp.banned import COMPLEX_ONLY, Paramount, number
from harness.xp.reduce import Axis, axes_of
from harness.xp.refusal import NoSuchName, line_here, refuse

NAMES = {"+": "complex_add", "-": "complex_subtract", "*": "complex_multiply", "/": "complex_divide"}


class Complex(Paramount):
    """A traced complex value; of two real arrays by `xp.complex`."""

    __slots__ = ("_pair",)
    __hash__ = object.__hash__

    def __init__(self, pair: Ref) -> None:
        self._pair = pair

    def __repr__(self) -> str:
        return f"<traced complex array of shape {self.shape}>"

    @property
    def shape(self) -> Shape:
        return self._pair.shape[:-1]

    @property
    def ndim(self) -> int:
        return self._pair.ndim - 1

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        advice = {"real": "Write xp.real(z)", "imag": "Write xp.imag(z)", "conj": "Write xp.conj(z)"}
        raise refuse(f"a complex value has no .{name}", advice.get(name, COMPLEX_ONLY), NoSuchName)

    def __add__(self, other: Any) -> Complex:
        return arithmetic("+", self, other)

    def __radd__(self, other: Any) -> Complex:
        return arithmetic("+", other, self)

    def __sub__(self, other: Any) -> Complex:
        return arithmetic("-", self, other)

    def __rsub__(self, other: Any) -> Complex:
        return arithmetic("-", other, self)

    def __mul__(self, other: Any) -> Complex:
        return arithmetic("*", self, other)

    def __rmul__(self, other: Any) -> Complex:
        return arithmetic("*", other, self)

    def __truediv__(self, other: Any) -> Complex:
        return arithmetic("/", self, other)

    def __rtruediv__(self, other: Any) -> Complex:
        return arithmetic("/", other, self)

    def __matmul__(self, other: Any) -> Complex:
        return product(self, other)

    def __rmatmul__(self, other: Any) -> Complex:
        return product(other, self)

    def __neg__(self) -> Complex:
        return Complex(b.call("complex_negative", pair_of(self)))

    def __pow__(self, other: Any) -> NoReturn:
        raise refuse("a power of a complex value has branches", "Write z * z and so on")

    __rpow__ = __pow__

    def __lt__(self, other: Any) -> NoReturn:
        raise refuse("complex values are not compared", "Compare xp.abs(z), xp.real(z) or xp.imag(z)")

    __le__ = __gt__ = __ge__ = __lt__

    def __eq__(self, other: object) -> NoReturn:
        self.__lt__(other)

    def __ne__(self, other: object) -> NoReturn:
        self.__lt__(other)

    def __getitem__(self, items: Any) -> Complex:
        pair, given = pair_of(self), subscripts(items, self.ndim)
        try:
            return Complex(b.call("complex_index", pair, index=b.normal_index(given, self.ndim)))
        except IndexError as error:
            said = f"{fitting(message(error))} (shape {self.shape})"
            raise refuse(said, "Indices are static; take sizes from z.shape") from None


# --------------------------------------------------------------------------- operands


def pair_of(z: Complex) -> Ref:
    """Return z's handle, and stamp the nodes that follow with the user's line."""
    z._pair.builder.where = line_here()
    return z._pair


def lifted(call: str, *given: Any) -> list[Ref]:
    """Return operands of one arithmetic operation, one of them complex: real literals stay, real arrays are lifted."""
    builder = next(pair_of(x) for x in given if isinstance(x, Complex)).builder
    refs: list[Ref] = []
    for x in given:
        if isinstance(x, Complex):
            refs.append(pair_of(x))
        elif isinstance(x, Array):
            refs.append(b.call("as_complex", array.real(x, call)))
        elif type(x) is complex:
            refs.append(b.call("complex_of", builder.constant(x.real), builder.constant(x.imag)))
        else:
            refs.append(builder.constant(number(x)))
    return refs


def arithmetic(sign: str, left: Any, right: Any) -> Complex:
    """Return left + right and its like, where one of them is complex."""
    call = f"z {sign} w"
    refs = lifted(call, left, right)
    try:
        return Complex(b.call(NAMES[sign], *refs))
    except ValueError:
        raise _misfit(call, left, right, "Make them broadcast") from None


def product(left: Any, right: Any) -> Complex:
    """Return the matrix product of the standard, where one of the two is complex."""
    if not all(isinstance(x, Complex | Array) for x in (left, right)):
        raise refuse("z @ w takes two arrays", "Write * for a product with a number")
    n, m = left.ndim, right.ndim
    if n == 0 or m == 0 or left.shape[-1] != right.shape[max(0, m - 2)]:
        raise _misfit("z @ w", left, right, "The inner sizes must be equal")
    kind = {(True, True): "dot", (False, True): "matvec", (True, False): "vecmat"}.get((n == 1, m == 1), "matmul")
    try:
        return Complex(b.call(f"complex_{kind}", *lifted("z @ w", left, right)))
    except ValueError:
        raise _misfit("z @ w", left, right, "Make the axes before the matrices broadcast") from None


def _misfit(call: str, left: Any, right: Any, advice: str) -> Exception:
    shapes = [x.shape for x in (left, right) if isinstance(x, Complex | Array)]
    return refuse(f"{call} of shapes {' and '.join(map(str, shapes))}", advice)


# --------------------------------------------------------------------------- functions


def complex_(re: Any, im: Any, /) -> Complex:
    """Return the complex value of two real parts, one of which may be a Python number."""
    call = "xp.complex(re, im)"
    given = operands(call, re, im)
    builder = b.builder_of(given)
    refs = [b.lift(builder, x) for x in given]
    try:
        shape = np.broadcast_shapes(*(ref.shape for ref in refs))
    except ValueError:
        raise _misfit(call, re, im, "Make them broadcast") from None
    return Complex(b.call("complex_of", *(b.broadcast_to(ref, shape) for ref in refs)))


def unary(op: str, call: str) -> Callable[[Complex], Ref]:
    """Return the function of one complex value, as a node."""

    def function(z: Complex, /) -> Ref:
        if not isinstance(z, Complex):
            raise refuse(f"{call} takes a complex value", "Make one of two real arrays: xp.complex(re, im)")
        return b.call(op, pair_of(z))

    return function


def conj(z: Complex, /) -> Complex:
    """Return the conjugate."""
    return Complex(unary("conj", "xp.conj(z)")(z))


def real(z: Complex, /) -> Array:
    """Return the real part."""
    return wrap(unary("real", "xp.real(z)")(z))


def imag(z: Complex, /) -> Array:
    """Return the imaginary part."""
    return wrap(unary("imag", "xp.imag(z)")(z))


def _abs(z: Complex) -> Array:
    return wrap(b.call("complex_abs", pair_of(z)))


def _exp(z: Complex) -> Complex:
    return Complex(b.call("complex_exp", pair_of(z)))


def _sum(z: Complex, *, axis: Axis = None, keepdims: bool = False) -> Complex:
    axes = axes_of(axis, z.ndim, "xp.sum")
    return Complex(b.call("complex_sum", pair_of(z), axes=axes, keepdims=bool(keepdims))) if axes else z


def _matmul(left: Any, right: Any) -> Complex:
    return product(left, right)


OF_COMPLEX: dict[str, Callable[..., Any]] = {"abs": _abs, "exp": _exp, "sum": _sum, "matmul": _matmul}
"""The functions of reals that complex values have too."""


def also_complex(name: str, of_reals: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of reals, which is that of complex values where one is given."""

    @functools.wraps(of_reals)
    def function(*args: Any, **kwargs: Any) -> Any:
        given = any(isinstance(x, Complex) for x in args)
        return (OF_COMPLEX[name] if given else of_reals)(*args, **kwargs)

    return function
