"""Certificates of results that rest on several claims: functions with their gradients, and numbers derived twice."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flint import arb

from harness.domains.ball import Ball
from harness.domains.evaluation import Evaluation
from harness.truth.certificate import RESOLUTION, Certificate


def weakest(certificates: Sequence[Certificate]) -> Certificate:
    """Return the first that is not accepted, else the one with the fewest orders."""
    rejected = [certificate for certificate in certificates if not certificate.accepted]
    return rejected[0] if rejected else min(certificates, key=lambda certificate: certificate.orders)


def twins(balls: Evaluation, pair: tuple[int, int]) -> Certificate:
    """Return the certificate of two nodes that must hold one number.

    Accepted where they differ by no more than 1e-30 of their size, or by less than can be told from 0.
    """
    first, second = (balls.values[node].item() for node in pair)
    assert isinstance(balls.domain, Ball)
    with balls.domain.context():
        apart, scale = first - second, max(first.abs_upper(), second.abs_upper())
        accepted = bool(apart.abs_upper() <= scale * arb(10) ** -RESOLUTION) or bool(apart.contains(0))
        size = float(apart.abs_upper())
        orders = math.inf if size == 0 or scale == 0 else float((scale / apart.abs_upper()).log() / arb(10).log())
    how = "derived in two ways" if accepted else "two derivations of one number differ"
    return Certificate(accepted=accepted, residual=size, scale=float(scale), orders=orders, how=how)
