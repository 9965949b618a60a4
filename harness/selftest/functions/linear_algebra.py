"""Linear algebra: products, systems, determinants of well-conditioned matrices."""

from __future__ import annotations

from typing import Any

from harness.declare import data, param
from harness.selftest.pointless import drawn

ENTRIES = (-0.5, 0.5)


@drawn(a=param(shape=(4, 4)), x=param(shape=4))
def quadratic_form(xp: Any, a: Any, x: Any) -> Any:
    """xᵀAx + Σx."""
    return x @ (a @ x) + xp.sum(x)


@drawn(a=param(shape=(3, 4)), b=param(shape=(4, 5)), c=param(shape=(5, 3)))
def chain(xp: Any, a: Any, b: Any, c: Any) -> Any:
    """Squares of a product of three matrices."""
    return xp.mean(xp.square(a @ b @ c - 1))


@drawn(a=param(shape=(4, 4), domain=ENTRIES), b=param(shape=4))
def system(xp: Any, a: Any, b: Any) -> Any:
    """Squares of the solution of (A + 4)x = b."""
    return xp.sum(xp.square(xp.linalg.solve(a + 4 * xp.eye(4), b[:, None]) - 1))


@drawn(a=param(shape=(3, 3), domain=ENTRIES))
def inverse(xp: Any, a: Any) -> Any:
    """Squares of the inverse of A + 3."""
    return xp.sum(xp.square(xp.linalg.inv(a + 3 * xp.eye(3))))


@drawn(a=param(shape=(3, 3), domain=ENTRIES))
def log_determinant(xp: Any, a: Any) -> Any:
    """log |det(A + 3)|."""
    return xp.linalg.slogdet(a + 3 * xp.eye(3)).logabsdet


@drawn(a=param(shape=(3, 3), domain=ENTRIES))
def determinant(xp: Any, a: Any) -> Any:
    """det(A + 2)."""
    return xp.linalg.det(a + 2 * xp.eye(3))


@drawn(a=param(shape=(3, 3), domain=ENTRIES), x=data(shape=(3,)))
def gaussian(xp: Any, a: Any, x: Any) -> Any:
    """The log-likelihood of a normal distribution by the Cholesky factor of its covariance."""
    s = (a + a.T) / 2 + 2 * xp.eye(3)
    factor = xp.linalg.cholesky(s)
    z = xp.linalg.solve(factor, x[:, None])
    return xp.sum(xp.square(z)) / 2 + xp.sum(xp.log(xp.linalg.diagonal(factor)))


@drawn(a=param(shape=(4, 4)), b=param(shape=(4, 4)))
def inner(xp: Any, a: Any, b: Any) -> Any:
    """trace(A·Bᵀ·A)."""
    return xp.linalg.trace(a @ b.T @ a)
