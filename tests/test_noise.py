"""Monte-Carlo rounding: its amplitudes, its hash, and that eight deviations cover what NumPy rounds."""

from __future__ import annotations

import numpy as np
import pytest

from harness.domains import amplitudes, charges
from harness.domains.domain import Undecided, literal_of
from harness.domains.evaluate import evaluate
from harness.domains.noise import Noise, hashed, sampled
from harness.domains.precision import PRECISIONS, Array
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.derive import gradient
from harness.graph.node import Node
from harness.truth import establish, tolerance
from harness.truth.sampling import deviations, root_mean_square
from operations import OPERATIONS, point, scalar
from plain import Plain
from test_bound import near

SINGLE = PRECISIONS["float32"]
DEVIATION = np.sqrt((1 + amplitudes.COHERENT**2) / 3)
"""Standard deviation of the noise for an amplitude of 1."""


def noise(dtype: str = "float32", samples: int = 4000) -> Noise:
    return Noise(PRECISIONS[dtype], samples=samples, seed=1)


def spread(value: Array) -> Array:
    """Return the standard deviation over the samples."""
    return np.asarray(value.std(axis=0))


# --------------------------------------------------------------------------- the hash


def test_hashed_numbers_are_uniform_and_independent() -> None:
    rng = np.random.default_rng(0)
    bits = rng.random(200_000).view(np.uint64)
    keys = rng.integers(1, 2**63, 2, dtype=np.uint64)
    first, second = (hashed(bits, key) for key in keys)
    assert (first >= -1).all()
    assert (first < 1).all()
    assert abs(first.mean()) < 0.01
    assert abs(first.std() - 1 / np.sqrt(3)) < 0.01
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.01
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.01


def test_equal_results_round_equally_and_others_do_not() -> None:
    domain = noise(samples=3)
    product = domain.multiply(domain.exact(np.array([0.3, 0.3, 0.7])), domain.exact(np.array([0.9, 0.9, 0.9])))
    assert product.shape == (3, 3)
    assert (product[:, 0] == product[:, 1]).all()
    assert (product[:, 0] / (0.3 * 0.9) != product[:, 2] / (0.7 * 0.9)).all()
    assert len(set(product[:, 0])) == 3


def test_the_same_seed_gives_the_same_noise_and_kinds_differ() -> None:
    x = np.array([[0.3]])
    assert (noise().multiply(x, x) == noise().multiply(x, x)).all()
    doubled, squared = noise().add(x, x), noise().multiply(x, x)
    assert abs(np.corrcoef(doubled[:, 0], squared[:, 0])[0, 1]) < 0.1


# --------------------------------------------------------------------------- amplitudes


@pytest.mark.parametrize(
    ("result", "size"),
    [
        (lambda d, x, y: d.add(x, y), 1.0),
        (lambda d, x, y: d.subtract(x, y), 0.4),
        (lambda d, x, y: d.multiply(x, y), 0.21),
        (lambda d, x, y: d.divide(x, y, roundings=2), 2 * 0.3 / 0.7),
        (lambda d, x, y: d.function("exp", [x], {}), 2 * np.exp(0.3)),
        (lambda d, x, y: d.function("sin", [x], {}), 2 * np.sin(0.3)),
    ],
    ids=["add", "subtract", "multiply", "divide", "exp", "sin"],
)
def test_elementwise_noise_is_as_large_as_the_rounding(result: object, size: float) -> None:
    domain = noise()
    assert callable(result)
    value = result(domain, domain.exact(np.array([0.3])), domain.exact(np.array([0.7])))
    assert near(spread(value), SINGLE.unit * size * DEVIATION, rtol=0.05)


@pytest.mark.parametrize("terms", [10, 1000])
def test_sums_of_one_sign_drift_and_mixed_ones_walk(terms: int) -> None:
    domain, u = noise(), SINGLE.unit
    ones = spread(domain.sum(domain.exact(np.full(terms, 0.3)), (0,), False))
    assert near(ones, u * DEVIATION * max(np.sqrt((terms - 1) / 3), (terms - 1) / 8) * 0.3 * terms, rtol=0.05)
    mixed = np.random.default_rng(0).choice([-0.3, 0.3], terms)
    assert spread(domain.sum(domain.exact(mixed), (0,), False)) < 0.7 * ones
    product = spread(domain.matmul(domain.exact(np.full((1, terms), 0.3)), domain.exact(np.ones((terms, 1)))))
    assert ones <= product * 1.05
    scattered = domain.scatter_add(domain.exact(np.full(terms, 0.3)), np.zeros(terms, np.intp), (1,))
    assert near(spread(scattered), ones, rtol=0.05)


def test_a_product_of_one_pair_is_rounded_twice() -> None:
    domain = noise()
    product = domain.matmul(domain.exact(np.array([[0.3]])), domain.exact(np.array([[0.7]])))
    assert near(spread(product), np.sqrt(2) * SINGLE.unit * 0.21 * DEVIATION, rtol=0.05)


def test_prefix_sums_say_how_far_a_sum_reaches() -> None:
    x = np.concatenate([np.ones(160), -np.ones(160)])
    size, squares = np.array(320.0), np.array(np.sqrt(320.0))
    assert amplitudes.extent_of_sum(x, (0,), size, squares) == 160 + squares
    assert amplitudes.extent_of_sum(abs(x), (0,), size, squares) == size
    product = amplitudes.extent_of_product(x[None], np.ones((320, 1)), size[None, None], squares[None, None])
    assert product == 160 + squares


def test_what_is_exact_has_no_noise() -> None:
    domain = noise()
    zero, x, infinite = (domain.exact(np.array([number])) for number in (0.0, 0.3, -np.inf))
    for value in (
        domain.multiply(zero, x),
        domain.add(zero, x),
        domain.subtract(x, x),
        domain.divide(zero, x, roundings=1),
        domain.scale(x, 0.5),
        domain.negative(x),
        domain.function("exp", [infinite], {}),
        domain.function("tanh", [zero], {}),
        domain.add(infinite, x),
        domain.sum(x, (0,), False),
    ):
        assert len(value) == 1 or (value == value[0]).all()


def test_float64_is_sampled_coarsely_and_stretched_back() -> None:
    precision, stretch = sampled(PRECISIONS["float64"])
    assert precision.unit * stretch == 2.0**-53
    assert precision.least * stretch == 2.0**-1022
    assert sampled(SINGLE) == (SINGLE, 1.0)
    domain = noise("float64")
    x = domain.exact(np.array([0.3]))
    assert near(spread(domain.multiply(x, x)) * domain.stretch, 2.0**-53 * 0.09 * DEVIATION, rtol=0.05)


def test_half_types_round_their_literals_and_the_results_of_sums() -> None:
    tenth = Node(op="constant", attrs={"value": 0.1})
    for dtype, noisy in (("float32", False), ("bfloat16", True)):
        literal = noise(dtype).literal(literal_of(tenth, PRECISIONS[dtype]))
        assert (len(literal) > 1) == noisy
    x = noise("bfloat16").exact(np.full(3, 0.5))
    assert near(spread(noise("bfloat16").sum(x, (0,), False)), 2.0**-8 * 1.5 * DEVIATION, rtol=0.05)


def test_a_scaling_that_underflows_is_noisy() -> None:
    domain = noise()
    tiny = spread(domain.scale(domain.exact(np.array([2.0**-126])), 0.5))
    assert near(tiny, 2.0**-126 * DEVIATION, rtol=0.05)
    assert (spread(noise("float64").scale(np.array([[2.0**-1000]]), 0.5)) == 0).all()


def test_additions_underflow_gradually_in_float16_alone() -> None:
    for dtype, noisy in (("float16", False), ("bfloat16", True), ("float32", True)):
        domain, unit = noise(dtype), PRECISIONS[dtype].unit
        least = PRECISIONS[dtype].least
        total = spread(domain.add(domain.exact(np.array([least])), domain.exact(np.array([2 * least]))))
        assert near(total, (least if noisy else unit * 3 * least) * DEVIATION, rtol=0.05)
        product = spread(domain.multiply(domain.exact(np.array([least])), domain.exact(np.array([0.3]))))
        assert near(product, least * DEVIATION, rtol=0.05)


@pytest.mark.parametrize(
    ("dtype", "count", "roundings"),
    [("float64", 3, 2), ("float32", 3, 2), ("bfloat16", 3, 2), ("bfloat16", 257, 3), ("float16", 2049, 3)],
)
def test_the_division_of_a_mean_is_as_noisy_as_it_is_charged(dtype: str, count: int, roundings: float) -> None:
    domain, node = noise(dtype), Node(op="constant", attrs={"value": count, "exact": True})
    below = literal_of(node, PRECISIONS[dtype])
    assert charges.division(None, below, PRECISIONS[dtype]) == roundings
    whole, by = domain.exact(np.array([1000.0])), domain.literal(below)
    mean = spread(domain.divide(whole, by, roundings=charges.division(None, below, PRECISIONS[dtype])))
    assert near(mean * domain.stretch, roundings * PRECISIONS[dtype].unit * 1000 / count * DEVIATION, rtol=0.05)


def test_noise_does_not_decide() -> None:
    with pytest.raises(Undecided):
        noise().decide("step", [], {})


# --------------------------------------------------------------------------- deviations


def ratios(name: str, draw: int, dtype: str) -> Array:
    """Return NumPy's error over eight deviations and four roundings of the result, for every entry of the gradient."""
    graph, precision = scalar(OPERATIONS[name]), PRECISIONS[dtype]
    inputs, derivative = point(name, graph, draw=draw), gradient(graph)
    truth = establish(derivative, inputs, dtype)
    found = deviations(derivative, inputs, dtype, truth)
    outputs = derivative.graph.outputs
    plain = evaluate(derivative.graph, outputs, Plain(dtype), inputs, precision=precision, decisions=truth.decisions)
    out = []
    for path, node in derivative.partials.items():
        if node is not None:
            exact = truth.partials[path]
            allowed = 8 * found.partials[path] + 4 * precision.unit * abs(exact.nearest) + precision.least
            out.append(np.ravel(exact.distance(plain.values[node]) / allowed))
    return np.concatenate(out)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_eight_deviations_cover_the_error(name: str, dtype: str) -> None:
    for draw in range(3):
        assert not (~(ratios(name, draw, dtype) <= 1)).any()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_deviations_are_not_vacuous(dtype: str) -> None:
    found = np.concatenate([ratios(name, 0, dtype) for name in OPERATIONS])
    assert np.median(found[found > 0]) > 0.005
    assert found.max() > 0.1


def test_chunks_are_other_samples_of_the_same_deviation(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = scalar(OPERATIONS["matmul"])
    derivative, inputs = gradient(graph), point("matmul", graph)
    truth = establish(derivative, inputs, "float32")
    whole = deviations(derivative, inputs, "float32", truth, samples=400)
    monkeypatch.setattr("harness.truth.sampling.NUMBERS", 1)
    chunked = deviations(derivative, inputs, "float32", truth, samples=400)
    for path, deviation in whole.partials.items():
        assert (deviation != chunked.partials[path]).any()
        assert near(deviation, chunked.partials[path], rtol=0.25)


def test_a_leaf_without_influence_does_not_deviate() -> None:
    builder = Builder()
    x, y = builder.input("x", (), param=True), builder.input("y", (2,), param=True)
    graph = builder.freeze(x * x * 0.3 + 0 * b.total(y, (0,)))
    derivative, inputs = gradient(graph), {"x": np.array(0.7), "y": np.ones(2)}
    truth = establish(derivative, inputs, "float32")
    found = deviations(derivative, inputs, "float32", truth)
    assert found.partials["x"] > 0
    assert (found.partials["y"] == 0).all()
    assert found.value > 0


@pytest.mark.parametrize(("rate", "scaled"), [(1e10, True), (1e11, True), (1e14, False), (1e16, False)])
def test_what_wraps_around_within_a_sample_has_no_deviation_to_scale(rate: float, scaled: bool) -> None:
    builder = Builder()
    graph = builder.freeze(b.call("sin", builder.input("x", (), param=True) * rate))
    derivative, inputs = gradient(graph), {"x": np.array(1.1)}
    truth = establish(derivative, inputs, "float64")
    assert np.isfinite(deviations(derivative, inputs, "float64", truth).value) == scaled
    allowed = tolerance(derivative, inputs, "float64", truth)
    assert truth.value.distance(np.sin(inputs["x"] * rate)) <= allowed.value.total
    assert truth.partials["x"].distance(rate * np.cos(inputs["x"] * rate)) <= allowed.partials["x"].total


def test_what_is_straight_within_a_sample_deviates_as_before() -> None:
    builder = Builder()
    graph = builder.freeze(b.call("sin", builder.input("x", (), param=True) * 1e5))
    derivative, inputs = gradient(graph), {"x": np.array(1.1)}
    truth = establish(derivative, inputs, "float64")
    assert 1e-13 < deviations(derivative, inputs, "float64", truth).value < 1e-10


def test_root_mean_square() -> None:
    assert near(root_mean_square(np.array([[3.0], [-4.0]])), np.sqrt(12.5))
    assert near(root_mean_square(np.array([[3e-200], [-4e-200]])), np.sqrt(12.5) * 1e-200)
    assert root_mean_square(np.zeros((2, 1))) == 0
    assert root_mean_square(np.array([[np.nan], [1.0]])) == np.inf
