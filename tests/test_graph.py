"""Graphs are values: equal ones hash alike, so that what was made of one is kept for all of them."""

from __future__ import annotations

import pickle

import msgspec
import pytest

from harness.backends.jax_grad import BOOK as JAX
from harness.backends.torch_autograd import BOOK as TORCH
from harness.graph.emit import emit
from harness.graph.node import Graph, decode, encode
from harness.run.lab import derivative_of
from operations import OPERATIONS, scalar

GRAPHS = {name: scalar(operation) for name, operation in OPERATIONS.items()}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_that_travelled_is_the_same(name: str) -> None:
    graph = GRAPHS[name]
    for back in (decode(encode(graph)), pickle.loads(pickle.dumps(graph))):
        assert back is not graph
        assert back == graph
        assert hash(back) == hash(graph)


def changed(graph: Graph, **fields: object) -> Graph:
    last = msgspec.structs.replace(graph.nodes[-1], **fields)
    return msgspec.structs.replace(graph, nodes=(*graph.nodes[:-1], last))


def test_another_graph_hashes_otherwise() -> None:
    graph = GRAPHS["tanh"]
    others = [changed(graph, where=("other.py", 7)), msgspec.structs.replace(graph, params=()), GRAPHS["sinh"]]
    assert len({graph, *others, GRAPHS["tanh"]}) == 4


@pytest.mark.parametrize(("one", "other"), [(0.0, -0.0), (1, 1.0), (1, True)])
def test_literals_that_python_takes_for_equal_are_not_confused(one: float, other: float) -> None:
    node = next(k for k, node in enumerate(GRAPHS["sum"].nodes))
    attrs = [{**GRAPHS["sum"].nodes[node].attrs, "value": value} for value in (one, other)]
    first, second = (changed(GRAPHS["sum"], attrs=given) for given in attrs)
    assert first == second
    assert len({hash(first), hash(second)}) == 2


def test_what_was_made_of_a_graph_is_kept_and_of_another_made_anew() -> None:
    graph, moved = GRAPHS["tanh"], changed(GRAPHS["tanh"], where=("other.py", 7))
    assert derivative_of(graph, "grad") is derivative_of(decode(encode(graph)), "grad")
    assert derivative_of(graph, "grad") is not derivative_of(graph, "vjp")
    assert derivative_of(moved, "grad") is not derivative_of(graph, "grad")
    assert derivative_of(moved, "grad").graph.nodes[len(graph.nodes) - 1].where == ("other.py", 7)
    first = emit(graph, TORCH, dtype="float64")
    assert emit(decode(encode(graph)), TORCH, dtype="float64") is first
    others = [emit(graph, TORCH, dtype="float32"), emit(graph, JAX, dtype="float64")]
    others += [emit(graph, TORCH, dtype="float64", variant="func"), emit(graph, TORCH, dtype="float64", operator="vjp")]
    assert len({first.source, *(other.source for other in others)}) == 5
