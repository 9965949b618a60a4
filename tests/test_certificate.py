"""The certificate accepts every honest gradient and rejects every mutated reverse rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import flint
import msgspec
import numpy as np
import pytest
from flint import arb

from harness.domains.ball import Ball
from harness.domains.precision import PRECISIONS
from harness.graph import build as b
from harness.graph.build import Builder, Ref
from harness.graph.derive import gradient, hvp
from harness.graph.node import Graph
from harness.graph.registry import PRIMITIVES, Primitive
from harness.measurement import Leaves
from harness.truth import Kind, Truth, establish
from harness.truth.certificate import EIGHTHS, direction, least_size, sums
from operations import OPERATIONS, point, scalar, tangents

GRAPHS = {name: scalar(operation) for name, operation in OPERATIONS.items()}
RULES = sorted(name for name, row in PRIMITIVES.items() if row.vjp is not None)
MUTATIONS: dict[str, Callable[[Ref], Ref | None]] = {
    "factor": lambda part: part * (1 + 1e-6),
    "sign": lambda part: -part,
    "dropped": lambda part: None,
}


def slope(graph: Graph) -> Graph:
    """Return the graph of ⟨gradient, v⟩, whose gradient is the HVP."""
    twice = hvp(graph)
    return msgspec.structs.replace(twice.graph, outputs=(twice.value,))


SLOPES = {name: slope(graph) for name, graph in GRAPHS.items()}
POINTS = {name: tangents(graph, point(name, graph)) for name, graph in GRAPHS.items()}
HONEST = {
    order: {name: establish(gradient(graph), POINTS[name], "float64") for name, graph in graphs.items()}
    for order, graphs in (("gradient", GRAPHS), ("hvp", SLOPES))
}


@pytest.mark.parametrize("order", HONEST)
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_honest_gradient_is_accepted(name: str, order: str) -> None:
    truth = HONEST[order][name]
    assert truth.refusal is None
    assert truth.certificate.accepted
    assert truth.certificate.orders >= 30


# --------------------------------------------------------------------------- mutated rules


def mutated(name: str, mutation: Callable[[Ref], Ref | None], operand: int) -> dict[str, Primitive]:
    """Return the rules with what flows to one operand of one primitive changed."""
    honest = PRIMITIVES[name].vjp
    assert honest is not None

    def vjp(*args: Any, **attrs: Any) -> tuple[Ref | None, ...]:
        parts = list(honest(*args, **attrs))
        if operand < len(parts) and (part := parts[operand]) is not None:
            parts[operand] = mutation(part)
        return tuple(parts)

    return {**PRIMITIVES, name: dataclasses.replace(PRIMITIVES[name], vjp=vjp)}


def differs(truth: Truth, honest: Truth) -> bool:
    """Return whether a partial of one is certainly not that of the other."""
    return any(
        bool((exact.distance(honest.partials[path].nearest) > 1e-9 * abs(honest.partials[path].nearest) + 1e-12).any())
        for path, exact in truth.partials.items()
    )


def wrong_gradients(name: str, mutation: str, order: str, most: int = 4) -> Iterator[tuple[str, Truth]]:
    """Yield the first few truths that a mutation of a rule, used in one sweep only, makes wrong."""
    found = 0
    for operand in range(2):
        rules = mutated(name, MUTATIONS[mutation], operand)
        for case, graph in (GRAPHS if order == "gradient" else SLOPES).items():
            derivative = gradient(graph, rules)
            if found == most or derivative == gradient(graph):
                continue
            truth = establish(derivative, POINTS[case], "float64")
            if differs(truth, HONEST[order][case]):
                found += 1
                yield f"{case}, operand {operand}", truth


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("name", [name for name in RULES if name != "stop_gradient"])
def test_a_mutated_rule_is_rejected(name: str, mutation: str) -> None:
    first, second = (list(wrong_gradients(name, mutation, order)) for order in ("gradient", "hvp"))
    assert first or PRIMITIVES[name].adjoint_only
    assert second or not PRIMITIVES[name].adjoint_only
    for where, truth in first + second:
        assert truth.refusal is not None, (where, truth.certificate)
        assert truth.refusal.kind is Kind.CERTIFICATE
        assert "reverse rule is wrong" in truth.refusal.sentence


def test_a_leak_through_stop_gradient_is_rejected() -> None:
    leaky = dataclasses.replace(PRIMITIVES["stop_gradient"], vjp=lambda g, y, x: (g,))
    wrong = gradient(GRAPHS["stop_gradient"], {**PRIMITIVES, "stop_gradient": leaky})
    truth = establish(wrong, POINTS["stop_gradient"], "float64")
    assert truth.refusal is not None
    assert truth.refusal.kind is Kind.CERTIFICATE


# --------------------------------------------------------------------------- points that are hard to certify


def of(function: Callable[..., Ref], names: str) -> Graph:
    """Return the graph of a function of scalars."""
    builder = Builder()
    return builder.freeze(function(*(builder.input(name, (), param=True) for name in names.split())))


def each(op: str, x: Ref) -> Ref:
    return b.call(op, x)


ZEROS: dict[str, tuple[Graph, Leaves]] = {
    "square": (of(lambda w: w * w, "w"), {"w": np.array(0.0)}),
    "cube": (of(lambda w: b.call("pow", w, exponent=3), "w"), {"w": np.array(0.0)}),
    "fourth power": (of(lambda w: b.call("pow", w, exponent=4), "w"), {"w": np.array(0.0)}),
    "seventh power": (of(lambda w: b.call("pow", w - 1, exponent=7), "w"), {"w": np.array(1.0)}),
    "saddle": (of(lambda x, y: x * x - y * y, "x y"), {"x": np.array(0.0), "y": np.array(0.0)}),
    "monkey saddle": (
        of(lambda x, y: b.call("pow", x, exponent=3) - 3 * (x * y * y), "x y"),
        {"x": np.array(0.0), "y": np.array(0.0)},
    ),
    "log-cosh": (of(lambda w: each("log", each("cosh", w)), "w"), {"w": np.array(0.0)}),
    "cosine": (of(lambda w: each("cos", w), "w"), {"w": np.array(0.0)}),
}


@pytest.mark.parametrize("name", ZEROS)
def test_a_gradient_that_is_zero_is_accepted(name: str) -> None:
    graph, inputs = ZEROS[name]
    truth = establish(gradient(graph), inputs, "float64")
    assert truth.refusal is None
    assert all((exact.nearest == 0).all() for exact in truth.partials.values())


@pytest.mark.parametrize(
    ("name", "rule"), [("square", "multiply"), ("saddle", "multiply"), ("log-cosh", "cosh"), ("cosine", "cos")]
)
def test_a_gradient_that_should_be_zero_and_is_not_is_rejected(name: str, rule: str) -> None:
    graph, inputs = ZEROS[name]
    wrong = gradient(graph, mutated(rule, lambda part: part + 1e-25, 0))
    truth = establish(wrong, inputs, "float64")
    assert truth.refusal is not None
    assert truth.refusal.kind is Kind.CERTIFICATE


HOLES: dict[str, tuple[Graph, Leaves]] = {
    "an entry of 1e-300": (
        of(lambda a, c: each("exp", a) * each("sin", c), "a c"),
        {"a": np.array(1e-300), "c": np.array(0.7)},
    ),
    "a leaf of 1e-33": (
        of(lambda a, c: each("sin", a) + 1e-33 * each("exp", c), "a c"),
        {"a": np.array(0.3), "c": np.array(0.4)},
    ),
}


DWARFED: dict[str, tuple[Graph, Leaves, str]] = {
    "a gradient of 5e-151": (of(lambda x: each("sqrt", x), "x"), {"x": np.array(1e300)}, "sqrt"),
    "a leaf of 1e-60": (
        of(lambda a, c: each("sin", a) + 1e-60 * each("cosh", c), "a c"),
        {"a": np.array(1.0), "c": np.array(2.0)},
        "cosh",
    ),
    "all of it 4e-44": (
        of(lambda x: each("exp", x) / (1 + each("exp", x)), "x"),
        {"x": np.array(-100.0)},
        "exp",
    ),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("name", DWARFED)
def test_a_wrong_rule_does_not_hide_below_the_step(name: str, mutation: str) -> None:
    graph, inputs, rule = DWARFED[name]
    assert establish(gradient(graph), inputs, "float64").refusal is None
    truth = establish(gradient(graph, mutated(rule, MUTATIONS[mutation], 0)), inputs, "float64")
    assert truth.refusal is not None
    assert truth.refusal.kind is Kind.CERTIFICATE


def test_a_wrong_rule_does_not_hide_in_a_small_entry() -> None:
    builder = Builder()
    w = builder.input("w", (2,), param=True)
    graph, inputs = builder.freeze(each("sin", w[0]) + 1e-35 * each("cosh", w[1])), {"w": np.array([1.0, 2.0])}
    assert establish(gradient(graph), inputs, "float64").refusal is None
    for mutation in ("factor", "sign"):
        truth = establish(gradient(graph, mutated("cosh", MUTATIONS[mutation], 0)), inputs, "float64")
        assert truth.refusal is not None
        assert truth.refusal.kind is Kind.CERTIFICATE


def test_a_bend_that_is_narrower_than_the_step_is_certified() -> None:
    graph, inputs = of(lambda x: each("tanh", x * 1e30), "x"), {"x": np.array(0.0)}
    assert establish(gradient(graph), inputs, "float64").refusal is None
    for mutation in MUTATIONS.values():
        truth = establish(gradient(graph, mutated("tanh", mutation, 0)), inputs, "float64")
        assert truth.refusal is not None
        assert truth.refusal.kind is Kind.CERTIFICATE


@pytest.mark.parametrize("rule", ["exp", "sin", "multiply"])
@pytest.mark.parametrize("hole", HOLES)
def test_a_wrong_rule_does_not_hide_behind_scale(hole: str, rule: str) -> None:
    graph, inputs = HOLES[hole]
    assert establish(gradient(graph), inputs, "float64").refusal is None
    for mutation in MUTATIONS.values():
        wrong = gradient(graph, mutated(rule, mutation, 0 if rule != "multiply" else 1))
        truth = establish(wrong, inputs, "float64")
        assert truth.refusal is not None
        assert truth.refusal.kind is Kind.CERTIFICATE


def test_a_scale_that_the_first_digits_miss_is_still_certified() -> None:
    graph = of(lambda a, c: each("exp", a) * c - c, "a c")
    truth = establish(gradient(graph), {"a": np.array(2.0**-1000), "c": np.array(3.0)}, "float64")
    assert truth.refusal is None
    assert truth.certificate.accepted


NARROW: dict[str, tuple[Graph, Leaves]] = {
    "the logarithm of a tiny number": (of(lambda x: each("log", x), "x"), {"x": np.array(1e-60)}),
    "the reciprocal of a subnormal number": (of(lambda x: 1 / x, "x"), {"x": np.array(2.0**-1060)}),
    "a kink that is near": (of(lambda x: each("relu", x - 1 + 2.0**-300), "x"), {"x": np.array(1.0)}),
}


@pytest.mark.parametrize("name", NARROW)
def test_the_step_is_smaller_than_the_points_own_scale(name: str) -> None:
    graph, inputs = NARROW[name]
    truth = establish(gradient(graph), inputs, "float64")
    assert truth.refusal is None
    assert not truth.undefined
    assert truth.certificate.accepted


SIZES = {
    "of one scale": [0.5, -0.25, 3.0],
    "beyond the range": [arb(2) ** 1100, arb(2) ** 1090],
    "below the range": [1.0, arb(2) ** -1100, arb(2) ** -1090],
    "beside zeros": [0.0, 1e-300, 0.0, 2e-300],
    "nothing but zeros": [0.0, 0.0],
    "closer than a float64 can tell": [1 + arb(2) ** -80, 1 + arb(2) ** -90, 1 + arb(2) ** -70],
}


@pytest.mark.parametrize("error", [0.0, 1e-30])
@pytest.mark.parametrize("name", SIZES)
def test_the_smallest_entry_is_found_where_float64_cannot_tell(name: str, error: float) -> None:
    with Ball(120).context():
        g = np.array([arb(x) for x in SIZES[name]], dtype=object)
        v, natural = np.resize([1, -8, 3], len(g)), np.full(len(g), error)
        sizes = [abs(x * int(k) / 8).upper() + error for x, k in zip(g, v, strict=True)]
        least = min((x for x in sizes if x > 0), default=arb(0))
        assert least_size(g, v, natural, PRECISIONS["float64"]).upper() == least.upper()


@pytest.mark.parametrize("shapes", [[()], [(), (3, 2), (0,), (4,)], [(0,)]])
def test_a_direction_has_the_shapes_of_the_leaves_and_no_zero(shapes: list[tuple[int, ...]]) -> None:
    builder = Builder()
    refs = [builder.input(f"a{k}", shape, param=True) for k, shape in enumerate(shapes)]
    graph = builder.freeze(*refs)
    found = direction(graph)
    assert {path: leaf.shape for path, leaf in found.items()} == {f"a{k}": shape for k, shape in enumerate(shapes)}
    assert all((leaf != 0).all() and (abs(leaf) <= EIGHTHS).all() for leaf in found.values())


def test_a_direction_takes_every_eighth_of_either_sign() -> None:
    builder = Builder()
    graph = builder.freeze(builder.input("a", (1000,), param=True))
    (found,) = direction(graph).values()
    assert set(found.tolist()) == {k for k in range(-EIGHTHS, EIGHTHS + 1) if k}


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_slope_is_summed_by_the_numbers_of_its_direction(size: int) -> None:
    rng = np.random.default_rng(size)
    with Ball(95).context():
        g = np.array([arb(float(x)) for x in rng.normal(size=size)], dtype=object)
        v = rng.integers(1, EIGHTHS + 1, size) * rng.choice([-1, 1], size)
        slope = sum((k * total for k, total in sums(g, v)), arb(0))
        assert abs(slope - sum((x * int(k) for x, k in zip(g, v, strict=True)), arb(0))).upper() < 1e-80
        assert len(list(sums(g, v))) == len(set(v.tolist()))


# --------------------------------------------------------------------------- the global precision


def test_the_precision_of_arb_is_restored() -> None:
    before = flint.ctx.prec
    establish(gradient(GRAPHS["exp"]), POINTS["exp"], "float64")
    assert flint.ctx.prec == before


def test_the_precision_of_arb_is_restored_after_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object, *args: Any) -> Any:
        assert flint.ctx.prec != before
        raise ZeroDivisionError

    before = flint.ctx.prec
    monkeypatch.setattr("harness.domains.ball.Ball.multiply", broken)
    with pytest.raises(ZeroDivisionError):
        establish(gradient(GRAPHS["multiply"]), POINTS["multiply"], "float64")
    assert flint.ctx.prec == before
