"""Declaring a case: its function, its inputs and its points."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.graph.node import Graph, Kind, Shape
from harness.points import Draw, Point, as_fractions, drawn, label_points, point_of
from harness.xp.trace import Leaf, trace

Fractions = NDArray[np.object_]
DOMAIN = (-2.0, 2.0)
"""Where draws are taken when a parameter names no domain."""


class DeclarationError(Exception):
    """A case that cannot be planned; the text says which, why and what to write."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Input:
    """One leaf of a case's inputs."""

    shape: Shape = ()
    kind: Kind = "real"
    param: bool = True
    """Differentiated; otherwise data."""
    domain: tuple[float, float] | None = None
    """Closed interval in which every entry of every point must lie; draws are taken inside it."""
    value: NDArray[np.generic] | None = None
    """The numbers of data that is the same at every point; None: each point gives them."""


def param(*, shape: int | Sequence[int] = (), domain: tuple[float, float] | None = None) -> Input:
    """Return a differentiated input of the given shape."""
    return Input(shape=(shape,) if isinstance(shape, int) else tuple(int(n) for n in shape), domain=domain)


def data(values: Any = None, *, shape: int | Sequence[int] | None = None) -> Input:
    """Return a constant input: real data is cast to the cell's dtype, integers and booleans stay what they are.

    Without values each point gives them; `shape` is then required and the data is real.
    """
    if values is None:
        if shape is None:
            raise DeclarationError("data() needs the values, or shape=… where each point gives them")
        return Input(shape=(shape,) if isinstance(shape, int) else tuple(shape), param=False)
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise DeclarationError(f"data of dtype {array.dtype}; give real, integer or boolean numbers")
    kind: Kind = {"f": "real", "b": "bool"}.get(array.dtype.kind, "int")  # type: ignore[assignment]  # closed mapping
    stored: NDArray[np.generic] = array.astype({"real": np.float64, "int": np.int64, "bool": np.bool_}[kind])
    stored.setflags(write=False)
    return Input(shape=array.shape, kind=kind, param=False, value=stored)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """A cost function with its inputs and points: what the harness judges."""

    id: str
    """File stem and function name, such as `losses.huber`."""
    function: Callable[..., Any]
    inputs: dict[str, Input]
    """By leaf path, in the order of the declaration."""
    points: tuple[Point, ...]
    title: str = ""
    """First line of the docstring."""
    source: str = ""
    """Where the function comes from."""
    file: str = ""
    line: int = 0
    definition: str = ""
    """The function's text."""
    closed_form: Callable[..., Mapping[str, Any]] | None = field(default=None)
    """The gradient in NumPy by hand, for tests."""

    @property
    def params(self) -> dict[str, Input]:
        """The differentiated leaves."""
        return {path: leaf for path, leaf in self.inputs.items() if leaf.param}

    def graph(self) -> Graph:
        """Return the traced graph; raises NotTraceable."""
        leaves = {path: Leaf(shape=x.shape, kind=x.kind, param=x.param) for path, x in self.inputs.items()}
        return trace(self.function, leaves, self.id)

    def exact(self, point: Point, seed: int = 0) -> dict[str, Fractions]:
        """Return the point's real inputs as the fractions that its decimal text means, by leaf path."""
        values = drawn(self.id, self._domains(), seed, point.draw) if point.draw is not None else point.values
        return {path: self._leaf(path, values, point.label) for path in self.inputs if self.inputs[path].kind == "real"}

    def _domains(self) -> dict[str, tuple[Shape, tuple[float, float]]]:
        return {path: (leaf.shape, leaf.domain or DOMAIN) for path, leaf in self.params.items()}

    def _leaf(self, path: str, values: Mapping[str, Any], label: str) -> Fractions:
        leaf = self.inputs[path]
        given = values.get(path, leaf.value)
        if given is None:
            raise DeclarationError(f"{self.id} at {label}: no value for {path}; write {path}=…")
        return as_fractions(given, leaf.shape, f"{self.id} at {label}, input {path}")

    def check(self) -> None:
        """Raise DeclarationError where a point does not fit the inputs."""
        if not self.params:
            raise DeclarationError(f"{self.id} has no param() to differentiate; declare one")
        if not self.points:
            raise DeclarationError(f"{self.id} has no points; write points=[dict({_example(self.params)})]")
        for point in self.points:
            unknown = sorted(set(point.values) - set(self.inputs))
            if unknown:
                raise DeclarationError(
                    f"{self.id} at {point.label}: there is no input {unknown[0]}; inputs are {', '.join(self.inputs)}"
                )
            for path, numbers in self.exact(point).items():
                self._check_domain(path, numbers, point.label)

    def _check_domain(self, path: str, numbers: Fractions, label: str) -> None:
        domain = self.inputs[path].domain
        if domain is None:
            return
        low, high = Fraction(domain[0]), Fraction(domain[1])
        for index, number in np.ndenumerate(numbers):
            if not low <= number <= high:
                place = path + (str(list(index)) if index else "")
                raise DeclarationError(
                    f"{self.id} at {label}: {place} = {float(number)} lies outside its domain {domain}; "
                    "move the point or widen domain=…"
                )


def _example(params: Mapping[str, Input]) -> str:
    return ", ".join(f"{path.replace('.', '_')}=…" for path in params)


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested dictionary's leaves by path, parts joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def case(
    *,
    points: Iterable[Point | Draw | Mapping[str, Any] | str] = (),
    source: str = "",
    gradient: Callable[..., Mapping[str, Any]] | None = None,
    name: str = "",
    **inputs: Any,
) -> Callable[[Callable[..., Any]], Case]:
    """Return a decorator that makes a function a `Case`.

    Inputs are `param()` and `data()`, also in nested dictionaries. Points are dictionaries of values,
    `point(label, …)`, `draw()`, or "zero". Raises DeclarationError.
    """

    def declare(function: Callable[..., Any]) -> Case:
        file, line = _place(function)
        identity = f"{stem(file)}.{name or function.__name__}"
        leaves = _inputs(inputs, identity)
        params = [path for path, leaf in leaves.items() if leaf.param]
        made = Case(
            id=identity,
            function=function,
            inputs=leaves,
            points=label_points([point_of(given, params, flatten) for given in points], identity),
            title=(inspect.getdoc(function) or "").split("\n", 1)[0].strip(),
            source=source,
            file=file,
            line=line,
            definition=_text(function),
            closed_form=gradient,
        )
        made.check()
        return made

    return declare


def _inputs(tree: Mapping[str, Any], identity: str) -> dict[str, Input]:
    leaves = flatten(tree)
    for path, leaf in leaves.items():
        if not isinstance(leaf, Input):
            raise DeclarationError(f"{identity}: input {path} is {leaf!r}; write {path}=param(…) or {path}=data(…)")
    return leaves


def stem(file: str) -> str:
    """Return the family that a file's cases belong to: its name without `case_`, safe in a shell."""
    base = re.split(r"[\\/]", file)[-1].removesuffix(".py").removeprefix("case_")
    return re.sub(r"[^a-z0-9_]+", "_", base.lower()).strip("_") or "cases"


def _place(function: Callable[..., Any]) -> tuple[str, int]:
    code = getattr(function, "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code is not None else ("<unknown>", 0)


def _text(function: Callable[..., Any]) -> str:
    try:
        return inspect.cleandoc("\n" + inspect.getsource(function))
    except (OSError, TypeError):
        return ""
