"""Functions with kinks: each at points off the kink, and at points on it, where the derivative is a convention."""

import random

from harness import case, data, draw, param, point

STANDARD = "Python array API standard, 2024.12"
CLARKE = "F. H. Clarke, Optimization and Nonsmooth Analysis, 1983, section 2.1"
RECTIFIER = "X. Glorot, A. Bordes and Y. Bengio, Deep sparse rectifier neural networks, 2011"
AUTOMATIC = "S. Kakade and J. D. Lee, Provably correct automatic subdifferentiation for qualified programs, 2018"

VECTOR = [
    point("generic", x=[0.5, -1.25, 2, 0.75]),
    point("small", x=[0.001, -0.002, 0.0005, -0.0015]),
    point("large", x=[30, -20, 12, -7]),
    draw(),
]
ON_ZERO = [*VECTOR, point("on_zero", x=[0, -1.25, 2, 0]), point("below_zero", x=[-0.5, 0, 1, -2])]
PAIR = [
    point("generic", x=0.5, y=-1.25),
    point("mirrored", x=-1.25, y=0.5),
    point("large", x=300, y=299.5),
    point("tie", x=0.75, y=0.75),
]
SCALAR = [point("right", x=1.5), point("left", x=-0.75), point("small", x=0.001), point("kink", x=0)]


# --------------------------------------------------------------------------- activations


@case(x=param(shape=4), points=ON_ZERO, source=RECTIFIER, gradient=lambda np, x: {"x": 3.0 * (x > 0)})
def relu(xp, x):
    """Three times the sum of the positive entries."""
    return 3 * xp.sum(xp.nn.relu(x))


@case(
    x=param(shape=4),
    points=ON_ZERO,
    source="A. L. Maas, A. Y. Hannun and A. Y. Ng, Rectifier nonlinearities improve acoustic models, 2013",
    gradient=lambda np, x: {"x": np.where(x > 0, 1, 0.25)},
)
def leaky_relu(xp, x):
    """Sum of the entries, a quarter of the negative ones."""
    return xp.sum(xp.nn.leaky_relu(x, negative_slope=0.25))


@case(
    x=param(shape=4),
    points=ON_ZERO,
    source="D.-A. Clevert, T. Unterthiner and S. Hochreiter, Fast and accurate deep network learning by ELUs, 2016",
    gradient=lambda np, x: {"x": np.where(x > 0, 1, 2 * np.exp(x))},
)
def elu(xp, x):
    """Sum of ELU with alpha 2, which has a kink at 0."""
    return xp.sum(xp.nn.elu(x, alpha=2))


@case(
    x=param(shape=4),
    points=ON_ZERO,
    source="G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter, Self-normalizing neural networks, 2017",
    gradient=lambda np, x: {"x": np.where(x > 0, 1.0507, 1.0507 * 1.6733 * np.exp(x))},
)
def selu(xp, x):
    """Sum of SELU with four decimals of its constants."""
    return 1.0507 * xp.sum(xp.where(x > 0, x, 1.6733 * xp.expm1(x)))


@case(x=param(), points=SCALAR, source=AUTOMATIC, gradient=lambda np, x: {"x": np.ones(())})
def identity_by_relus(xp, x):
    """relu(x) - relu(-x), which is x: the conventions of the two kinks do not add up to its derivative 1."""
    return xp.nn.relu(x) - xp.nn.relu(-x)


@case(x=param(), points=SCALAR, source=AUTOMATIC, gradient=lambda np, x: {"x": np.sign(x)})
def absolute_by_relus(xp, x):
    """relu(x) + relu(-x), which is |x|: here the conventions do add up."""
    return xp.nn.relu(x) + xp.nn.relu(-x)


# --------------------------------------------------------------------------- absolute values and norms


@case(x=param(shape=4), points=ON_ZERO, source=CLARKE, gradient=lambda np, x: {"x": np.sign(x)})
def sum_of_absolutes(xp, x):
    """The 1-norm, with entries that are 0."""
    return xp.sum(xp.abs(x))


@case(
    x=param(shape=4),
    y=data([0.625, -1.0, 0.25, 0.875]),
    points=[*VECTOR, point("equal", x=[0.625, -1, 0.25, 0.875]), point("one_equal", x=[0.625, 1, 0.5, -0.75])],
    source="P. J. Bloomfield and W. L. Steiger, Least Absolute Deviations, 1983",
    gradient=lambda np, x, y: {"x": np.sign(x - y) / 4},
)
def mean_absolute_error(xp, x, y):
    """Mean absolute error, with residuals that are exactly 0."""
    return xp.mean(xp.abs(x - y))


@case(
    x=param(shape=3),
    points=[
        point("generic", x=[0.5, -1.25, 2]),
        point("small", x=[0.001, -0.002, 0.0005]),
        point("large", x=[30, -20, 12]),
        point("zero", x=[0, 0, 0]),
    ],
    source=CLARKE,
    gradient=lambda np, x: {"x": x / np.sqrt(np.sum(x * x))},
)
def norm(xp, x):
    """The Euclidean norm, which at 0 has every slope between -1 and 1."""
    return xp.linalg.vector_norm(x)


@case(
    x=param(shape=4),
    points=[*VECTOR, point("equal", x=[0.75, 0.75, 0.75, 0.75])],
    source=STANDARD,
    gradient=lambda np, x: {"x": (x - np.mean(x)) / np.sqrt(4 * np.sum((x - np.mean(x)) ** 2))},
)
def deviation(xp, x):
    """The standard deviation, also of equal values."""
    return xp.std(x, correction=0)


# --------------------------------------------------------------------------- the greatest and the least


@case(
    x=param(),
    y=param(),
    points=PAIR,
    source=STANDARD,
    gradient=lambda np, x, y: {"x": 2 * (x > y), "y": 2 * (y > x) + 1},
)
def greater_of_two(xp, x, y):
    """Twice the greater of two, and y."""
    return 2 * xp.maximum(x, y) + y


@case(
    x=param(),
    y=param(),
    points=PAIR,
    source=STANDARD,
    gradient=lambda np, x, y: {"x": 2.0 * (x < y) + 1, "y": 2.0 * (y < x)},
)
def smaller_of_two(xp, x, y):
    """Twice the smaller of two, and x."""
    return 2 * xp.minimum(x, y) + x


@case(
    x=param(shape=4),
    points=[*VECTOR, point("two_tie", x=[2, -1, 2, 0.5]), point("three_tie", x=[1, 1, 0, 1])],
    source=CLARKE,
    gradient=lambda np, x: {"x": np.where(np.arange(4) == np.argmax(x), 3.0, 0)},
)
def greatest(xp, x):
    """Three times the greatest entry."""
    return 3 * xp.max(x)


@case(
    x=param(shape=(2, 3)),
    points=[
        point("generic", x=[[0.5, -1.25, 2], [0.75, 1.5, -0.25]]),
        point("small", x=[[0.001, -0.002, 0.0005], [-0.0015, 0.003, 0.0025]]),
        point("large", x=[[300, -20, 120], [-70, 45, 5]]),
        point("tie_in_a_row", x=[[0.5, 0.5, 2], [-1, 3, -1]]),
    ],
    source=STANDARD,
    gradient=lambda np, x: {"x": 1.0 * (x == np.min(x, axis=1, keepdims=True))},
)
def least_of_rows(xp, x):
    """Sum of the least entries of the rows."""
    return xp.sum(xp.min(x, axis=1))


@case(
    x=param(shape=4),
    points=[*VECTOR, point("at_low", x=[-1, 0.5, 3, -2]), point("at_both", x=[-1, 1.5, 0.25, 2.5])],
    source=STANDARD,
    gradient=lambda np, x: {"x": 1.0 * ((x > -1) & (x < 1.5))},
)
def clipped(xp, x):
    """Sum of the entries, clipped to -1 and 1.5."""
    return xp.sum(xp.clip(x, -1, 1.5))


@case(
    x=param(shape=3),
    y=data([1.0, -1.0, 1.0]),
    points=[
        point("generic", x=[0.5, -0.25, 2]),
        point("wrong_side", x=[-0.5, 0.75, 0.25]),
        point("large", x=[30, 20, -12]),
        point("on_margin", x=[1, -1, 0.5]),
    ],
    source="C. Cortes and V. Vapnik, Support-vector networks, 1995",
    gradient=lambda np, x, y: {"x": -y * (x * y < 1) / 3},
)
def hinge_on_margin(xp, x, y):
    """Mean hinge loss, with scores on the margin."""
    return xp.mean(xp.maximum(1 - x * y, 0))


# --------------------------------------------------------------------------- orders and windows


@case(
    x=param(shape=4),
    rank=data([1.0, 2.0, 3.0, 4.0]),
    points=[*VECTOR, point("tie", x=[1, 0.5, 1, 2]), point("all_equal", x=[1, 1, 1, 1])],
    source=STANDARD,
    gradient=lambda np, x, rank: {"x": rank[np.argsort(np.argsort(x))]},
)
def ranked(xp, x, rank):
    """The sorted entries, weighted by their rank."""
    return xp.sum(xp.sort(x) * rank)


@case(
    x=param(shape=4),
    rank=data([1.0, 2.0, 3.0, 4.0]),
    points=[*VECTOR, point("tie", x=[1, 0.5, 1, 2])],
    source=STANDARD,
    gradient=lambda np, x, rank: {"x": rank[np.argsort(np.argsort(-x))]},
)
def ranked_down(xp, x, rank):
    """The entries sorted from the greatest on, weighted by their rank."""
    return xp.sum(xp.sort(x, descending=True) * rank)


@case(
    x=param(shape=(1, 2, 4, 1)),
    share=data([1.0, 2.0]),
    points=[
        point("generic", x=[[[[0.5], [-1.25], [2], [0.75]], [[1.5], [-0.25], [0.25], [1]]]]),
        point("small", x=[[[[0.001], [0.002], [0.004], [0.003]], [[0.0005], [-0.001], [0.0015], [0.0025]]]]),
        point("large", x=[[[[30], [-20], [12], [-7]], [[25], [40], [-15], [10]]]]),
        point("tie", x=[[[[1], [0.5], [2], [2]], [[1], [-1], [2], [0]]]]),
    ],
    source="D. Scherer, A. Müller and S. Behnke, Evaluation of pooling operations in object recognition, 2010",
)
def pooled(xp, x, share):
    """Weighted sum of the greatest of two windows, which tie where the picture is flat."""
    return xp.sum(xp.reshape(xp.nn.max_pool2d(x, window=(2, 2), strides=(2, 2)), (2,)) * share)


# --------------------------------------------------------------------------- guarded functions


@case(
    x=param(shape=3),
    points=[
        point("generic", x=[0.5, 1.25, 2]),
        point("mixed", x=[0.25, -1, 4]),
        point("large", x=[400, 90, 30]),
        point("edge", x=[0, 1, -1]),
    ],
    source="JAX documentation, Gradients contain NaN where using where, 2024",
)
def guarded_root(xp, x):
    """Sum of the roots of the positive entries; in the branch that is not taken, a root of what is not positive."""
    return xp.sum(xp.where(x > 0, xp.sqrt(x), 0))


@case(
    x=param(),
    points=[point("generic", x=0.75), point("large", x=40), point("small", x=0.001), point("edge", x=0)],
    source=CLARKE,
    gradient=lambda np, x: {"x": np.ones(())},
)
def root_squared(xp, x):
    """The root of x times itself: real on one side of 0 only, with the derivative 1 there."""
    y = xp.sqrt(x)
    return y * y


@case(
    x=param(),
    y=param(),
    points=[
        point("generic", x=0.5, y=1.25),
        point("large", x=20, y=35),
        point("no_count", x=0, y=0.5),
        point("nothing", x=0, y=0),
    ],
    source="C. E. Shannon, A mathematical theory of communication, 1948, section 6",
    gradient=lambda np, x, y: {"x": np.log(y), "y": x / y},
)
def x_log_y(xp, x, y):
    """x log y, which at (0, 0) is 0 by convention and has no derivative."""
    return xp.special.xlogy(x, y)


@case(
    x=param(),
    points=[point("right", x=1.5), point("left", x=-0.75), point("small", x=0.25), point("jump", x=0)],
    source=CLARKE,
    gradient=lambda np, x: {"x": np.ones(())},
)
def stair(xp, x):
    """x, and 1 more on the right of 0: where the value jumps there is no derivative."""
    return x + xp.where(x > 0, xp.ones(()), 0)


# --------------------------------------------------------------------------- networks of whole numbers


def net(seed):
    """Return a declaration of a rectifier network of whole numbers, which ties in many places, and of its points."""
    draws = random.Random(seed)

    def table(rows, columns, least=-2, greatest=2):
        return [[draws.randint(least, greatest) for _ in range(columns)] for _ in range(rows)]

    def nudged(whole):
        return [[entry + draws.randint(1, 99) / 256 for entry in row] for row in whole]

    x, first, second = table(3, 4), table(4, 5), table(5, 2)
    return case(
        w1=param(shape=(4, 5)),
        w2=param(shape=(5, 2)),
        x=data([[float(entry) for entry in row] for row in x]),
        points=[
            *(point(f"nudged_{k}", w1=nudged(first), w2=nudged(second)) for k in range(3)),
            point("whole", w1=first, w2=second),
        ],
        source=AUTOMATIC,
    )


def rectified(xp, w1, w2, x):
    """Return the sum of what the network of two rectified layers answers."""
    return xp.sum(xp.nn.relu(xp.nn.relu(x @ w1) @ w2))


@net(seed=6)
def whole_net_1(xp, w1, w2, x):
    """A rectifier network of whole numbers."""
    return rectified(xp, w1, w2, x)


@net(seed=29)
def whole_net_2(xp, w1, w2, x):
    """A second rectifier network of whole numbers."""
    return rectified(xp, w1, w2, x)


@net(seed=3)
def whole_net_3(xp, w1, w2, x):
    """A third rectifier network of whole numbers."""
    return rectified(xp, w1, w2, x)
