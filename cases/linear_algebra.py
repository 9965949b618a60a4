"""Functions of matrices: determinants, inverses, solutions, and what statistics makes of them."""

from harness import case, data, draw, param, point

PETERSEN = "K. B. Petersen and M. S. Pedersen, The Matrix Cookbook, 2012"
SYMMETRIC = [
    point("generic", s=[[2, 0.5, -0.25], [0.5, 1.5, 0.75], [-0.25, 0.75, 3]]),
    point("tiny", s=[[0.02, 0.005, 0.001], [0.005, 0.03, -0.01], [0.001, -0.01, 0.01]]),
    point("large", s=[[900, 100, -250], [100, 700, 50], [-250, 50, 400]]),
    point("correlated", s=[[1, 0.9, 0.8], [0.9, 1, 0.85], [0.8, 0.85, 1]]),
]
GENERAL = [
    point("generic", a=[[2, -0.5, 1], [0.25, 1.5, -0.75], [-1, 0.5, 3]]),
    point("negative", a=[[0.5, 2, -1], [1.25, -0.5, 0.75], [-1, 0.25, 1.5]]),
    point("tiny", a=[[0.02, 0.005, -0.01], [-0.015, 0.03, 0.01], [0.0125, -0.01, 0.01]]),
    point("large", a=[[90, 10, -25], [-30, 70, 5], [20, -15, 40]]),
]
RIGHT = [0.5, -1.25, 2.0]


@case(
    s=param(shape=(3, 3)),
    points=SYMMETRIC,
    source=f"{PETERSEN}, equation 57",
    gradient=lambda np, s: {"s": np.linalg.inv(s)},
)
def log_det(xp, s):
    """Logarithm of the determinant of a positive definite matrix, by its Cholesky factor."""
    return 2 * xp.sum(xp.log(xp.linalg.diagonal(xp.linalg.cholesky(s))))


@case(
    a=param(shape=(3, 3)),
    points=GENERAL,
    source=f"{PETERSEN}, equation 49",
    gradient=lambda np, a: {"a": np.linalg.det(a) * np.linalg.inv(a).T},
)
def determinant(xp, a):
    """Determinant of a matrix."""
    return xp.linalg.det(a)


@case(
    a=param(shape=(3, 3)),
    points=GENERAL,
    source=f"{PETERSEN}, equation 51",
    gradient=lambda np, a: {"a": np.linalg.inv(a).T},
)
def log_abs_determinant(xp, a):
    """Logarithm of the absolute value of a determinant."""
    return xp.linalg.slogdet(a).logabsdet


@case(
    a=param(shape=(3, 3)),
    c=param(shape=3),
    points=[point(at.label, c=RIGHT, **at.values) for at in GENERAL],
    source=f"{PETERSEN}, equation 61",
    gradient=lambda np, a, c: {
        "a": -np.outer(np.linalg.solve(a.T, 2 * np.linalg.solve(a, c)), np.linalg.solve(a, c)),
        "c": np.linalg.solve(a.T, 2 * np.linalg.solve(a, c)),
    },
)
def solution(xp, a, c):
    """Sum of squares of the solution z of a·z = c."""
    return xp.sum(xp.square(xp.linalg.solve(a, c)))


@case(
    a=param(shape=(3, 3)),
    points=GENERAL,
    source=f"{PETERSEN}, equation 64",
    gradient=lambda np, a: {"a": -np.linalg.matrix_power(np.linalg.inv(a), 2).T},
)
def inverse_trace(xp, a):
    """Trace of the inverse of a matrix."""
    return xp.linalg.trace(xp.linalg.inv(a))


@case(
    x=param(shape=3),
    c=data(RIGHT),
    points=[
        point("generic", x=[0.75, 1.5, -0.5]),
        point("near", x=[0.501, -1.252, 2.001]),
        point("large", x=[300, -400, 1200]),
        draw(),
    ],
    source=f"{PETERSEN}, equation 129",
    gradient=lambda np, x, c: {"x": (x - c) / np.linalg.norm(x - c)},
)
def distance(xp, x, c):
    """Euclidean distance of x from a point."""
    return xp.linalg.vector_norm(x - c)


@case(
    mean=param(shape=2),
    factor=param(shape=(2, 2)),
    x=data([[0.5, -1.0], [1.5, 0.75], [-0.25, 1.25], [0.0, -0.5], [1.0, 2.0]]),
    points=[
        point("generic", mean=[0.25, 0.5], factor=[[1, 0.25], [-0.5, 0.75]]),
        point("narrow", mean=[0.5, 0.25], factor=[[0.125, 0.0625], [0, 0.25]]),
        point("wide", mean=[30, -20], factor=[[12, -5], [3, 20]]),
        draw(),
    ],
    source="C. M. Bishop, Pattern Recognition and Machine Learning, 2006, section 2.3.4",
)
def gaussian_likelihood(xp, mean, factor, x):
    """Negative log-likelihood of five rows from a Gaussian of covariance factor·factorᵀ + 1/8, less a constant."""
    covariance = factor @ factor.T + xp.eye(2) / 8
    lower = xp.linalg.cholesky(covariance)
    z = xp.linalg.solve(lower, (x - mean).T)
    return xp.sum(z**2) / 2 + 5 * xp.sum(xp.log(xp.linalg.diagonal(lower)))
