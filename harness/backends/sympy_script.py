"""SymPy scripts: a cost written out, differentiated by SymPy, evaluated to 50 digits.

Where the whole expression is small it is differentiated as it stands. Else every definition is
differentiated by itself and the chain rule joins them: the whole of a network would not end.
"""

from __future__ import annotations

import builtins
import re
import textwrap
from collections.abc import Mapping
from functools import cache
from typing import Any

from harness.backends.sympy_book import Definition, Expansion, Expression
from harness.graph.node import Shape

SMALL = 50
"""Operations up to which the whole expression is differentiated at once."""
WIDTH = 110
RESERVED = frozenset(dir(builtins)) | frozenset(
    "J sp mpmath functools itertools expm1 log1p Chain chain rules number gradient leaves params forms point at".split()
)
"""Names that a leaf must not have in a script."""

NUMBERS = {
    "Pi": "sp.pi",
    "Exp1": "sp.E",
    "ImaginaryUnit": "sp.I",
    "Infinity": "sp.oo",
    "NegativeInfinity": "-sp.oo",
    "ComplexInfinity": "sp.zoo",
    "NaN": "sp.nan",
}
"""SymPy's classes of single numbers, and how they are written."""

Leaves = Mapping[str, tuple[Shape, bool]]
"""Name → shape, and whether it is differentiated."""

CHAIN = '''
@functools.cache
def rules(expression, slots, wanted):
    """Return mpmath functions of the slots: the expression, and what SymPy derives by the first `wanted` of them."""
    forms = [expression, *(sp.diff(expression, slot) for slot in slots[:wanted])]
    return [sp.lambdify(slots, form, "mpmath") for form in forms]


def number(function, arguments):
    """Return the real number that the function gives, nan where there is none."""
    try:
        result = mpmath.mpmathify(function(*arguments))
    except ZeroDivisionError:
        return mpmath.nan
    return mpmath.nan if isinstance(result, mpmath.mpc) else +result


class Chain:
    """Scalar definitions, each differentiated by SymPy, joined by the chain rule."""

    def __init__(self):
        self.order, self.leaves, self.params, self.active, self.steps = {}, [], [], set(), []

    def symbol(self, name):
        self.order.setdefault(symbol := sp.Symbol(name, real=True), len(self.order))
        return symbol

    def data(self, name, *shape):
        """Return the symbol of a number, or those of an array by index."""
        keys = list(itertools.product(*map(range, shape)))
        symbols = [self.symbol(f"{name}{list(key) or ''}") for key in keys]
        self.leaves += symbols
        return dict(zip([key[0] if len(key) == 1 else key for key in keys], symbols)) if shape else symbols[0]

    def param(self, name, *shape):
        """Return the same of an input that is differentiated."""
        before, leaf = len(self.leaves), self.data(name, *shape)
        self.params += self.leaves[before:]
        self.active.update(self.leaves[before:])
        return leaf

    def define(self, expression, frozen=False):
        """Return a new symbol for the expression; a frozen one passes no derivative on."""
        operands = sorted(expression.free_symbols, key=lambda s: (s not in self.active, self.order[s]))
        wanted = 0 if frozen else sum(s in self.active for s in operands)
        slots = tuple(sp.Symbol(f"s{k}", real=True) for k in range(len(operands)))
        functions = rules(expression.xreplace(dict(zip(operands, slots))), slots, wanted)
        name = self.symbol(f"definition {len(self.steps)}")
        self.active |= {name} if wanted else set()
        self.steps.append((name, operands, functions))
        return name

    def gradient(self, J, point):
        """Return J and its partials: the definitions forwards, the chain rule backwards."""
        with mpmath.workdps(50):
            at = dict(zip(self.leaves, map(mpmath.mpf, point)))
            for name, operands, (form, *_) in self.steps:
                at[name] = number(form, [at[s] for s in operands])
            slope = {J: mpmath.mpf(1)}
            for name, operands, (_, *partials) in reversed(self.steps):
                for s, partial in zip(operands, partials) if name in slope else ():
                    slope[s] = slope.get(s, 0) + slope[name] * number(partial, [at[t] for t in operands])
            return [sp.Float(x, 50) for x in (at[J], *(slope.get(s, 0) for s in self.params))]


chain = Chain()
'''

WHOLE = '''forms = [J, *(sp.diff(J, x) for x in params)]


def gradient(*point):
    """Return J and its partials to 50 digits."""
    at = dict(zip(leaves, map(sp.Rational, point)))
    return [sp.N(form.xreplace(at), 50) for form in forms]
'''


def script(expansion: Expansion, leaves: Leaves, *, note: str = "", at_once: bool = True) -> str:
    """Return the source that binds `gradient`: all leaves' entries in order → J and the partials of the params.

    `at_once` differentiates the whole expression where it is small; that takes finite entries only.
    """
    whole = inlined(expansion) if at_once else None
    lines = _by_definition(expansion, leaves, note) if whole is None else _at_once(whole, leaves, note)
    return "\n".join(lines)


def inlined(expansion: Expansion) -> Expression | None:
    """Return the cost as one expression; None where it is not small or holds a derivative back."""
    known: dict[Expression, Expression] = {}
    for definition in expansion.definitions:
        known[definition.name] = definition.expression.xreplace(known)
        if definition.frozen or known[definition.name].count_ops() > SMALL or len(known) > SMALL:
            return None
    return known.get(expansion.cost, expansion.cost)


def _at_once(cost: Expression, leaves: Leaves, note: str) -> list[str]:
    params = {name: shape for name, (shape, param) in leaves.items() if param}
    lines = [_symbols(name, shape) for name, (shape, _) in leaves.items()]
    lines += [note] if note else []
    lines.append(_wrapped("J = ", _expression(cost), ""))
    every = {name: shape for name, (shape, _) in leaves.items()}
    lines.append(f"params = {'leaves = ' if every == params else ''}{_flat(params)}")
    lines += [] if every == params else [f"leaves = {_flat(every)}"]
    return [*_imports(lines), "", *lines, WHOLE]


def _by_definition(expansion: Expansion, leaves: Leaves, note: str) -> list[str]:
    lines = [_leaf(name, shape, param) for name, (shape, param) in leaves.items()]
    lines += [note] if note else []
    lines += [_definition(definition) for definition in expansion.definitions]
    lines += [f"J = chain.define({_expression(expansion.cost)})"]
    lines += ["", "", "def gradient(*point):", "    return chain.gradient(J, point)", ""]
    heads = ["import functools", "import itertools", "", "import mpmath", *_imports(lines), ""]
    return [*heads, CHAIN, *lines]


def _expression(expression: Expression) -> str:
    """Return the expression as source; a number as one of SymPy."""
    return printed(expression) if expression.free_symbols else f"sp.S({printed(expression)})"


def _imports(lines: list[str]) -> list[str]:
    text = "\n".join(lines)
    used = [name for name in ("expm1", "log1p") if f"{name}(" in text]
    more = [f"from sympy.codegen.cfunctions import {', '.join(used)}"] if used else []
    return ["import sympy as sp", *more]


def _symbols(name: str, shape: Shape) -> str:
    """Return the line that makes the symbols of a leaf."""
    if not shape:
        return f'{name} = sp.Symbol("{name}", real=True)'
    if len(shape) == 1:
        return f'{name} = [sp.Symbol(f"{name}[{{k}}]", real=True) for k in range({shape[0]})]'
    keys = " ".join(f"for k{axis} in range({n})" for axis, n in enumerate(shape))
    index = ", ".join(f"k{axis}" for axis in range(len(shape)))
    called = ", ".join(f"{{k{axis}}}" for axis in range(len(shape)))
    return f'{name} = {{({index}): sp.Symbol(f"{name}[{called}]", real=True) {keys}}}'


def _flat(leaves: Mapping[str, Shape]) -> str:
    """Return the list of all symbols of the leaves, in C order."""
    return f"[{', '.join(_spread(name, shape) for name, shape in leaves.items())}]"


def _spread(name: str, shape: Shape) -> str:
    return name if not shape else f"*{name}" if len(shape) == 1 else f"*{name}.values()"


def _leaf(name: str, shape: Shape, param: bool) -> str:
    sizes = "".join(f", {n}" for n in shape)
    return f'{name} = chain.{"param" if param else "data"}("{name}"{sizes})'


def _definition(definition: Definition) -> str:
    frozen = ", frozen=True" if definition.frozen else ""
    return _wrapped(f"{definition.name} = chain.define(", f"{printed(definition.expression)}{frozen}", ")")


def _wrapped(before: str, text: str, after: str) -> str:
    """Return the line; a long one broken inside its parentheses, which it gets where it has none."""
    if len(before + text + after) <= WIDTH:
        return before + text + after
    opening, closing = ("", after) if after else ("(", ")")
    spaced = re.sub(r"(?<!\*)\*(?!\*)", " * ", text)
    inside = textwrap.wrap(spaced, WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n    ".join([before + opening, *inside]) + f"\n{closing}"


def printed(expression: Expression) -> str:
    """Return the expression as Python source with SymPy's names behind `sp.`, exact numbers included."""
    return _printer().doprint(expression)  # type: ignore[no-any-return]  # sympy has no types


@cache
def _printer() -> Any:
    from sympy.printing.precedence import precedence
    from sympy.printing.str import StrPrinter

    class Printer(StrPrinter):  # type: ignore[misc]  # sympy has no types
        """Python source: no number of it is a rounded one."""

        def _print_Function(self, expression: Expression) -> str:
            name = expression.func.__name__
            prefix = "" if name in ("expm1", "log1p") else "sp."
            return f"{prefix}{name}({self.stringify(expression.args, ', ')})"

        def _print_Rational(self, x: Expression) -> str:
            nearest = x.p / x.q
            held = x.q > 1000 and nearest.as_integer_ratio() == (x.p, x.q)
            return f"sp.Rational({nearest if held else f'{x.p}, {x.q}'})"

        def _print_Mul(self, expression: Expression) -> str:
            factor, rest = expression.as_coeff_Mul()
            if factor.is_Integer or factor.q <= 1000:
                return str(super()._print_Mul(expression))
            return f"{self._print(factor)}*{self.parenthesize(rest, precedence(expression))}"

        def _print_Pow(self, expression: Expression, rational: bool = False) -> str:
            base, exponent = expression.args
            if exponent.is_Rational and exponent.q > 2:
                return f"{self.parenthesize(base, precedence(expression), strict=False)}**{self._print(exponent)}"
            text = str(super()._print_Pow(expression, rational=rational))
            return text.replace("sqrt(", "sp.sqrt(").replace("sp.sp.", "sp.")

    for kind, text in NUMBERS.items():
        setattr(Printer, f"_print_{kind}", lambda self, expression, text=text: text)
    return Printer()
