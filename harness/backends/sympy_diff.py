"""SymPy: `diff`, symbolically, evaluated to 50 digits."""

from __future__ import annotations

import hashlib
import importlib
import math
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.backends.adapter import Adapter, bind, installed
from harness.backends.rounded import rounded
from harness.backends.sympy_book import BOOK, Expression, definitions_needed, expand
from harness.backends.sympy_formula import Formula, formula
from harness.backends.sympy_script import RESERVED, WIDTH
from harness.backends.sympy_script import script as source
from harness.domains.evaluate import evaluate
from harness.domains.precision import PRECISIONS
from harness.graph.derive import lower
from harness.graph.emit import Script
from harness.graph.literals import identifiers, nested
from harness.graph.node import Graph, Shape
from harness.graph.registry import PRIMITIVES
from harness.measurement import Measurement, Partial, Task

__all__ = ["Formula", "SympyDiff", "formula"]

LARGEST = 5000
"""Scalar definitions of one cost: beyond, its script is no reading and its derivation no short wait."""
NOTE = "# Comparisons, kinks and orders are written as they are decided at the point."
DIGITS = 250
"""Decimal digits of the ball run that decides comparisons."""


class SympyDiff(Adapter):
    """Symbolic differentiation of the whole expression where it is small, else of each scalar definition.

    The dtype names only the rounding of point and literals.
    """

    name, mechanism, package = "sympy", "diff", "sympy"
    variants = ("symbolic",)
    book = BOOK

    def __init__(self) -> None:
        importlib.import_module("sympy")
        self._scripts: dict[str, Script] = {}

    def native(self, values: NDArray[np.generic], dtype: str) -> list[float]:
        """Return the entries in C order: the scripts take scalars, which they hold exactly."""
        return [float(x) for x in np.asarray(values).ravel()]

    def numpy(self, array: Any) -> tuple[NDArray[np.generic], str]:
        return np.asarray(array, dtype=np.float64), "float64"

    def versions(self) -> dict[str, str]:
        return {package: installed(package) for package in ("sympy", "mpmath")}

    def refusal(self, task: Task) -> str:
        count = definitions_needed(lower(task.graph))
        large = f"sympy would differentiate {count} scalar definitions, more than {LARGEST}; give it a smaller batch"
        return super().refusal(task) or (large if count > LARGEST else "")

    def script(self, task: Task) -> Script:
        """Return the source of the task: one for all points at which the same decisions are taken."""
        graph = lower(rounded(task.graph, task.dtype))
        data = decided(graph, task)
        finite = all(np.isfinite(values).all() for values in task.inputs.values())
        key = hashlib.sha256(f"{graph.digest()} {finite}".encode())
        for position, array in data.items():
            key.update(b"%d %s" % (position, array.tobytes()))
        if key.hexdigest() not in self._scripts:
            self._scripts[key.hexdigest()] = _script(graph, data, at_once=finite)
        return self._scripts[key.hexdigest()]

    def _measured(self, task: Task, script: Script) -> Measurement:
        start = time.perf_counter()
        value, *partials = bind(script.source)(*self._entries(task, script))
        seconds = time.perf_counter() - start
        shapes = {path: np.shape(task.inputs[path]) for path in script.params}
        return Measurement(
            value=_partial([value], ()),
            partials=dict(zip(shapes, _divided(partials, shapes), strict=True)),
            source=script.source,
            seconds=seconds,
            texts=texts(formula(task.graph)),
        )

    def _entries(self, task: Task, script: Script) -> list[float]:
        return [x for path in script.arguments for x in self.native(task.inputs[path], task.dtype)]

    def reproduce(self, task: Task) -> str:
        """Return a program that needs SymPy alone and prints the value and the partials to 50 digits."""
        script = self.script(task)
        entries = ", ".join(map(nested, self._entries(task, script)))
        point = "\n    ".join(["", *textwrap.wrap(entries, WIDTH, break_long_words=False)])
        call = f"{point},\n" if len(entries) > WIDTH else entries
        return f"{script.source}\n\nprint(*gradient({call}))\n"


def decided(graph: Graph, task: Task) -> dict[int, NDArray[Any]]:
    """Return the nodes of a graph of primitives that are data at this point: indices, truth values and decisions.

    Decisions about real numbers are taken in balls.
    """
    from harness.domains.ball import Ball

    wanted = [k for k in graph.needed() if graph.nodes[k].kind != "real"]
    run = evaluate(graph, wanted, Ball(DIGITS), task.inputs, precision=PRECISIONS[task.dtype], decisions={})
    return {k: np.asarray(run.values[k]) for k in wanted}


def _script(graph: Graph, data: dict[int, NDArray[Any]], *, at_once: bool) -> Script:
    real = {path: graph.nodes[k] for path, k in graph.inputs.items() if graph.nodes[k].kind == "real"}
    names = identifiers(real, RESERVED)
    leaves = {names[path]: (node.shape, path in graph.params) for path, node in real.items()}
    decisive = any(PRIMITIVES[graph.nodes[k].op].decision for k in data)
    return Script(
        imports="",
        body=source(expand(graph, names, data), leaves, note=NOTE if decisive else "", at_once=at_once),
        arguments=tuple(real),
        params=(params := tuple(path for path in real if path in graph.params)),
        results=params,
        names=names,
        kinds=dict.fromkeys(real, "real"),
    )


def _partial(numbers: Sequence[Expression], shape: Shape) -> Partial:
    """Return SymPy numbers as sums of three float64, which hold 50 digits."""
    parts = np.array([parts_of(number) for number in numbers]).reshape(*shape, 3)
    parts.flags.writeable = False
    return Partial(values=parts[..., 0], dtype="float64", tail=(parts[..., 1], parts[..., 2]))


def parts_of(number: Expression) -> tuple[float, float, float]:
    """Return a number as an unevaluated sum of three floats; nan where it is not real."""
    import mpmath

    if number.is_extended_real is not True:
        return (math.nan, 0.0, 0.0)
    if number.is_finite is not True:
        return (float(number), 0.0, 0.0)
    with mpmath.workprec(2000):
        rest, parts = number._to_mpmath(2000), []
        for _ in range(3):
            parts.append(float(rest))
            rest -= parts[-1]
    return (parts[0], parts[1], parts[2]) if math.isfinite(parts[0]) else (parts[0], 0.0, 0.0)


def _divided(entries: Sequence[Expression], shapes: Mapping[str, Shape]) -> Iterator[Partial]:
    """Return the entries of all leaves, one leaf after the other."""
    start = 0
    for shape in shapes.values():
        stop = start + math.prod(shape)
        yield _partial(entries[start:stop], shape)
        start = stop


def texts(short: Formula) -> dict[str, str]:
    """Return the formulas that are not empty, by the keys of `Measurement.texts`."""
    named = {"": short.text, **short.derivatives, "mathml": short.mathml}
    return {key: words for key, words in named.items() if words}
