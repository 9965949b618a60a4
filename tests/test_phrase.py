"""Parentheses: where they are needed and nowhere else, on random expressions and by hand."""

from __future__ import annotations

import ast
import math

import numpy as np
import pytest

from direct import evaluate
from harness.backends.adapter import bind
from harness.backends.torch_autograd import BOOK as TORCH
from harness.graph import build as b
from harness.graph import phrase
from harness.graph.build import Builder, Ref
from harness.graph.emit import emit
from harness.graph.node import Graph
from harness.graph.phrase import frame_of
from written import NUMPY, leaves, returned


class Random:
    """Random expressions on inputs of shapes (), (3,) and (2, 3); every part broadcasts to (2, 3)."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        self.builder = Builder()
        shapes = {"a": (), "b": (3,), "c": (2, 3)}
        self.inputs = {name: np.round(self.draw.uniform(0.5, 2.5, shape), 2) for name, shape in shapes.items()}
        self.leaves = [self.builder.input(name, shape, param=True) for name, shape in shapes.items()]

    def pick(self, choices: list[str]) -> str:
        return choices[self.draw.integers(len(choices))]

    def graph(self) -> Graph:
        value = self.real(5)
        return self.builder.freeze(b.total(value, range(value.ndim)))

    def real(self, depth: int) -> Ref:
        if depth == 0:
            return self.leaf()
        kind = self.pick(["binary"] * 6 + ["negative", "pow", "where", "sum", "shared", "broadcast", "index", "leaf"])
        return getattr(self, kind)(depth - 1)

    def leaf(self, depth: int = 0) -> Ref:
        if self.draw.random() < 0.3:
            return self.builder.constant([2, 3, 0.5, -1.5, -2][self.draw.integers(5)])
        return self.leaves[self.draw.integers(3)]

    def binary(self, depth: int) -> Ref:
        op = self.pick(["add", "subtract", "multiply", "divide", "power", "maximum"])
        return b.elementwise(op, self.real(depth), self.real(depth))

    def negative(self, depth: int) -> Ref:
        return -self.real(depth)

    def pow(self, depth: int) -> Ref:
        return b.call("pow", self.real(depth), exponent=[2, 3, -1, 0.5][self.draw.integers(4)])

    def where(self, depth: int) -> Ref:
        return b.elementwise("where", self.truth(depth), self.real(depth), self.real(depth))

    def truth(self, depth: int) -> Ref:
        op = self.pick(["greater", "less_equal", "equal", "not", "logical_and", "logical_or"])
        if op == "not":
            return b.call("logical_not", self.truth(max(depth - 1, 0)))
        if op.startswith("logical"):
            return b.elementwise(op, self.truth(max(depth - 1, 0)), self.truth(max(depth - 1, 0)))
        return b.elementwise(op, self.real(depth), self.real(depth))

    def sum(self, depth: int) -> Ref:
        x = self.real(depth)
        return b.total(x, range(x.ndim)) if self.draw.integers(2) else b.total(x, range(x.ndim)[-1:], keepdims=True)

    def shared(self, depth: int) -> Ref:
        x = self.real(depth)
        return x * x - x

    def broadcast(self, depth: int) -> Ref:
        return b.broadcast_to(self.real(depth), (2, 3))

    def index(self, depth: int) -> Ref:
        x = self.real(depth)
        return x[0] if x.ndim else x[None]


def wrong(seeds: range) -> list[int]:
    """Return the seeds whose emitted NumPy source does not run or does not give what the graph gives."""
    return [seed for seed in seeds if not same(seed)]


def same(seed: int) -> bool:
    """Return whether source and graph agree; sums may differ by the order that a memory layout suggests."""
    random = Random(seed)
    graph = random.graph()
    script = emit(graph, NUMPY, dtype="float64")
    with np.errstate(all="ignore"):
        truth = evaluate(graph, random.inputs)
        try:
            got = bind(script.source, "cost")(*(random.inputs[path] for path in script.arguments))
        except (SyntaxError, TypeError, IndexError):
            return False
        equal = np.array_equal(got, truth, equal_nan=True)
        return bool(equal or (np.shape(got) == () and abs(got - truth) <= 1e-13 * abs(truth)))


def test_random_expressions_mean_what_the_graph_means() -> None:
    assert wrong(range(1500)) == []


@pytest.mark.parametrize("operator", [ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.BitOr])
def test_one_wrong_precedence_is_caught(operator: type[ast.AST], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(phrase.LEVELS, operator, phrase.ATOM)
    monkeypatch.setattr(phrase, "frame_of", frame_of.__wrapped__)
    assert wrong(range(400)) != []


def test_random_expressions_are_the_same_in_torch() -> None:
    import torch

    compared = 0
    for seed in range(5000, 5400):
        random = Random(seed)
        graph = random.graph()
        script = emit(graph, TORCH, dtype="float64")
        inputs = {name: torch.tensor(values) for name, values in random.inputs.items()}
        with np.errstate(all="ignore"):
            truth = float(evaluate(graph, random.inputs))
        if math.isfinite(truth):
            got = float(bind(script.source, "cost")(*(inputs[path] for path in script.arguments)))
            assert abs(got - truth) <= 1e-9 * max(1, abs(truth)), script.source
            compared += 1
    assert compared > 250


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda x, y: x - (y - x), "x - (y - x)"),
        (lambda x, y: (x - y) - x, "x - y - x"),
        (lambda x, y: x / (y * x), "x / (y * x)"),
        (lambda x, y: (x + y) * x, "(x + y) * x"),
        (lambda x, y: -(x * y), "-(x * y)"),
        (lambda x, y: -(x.__neg__()), "-(-x)"),
        (lambda x, y: b.call("pow", -x, exponent=2), "(-x) ** 2"),
        (lambda x, y: -b.call("pow", x, exponent=2), "-x ** 2"),
        (lambda x, y: b.call("pow", b.call("pow", x, exponent=2), exponent=3), "(x ** 2) ** 3"),
        (lambda x, y: b.elementwise("power", x, -y), "x ** -y"),
        (lambda x, y: b.elementwise("power", x, b.elementwise("power", y, x)), "x ** y ** x"),
        (lambda x, y: b.elementwise("power", -2, x), "(-2) ** x"),
        (lambda x, y: b.call("pow", 2 + 3 * x, exponent=2), "(2 + 3 * x) ** 2"),
        (lambda x, y: (x - y)[None], "(x - y)[None]"),
        (lambda x, y: b.call("exp", x - y), "np.exp(x - y)"),
        (lambda x, y: x * "two_over_sqrt_pi", "x * (2 / math.sqrt(math.pi))"),
        (lambda x, y: b.elementwise("multiply", "two_over_sqrt_pi", x), "2 / math.sqrt(math.pi) * x"),
        (lambda x, y: b.elementwise("where", b.elementwise("greater", x, y), x, y), "np.where(x > y, x, y)"),
    ],
)
def test_parentheses_stand_where_they_are_needed_and_nowhere_else(build, text) -> None:  # type: ignore[no-untyped-def]
    builder = Builder()
    assert returned(builder.freeze(build(*leaves(builder, "x", "y")))) == text


def test_products_of_matrices_and_of_numbers_are_told_apart() -> None:
    builder = Builder()
    x, y = leaves(builder, "x", "y", shape=(2, 2))
    assert returned(builder.freeze(b.matmul(x * y, -x))) == "(x * y) @ -x"
    assert returned(builder.freeze(x * b.matmul(x, y) / 2)) == "x * (x @ y) / 2"
    assert returned(builder.freeze(b.matmul(b.matmul(x, y), x))) == "(x @ y) @ x"


def test_conditions_are_joined_with_their_parentheses() -> None:
    builder = Builder()
    x, y = leaves(builder, "x", "y")
    both = b.call("logical_and", b.elementwise("greater", x, y), b.call("logical_not", b.elementwise("less", x, 1)))
    assert returned(builder.freeze(b.elementwise("where", both, x, y))) == "np.where((x > y) & ~(x < 1), x, y)"


@pytest.mark.parametrize(
    ("template", "level", "least"),
    [
        ("_0 + _1", 11, {"_0": 11, "_1": 12}),
        ("_0 ** _1", 14, {"_0": 15, "_1": 13}),
        ("f(_0, k=_1)", 16, {}),
        ("_0.f(_1)[_2]", 16, {"_0": 16}),
        ("f([_0, _1]) * _2", 12, {"_2": 13}),
        ("_0", 16, {"_0": 16}),
        ("_0 if _1 else _2", 0, {}),
    ],
)
def test_a_row_may_be_any_expression(template: str, level: int, least: dict[str, int]) -> None:
    frame = frame_of(template)
    assert frame.level == level
    assert {name: need for name, need in frame.least.items() if need and name.startswith("_")} == least
