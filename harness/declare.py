"""Declaring a case: its function, its inputs and its points."""

from __future__ import annotations

import contextlib
import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness import spelling as spellings
from harness.calling import asks_for_namespace, flatten
from harness.graph.build import Builder
from harness.graph.node import Graph
from harness.inputs import Input as Input
from harness.inputs import check_paths
from harness.inputs import data as data
from harness.inputs import param as param
from harness.points import Draw, Point, as_floats, as_fractions, drawn, integers, label_points, listed, point_of
from harness.spelling import DEFINITION, Layout, NativeCall, Spelling, code_of
from harness.spelling import DeclarationError as DeclarationError
from harness.told import fitting, shown
from harness.xp.trace import Leaf, trace

Fractions = NDArray[np.object_]
F = TypeVar("F", bound=Callable[..., Any])
_listening: ContextVar[tuple[list[Case], ...]] = ContextVar("declarations", default=())
DOMAIN = (-2.0, 2.0)
"""Where draws are taken when a parameter names no domain."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """A cost function with its inputs and points: what the harness judges."""

    id: str
    """File stem and function name, such as `losses.huber`."""
    function: Callable[..., Any] | None
    """The definition; None for ports without one."""
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
    natives: list[Spelling] = field(default_factory=list)
    """Further spellings: the frameworks' own words, and gradients written by hand."""

    def native(
        self, backend: str, *, spelling: str = "", params: Mapping[str, Layout] | None = None
    ) -> Callable[[F], F]:
        """Return a decorator for the same function in a framework's own words: `f(framework, **inputs)`.

        `params` maps leaves to the layout that it asks for, by permutations and reshapes. Raises DeclarationError.
        """
        spellings.check_backend(backend, self.id)

        def register(function: F) -> F:
            layouts = flatten(params or {})
            made = spellings.native(
                function, backend, owner=self.id, inputs=self.inputs, spelling=spelling, layouts=layouts
            )
            spellings.add(self.natives, made, self.id)
            return function

        return register

    def backward(self, *given: F, **options: Any) -> F:
        """Take a gradient that is written by hand: a function of the inputs that returns the partials.

        They come back by leaf path, in the order of the params, or as the one there is; further keys that name
        variables of the definition are their adjoints.
        """
        function: F = spellings.check_bare(given, options, self.id)
        spellings.add(self.natives, spellings.own_gradient(function, owner=self.id, inputs=self.inputs), self.id)
        return function

    def spelt(self, backend: str, name: str) -> NativeCall | None:
        """Return the call of a spelling; None for the definition itself. Raises DeclarationError."""
        if name == DEFINITION:
            return None
        for live in self.natives:
            if (live.backend, live.name) == (backend, name):
                return NativeCall(file=self.file, case=self.id, backend=backend, name=name, live=live)
        raise DeclarationError(f"{self.id} has no spelling {name} on {backend}")

    @property
    def place(self) -> tuple[str, int]:
        """File and line of the definition; of a case that another file adds spellings to, they are not that file's."""
        code = None if self.function is None else code_of(self.function)
        return (self.file, self.line) if code is None else (code.co_filename, code.co_firstlineno)

    @property
    def params(self) -> dict[str, Input]:
        """The differentiated leaves."""
        return {path: leaf for path, leaf in self.inputs.items() if leaf.param}

    def graph(self) -> Graph:
        """Return the traced graph; of ports without a definition the inputs alone. Raises NotTraceable."""
        if self.function is None:
            return self._signature()
        leaves = {path: Leaf(shape=x.shape, kind=x.kind, param=x.param) for path, x in self.inputs.items()}
        return trace(self.function, leaves, self.id)

    def _signature(self) -> Graph:
        """Return a graph that has inputs and no output."""
        builder = Builder()
        for path, leaf in self.inputs.items():
            builder.input(path, leaf.shape, leaf.kind, param=leaf.param)
        return builder.freeze()

    def exact(self, point: Point, seed: int = 0) -> dict[str, Fractions]:
        """Return the point's real inputs as the fractions that its decimal text means, by leaf path."""
        given = self._given(point, seed)
        real = [path for path, leaf in self.inputs.items() if leaf.kind == "real"]
        return {path: as_fractions(given[path], self.inputs[path].shape, self._what(path, point)) for path in real}

    def numbers(self, point: Point, seed: int = 0) -> dict[str, NDArray[np.generic]]:
        """Return every input at the point by leaf path: real ones as the nearest float64, others as they are."""
        given = self._given(point, seed)
        return {path: self._numbers(path, given[path], point) for path in self.inputs}

    def _given(self, point: Point, seed: int) -> dict[str, Any]:
        domains = {path: (leaf.shape, leaf.domain or DOMAIN) for path, leaf in self.params.items()}
        values = point.values if point.draw is None else drawn(self.id, domains, seed, point.draw)
        given = {path: values.get(path, leaf.value) for path, leaf in self.inputs.items()}
        for path, value in given.items():
            if value is None:
                raise DeclarationError(f"{self.id} at {point.label}: no value for {path}; write {path}=…")
        return given

    def _numbers(self, path: str, given: Any, point: Point) -> NDArray[np.generic]:
        leaf = self.inputs[path]
        if leaf.kind == "real":
            return as_floats(given, leaf.shape, self._what(path, point))
        return integers(given, leaf.shape, leaf.kind, self._what(path, point))

    def _what(self, path: str, point: Point) -> str:
        return f"{self.id} at {point.label}, input {path}"

    def check(self) -> None:
        """Raise DeclarationError where a point does not fit the inputs."""
        if not self.params:
            raise DeclarationError(f"{self.id} has no param() to differentiate; declare one")
        if not any(math.prod(leaf.shape) for leaf in self.params.values()):
            raise DeclarationError(f"{self.id} has no entry to differentiate: every param() is of size 0; enlarge one")
        if not self.points:
            raise DeclarationError(f"{self.id} has no points; write points=[dict({_example(self.params)})]")
        for point in self.points:
            unknown = [path for path in point.values if path not in self.inputs]
            if unknown:
                raise DeclarationError(
                    f"{self.id} at {point.label}: there is no input {fitting(unknown[0])}; "
                    f"inputs are {', '.join(self.inputs)}"
                )
            for path, numbers in self.numbers(point).items():
                self._check_domain(path, numbers, point.label)

    def _check_domain(self, path: str, numbers: NDArray[Any], label: str) -> None:
        domain = self.inputs[path].domain
        if domain is None:
            return
        inside = (numbers >= domain[0]) & (numbers <= domain[1])
        for index in np.argwhere(~inside):
            place = path + (str(index.tolist()) if index.size else "")
            raise DeclarationError(
                f"{self.id} at {label}: {place} = {numbers[tuple(index)]} lies outside its domain {domain}; "
                "move the point or widen domain=…"
            )


def _example(params: Mapping[str, Input]) -> str:
    return ", ".join(f"{path.replace('.', '_')}=…" for path in params)


def case(
    *bare: Any,
    points: Iterable[Point | Draw | Mapping[str, Any] | str] = (),
    source: str = "",
    gradient: Callable[..., Mapping[str, Any]] | None = None,
    name: str = "",
    **inputs: Any,
) -> Callable[[Callable[..., Any]], Case]:
    """Return a decorator that makes a function a `Case`.

    Inputs are `param()` and `data()`, also in nested dictionaries. Points are dictionaries of values,
    `point(label, …)`, `draw()`, or "zero". A function without parameters whose body is its docstring defines nothing:
    the case's natives are compared with one another. Raises DeclarationError.
    """
    spellings.check_brackets(bare)

    def declare(function: Callable[..., Any]) -> Case:
        file, line = _place(function)
        identity = f"{stem(file)}.{_safe(name or getattr(function, '__name__', ''))}"
        if not isinstance(source, str):
            raise DeclarationError(f"{identity}: source={shown(source)}; write where the function comes from, as text")
        leaves = _inputs(inputs, identity)
        params = [path for path, leaf in leaves.items() if leaf.param]
        made = Case(
            id=identity,
            function=function if _defines(function) else None,
            inputs=leaves,
            points=label_points([point_of(given, params, flatten) for given in listed(points, identity)], identity),
            title=title_of(function),
            source=source,
            file=file,
            line=line,
            definition=text_of(function),
            closed_form=gradient,
        )
        made.check()
        if made.function is not None:
            first = "xp" if asks_for_namespace(function) else ""
            spellings.check_names(function, leaves, identity, first=first)
        for listening in _listening.get():
            listening.append(made)
        return made

    return declare


@contextlib.contextmanager
def declared() -> Iterator[list[Case]]:
    """Return a context with the list of the cases that are declared in it, those whose name is taken again included."""
    made: list[Case] = []
    token = _listening.set((*_listening.get(), made))
    try:
        yield made
    finally:
        _listening.reset(token)


def _defines(function: Callable[..., Any]) -> bool:
    """Return whether a function is a definition: it takes something, or does something."""
    code = code_of(function)
    does = code is None or code.co_names or set(code.co_consts) - {None, function.__doc__}
    return bool(does or inspect.signature(function).parameters)


def _safe(name: Any) -> str:
    """Return the name, which ids hold; they are typed in shells and matched by prefix."""
    name = name.replace("<lambda>", "function") if isinstance(name, str) else name
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_]{1,200}", name):
        raise DeclarationError(
            f"{shown(name)} cannot stand in an id; name the function with letters a-z, digits and _, or write name='…'"
        )
    return name


def _inputs(tree: Mapping[str, Any], identity: str) -> dict[str, Input]:
    check_paths(tree, identity)
    leaves = flatten(tree)
    for path, leaf in leaves.items():
        if not isinstance(leaf, Input):
            raise DeclarationError(
                f"{identity}: input {path} is {shown(leaf)}; write {path}=param(…) or {path}=data(…)"
            )
    return leaves


def stem(file: str) -> str:
    """Return the family that a file's cases belong to: its name without `case_`, safe in a shell."""
    base = re.split(r"[\\/]", file)[-1].removesuffix(".py").removeprefix("case_")
    return re.sub(r"[^a-z0-9_]+", "_", base.lower()).strip("_") or "cases"


def _place(function: Callable[..., Any]) -> tuple[str, int]:
    """Return file and line of a function. Raises DeclarationError where it is not written in Python."""
    code = code_of(function)
    if code is None:
        raise DeclarationError(f"{shown(function)} is no function that is written in Python; wrap it in a def")
    return code.co_filename, code.co_firstlineno


def title_of(function: Callable[..., Any]) -> str:
    """Return the first line of the function's docstring, "" where it has none."""
    written = inspect.getdoc(function)
    return fitting(written.split("\n", 1)[0].strip()) if isinstance(written, str) else ""


def text_of(function: Callable[..., Any]) -> str:
    """Return the function's source text, or "" where it is not to be had."""
    try:
        return inspect.cleandoc("\n" + inspect.getsource(function))
    except (OSError, TypeError):
        return ""
