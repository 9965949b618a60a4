"""Numbers, arrays and names as Python source."""

from __future__ import annotations

import keyword
import math
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Any

NAMED = {
    "inf": "math.inf",
    "-inf": "-math.inf",
    "two_over_sqrt_pi": "2 / math.sqrt(math.pi)",
    "sqrt_half": "math.sqrt(0.5)",
    "sqrt_two_over_pi": "math.sqrt(2 / math.pi)",
    "gelu_cubic": "0.044715",
}
"""The exact constants of `primitives.CONSTANTS`, spelt so that a reader knows them again."""


def number(value: int | float | str, *, whole: bool = False) -> str:
    """Return a literal as it was typed; `whole` prints a float without fraction as an integer (beside integer data)."""
    if isinstance(value, str):
        return NAMED[value]
    if isinstance(value, float) and not math.isfinite(value):
        return f"math.{value}" if value > 0 or math.isnan(value) else "-math.inf"
    return repr(int(value)) if whole and value == int(value) else repr(value)


def nested(values: Any) -> str:
    """Return nested lists of numbers as a literal that needs no import, non-finite numbers included."""
    if isinstance(values, list):
        return f"[{', '.join(map(nested, values))}]"
    finite = not isinstance(values, float) or math.isfinite(values)
    return repr(values) if finite else f'float("{values}")'


def subscript(items: Sequence[int | slice | None]) -> str:
    """Return what stands between the brackets of a basic index."""
    return ", ".join(map(_item, items)) or "..."


def _item(item: int | slice | None) -> str:
    if not isinstance(item, slice):
        return repr(item)
    bounds = [item.start, item.stop] + ([] if item.step in (None, 1) else [item.step])
    return ":".join("" if bound is None else str(bound) for bound in bounds)


def identifiers(paths: Iterable[str], reserved: Collection[str]) -> dict[str, str]:
    """Return a Python name for each leaf path, all different and none of them reserved."""
    names: dict[str, str] = {}
    for path in paths:
        name = _identifier(path)
        while keyword.iskeyword(name) or name in reserved or name in names.values():
            name += "_"
        names[path] = name
    return names


def _identifier(path: str) -> str:
    """Return the path with `_` for what no name may hold; Python itself compares names in the form NFKC."""
    text = unicodedata.normalize("NFKC", path)
    name = "".join(char if f"_{char}".isidentifier() else "_" for char in text)
    return name if name.isidentifier() else f"_{name}"
