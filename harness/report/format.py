"""Numbers and texts as reports print them. Numbers keep the decimal point and paste into Python."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_UP, Context, Decimal
from typing import NamedTuple

from harness.run.records import Num, Numbers
from harness.wording import plural as plural

DIGITS = 17
"""Significant decimal digits that tell every float64 from its neighbours."""

NOTHING = "–"
"""Stands where a record holds no number."""


def real(value: Num) -> float:
    """Return the float of a record's number, NaN where it holds none."""
    try:
        return float(value)
    except ValueError:
        return math.nan


def exact(value: Num) -> str:
    """Return the number with 17 significant digits, zeros kept so that columns line up."""
    return _formatted(value, f"#.{DIGITS}g")


def known(truth: Num) -> str:
    """Return the truth of an entry as `exact` does; where it is no number, there is no derivative."""
    return "undefined" if truth == "nan" else exact(truth)


def reach(radius: Num, result: str) -> str:
    """Return how near the truth of a result, such as the gradient, is known."""
    return f"not at every entry of the {result}" if radius == "inf" else f"{result} to ± {brief(radius)}"


def brief(value: Num) -> str:
    """Return the number with 3 significant digits: for errors, tolerances and resolutions."""
    return _formatted(value, ".3g")


def shortest(value: Num) -> str:
    """Return the shortest text that gives the same float64 back: for inputs."""
    return repr(value) if isinstance(value, float) else _formatted(value, "")


def _formatted(value: Num, form: str) -> str:
    """Return the number in this form; a text that is no number stays as it is, an empty one becomes a dash."""
    if isinstance(value, str):
        return value or NOTHING
    return format(value, form)


def at_least(value: float) -> str:
    """Return the number with 3 significant digits, rounded up: a limit is not written smaller than it is."""
    rounded = Context(prec=3, rounding=ROUND_UP).create_decimal_from_float(value)
    return format(float(rounded), ".3g") if math.isfinite(value) else NOTHING


def margin(value: Num) -> str:
    """Return tolerance over error as "3.1×", cut and never rounded up: 0.999 reads 0.99×, not 1×."""
    ratio = real(value)
    if not math.isfinite(ratio):
        return NOTHING if math.isnan(ratio) else "∞"
    cut = Context(prec=2, rounding=ROUND_DOWN).create_decimal_from_float(ratio)
    if cut and abs(cut.adjusted()) > 3:
        return f"{cut:.1e}×".replace("e+", "e")
    return f"{cut:.{max(1 - cut.adjusted(), 0)}f}×"


def agreeing(got: Num, truth: Num) -> int:
    """Return how many significant digits of `got` agree with `truth`, 0 to 17; 17 where they are equal.

    n digits agree where the relative error is at most 10⁻ⁿ, whatever digits the two numbers are written with.
    """
    ours, right = real(got), real(truth)
    if ours == right:
        return DIGITS
    if not (math.isfinite(ours) and math.isfinite(right)) or right == 0:
        return 0
    accuracy = Decimal(right) / (Decimal(ours) - Decimal(right))
    return min(max(accuracy.adjusted(), 0), DIGITS)


class Split(NamedTuple):
    """A number's text in three: the digits that agree, the digits that differ, the exponent."""

    same: str
    differing: str
    exponent: str


def split(got: Num, truth: Num) -> Split:
    """Return the 17 digits of `got`, cut after the last digit that agrees with `truth`, if there is one."""
    if got == "" or truth == "":
        return Split(exact(got), "", "")
    mantissa, mark, exponent = exact(got).partition("e")
    cut = _after(mantissa, agreeing(got, truth))
    return Split(mantissa[:cut], mantissa[cut:], mark + exponent)


def _after(mantissa: str, count: int) -> int:
    """Return the position behind the significant digit number `count`."""
    if count >= DIGITS:
        return len(mantissa)
    places = [at for at, sign in enumerate(mantissa) if sign.isdigit()]
    first = next((n for n, at in enumerate(places) if mantissa[at] != "0"), 0)
    return 0 if count == 0 else places[min(first + count, len(places)) - 1] + 1


def entry(path: str, index: tuple[int, ...] = ()) -> str:
    """Return the name of a number: `J` for the value, `w1[0, 3]` for the partial of that entry."""
    return (path or "J") + (f"[{', '.join(map(str, index))}]" if index else "")


def numbers(array: Numbers, limit: int = 6) -> str:
    """Return the array's first entries on one line, with its shape where it has one."""
    shown = ", ".join(map(shortest, array.values[:limit]))
    if not array.shape:
        return shown
    more = size(array) - min(limit, len(array.values))
    return f"[{shown}{f', … {more} more' if more else ''}]  shape {shape(array.shape)}"


def size(array: Numbers) -> int:
    """Return the number of entries of the whole array."""
    return math.prod(array.shape)


def shape(lengths: tuple[int, ...]) -> str:
    """Return "4 × 3", or "scalar"."""
    return " × ".join(map(str, lengths)) or "scalar"


def terms(parts: Mapping[str, Num]) -> str:
    """Return the named terms of a tolerance as a sum."""
    return " + ".join(f"{name} {brief(part)}" for name, part in parts.items())


def duration(seconds: float) -> str:
    """Return "0.8 ms", "41.2 s" or "3 min 05 s"."""
    if seconds < 1:
        return f"{1000 * seconds:.1f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def visible(text: str, keep: str = "\n\t") -> str:
    """Return the text with each control and direction mark written out, so that it moves no cursor and no line."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in keep else _spelled(sign) for sign in text)


def _spelled(sign: str) -> str:
    """Return the escape by which Python writes this character."""
    return sign.encode("unicode_escape").decode("ascii")


def one_line(text: str) -> str:
    """Return the text made visible with its line ends written out too: for ids and sentences."""
    return visible(text, keep="")
