"""Single functions of a vector or a table: sums along an axis, orders, products, and units of networks."""

from harness import case, data, draw, param, point

STANDARD = "Python array API standard, 2024.12"
VECTOR = [
    point("generic", x=[0.5, -1.25, 2, 0.75]),
    point("tiny", x=[0.001, -0.002, 0.0005, -0.0015]),
    point("large", x=[30, -20, 12, -7]),
    draw(),
]
TABLE = [
    point("generic", x=[[0.5, -1.25, 2], [0.75, 1.5, -0.25]]),
    point("tiny", x=[[0.001, -0.002, 0.0005], [-0.0015, 0.003, 0.0025]]),
    point("large", x=[[300, -20, 120], [-70, 45, 5]]),
    draw(),
]


@case(x=param(shape=(2, 3)), points=TABLE, source=STANDARD, gradient=lambda np, x: {"x": x / lengths(np, x)})
def row_lengths(xp, x):
    """Sum of the Euclidean lengths of the rows."""
    return xp.sum(xp.linalg.vector_norm(x, axis=1))


def lengths(np, x):
    """Return the lengths of the rows as a column."""
    return np.sqrt(np.sum(x**2, axis=1, keepdims=True))


@case(
    x=param(shape=(2, 3)),
    y=data([[0.25, -0.75, 1.0], [1.5, 0.5, -0.25]]),
    points=TABLE,
    source=STANDARD,
    gradient=lambda np, x, y: {"x": np.cumsum((np.cumsum(x, axis=1) - y)[:, ::-1], axis=1)[:, ::-1]},
)
def running_sums(xp, x, y):
    """Squared error of the running sums along the rows."""
    return xp.sum(xp.square(xp.cumulative_sum(x, axis=1) - y)) / 2


@case(
    x=param(shape=4),
    points=VECTOR,
    source="D. M. Blei, A. Kucukelbir and J. D. McAuliffe, Variational inference, 2017, section 2.2",
    gradient=lambda np, x: {"x": np.exp(x) / np.sum(np.exp(x)) - np.exp(-x) / np.sum(np.exp(-x))},
)
def differences_log_sum_exp(xp, x):
    """Logarithm of the sum of exponentials of all differences x[i] - x[k]."""
    return xp.nn.logsumexp(x[:, None] - x[None, :], axis=(0, 1))


@case(
    x=param(shape=4),
    points=[*VECTOR, point("one_zero", x=[0.5, 0, 2, 0.75])],
    source=STANDARD,
    gradient=lambda np, x: {"x": np.array([np.prod(np.delete(x, k)) for k in range(4)])},
)
def product(xp, x):
    """Product of the entries; where one is 0, only its own partial is not."""
    return xp.prod(x)


@case(
    x=param(shape=4),
    share=data([0.5, 0.25, 0.125]),
    points=VECTOR,
    source=STANDARD,
    gradient=lambda np, x, share: {"x": np.append(2 * share, 0)[np.argsort(np.argsort(-x))] * x},
)
def top_three(xp, x, share):
    """Weighted sum of squares of the three greatest entries, the greatest first."""
    return xp.sum(share * xp.sort(x, descending=True)[:3] ** 2)


@case(
    x=param(shape=4),
    points=VECTOR,
    source="L. I. Rudin, S. Osher and E. Fatemi, Nonlinear total variation based noise removal algorithms, 1992",
    gradient=lambda np, x: {"x": 4 * x - 2 * np.roll(x, 1) - 2 * np.roll(x, -1)},
)
def ring_differences(xp, x):
    """Sum of squared differences of neighbours on a ring."""
    return xp.sum(xp.square(x - xp.roll(x, 1)))


@case(
    x=param(shape=4),
    points=VECTOR,
    source=STANDARD,
    gradient=lambda np, x: {"x": 4 * (x - np.flip(x))},
)
def mirror(xp, x):
    """Squared distance of a vector from its mirror image."""
    return xp.sum(xp.square(x - xp.flip(x)))


@case(
    x=param(shape=(2, 3)),
    k=data([[[0.5, -1.0], [1.5, 0.25]], [[-0.25, 0.75], [1.0, -0.5]], [[0.125, 1.25], [-0.75, 0.5]]]),
    points=TABLE,
    source=STANDARD,
    gradient=lambda np, x, k: {"x": 2 * np.tensordot(np.tensordot(x, k, ((0, 1), (1, 0))), k, (0, 2)).T},
)
def contraction(xp, x, k):
    """Sum of squares of a table contracted with the first two axes of an array, in the other order."""
    return xp.sum(xp.square(xp.tensordot(x, k, axes=((0, 1), (1, 0)))))


@case(
    x=param(shape=(2, 3)),
    chosen=data([2, 0]),
    points=TABLE,
    source=STANDARD,
    gradient=lambda np, x, chosen: {"x": 2 * x * np.eye(3)[chosen]},
)
def chosen_entries(xp, x, chosen):
    """Sum of squares of one entry of each row, chosen by a product with ones and zeros."""
    return xp.sum(xp.square(xp.vecdot(xp.nn.one_hot(chosen, 3), x)))


@case(x=param(shape=4), points=VECTOR, source=STANDARD)
def relative_spread(xp, x):
    """Standard deviation of a sample over the root of its mean square."""
    return xp.std(x, correction=1) / xp.sqrt(xp.mean(x**2))


@case(
    x=param(shape=4),
    points=VECTOR,
    source="C. Dugas et al., Incorporating second-order functional knowledge for better option pricing, 2001",
    gradient=lambda np, x: {"x": 1 / (1 + np.exp(-x))},
)
def softplus(xp, x):
    """Sum of log(1 + exp(x))."""
    return xp.sum(xp.nn.softplus(x))


@case(
    x=param(shape=4),
    points=VECTOR,
    source="D.-A. Clevert, T. Unterthiner and S. Hochreiter, Fast and accurate network learning by ELUs, 2016",
    gradient=lambda np, x: {"x": np.where(x > 0, 1, 0.75 * np.exp(x))},
)
def elu(xp, x):
    """Sum of exponential linear units with alpha 0.75."""
    return xp.sum(xp.nn.elu(x, alpha=0.75))


@case(
    x=param(shape=4),
    points=VECTOR,
    source="S. Elfwing, E. Uchibe and K. Doya, Sigmoid-weighted linear units, 2018",
    gradient=lambda np, x: {"x": (1 + x / (1 + np.exp(x))) / (1 + np.exp(-x))},
)
def silu(xp, x):
    """Sum of x over 1 + exp(-x)."""
    return xp.sum(xp.nn.silu(x))


@case(
    x=param(shape=4),
    points=VECTOR,
    source="A. L. Maas, A. Y. Hannun and A. Y. Ng, Rectifier nonlinearities improve acoustic models, 2013",
    gradient=lambda np, x: {"x": np.where(x > 0, 2, 1 / 32) * x},
)
def leaky_squares(xp, x):
    """Sum of squares of leaky rectifiers of slope 1/8, written out by where."""
    return xp.sum(xp.square(xp.where(x > 0, x, x / 8)))
