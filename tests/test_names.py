"""Nodes of a lowered graph are called by what the user wrote."""

from __future__ import annotations

from typing import Any

import pytest

from harness import Case, case, param
from harness.graph.derive import lower
from harness.judge.names import Names
from harness.truth.origins import calls


def named(made: Case) -> tuple[Names, list[str]]:
    """Return the names of a case's nodes, and those of its operations in order."""
    graph = made.graph()
    low = lower(graph)
    found = Names(graph=low, calls=tuple(calls(graph)))
    leaves = ("input", "constant")
    return found, [found.operation(k) for k, node in enumerate(low.nodes) if node.op not in leaves]


@case(w=param(shape=(3,)), v=param(shape=(3,)), points=[{"w": [1, 2, 3], "v": [3, 2, 1]}])
def mixed(xp: Any, w: Any, v: Any) -> Any:
    h = xp.nn.relu(w) * v
    return xp.mean(xp.tanh(h)) + xp.sum(xp.nn.relu(v))


def test_a_step_inside_a_call_is_called_by_both() -> None:
    _, words = named(mixed)
    assert {"tanh", "multiply", "add", "sum"} <= set(words)
    assert words.count("pick of the relu") == 2
    assert any(word.endswith(" of the mean") for word in words)
    assert "pick" not in words


@pytest.mark.parametrize(("op", "called"), [("pick", "relu"), ("tanh", "tanh"), ("add", "add")])
def test_one_rule_of_several_places_is_called_by_its_call(op: str, called: str) -> None:
    names, _ = named(mixed)
    assert names.shared([k for k, node in enumerate(names.graph.nodes) if node.op == op]) == called


def test_operands_are_called_by_their_names() -> None:
    names, _ = named(mixed)
    nodes = names.graph.nodes
    (tanh,) = (k for k, node in enumerate(nodes) if node.op == "tanh")
    assert names.operand(tanh, nodes[tanh].args[0]) == "`h`"
    product = next(k for k, node in enumerate(nodes) if node.op == "multiply" and names.operation(k) == "multiply")
    assert [names.operand(product, k) for k in nodes[product].args] == ["the pick of the relu", "`v`"]
