"""What an array of a case does not do: each refusal says what every engine has instead."""

from __future__ import annotations

import math
import sys
from typing import Any, NoReturn

import numpy as np

from harness.xp.hints import numpy_advice
from harness.xp.refusal import refuse


class Banned:
    """The operators of Python that some engine lacks, or means otherwise."""

    __slots__ = ()

    # ----------------------------------------------------------------- what values would need

    def __bool__(self) -> NoReturn:
        raise refuse(
            "an array has no truth value while a case is traced (if, while, and, or, not, a < b < c, max, min, sorted)",
            "Write xp.where(condition, a, b), xp.logical_and, xp.maximum or xp.minimum",
        )

    def __float__(self) -> NoReturn:
        raise refuse(
            "an array has no Python number (float(x), math.sin(x))", "Write the xp function, such as xp.sin(x)"
        )

    def __int__(self) -> NoReturn:
        raise refuse("an array has no Python integer", "Take sizes from x.shape; pass integers as data")

    __index__ = __int__
    __round__ = __int__
    __floor__ = __int__
    __ceil__ = __int__
    __trunc__ = __int__

    def __complex__(self) -> NoReturn:
        raise refuse("an array has no Python number (complex(x))", "Write xp.complex(re, im) of two real arrays")

    def __iter__(self) -> NoReturn:
        raise refuse("iteration over an array fails in compiled engines", "Write: for row in xp.unstack(x, axis=0)")

    def __len__(self) -> NoReturn:
        raise refuse("len(x) fails in compiled engines", "Write x.shape[0]")

    def __contains__(self, item: object) -> NoReturn:
        raise refuse("`in` needs values, and a case has none while it is traced", "Write xp.where(x == value, a, b)")

    def __format__(self, spec: str) -> NoReturn:
        raise refuse("an array has no number to print while it is traced", "Leave printing out of a case")

    # ----------------------------------------------------------------- what would change an array

    def __setitem__(self, items: Any, value: Any) -> NoReturn:
        raise refuse(
            "x[i] = … changes an array, which JAX and TensorFlow do not allow",
            "Write xp.where(condition, value, x), xp.concat or xp.stack",
        )

    def __delitem__(self, items: Any) -> NoReturn:
        raise refuse("del x[i] changes an array", "Write a slice, or xp.concat of slices")

    def __iadd__(self, other: Any) -> NoReturn:
        raise refuse(
            "x += … and its like change the caller's array in some engines", "Write x = x + …, x = x * … and so on"
        )

    __isub__ = __imul__ = __itruediv__ = __ipow__ = __imatmul__ = __ifloordiv__ = __imod__ = __iadd__

    # ----------------------------------------------------------------- what engines do not share

    def __abs__(self) -> NoReturn:
        raise refuse("abs(x) is not an operator of the standard", "Write xp.abs(x)")

    def __pos__(self) -> NoReturn:
        raise refuse("+x is not needed", "Write x")

    def __and__(self, other: Any) -> NoReturn:
        raise refuse("& | ^ mean different things on real arrays", "Write xp.logical_and, xp.logical_or, xp.not_equal")

    __or__ = __xor__ = __rand__ = __ror__ = __rxor__ = __and__

    def __invert__(self) -> NoReturn:
        raise refuse("~x means different things on real arrays", "Write xp.logical_not(x)")

    def __floordiv__(self, other: Any) -> NoReturn:
        raise refuse("// and % have another derivative in each engine", "Write / and leave rounding out of a case")

    __mod__ = __divmod__ = __rfloordiv__ = __rmod__ = __rdivmod__ = __floordiv__

    # ----------------------------------------------------------------- NumPy

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise refuse("NumPy was given an array of the case", "Write the xp function of the same name")

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> NoReturn:
        for arg in args:
            if not isinstance(arg, Banned):
                number(arg)
        raise refuse(f"np.{ufunc.__name__} was called on an array of the case", numpy_advice(ufunc.__name__))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> NoReturn:
        raise refuse(f"np.{function.__name__} was called on an array of the case", numpy_advice(function.__name__))


class Paramount(Banned):
    """A value that takes over where it meets a real array in an operator: a complex one."""

    __slots__ = ()


COMPLEX_ONLY = (
    "A complex value has + - * / @, indexing, .shape, .ndim, xp.conj, xp.abs, xp.exp, xp.sum, xp.matmul, xp.real and "
    "xp.imag: compute the rest with the two parts"
)


def finite(x: Any) -> int | float:
    """Return x if it is a finite Python number, as the parameters of functions are."""
    if not math.isfinite(number(x)):
        raise refuse("an infinite parameter means something else to each engine", "Write a finite number")
    return x  # type: ignore[no-any-return]  # it was just tested


def _known(x: float) -> int | float:
    if isinstance(x, int) and abs(x) > sys.float_info.max:
        raise refuse("an integer that no float can hold", "Write a float, or rescale")
    if math.isnan(x):
        raise refuse(
            "NaN is no number, and all results of it are NaN", "Leave entries out with xp.where(condition, a, b)"
        )
    return x


def number(x: Any) -> int | float:
    """Return x if it is a Python number, perhaps infinite; refuse what would behave differently in each engine."""
    if type(x) in (int, float):
        return _known(x)
    if isinstance(x, Paramount):
        raise refuse("a complex value where only real ones are taken", COMPLEX_ONLY)
    if isinstance(x, bool):
        raise refuse("True and False are no numbers", "Write 1.0 or 0.0")
    if isinstance(x, np.generic):
        raise refuse(
            f"a NumPy scalar ({type(x).__name__}) turns float32 into float64 in some engines and not in others",
            "Write float(…) around it, or math.sqrt for np.sqrt",
        )
    if isinstance(x, np.ndarray):
        raise refuse(
            "a NumPy array met an array of the case; some engines refuse, others change the dtype",
            "Declare it as an input: name=data(array)",
        )
    if isinstance(x, complex):
        raise refuse("a complex number met a real array", "Write xp.complex(x, y) of real and imaginary parts")
    raise refuse(
        f"a {type(x).__module__}.{type(x).__name__} met an array of the case",
        "Use arrays, int and float only, and declare constants as inputs: name=data(array)",
    )
