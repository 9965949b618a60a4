"""Establishing the truth: balls until they are narrow, then the certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.domains.ball import Ball, bits
from harness.domains.bound import Bound
from harness.domains.domain import Unevaluated
from harness.domains.evaluate import Evaluation, evaluate
from harness.domains.precision import PRECISIONS, Precision
from harness.graph.derive import Derivative
from harness.measurement import Leaves
from harness.truth.beyond import beyond_range
from harness.truth.certificate import BESIDE, RADIUS, RESOLUTION, Certificate, Probe, certify, untried
from harness.truth.claims import twins, weakest
from harness.truth.enclose import all_zero, digits_of, enclose
from harness.truth.enclosure import Enclosure, exact_zero, unknown
from harness.truth.kinks import exact_ties, least_margin, near_ties
from harness.truth.tolerance import terms
from harness.truth.truth import Kind, NoTruth, Rounding, Truth

DIGITS = 95
"""Of the first ball run: as many as its certificate takes, which reads this run then and needs none of its own."""

MOST_BITS = 2048
"""A decision still open at so many bits is taken as a tie, and a value still not finite as undefined."""

MOST_DIGITS = 6400
"""A radius still too wide at so many digits refuses the truth."""

SHARE = 1e-3
"""The largest share of the tolerance that the radius may take."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """A ball run with the bound run that followed its decisions."""

    digits: int
    balls: Evaluation
    bounds: Evaluation
    enclosures: dict[int, Enclosure]
    """The outputs by node; empty where one is not finite."""
    narrow: bool
    """Every radius is within its share of the tolerance."""

    @property
    def finite(self) -> bool:
        return bool(self.enclosures)


def establish(derivative: Derivative, inputs: Leaves, dtype: str) -> Truth:
    """Return the exact value and partials at `inputs`, which `dtype` holds exactly, with their certificate.

    Raises nothing about the function: what cannot be established is a refusal in the result.
    """
    precision = PRECISIONS[dtype]
    try:
        found = search(derivative, inputs, precision)
    except Unevaluated as missing:
        return refused(derivative, NoTruth(kind=Kind.UNSUPPORTED, sentence=f"No exact value: {missing}."))
    rounding = rounding_of(derivative, found.bounds)
    certificate = _certificate(derivative, inputs, precision, found)
    beyond = beyond_range(derivative, found.balls, found.bounds)
    with Ball(found.digits).context():
        value, partials = _enclosures(derivative, found)
        text = digits_of(found.balls.values[derivative.value].item())
    return Truth(
        refusal=_refusal(found, certificate),
        value=value,
        partials=partials,
        connected={path: node is not None for path, node in derivative.partials.items()},
        undefined=not found.finite or certificate.how == BESIDE,
        beyond_range=beyond.said,
        underflow=beyond.small,
        ties=exact_ties(derivative, found.balls),
        near=near_ties(derivative, found.balls, found.bounds),
        decisions=found.balls.decisions,
        digits=found.digits,
        value_digits=text,
        certificate=certificate,
        rounding=rounding,
    )


def search(derivative: Derivative, inputs: Leaves, precision: Precision) -> Found:
    """Return the first run whose balls are finite and narrow and whose decisions are clear; the digits are doubled.

    What is still open or not finite at `MOST_BITS` stays so.
    """
    digits = DIGITS
    while True:
        found = _run(derivative, inputs, precision, digits)
        clear = found.finite and not any(choice.open.any() for choice in found.balls.choices.values())
        if (bits(digits) >= MOST_BITS or clear) and (found.narrow or not found.finite or digits >= MOST_DIGITS):
            return found
        digits *= 2


def _run(derivative: Derivative, inputs: Leaves, precision: Precision, digits: int) -> Found:
    graph, ball = derivative.graph, Ball(digits)
    balls = evaluate(graph, graph.outputs, ball, inputs, precision=precision, decisions={})
    bounds = evaluate(graph, graph.outputs, Bound(precision), inputs, precision=precision, decisions=balls.decisions)
    finite = all(ball.finite(balls.values[k]).all() for k in graph.outputs)
    with ball.context():
        enclosures = {k: enclose(balls.values[k]) for k in graph.outputs} if finite else {}
    narrow = finite and all(_narrow(enclosures[k], bounds.values[k], precision) for k in graph.outputs)
    return Found(digits=digits, balls=balls, bounds=bounds, enclosures=enclosures, narrow=narrow)


def _narrow(exact: Enclosure, bound: Any, precision: Precision) -> bool:
    """Return whether every radius of an output is within its share of the tolerance."""
    return bool((exact.radius <= SHARE * terms(bound.error, exact.nearest, precision).total).all())


def rounding_of(derivative: Derivative, bounds: Evaluation) -> Rounding:
    """Return the worst-case rounding of the value and the partials, from a run of the bound domain."""
    return Rounding(
        value=bounds.values[derivative.value].error,
        partials={
            path: np.zeros(_shape(derivative, path)) if node is None else bounds.values[node].error
            for path, node in derivative.partials.items()
        },
    )


def _shape(derivative: Derivative, path: str) -> tuple[int, ...]:
    node = derivative.partials[path]
    return derivative.graph.nodes[derivative.graph.inputs[path] if node is None else node].shape


def _enclosures(derivative: Derivative, found: Found) -> tuple[Enclosure, dict[str, Enclosure]]:
    def exact(node: int) -> Enclosure:
        return found.enclosures[node] if found.finite else enclose(found.balls.values[node])

    partials = {
        path: exact_zero(_shape(derivative, path)) if node is None else exact(node)
        for path, node in derivative.partials.items()
    }
    return exact(derivative.value), partials


# --------------------------------------------------------------------------- certificate and refusals


def _certificate(derivative: Derivative, inputs: Leaves, precision: Precision, found: Found) -> Certificate:
    """Return the weakest certificate of what the results rest on; one that was not tried where nothing is finite."""
    if not found.finite:
        return untried("the value or a partial is not finite")
    claims = derivative.claims or (derivative,)
    probes = [_probe(claim, inputs, precision, found, rounding_of(claim, found.bounds)) for claim in claims]
    return weakest([*map(certify, probes), *(twins(found.balls, pair) for pair in derivative.equal)])


def _probe(claim: Derivative, inputs: Leaves, precision: Precision, found: Found, rounding: Rounding) -> Probe:
    return Probe(
        derivative=claim,
        inputs=inputs,
        precision=precision,
        decisions=found.balls.decisions,
        errors=rounding.partials,
        silent=_silent(claim, found.balls, rounding),
        known=found.balls.values,
        digits=found.digits,
        spent=found.digits - DIGITS,
        margin=least_margin(found.balls),
    )


def _silent(derivative: Derivative, balls: Evaluation, rounding: Rounding) -> frozenset[str]:
    """Return the leaves whose partial is None or exactly 0."""
    return frozenset(
        path
        for path, node in derivative.partials.items()
        if node is None or (not rounding.partials[path].any() and all_zero(balls.values[node]))
    )


def _refusal(found: Found, certificate: Certificate) -> NoTruth | None:
    """Return why the truth is not established; None where it is, or where it is known to be undefined."""
    if not found.finite or certificate.accepted or certificate.how == BESIDE:
        if found.finite and not found.narrow:
            return NoTruth(
                kind=Kind.PRECISION,
                sentence=f"No exact value: at {found.digits} digits a radius is still above {SHARE:g} tolerances.",
            )
        return None
    if certificate.how == RADIUS:
        return NoTruth(
            kind=Kind.PRECISION,
            sentence="No certificate: at the digits that were tried the radius of the directional difference is above "
            "the smallest entry of the gradient, so nothing can be told of that one. Move the point.",
        )
    return NoTruth(
        kind=Kind.CERTIFICATE,
        sentence=f"The derived gradient failed its certificate ({certificate.how}): the directional difference is off "
        f"by {certificate.residual:.2g} where {certificate.scale * 10.0**-RESOLUTION:.2g} is allowed. A reverse rule "
        "is wrong, which is a defect of gradharness; please report it.",
    )


def refused(derivative: Derivative, refusal: NoTruth) -> Truth:
    """Return a truth of which nothing is known."""
    shapes = {path: _shape(derivative, path) for path in derivative.partials}
    return Truth(
        refusal=refusal,
        value=unknown(()),
        partials={path: unknown(shape) for path, shape in shapes.items()},
        connected={path: node is not None for path, node in derivative.partials.items()},
        undefined=False,
        beyond_range="",
        underflow=False,
        ties=(),
        near=(),
        decisions={},
        digits=0,
        value_digits="",
        certificate=untried(refusal.sentence),
        rounding=Rounding(
            value=np.asarray(np.inf), partials={path: np.full(shape, np.inf) for path, shape in shapes.items()}
        ),
    )
