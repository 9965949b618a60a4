"""Whether the integers of a point index inside the arrays that they index.

Out of range, one engine raises, another fills silently; so it is looked at before any engine runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.graph.build import Builder
from harness.graph.derive import rebuild
from harness.graph.node import Graph, Node, to_index


def index_problem(graph: Graph, inputs: Mapping[str, NDArray[Any]]) -> str:
    """Return a sentence about the first index that lies outside its array, or ""."""
    graph = rebuild(graph, Builder(keep=lambda op: op == "one_hot"))
    integers: dict[int, NDArray[Any]] = {}
    for position, node in enumerate(graph.nodes):
        if node.kind == "int":
            integers[position] = _value(node, [integers.get(k) for k in node.args], inputs)
        for name, picked, size in _picking(graph, node):
            problem = _problem(name, node, integers[picked], size)
            if problem:
                return problem
    return ""


def _picking(graph: Graph, node: Node) -> list[tuple[str, int, int]]:
    """Return the function that picks by integers, their node, and how many entries there are; nothing for others."""
    if node.op == "one_hot":
        return [("nn.one_hot", node.args[0], node.attrs["n"])]
    if node.op in ("take", "take_along_axis"):
        return [(node.op, node.args[1], graph.nodes[node.args[0]].shape[node.attrs["axis"]])]
    return []


def _problem(name: str, node: Node, picked: NDArray[Any], size: int) -> str:
    outside = picked[(picked < 0) | (picked >= size)]
    if not outside.size:
        return ""
    line = f" (line {node.where[1]})" if node.where else ""
    return f"xp.{name}{line}: index {int(outside[0])} lies outside 0 … {size - 1}; mend the integer data."


def _value(node: Node, args: list[NDArray[Any] | None], inputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return the integers of a node whose operands only move integers."""
    given = [np.zeros(node.shape, np.int64) if arg is None else arg for arg in args]
    match node.op:
        case "input":
            return np.asarray(inputs[node.attrs["path"]])
        case "arange":
            return np.arange(node.attrs["n"])
        case "index":
            return np.asarray(given[0][to_index(node.attrs["index"])])
        case "reshape" | "broadcast_to":
            move = np.reshape if node.op == "reshape" else np.broadcast_to
            return np.asarray(move(given[0], node.shape))
        case "permute_dims":
            return np.transpose(given[0], node.attrs["axes"])
        case "concat":
            return np.concatenate(given, node.attrs["axis"])
        case "take":
            return np.take(given[0], given[1], node.attrs["axis"], mode="clip")
        case "take_along_axis":
            inside = np.clip(given[1], 0, given[0].shape[node.attrs["axis"]] - 1)
            return np.take_along_axis(given[0], inside, node.attrs["axis"])
    return np.zeros(node.shape, np.int64)
