"""Test functions of numerical optimisation, at their usual starts, near their minima and far away."""

from harness import case, data, draw, param, point

TESTING = "J. J. Moré, B. S. Garbow and K. E. Hillstrom, Testing unconstrained optimization software, 1981"


def chained_valleys(xp, x):
    """Return Rosenbrock's function of two or more variables."""
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def chained_slopes(np, x):
    """Return the gradient of `chained_valleys`."""
    bend = 200 * (x[1:] - x[:-1] ** 2)
    return np.append(-2 * x[:-1] * bend - 2 * (1 - x[:-1]), 0) + np.append(0, bend)


@case(
    x=param(shape=2),
    points=[
        point("start", x=[-1.2, 1]),
        point("valley", x=[0.5, 0.2]),
        point("trained", x=[0.98, 0.97]),
        point("large", x=[30, -20]),
        draw(),
    ],
    source="H. H. Rosenbrock, An automatic method for finding the greatest or least value of a function, 1960",
    gradient=lambda np, x: {"x": chained_slopes(np, x)},
)
def rosenbrock(xp, x):
    """Rosenbrock's curved valley of two variables."""
    return chained_valleys(xp, x)


@case(
    x=param(shape=10),
    points=[
        point("start", x=[-1.2, 1, -1.2, 1, -1.2, 1, -1.2, 1, -1.2, 1]),
        point("generic", x=[0.5, -0.25, 1.5, 0.75, -1, 2, 1.25, -0.5, 0.25, 1]),
        point("trained", x=[0.98, 0.97, 0.95, 0.91, 0.82, 0.67, 0.45, 0.2, 0.03, 0.01]),
        draw(),
        draw(),
    ],
    source="H. H. Rosenbrock, An automatic method for finding the greatest or least value of a function, 1960",
    gradient=lambda np, x: {"x": chained_slopes(np, x)},
)
def rosenbrock_10(xp, x):
    """Nine of Rosenbrock's valleys chained, of ten variables."""
    return chained_valleys(xp, x)


@case(
    x=param(shape=2),
    y=data([1.5, 2.25, 2.625]),
    points=[
        point("start", x=[1, 1]),
        point("generic", x=[-0.5, 1.25]),
        point("trained", x=[2.9, 0.47]),
        point("large", x=[4, -4]),
    ],
    source=f"{TESTING}, problem 5",
)
def beale(xp, x, y):
    """Beale's function, minimal at (3, 1/2)."""
    powers = xp.stack([x[1], x[1] ** 2, x[1] ** 3])
    return xp.sum((y - x[0] * (1 - powers)) ** 2)


@case(
    x=param(shape=2),
    points=[
        point("start", x=[1, 1]),
        point("minimum", x=[3, 2]),
        point("trained", x=[-2.8, 3.13]),
        point("large", x=[60, -45]),
        draw(),
    ],
    source="D. M. Himmelblau, Applied Nonlinear Programming, 1972",
    gradient=lambda np, x: {
        "x": 2 * (x[0] ** 2 + x[1] - 11) * np.array([2 * x[0], 1])
        + 2 * (x[0] + x[1] ** 2 - 7) * np.array([1, 2 * x[1]])
    },
)
def himmelblau(xp, x):
    """Himmelblau's function of four minima, one of them at (3, 2)."""
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


@case(
    x=param(shape=4),
    points=[
        point("start", x=[3, -1, 0, 1]),
        point("generic", x=[0.5, -1.25, 2, 0.75]),
        point("trained", x=[0.17, -0.02, 0.07, 0.08]),
        point("minimum", x=0),
    ],
    source=f"{TESTING}, problem 13",
)
def powell_singular(xp, x):
    """Powell's function, whose Hessian is singular at its minimum 0."""
    a, b, c, d = xp.unstack(x)
    return (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4


@case(
    x=param(shape=4),
    points=[
        point("start", x=[-3, -1, -3, -1]),
        point("generic", x=[0.5, -1.25, 2, 0.75]),
        point("trained", x=[1.04, 1.09, 0.95, 0.91]),
        draw(),
    ],
    source=f"{TESTING}, problem 14",
)
def wood(xp, x):
    """Wood's function of four variables, minimal at 1."""
    a, b, c, d = xp.unstack(x)
    valleys = 100 * (b - a**2) ** 2 + (1 - a) ** 2 + 90 * (d - c**2) ** 2 + (1 - c) ** 2
    return valleys + 10 * (b + d - 2) ** 2 + (b - d) ** 2 / 10


@case(
    x=param(shape=3),
    points=[
        point("generic", x=[0.5, -1.25, 2]),
        point("near_cut", x=[-1, 0.001, 0]),
        point("below_cut", x=[-1, -0.001, 0]),
        point("trained", x=[0.97, 0.15, 0.24]),
    ],
    source=f"{TESTING}, problem 7",
)
def helical_valley(xp, x):
    """Fletcher and Powell's helical valley; its angle jumps where x[1] = 0 and x[0] < 0."""
    turns = xp.atan2(x[1], x[0]) / (2 * xp.pi)
    radius = xp.sqrt(x[0] ** 2 + x[1] ** 2)
    return 100 * ((x[2] - 10 * turns) ** 2 + (radius - 1) ** 2) + x[2] ** 2


@case(
    x=param(shape=4),
    t=data([i / 5 for i in range(1, 21)]),
    points=[
        point("start", x=[25, 5, -5, -1]),
        point("generic", x=[0.5, -1.25, 2, 0.75]),
        point("trained", x=[-11.6, 13.2, -0.4, 0.24]),
    ],
    source=f"{TESTING}, problem 16",
)
def brown_dennis(xp, x, t):
    """Brown and Dennis's least fourth powers of two curves through 20 times."""
    growth = x[0] + t * x[1] - xp.exp(t)
    wave = x[2] + xp.sin(t) * x[3] - xp.cos(t)
    return xp.sum((growth**2 + wave**2) ** 2)


@case(
    x=param(shape=5),
    points=[
        point("generic", x=[0.5, -1.25, 2, 0.75, -3.5]),
        point("trained", x=[-2.9, -2.91, -2.9, 2.75, -2.9]),
        point("tiny", x=[0.001, -0.002, 0.003, -0.001, 0.002]),
        point("large", x=[50, -40, 30, -20, 10]),
        draw(),
    ],
    source="M. A. Styblinski and T.-S. Tang, Experiments in nonconvex optimization, 1990",
    gradient=lambda np, x: {"x": 2 * x**3 - 16 * x + 2.5},
)
def styblinski_tang(xp, x):
    """Styblinski and Tang's quartic wells, deepest near -2.9035."""
    return xp.sum(x**4 - 16 * x**2 + 5 * x) / 2


@case(
    x=param(shape=3),
    points=[
        point("generic", x=[0.5, -1.25, 2]),
        point("trained", x=[0.01, -0.02, 0.01]),
        point("large", x=[20.3, -15.2, 30.1]),
        draw(),
    ],
    source="D. H. Ackley, A Connectionist Machine for Genetic Hillclimbing, 1987",
)
def ackley(xp, x):
    """Ackley's rippled funnel, which has a cone's tip at 0."""
    funnel = -20 * xp.exp(-0.2 * xp.sqrt(xp.mean(x**2)))
    return funnel - xp.exp(xp.mean(xp.cos(2 * xp.pi * x))) + 20 + xp.e


@case(
    x=param(shape=5),
    points=[
        point("generic", x=[0.5, -1.25, 2, 0.75, -3.5]),
        point("tiny", x=[0.001, -0.002, 0.003, 0.0005, -0.001]),
        point("spread", x=[-900, 0.5, 3, 4, -2]),
        point("large", x=[1000, 1001.5, 999, 998.25, 1000.5]),
        draw(),
    ],
    source="P. Blanchard, D. Higham and N. Higham, Accurately computing the log-sum-exp and softmax functions, 2021",
    gradient=lambda np, x: {"x": np.exp(x - x.max()) / np.exp(x - x.max()).sum()},
)
def log_sum_exp(xp, x):
    """The logarithm of a sum of exponentials, a smooth maximum."""
    return xp.nn.logsumexp(x, axis=0)


HILBERT = [[2520.0 / (i + j + 1) for j in range(5)] for i in range(5)]


@case(
    x=param(shape=5),
    h=data(HILBERT),
    b=data([sum(row) for row in HILBERT]),
    points=[
        point("minimum", x=1),
        point("near_minimum", x=[1.01, 0.98, 1.03, 0.99, 1.02]),
        point("generic", x=[0.5, -1.25, 2, 0.75, -3.5]),
        point("zero", x=0),
    ],
    source="D. Hilbert, Ein Beitrag zur Theorie des Legendre'schen Polynoms, 1894",
    gradient=lambda np, x, h, b: {"x": h @ x - b},
)
def hilbert_quadratic(xp, x, h, b):
    """xᵀHx/2 - bᵀx with the Hilbert matrix times 2520, whose entries and minimum (1, …, 1) every dtype holds."""
    return x @ (h @ x) / 2 - b @ x


@case(
    x=param(),
    points=[
        point("two", x=2),
        point("minus_one", x=-1),
        point("half", x=0.5),
        point("near_one", x=1.125),  # the sum of the terms is 4e-8 of the greatest: float32 can only say "about 0"
    ],
    source="J. W. Demmel, Applied Numerical Linear Algebra, 1997, chapter 1, on (x - 2)⁹",
    gradient=lambda np, x: {"x": 7 * (x - 1) ** 6},
)
def expanded_power(xp, x):
    """(x - 1)⁷ written out, which cancels near 1."""
    return x**7 - 7 * x**6 + 21 * x**5 - 35 * x**4 + 35 * x**3 - 21 * x**2 + 7 * x - 1


@case(
    a=param(shape=(4, 4)),
    points=[
        point("dominant", a=[[4, 1, -0.5, 0], [1, 5, 0.25, 1], [-0.5, 0.5, 3, 0.75], [0, 1, 0.5, 6]]),
        point("graded", a=[[1, 0.5, 0, 0], [2, 10, 3, 0], [0, 20, 100, 40], [0, 0, 300, 1000]]),
        point("nearly_singular", a=[[1, 0.5, 0.25, 0], [0.5, 0.3, 0.1, 0.1], [0.25, 0.1, 0.2, 0], [0, 0.1, 0, 0.23]]),
    ],
    source="G. H. Golub and C. F. Van Loan, Matrix Computations, 2013, section 3.2",
    gradient=lambda np, a: {"a": np.linalg.inv(a).T},
)
def log_det(xp, a):
    """The logarithm of a determinant, by elimination without pivoting."""
    result = 0
    while a.shape[0] > 1:
        result = result + xp.log(a[0, 0])
        a = a[1:, 1:] - a[1:, :1] @ a[:1, 1:] / a[0, 0]
    return result + xp.log(a[0, 0])


@case(
    x=param(),
    y=param(),
    points=[
        point("generic", x=0.5, y=-1.25),
        point("saddle", x=0, y=0),
        point("tiny", x=1e-6, y=2e-6),
        point("large", x=3e4, y=-2e4),
        draw(),
    ],
    source="Y. N. Dauphin et al., Identifying and attacking the saddle point problem, 2014",
    gradient=lambda np, x, y: {"x": 2 * x, "y": -2 * y},
)
def saddle(xp, x, y):
    """x² - y², flat at 0 without a minimum."""
    return x**2 - y**2
