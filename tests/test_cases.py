"""The catalogue: what every case must have, and the numbers that the lesson promises."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from harness import Case, case, param
from harness.collect import catalogue, collect
from harness.declare import flatten
from harness.domains.precision import round_to
from harness.graph.derive import Derivative, gradient
from harness.measurement import Array, Leaves
from harness.points import Point
from harness.truth import Tolerance, Truth, establish, ideal, tolerance

CASES = {found.id: found for found in collect()}
DTYPES = ("float64", "float32")
every_case = pytest.mark.parametrize("found", CASES.values(), ids=list(CASES))
BY_HAND = {name: found for name, found in CASES.items() if found.closed_form is not None}
every_closed_form = pytest.mark.parametrize("found", BY_HAND.values(), ids=list(BY_HAND))

REQUIRED = {
    "lesson": "square double cube reciprocal reciprocal_square chain chain_outer net net_from_d net_from_a fan_out "
    "difference_quotient",
    "losses": "squared absolute huber log_cosh binary_cross_entropy softmax_cross_entropy poisson kl",
    "classics": "rosenbrock rosenbrock_10 log_sum_exp styblinski_tang hilbert_quadratic saddle",
    "networks": "logistic_regression xor mlp_3_4_2 iris_tanh iris_relu iris_gelu embedding layer_norm batch_norm "
    "batch_norm_inference residual_gelu autoencoder attention",
    "convolutional": "digits max_pooled",
    "recurrent": "elman lstm gru gru_reset_after",
    "kinks": "relu leaky_relu elu selu identity_by_relus sum_of_absolutes mean_absolute_error norm deviation "
    "greater_of_two smaller_of_two greatest least_of_rows clipped hinge_on_margin ranked ranked_down pooled "
    "guarded_root root_squared x_log_y stair whole_net_1 whole_net_2 whole_net_3",
    "complex": "energy least_squares cayley orbit exponential phase_retrieval",
    "linear_algebra": "log_det determinant solution inverse_trace gaussian_likelihood",
}

# --------------------------------------------------------------------------- the exact side of a point


@functools.cache
def derivative(found: Case) -> Derivative:
    """Return the case's gradient as a graph."""
    return gradient(found.graph())


def inputs(found: Case, at: Point, dtype: str) -> Leaves:
    """Return the point's inputs as a cell of `dtype` gets them."""
    exact = found.exact(at)
    return {
        path: round_to(exact[path], dtype) if path in exact else np.asarray(leaf.value)
        for path, leaf in found.inputs.items()
    }


@functools.cache
def settled(found: Case, at: Point, dtype: str) -> tuple[Truth, Tolerance]:
    """Return truth and tolerance at a point."""
    given = inputs(found, at, dtype)
    truth = establish(derivative(found), given, dtype)
    return truth, tolerance(derivative(found), given, dtype, truth)


def complaints(truth: Truth) -> list[str]:
    """Return what keeps a point out of this catalogue; an empty list where nothing does."""
    said = [] if truth.refusal is None else [truth.refusal.sentence]
    said += ["not finite"] if truth.undefined else []
    said += [f"tie of {tie.op} at {tie.where}" for tie in (*truth.ties, *truth.near)]
    return said + ([] if truth.certificate.accepted else ["not certified"])


def nest(flat: dict[str, Any]) -> dict[str, Any]:
    """Return leaves by path as the nested dictionaries that a case is called with."""
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        *outer, name = path.split(".")
        functools.reduce(lambda branch, key: branch.setdefault(key, {}), outer, tree)[name] = value
    return tree


# --------------------------------------------------------------------------- every case


def test_the_required_cases_are_there() -> None:
    missing = {f"{family}.{name}" for family, names in REQUIRED.items() for name in names.split()} - set(CASES)
    assert not missing
    assert len(CASES) == len(collect())  # ids are unique


@every_case
def test_a_case_says_what_it_is_and_has_three_labelled_points(found: Case) -> None:
    assert found.title.endswith(".")
    assert "def " in found.definition
    assert sum(at.draw is None for at in found.points) >= 3


KINKS = "kinks."
"""The family whose cases also have points where there is no derivative."""


@functools.cache
def smooth(found: Case) -> list[Point]:
    """Return the points that have a derivative: all, but of the family of kinks those that nothing is said against."""
    if not found.id.startswith(KINKS):
        return list(found.points)
    return [at for at in found.points if not complaints(settled(found, at, "float64")[0])]


@every_case
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_point_is_certified_finite_and_off_every_tie(found: Case, dtype: str) -> None:
    said = {at.label: complaints(settled(found, at, dtype)[0]) for at in smooth(found)}
    assert not {label: lines for label, lines in said.items() if lines}


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith(KINKS)])
def test_a_case_of_the_kinks_has_smooth_points_and_others(name: str) -> None:
    found = CASES[name]
    on_kinks = {at.label for at in found.points} - {at.label for at in smooth(found)}
    assert on_kinks
    assert len(smooth(found)) >= 3
    assert smooth(found)[0] is found.points[0]


@pytest.mark.parametrize(("op", "complaint"), [("abs", "tie"), ("log", "not finite")])
def test_a_point_on_a_kink_or_at_infinity_is_complained_of(op: str, complaint: str) -> None:
    @case(w=param(), points=[dict(w=0)])
    def bad(xp: Any, w: Any) -> Any:
        """A function that has no derivative at 0."""
        return getattr(xp, op)(w)

    assert any(said.startswith(complaint) for said in complaints(settled(bad, bad.points[0], "float64")[0]))


@every_case
def test_every_parameter_is_alive_and_a_gradient_of_zeros_is_never_the_rule(found: Case) -> None:
    truths = [settled(found, at, "float64")[0] for at in smooth(found)]
    alive = [{path for path, exact in truth.partials.items() if exact.nearest.any()} for truth in truths]
    assert set.union(*alive) == set(found.params)
    assert sum(map(bool, alive)) >= 3


# --------------------------------------------------------------------------- gradients by hand


def by_hand(found: Case, at: Point) -> dict[str, Array]:
    """Return the closed form's partials by leaf path, in float64."""
    assert found.closed_form is not None
    return flatten(found.closed_form(np, **nest(dict(inputs(found, at, "float64")))))


def difference(hand: dict[str, Array], truth: Truth) -> float:
    """Return the greatest difference in a leaf, relative to the leaf's greatest entry (absolute where that is 0)."""
    assert hand.keys() == truth.partials.keys()
    worst = 0.0
    for path, exact in truth.partials.items():
        assert np.shape(hand[path]) == exact.nearest.shape
        scale = abs(exact.nearest).max() or 1.0
        worst = np.maximum(worst, np.max(exact.distance(np.asarray(hand[path], dtype=np.float64))) / scale)
    return float(worst)


@every_closed_form
def test_the_gradient_by_hand_is_the_truth(found: Case) -> None:
    for at in smooth(found):
        assert difference(by_hand(found, at), settled(found, at, "float64")[0]) <= 1e-11, at.label


@every_closed_form
def test_a_wrong_gradient_by_hand_is_noticed(found: Case) -> None:
    noticed = set()
    for at in smooth(found):
        hand, truth = by_hand(found, at), settled(found, at, "float64")[0]
        noticed |= {path for path in hand if not difference(hand | {path: hand[path] * (1 + 1e-8)}, truth) <= 1e-11}
    assert noticed == set(found.params)


# --------------------------------------------------------------------------- what a pass can tell


def leaves(found: Case, at: Point, dtype: str) -> Iterator[tuple[Array, Array]]:
    """Yield tolerance and exact value of the entries of each leaf that are not 0."""
    truth, allowed = settled(found, at, dtype)
    for path, exact in truth.partials.items():
        living = exact.nearest != 0
        yield allowed.partials[path].total[living], abs(exact.nearest[living])


BLURRED = {"classics.expanded_power/near_one"}
"""Points that are there to be hard: their terms cancel by more digits than float32 has."""


@every_case
def test_float64_resolves_nine_digits(found: Case) -> None:
    for at in smooth(found):
        ratios = np.concatenate([allowed / exact for allowed, exact in leaves(found, at, "float64")])
        if ratios.size and f"{found.id}/{at.label}" not in BLURRED:
            assert np.median(ratios) <= 1e-9, at.label


def test_float32_resolves_half_of_every_gradient_but_where_it_is_meant_not_to() -> None:
    norm = np.linalg.norm
    blurred = {
        f"{found.id}/{at.label}"
        for found in CASES.values()
        for at in smooth(found)
        if not all(norm(allowed) <= norm(exact) / 2 for allowed, exact in leaves(found, at, "float32"))
    }
    assert blurred == BLURRED


# --------------------------------------------------------------------------- the lesson

LESSON = {
    "square/three": dict(value="9", w="6"),
    "square/three_and_0001": dict(value="9.006001", w="6.002"),
    "square/three_and_0002": dict(value="9.012004", w="6.004"),
    "square/three_and_001": dict(value="9.0601", w="6.02"),
    "square/two": dict(value="4", w="4"),
    "square/two_and_0001": dict(value="4.004001", w="4.002"),
    "square/descent_1": dict(value="5.76", w="4.8"),
    "square/descent_2": dict(value="3.6864", w="3.84"),
    "double/two": dict(value="4", w="2"),
    "double/three": dict(value="6", w="2"),
    "cube/two": dict(value="8", w="12"),
    "cube/two_and_0001": dict(value="8.012006001", w="12.012003"),
    "reciprocal/two": dict(value="1/2", w="-1/4"),
    "reciprocal_square/four": dict(value="1/16", w="-1/32"),
    "chain/three": dict(value="121", w="66"),
    "chain_inner/three": dict(value="11", w="3"),
    "chain_outer/eleven": dict(value="121", a="22"),
    "net/note": dict(value="4.5", w="6", b="3"),
    "net_from_c/note": dict(value="4.5", c="3", b="3"),
    "net_from_a/note": dict(value="4.5", a="3"),
    "net_from_d/note": dict(value="4.5", d="3"),
    "fan_out/two": dict(value="24", w="36"),
    "difference_quotient/three_0001": dict(value="6.001", w="2"),
    "difference_quotient/three_0002": dict(value="6.002", w="2"),
    "difference_quotient/three_001": dict(value="6.01", w="2"),
    "difference_quotient/two_0001": dict(value="4.001", w="2"),
}


def lesson_point(name: str) -> tuple[Case, Point]:
    """Return the case and the point that `case/label` of the lesson names."""
    short, label = name.split("/")
    found = CASES[f"lesson.{short}"]
    return found, next(at for at in found.points if at.label == label)


def exactly(name: str) -> dict[str, Fraction]:
    """Return value and partials at the decimal text of a lesson's point."""
    found, at = lesson_point(name)
    exact = ideal(found.graph(), found.exact(at))
    assert exact is not None
    return {key: Fraction(text) for key, text in exact.items()}


@pytest.mark.parametrize("name", LESSON)
def test_the_lessons_numbers_are_exact(name: str) -> None:
    assert exactly(name) == {key: Fraction(text) for key, text in LESSON[name].items()}


def held(name: str) -> bool:
    """Return whether float64 holds the lesson's point exactly."""
    found, at = lesson_point(name)
    given = inputs(found, at, "float64")
    return all(Fraction(float(given[path])) == exact.item() for path, exact in found.exact(at).items())


@pytest.mark.parametrize("name", [name for name in LESSON if held(name)])
def test_the_truth_is_the_ideal_where_float64_holds_the_point(name: str) -> None:
    truth, _ = settled(*lesson_point(name), "float64")
    for key, text in LESSON[name].items():
        enclosure = truth.value if key == "value" else truth.partials[key]
        error = sum(Fraction(float(part)) for part in enclosure.parts) - Fraction(text)
        assert abs(error) <= Fraction(float(enclosure.radius)) <= Fraction(1, 10**30)


def test_a_nudge_of_the_cube_has_slope_12006001() -> None:
    nudged, still = exactly("cube/two_and_0001"), exactly("cube/two")
    assert (nudged["value"] - still["value"]) / Fraction("0.001") == Fraction("12.006001")


DESCENT = [
    line.split() for line in ("three 0.1 descent_1", "descent_1 0.1 descent_2", "three 0.5 minimum", "three 1 bounced")
]


@pytest.mark.parametrize(("start", "rate", "end"), DESCENT)
def test_the_square_has_the_points_of_its_descent(start: str, rate: str, end: str) -> None:
    found, before = lesson_point(f"square/{start}")
    _, after = lesson_point(f"square/{end}")
    step = Fraction(rate) * exactly(f"square/{start}")["w"]
    assert found.exact(before)["w"].item() - step == found.exact(after)["w"].item()


# --------------------------------------------------------------------------- the data


def test_the_irises_are_the_file_that_the_readme_describes() -> None:
    content = (catalogue() / "data" / "iris.csv").read_bytes()
    readme = (catalogue() / "data" / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(content).hexdigest() in readme
    rows = [line.split(b",") for line in content.splitlines()[1:]]
    assert [sum(row[4] == b"%d" % species for row in rows) for species in range(3)] == [50, 50, 50]


def test_the_digits_are_the_file_that_the_readme_describes() -> None:
    content = (catalogue() / "data" / "digits.csv").read_bytes()
    readme = (catalogue() / "data" / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(content).hexdigest() in readme
    rows = [[int(number) for number in line.split(b",")] for line in content.splitlines()[1:]]
    assert [row[64] for row in rows] == [0, 0, 1, 1, 2, 2]
    assert all(0 <= pixel <= 16 for row in rows for pixel in row[:64])


def test_a_batch_has_irises_of_every_species() -> None:
    labels = np.asarray(CASES["networks.iris_tanh"].inputs["y"].value)
    assert np.bincount(labels).tolist() == [6, 5, 5]


TRAINED = [found for found in CASES.values() if {"start", "trained"} <= {at.label for at in found.points}]


@pytest.mark.parametrize("found", TRAINED, ids=lambda found: found.id)
def test_training_has_lowered_the_loss(found: Case) -> None:
    at = {known.label: known for known in found.points}
    start, trained = (float(settled(found, at[label], "float64")[0].value.nearest) for label in ("start", "trained"))
    assert trained < start / 2
