"""Programs: a script with its inputs, complete, that prints value and gradient."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.graph.literals import nested
from harness.graph.phrase import Phrasebook
from harness.graph.script import Script, imports

Leaves = Mapping[str, NDArray[np.generic]]

LINES, WIDTH = 15, 120
"""Of a dense program: lines that it may have before it is made dense, and characters of a line that inputs share."""

INLINE = 20
"""Most input numbers that are written into a program; more are read from `inputs.npz`."""


def program(script: Script, book: Phrasebook, inputs: Leaves, *, dense: bool = False) -> str:
    """Return a program that needs the framework alone and prints `value [partial, …]`, digits enough to read back.

    With more than 20 input numbers it reads `inputs.npz`, one array by leaf path, beside it. `dense`: where that
    brings it to 15 lines, it is written without blank ones, and inputs share lines.
    """
    names = ", ".join(script.names[path] for path in script.arguments)
    show = book.show.format("p")
    call = [
        f"value, {script.returned} = {script.binds}({names})",
        f"print({book.value}, [p if p is None else {show} for p in {script.returned}])",
    ]
    given, setup = input_lines(script, book, inputs), book.setup if beside(script, inputs) else ""
    written = whole(script, book, _text([*given, *call]), setup=setup)
    if not dense or written.count("\n") <= LINES:
        return written
    stored = 1 if beside(script, inputs) else 0  # the line that reads the file stands before those that use it
    for width in (WIDTH, math.inf):  # a line that is too long is better than a script that does not fit
        tail = _text([*given[:stored], *_shared(given[stored:], width), *call])
        packed = _dense(whole(script, book, tail, setup=setup))
        if packed.count("\n") <= LINES:
            return packed
    return written


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def _dense(text: str) -> str:
    return _text([line for line in text.splitlines() if line.strip()])


def _shared(assignments: Sequence[str], width: float) -> list[str]:
    """Return assignments, as many to a line as fit: `x = 1.0` and `y = 2.0` become `x, y = 1.0, 2.0`."""
    lines: list[str] = []
    names, values = "", ""
    for name, _, value in (line.partition(" = ") for line in assignments):
        together = f"{names}, {name} = {values}, {value}"
        if names and len(together) > width:
            lines.append(f"{names} = {values}")
            names, values = "", ""
        names, values = (f"{names}, {name}", f"{values}, {value}") if names else (name, value)
    return [*lines, f"{names} = {values}"] if names else lines


def whole(script: Script, book: Phrasebook, tail: str, *, setup: str = "") -> str:
    """Return the script followed by `tail`, with the imports of both on top."""
    text = "\n".join([setup + script.body, tail])
    return script.future + imports(book, text) + text


def beside(script: Script, inputs: Leaves) -> bool:
    """Return whether the inputs are too many to be written into the program."""
    return sum(inputs[path].size for path in script.arguments) > INLINE


def input_lines(script: Script, book: Phrasebook, inputs: Leaves) -> list[str]:
    """Return the lines that bind the inputs, as literals or from `inputs.npz`."""
    stored = beside(script, inputs)
    lines = ['data = np.load("inputs.npz")'] if stored else []
    for path in script.arguments:
        values = f"data[{json.dumps(path, ensure_ascii=False)}]" if stored else nested(_plain(inputs[path]))
        lines.append(f"{script.names[path]} = {book.leaves[script.kinds[path]].format(values)}")
    return lines


def _plain(values: NDArray[np.generic]) -> object:
    return values.tolist()
