"""What a framework answers where there is no derivative, measured on scalars with the calls that its phrasebook emits.

All ties are one function of one argument each, so that a framework writes, compiles and differentiates once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from harness.domains import ties
from harness.graph import build as b
from harness.graph.build import Builder, Ref
from harness.graph.emit import Unphrased, emit
from harness.graph.node import Graph
from harness.graph.phrase import Phrasebook
from harness.measurement import Array, Leaves, Measurement, Task

Answers = dict[str, tuple[float, ...]]
"""Name of a probe → the gradient there, entry by entry."""


class Probed(Protocol):
    """What a probe needs of an adapter."""

    name: str
    book: Phrasebook
    variants: tuple[str, ...]

    def measure(self, task: Task) -> Measurement: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A function at a point where frameworks answer by convention."""

    name: str
    write: Callable[[Ref], Ref]
    at: tuple[float, ...] | float = 0.0
    call: str = ""
    """The call whose convention it is (truth names them so too), "" where no choice at a tie gives it."""


def _is(op: str, **attrs: object) -> Callable[[Ref], Ref]:
    return lambda x: b.call(op, x, **attrs)


def _over(op: str, **attrs: object) -> Callable[[Ref], Ref]:
    """Return a reduction over the only axis."""
    return lambda x: b.call(op, x, axes=(0,), keepdims=False, **attrs)


def _pair(op: str) -> Callable[[Ref], Ref]:
    return lambda x: b.call(op, x[0], x[1])


def _first(*, descending: bool) -> Callable[[Ref], Ref]:
    return lambda x: b.call("sort", x, axis=0, descending=descending)[0]


def _zero(x: Ref) -> Ref:
    return b.broadcast_to(x.builder.constant(0), x.shape)


def _one(x: Ref) -> Ref:
    return b.broadcast_to(x.builder.constant(1), x.shape)


def _guarded(x: Ref) -> Ref:
    return b.call("where", b.call("greater", x, _zero(x)), b.call("sqrt", x), _zero(x))


def _pooled(x: Ref) -> Ref:
    return b.call("max_pool2d", b.reshape(x, (1, 1, 2, 1)), window=(1, 2), strides=(1, 2))


TIE = (1.0, 1.0)

PROBES = (
    Probe(name="relu(0)", write=_is("relu"), call="relu"),
    Probe(name="abs(0)", write=_is("abs"), call="abs"),
    Probe(name="maximum(x, 0) at 0", write=lambda x: b.call("maximum", x, _zero(x))),
    Probe(name="minimum(x, 0) at 0", write=lambda x: b.call("minimum", x, _zero(x))),
    Probe(name="maximum of a tie", write=_pair("maximum"), at=TIE, call="maximum"),
    Probe(name="minimum of a tie", write=_pair("minimum"), at=TIE, call="minimum"),
    Probe(name="clip(x, 0, 1) at 0", write=lambda x: b.call("clip", x, _zero(x), _one(x)), call="clip"),
    Probe(name="clip(x, 0, 1) at 1", write=lambda x: b.call("clip", x, _zero(x), _one(x)), at=1.0),
    Probe(name="leaky_relu(0; 0.2)", write=_is("leaky_relu", negative_slope=0.2), call="leaky_relu"),
    Probe(name="elu(0; 1)", write=_is("elu", alpha=1)),
    Probe(name="elu(0; 2)", write=_is("elu", alpha=2), call="elu"),
    Probe(name="max over an axis, tie", write=_over("max"), at=TIE, call="max"),
    Probe(name="min over an axis, tie", write=_over("min"), at=TIE, call="min"),
    Probe(name="max_pool2d, tie", write=_pooled, at=TIE, call="max_pool2d"),
    Probe(name="sort, first of a tie", write=_first(descending=False), at=TIE, call="sort"),
    Probe(name="sort descending, first of a tie", write=_first(descending=True), at=TIE, call="sort descending"),
    Probe(name="norm(0)", write=_over("vector_norm"), at=(0.0, 0.0)),
    Probe(name="xlogy(x, x) at 0", write=lambda x: b.call("xlogy", x, x)),
    Probe(name="std of equal values", write=_over("std", correction=0), at=TIE),
    Probe(name="where(x>0, sqrt(x), 0) at 0", write=_guarded),
)

OTHER_CALLS: Mapping[str, Mapping[str, tuple[str, tuple[float, ...] | float]]] = {
    "tensorflow": {"selu(0)": ("tf.nn.selu({0})", 0.0)},
    "torch": {"selu(0)": ("F.selu({0})", 0.0), "torch.max(dim=) of a tie": ("torch.max({0}, dim=0).values", TIE)},
    "jax": {"selu(0)": ("jax.nn.selu({0})", 0.0)},
}
"""Calls that no phrase emits and that answer otherwise, by backend; each stands in place of relu. The backends that are
probed are these."""


def conventions(backend: Probed) -> Answers:
    """Return what the backend answers at ties, in float64; a probe that it has no words for is left out.

    Nothing is known of a backend that is no framework: it follows the decisions of the truth, or of its own.
    """
    if backend.name not in OTHER_CALLS:
        return {}
    found = _measured(backend, [probe for probe in PROBES if _spoken(backend, probe)], backend.book)
    for name, (words, at) in OTHER_CALLS[backend.name].items():
        book = replace(backend.book, phrases={**backend.book.phrases, "relu": words})
        found |= _measured(backend, [Probe(name=name, write=_is("relu"), at=at)], book)
    return found


def _spoken(backend: Probed, probe: Probe) -> bool:
    try:
        emit(graph_of([probe]), backend.book, dtype="float64", variant=backend.variants[0])
    except Unphrased:
        return False
    return True


def _measured(backend: Probed, probes: list[Probe], book: Phrasebook) -> Answers:
    """Return the answers; nothing where the measurement failed, of which the cells will tell."""
    inputs: Leaves = {_path(k): np.asarray(probe.at, dtype=np.float64) for k, probe in enumerate(probes)}
    held, backend.book = backend.book, book
    try:
        task = Task(graph=graph_of(probes), inputs=inputs, dtype="float64", variant=backend.variants[0])
        partials = backend.measure(task).partials
    finally:
        backend.book = held
    return {
        probe.name: tuple(np.ravel(partial.values).tolist())
        for k, probe in enumerate(probes)
        if (partial := partials.get(_path(k))) is not None
    }


def graph_of(probes: Iterable[Probe]) -> Graph:
    """Return the sum of the probes, each a function of an input of its own."""
    builder, total = Builder(), None
    for k, probe in enumerate(probes):
        result = probe.write(builder.input(_path(k), np.shape(probe.at), param=True))
        term = b.total(result, range(result.ndim))
        total = term if total is None else total + term
    assert total is not None, "there is always a probe"
    return builder.freeze(total)


def _path(k: int) -> str:
    return f"x{k}"


# --------------------------------------------------------------------------- as choices


SHARES = {(1.0, 0.0): ties.FIRST, (0.5, 0.5): ties.SPLIT, (0.0, 1.0): ties.LAST}
"""Gradient of a tie of two → who gets it."""

BRANCHES = {"leaky_relu": {0.2: ties.WRITTEN, 1.0: ties.OTHER}, "elu": {2.0: ties.WRITTEN, 1.0: ties.OTHER}}
"""Slope at the threshold → which branch of x > 0 gave it."""


def choices(answers: Mapping[str, Iterable[float | str]]) -> tuple[tuple[str, str], ...]:
    """Return the options that the answers stand for, by call; what no option gives is left out."""
    found = []
    for probe in PROBES:
        if probe.call and probe.name in answers:
            option = _option(probe.call, np.asarray([float(x) for x in answers[probe.name]]))
            found += [(probe.call, option)] if option else []
    return tuple(found)


def _option(call: str, answer: Array) -> str:
    if call == "clip":
        return {1.0: ties.FIRST, 0.5: ties.SPLIT, 0.0: ties.LAST}.get(float(answer[0]), "")
    if call in BRANCHES:
        near = [option for slope, option in BRANCHES[call].items() if abs(slope - answer[0]) < 1e-6]
        return near[0] if near else ""
    if call.startswith("sort"):
        return {(1.0, 0.0): ties.KEPT, (0.0, 1.0): ties.REVERSED}.get(tuple(answer), "")
    if len(answer) == 2:
        return SHARES.get((float(answer[0]), float(answer[1])), "")
    return {number: option for option, number in ties.NUMBERS.items()}.get(float(answer[0]), "")
