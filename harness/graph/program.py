"""Programs: a script with its inputs, complete, that prints value and gradient."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness.graph.literals import nested
from harness.graph.phrase import Phrasebook
from harness.graph.script import Script, imports

Leaves = Mapping[str, NDArray[np.generic]]

INLINE = 20
"""Most input numbers that are written into a program; more are read from `inputs.npz`."""


def program(script: Script, book: Phrasebook, inputs: Leaves) -> str:
    """Return a program that needs the framework alone and prints `value [partial, …]`, digits enough to read back.

    With more than 20 input numbers it reads `inputs.npz`, one array by leaf path, beside it.
    """
    names = ", ".join(script.names[path] for path in script.arguments)
    show = book.show.format("p")
    lines = [
        *input_lines(script, book, inputs),
        f"value, partials = gradient({names})",
        f"print({book.value}, [p if p is None else {show} for p in partials])",
    ]
    return whole(script, book, "\n".join(lines) + "\n", setup=book.setup if beside(script, inputs) else "")


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
