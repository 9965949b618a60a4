"""The array that a case computes with while it is traced: a shape and a kind, no numbers."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from harness.graph import build as b
from harness.graph.build import Ref
from harness.graph.node import Kind, Shape
from harness.told import fitting, message
from harness.xp.banned import COMPLEX_ONLY, Banned, Paramount, finite, number
from harness.xp.hints import METHODS
from harness.xp.refusal import NoSuchName, line_here, refuse

ARITHMETIC = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}
COMPARISONS = {
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "==": "equal",
    "!=": "not_equal",
}


class RealType:
    """The dtype of a case: it is chosen by the cell, not by the case."""

    def __repr__(self) -> str:
        return "the case's dtype"


REAL = RealType()


class Array(Banned):
    """A traced array; it has exactly the operators and attributes that every engine has."""

    __slots__ = ("_ref",)
    __hash__ = object.__hash__

    def __init__(self, ref: Ref) -> None:
        self._ref = ref

    def __repr__(self) -> str:
        return f"<traced {self._ref.kind} array of shape {self.shape}>"

    # ----------------------------------------------------------------- attributes

    @property
    def shape(self) -> Shape:
        return self._ref.shape

    @property
    def ndim(self) -> int:
        return self._ref.ndim

    @property
    def dtype(self) -> RealType:
        return REAL

    @property
    def T(self) -> Array:
        if self.ndim != 2:
            raise refuse(f".T of an array of {self.ndim} dimensions", "Write xp.permute_dims(x, axes) or x.mT")
        return wrap(b.transpose(at_line(self)))

    @property
    def mT(self) -> Array:
        if self.ndim < 2:
            raise refuse(".mT of an array of less than 2 dimensions", "Write xp.reshape(x, shape) first")
        return wrap(b.transpose(at_line(self)))

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        advice = METHODS.get(name, f"Write xp.{name}(x, …) if it is a function of the array API standard")
        raise refuse(f"an array in a case has no .{name}", advice, NoSuchName)

    # ----------------------------------------------------------------- operators

    def __add__(self, other: Any) -> Array:
        return arithmetic("+", self, other)

    def __radd__(self, other: Any) -> Array:
        return arithmetic("+", other, self)

    def __sub__(self, other: Any) -> Array:
        return arithmetic("-", self, other)

    def __rsub__(self, other: Any) -> Array:
        return arithmetic("-", other, self)

    def __mul__(self, other: Any) -> Array:
        return arithmetic("*", self, other)

    def __rmul__(self, other: Any) -> Array:
        return arithmetic("*", other, self)

    def __truediv__(self, other: Any) -> Array:
        return arithmetic("/", self, other)

    def __rtruediv__(self, other: Any) -> Array:
        return arithmetic("/", other, self)

    def __pow__(self, other: Any) -> Array:
        return power(self, other)

    def __rpow__(self, other: Any) -> Array:
        return power(other, self)

    def __matmul__(self, other: Any) -> Array:
        return NotImplemented if isinstance(other, Paramount) else matmul(self, other)

    def __rmatmul__(self, other: Any) -> Array:
        return matmul(other, self)

    def __neg__(self) -> Array:
        return wrap(-real(self, "-x"))

    def __lt__(self, other: Any) -> Array:
        return compare("<", self, other)

    def __le__(self, other: Any) -> Array:
        return compare("<=", self, other)

    def __gt__(self, other: Any) -> Array:
        return compare(">", self, other)

    def __ge__(self, other: Any) -> Array:
        return compare(">=", self, other)

    def __eq__(self, other: object) -> Array:  # type: ignore[override]  # elementwise, as in the standard
        return compare("==", self, other)

    def __ne__(self, other: object) -> Array:  # type: ignore[override]  # elementwise, as in the standard
        return compare("!=", self, other)

    def __getitem__(self, items: Any) -> Array:
        try:
            return wrap(b.index(at_line(self), subscripts(items, self.ndim)))
        except IndexError as error:
            raise refuse(
                f"{fitting(message(error))} (shape {self.shape})", "Indices are static; take sizes from x.shape"
            ) from None


# --------------------------------------------------------------------------- operands


def wrap(ref: Ref) -> Array:
    """Return the handle as an array of the case."""
    return Array(ref)


def at_line(x: Array) -> Ref:
    """Return x's handle, and stamp the nodes that follow with the user's line."""
    x._ref.builder.where = line_here()
    return x._ref


def real(x: Any, call: str) -> Ref:
    """Return the handle of a real array; refuse numbers, integers, booleans and complex values."""
    if isinstance(x, Paramount):
        raise refuse(f"{call} of a complex value", COMPLEX_ONLY)
    if not isinstance(x, Array):
        raise refuse(
            f"{call} takes an array, not a {type(x).__name__}",
            "Use math.* for Python numbers, or xp.full(shape, value)",
        )
    if x._ref.kind != "real":
        raise refuse(f"{call} of {_kind_name(x._ref.kind)}", _kind_advice(x._ref.kind))
    return at_line(x)


def _kind_name(kind: Kind) -> str:
    return {"int": "an integer array", "bool": "a boolean array"}.get(kind, "a weight")


def _kind_advice(kind: Kind) -> str:
    if kind == "bool":
        return "Write xp.where(condition, a, b): in TensorFlow (x > 0) * x is a boolean and"
    return "Integers index, compare and select; for arithmetic declare the data as real: data([1.0, 2.0])"


def operands(call: str, *given: Any) -> list[Ref | int | float]:
    """Return real operands, Python numbers among them, with at least one array."""
    if not any(isinstance(x, Array) for x in given):
        raise refuse(f"{call} takes at least one array", "Use math.* for Python numbers, or xp.full(shape, value)")
    return [real(x, call) if isinstance(x, Array) else number(x) for x in given]


def fit(call: str, op: str, *given: Ref | int | float) -> Array:
    """Return the elementwise operation on operands that broadcast, or refuse their shapes."""
    try:
        return wrap(b.elementwise(op, *given))
    except ValueError:
        shapes = [x.shape for x in given if isinstance(x, Ref)]
        raise refuse(f"{call} of shapes {' and '.join(map(str, shapes))}", "Make them broadcast") from None


def arithmetic(sign: str, left: Any, right: Any) -> Array:
    """Return left + right and its like; NotImplemented where a complex value is to say what it is."""
    if isinstance(left, Paramount) or isinstance(right, Paramount):
        return NotImplemented  # type: ignore[no-any-return]  # Python asks the other operand then
    call = f"x {sign} y"
    return fit(call, ARITHMETIC[sign], *operands(call, left, right))


def compare(sign: str, left: Any, right: Any) -> Array:
    """Return the boolean array of an elementwise comparison of reals, or of integers."""
    kinds = {x._ref.kind for x in (left, right) if isinstance(x, Array)}
    if kinds == {"int"}:
        given = [at_line(x) if isinstance(x, Array) else _integer(x) for x in (left, right)]
        return fit(f"x {sign} y", COMPARISONS[sign], *given)
    return fit(f"x {sign} y", COMPARISONS[sign], *operands(f"x {sign} y", left, right))


def _integer(x: Any) -> int:
    if type(x) is int:
        return x
    raise refuse(f"an integer array met a {type(x).__name__}", "Compare integers with integers")


def power(base: Any, exponent: Any) -> Array:
    """Return base ** exponent; a Python number as exponent is a literal of the operation."""
    if isinstance(base, Array) and not isinstance(exponent, Array):
        ref = real(base, "x ** p")
        return wrap(b.call("pow", ref, exponent=finite(exponent)))
    return fit("x ** y", "power", *operands("x ** y", base, exponent))


def matmul(left: Any, right: Any) -> Array:
    """Return the matrix product of the standard: vectors are allowed on either side."""
    a, c = real(left, "x @ y"), real(right, "x @ y")
    try:
        return wrap(_matmul(a, c))
    except ValueError:
        raise refuse(f"x @ y of shapes {a.shape} and {c.shape}", "The inner sizes must be equal") from None


def _matmul(a: Ref, c: Ref) -> Ref:
    if a.ndim == 0 or c.ndim == 0 or a.shape[-1] != c.shape[max(0, c.ndim - 2)]:
        raise ValueError("inner sizes differ")
    if a.ndim == 1 and c.ndim == 1:
        return b.call("dot", a, c)
    if c.ndim == 1:
        return b.call("matvec", a, c)
    return b.call("vecmat", a, c) if a.ndim == 1 else b.matmul(a, c)


def subscripts(items: Any, ndim: int) -> tuple[Any, ...]:
    """Return what stands in the brackets as a tuple; refuse what not every engine takes."""
    given = items if isinstance(items, tuple) else (items,)
    for item in given:
        _check_index(item)
    consumed = sum(1 for item in given if item is not None and item is not Ellipsis)
    if consumed > ndim or sum(1 for item in given if item is Ellipsis) > 1:
        raise refuse(f"{consumed} indices into an array of {ndim} dimensions", "Index at most once a dimension")
    return given


def _check_index(item: Any) -> None:
    """Refuse an index that not every engine takes."""
    if isinstance(item, Array):
        raise refuse(
            "indexing with an array (the shape would depend on values, or differ between engines)",
            "Write xp.take(x, indices, axis=…), xp.take_along_axis or xp.where",
        )
    if isinstance(item, list | np.ndarray | np.generic):
        raise refuse(
            f"indexing with a {type(item).__name__} means something else in each engine",
            "Write xp.take(x, indices, axis=…) with the indices as integer data",
        )
    if isinstance(item, slice):
        _check_slice(item)
    elif not (item is None or item is Ellipsis or type(item) is int):
        raise refuse(f"a {type(item).__name__} as an index", "Use integers, slices, None and ...")


def _check_slice(item: slice) -> None:
    for part in (item.start, item.stop, item.step):
        if part is not None and type(part) is not int:
            raise refuse(f"a {type(part).__name__} in a slice", "Slices are static integers; take sizes from x.shape")
    if item.step is not None and item.step < 1:
        raise refuse("a step below 1 fails in PyTorch", "Write xp.flip(x, axis=…)")
