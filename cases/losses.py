"""Losses, each a mean over its examples: of regression, classification and likelihoods.

`p` is a prediction and `y` its target, `z` is a logit, `t` a target distribution or mask.
"""

import math

from harness import case, data, draw, param, point

ESL = "T. Hastie, R. Tibshirani and J. Friedman, The Elements of Statistical Learning, 2009, section 10.6"
PRML = "C. M. Bishop, Pattern Recognition and Machine Learning, 2006"
GLM = "P. McCullagh and J. A. Nelder, Generalized Linear Models, 1989"

REGRESSION = dict(p=param(shape=(4,)), y=data([1.0, -2.0, 0.5, 3.0]))
GENERIC, LARGE = [0.5, -1.25, 2.0, 2.75], [900, -700, 800, -600]
SLIGHTLY_OFF = [1.001, -2.001, 0.501, 2.999]


@case(
    **REGRESSION,
    points=[point("generic", p=GENERIC), point("trained", p=SLIGHTLY_OFF), point("large", p=LARGE), draw()],
    source=ESL,
    gradient=lambda np, p, y: {"p": (p - y) / 2},
)
def squared(xp, p, y):
    """Mean squared error."""
    return xp.mean((p - y) ** 2)


@case(
    **REGRESSION,
    points=[point("generic", p=GENERIC), point("near_kink", p=SLIGHTLY_OFF), point("large", p=LARGE), draw()],
    source=ESL,
    gradient=lambda np, p, y: {"p": np.sign(p - y) / 4},
)
def absolute(xp, p, y):
    """Mean absolute error."""
    return xp.mean(xp.abs(p - y))


@case(
    **REGRESSION,
    points=[
        point("generic", p=GENERIC),
        point("near_kink", p=[2.001, -1.001, -0.501, 2.001]),
        point("trained", p=SLIGHTLY_OFF),
        point("large", p=LARGE),
    ],
    source="P. J. Huber, Robust estimation of a location parameter, 1964",
    gradient=lambda np, p, y: {"p": np.clip(p - y, -1, 1) / 4},
)
def huber(xp, p, y):
    """Huber's loss with delta = 1: quadratic near 0, linear beyond."""
    r = xp.abs(p - y)
    return xp.mean(xp.where(r <= 1, r**2 / 2, r - 0.5))


@case(
    **REGRESSION,
    points=[point("generic", p=GENERIC), point("trained", p=SLIGHTLY_OFF), point("large", p=LARGE), draw()],
    source="R. A. Saleh and A. K. M. E. Saleh, Statistical properties of the log-cosh loss function, 2022",
    gradient=lambda np, p, y: {"p": np.tanh(p - y) / 4},
)
def log_cosh(xp, p, y):
    """Mean of log(cosh(p - y)), in the form that does not overflow."""
    r = p - y
    return xp.mean(r + xp.nn.softplus(-2 * r) - math.log(2))


@case(
    **REGRESSION,
    points=[point("generic", p=GENERIC), point("near_kink", p=SLIGHTLY_OFF), point("large", p=LARGE), draw()],
    source="R. Koenker and G. Bassett, Regression quantiles, 1978",
    gradient=lambda np, p, y: {"p": np.where(p > y, 0.25, -0.75) / 4},
)
def quantile(xp, p, y):
    """Pinball loss of the upper quartile."""
    r = y - p
    return xp.mean(xp.maximum(0.75 * r, -0.25 * r))


SIGNED = dict(z=param(shape=(4,)), y=data([-1.0, 1.0, 1.0, -1.0]))
LOGITS, SATURATED = [0.5, -1.25, 2.0, -0.75], [-12, 9, -11, 8]


@case(
    **SIGNED,
    points=[point("generic", z=LOGITS), point("near_kink", z=[-0.999, 1.001, 0.999, -1.001]), point("zero", z=0)],
    source="C. Cortes and V. Vapnik, Support-vector networks, 1995",
    gradient=lambda np, z, y: {"z": np.where(y * z < 1, -y, 0) / 4},
)
def hinge(xp, z, y):
    """Hinge loss of labels -1 and 1."""
    return xp.mean(xp.nn.relu(1 - y * z))


@case(
    **SIGNED,
    points=[point("generic", z=LOGITS), point("near_kink", z=[-0.999, 1.001, 0.999, -1.001]), point("zero", z=0)],
    source="O. Chapelle, Training a support vector machine in the primal, 2007",
    gradient=lambda np, z, y: {"z": -y * np.maximum(1 - y * z, 0) / 2},
)
def squared_hinge(xp, z, y):
    """Squared hinge loss of labels -1 and 1."""
    return xp.mean(xp.square(xp.maximum(1 - y * z, 0.0)))


@case(
    **SIGNED,
    points=[point("generic", z=LOGITS), point("zero", z=0), point("saturated", z=SATURATED), draw()],
    source=ESL,
    gradient=lambda np, z, y: {"z": -y / (1 + np.exp(y * z)) / 4},
)
def logistic(xp, z, y):
    """Logistic loss of labels -1 and 1."""
    return xp.mean(xp.nn.softplus(-y * z))


@case(
    **SIGNED,
    points=[point("generic", z=LOGITS), point("zero", z=0), point("saturated", z=SATURATED), draw()],
    source="T.-Y. Lin et al., Focal loss for dense object detection, 2017, equation 4",
)
def focal(xp, z, y):
    """Focal loss with gamma = 2 of labels -1 and 1."""
    return xp.mean(xp.nn.sigmoid(-y * z) ** 2 * xp.nn.softplus(-y * z))


@case(
    z=param(shape=(4,)),
    y=data([0.0, 1.0, 1.0, 0.0]),
    points=[point("generic", z=LOGITS), point("zero", z=0), point("saturated", z=SATURATED), draw()],
    source=f"{PRML}, equation 4.90",
    gradient=lambda np, z, y: {"z": (1 / (1 + np.exp(-z)) - y) / 4},
)
def binary_cross_entropy(xp, z, y):
    """Binary cross-entropy of labels 0 and 1 from logits."""
    return xp.mean(y * xp.nn.softplus(-z) + (1 - y) * xp.nn.softplus(z))


@case(
    p=param(shape=(4,), domain=(0, 1)),
    y=data([0.0, 1.0, 1.0, 0.0]),
    points=[
        point("generic", p=[0.25, 0.625, 0.125, 0.5]),
        point("trained", p=[0.03, 0.98, 0.95, 0.04]),
        point("saturated", p=[0.9999, 0.0001, 0.9999, 0.0001]),
        draw(),
    ],
    source=f"{PRML}, equation 4.90",
    gradient=lambda np, p, y: {"p": (p - y) / (p * (1 - p)) / 4},
)
def binary_cross_entropy_of_probabilities(xp, p, y):
    """Binary cross-entropy of labels 0 and 1 from probabilities."""
    return -xp.mean(y * xp.log(p) + (1 - y) * xp.log1p(-p))


ROWS = dict(z=param(shape=(3, 4)))
SCORES = [[0.5, -1.25, 2.0, 0.25], [-0.5, 1.5, 0.75, -2.0], [1.25, 0.0, -0.25, 0.625]]
FAR = [[12, -9, 3, 1], [-4, 8, 25, -30], [2, 17, -6, 9]]
DISTRIBUTION = data([[0.5, 0.125, 0.3125, 0.0625], [0.0625, 0.0625, 0.125, 0.75], [0.1875, 0.3125, 0.375, 0.125]])


@case(
    **ROWS,
    y=data([2, 1, 3]),
    points=[point("generic", z=SCORES), point("zero", z=0), point("saturated", z=FAR), draw()],
    source=f"{PRML}, equation 4.108",
    gradient=lambda np, z, y: {
        "z": (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - (np.arange(4) == y[:, None])) / 3
    },
)
def softmax_cross_entropy(xp, z, y):
    """Cross-entropy of integer labels from logits."""
    return -xp.mean(xp.take_along_axis(xp.nn.log_softmax(z, axis=1), y[:, None], axis=1))


@case(
    p=param(shape=(3, 4), domain=(0, 1)),
    t=DISTRIBUTION,
    points=[
        point("generic", p=[[0.25, 0.25, 0.375, 0.125], [0.5, 0.125, 0.125, 0.25], [0.1, 0.2, 0.3, 0.4]]),
        point("trained", p=[[0.48, 0.14, 0.3, 0.08], [0.07, 0.07, 0.12, 0.74], [0.18, 0.32, 0.36, 0.14]]),
        point("tiny", p=0.001),
    ],
    source=f"{PRML}, equation 4.108",
    gradient=lambda np, p, t: {"p": -t / p / 3},
)
def cross_entropy_of_probabilities(xp, p, t):
    """Cross-entropy of target distributions from probabilities."""
    return -xp.mean(xp.sum(t * xp.log(p), axis=1))


@case(
    **ROWS,
    t=data([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]]),
    points=[point("generic", z=SCORES), point("zero", z=0), point("saturated", z=FAR), draw()],
    source="C. Szegedy et al., Rethinking the Inception architecture for computer vision, 2016, section 7",
)
def label_smoothing(xp, z, t):
    """Cross-entropy of one-hot targets that are mixed with 0.1 of the uniform distribution."""
    smooth = 0.9 * t + 0.1 / t.shape[1]
    return -xp.mean(xp.sum(smooth * xp.nn.log_softmax(z, axis=1), axis=1))


@case(
    **ROWS,
    t=DISTRIBUTION,
    points=[point("generic", z=SCORES), point("zero", z=0), point("saturated", z=FAR), draw()],
    source="S. Kullback and R. A. Leibler, On information and sufficiency, 1951",
    gradient=lambda np, z, t: {"z": (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - t) / 3},
)
def kl(xp, z, t):
    """Kullback-Leibler divergence of softmax(z) from the distribution t."""
    return xp.mean(xp.sum(t * (xp.log(t) - xp.nn.log_softmax(z, axis=1)), axis=1))


COUNTS = dict(z=param(shape=(5,)), y=data([0.0, 1.0, 3.0, 7.0, 2.0]))
LOG_RATES, LOG_COUNTS = [0.5, -0.25, 1.5, 2.0, 0.75], [-2.0, 0.1, 1.0, 1.9, 0.6]
FAR_RATES = [-5, 6, -4, 5, -6]


@case(
    **COUNTS,
    points=[point("generic", z=LOG_RATES), point("trained", z=LOG_COUNTS), point("far", z=FAR_RATES), draw()],
    source=f"{GLM}, chapter 6",
    gradient=lambda np, z, y: {"z": (np.exp(z) - y) / 5},
)
def poisson(xp, z, y):
    """Poisson negative log-likelihood of counts from log rates, without the constant."""
    return xp.mean(xp.exp(z) - y * z)


@case(
    **COUNTS,
    points=[point("generic", z=LOG_RATES), point("trained", z=LOG_COUNTS), point("far", z=FAR_RATES), draw()],
    source="J. M. Hilbe, Negative Binomial Regression, 2011",
    gradient=lambda np, z, y: {"z": ((y + 3) * np.exp(z) / (3 + np.exp(z)) - y) / 5},
)
def negative_binomial(xp, z, y):
    """Negative binomial negative log-likelihood of counts from log means at dispersion 3, without the constant."""
    return xp.mean((y + 3) * xp.log(3 + xp.exp(z)) - y * z)


@case(
    z=param(shape=(4,)),
    y=data([0.5, 1.25, 3.0, 0.125]),
    points=[
        point("generic", z=[0.25, -0.5, 1.0, -1.5]),
        point("trained", z=[-0.7, 0.2, 1.1, -2.0]),
        point("far", z=[5, -6, 4, -7]),
    ],
    source=f"{GLM}, chapter 8",
    gradient=lambda np, z, y: {"z": (1 - y * np.exp(-z)) / 2},
)
def gamma(xp, z, y):
    """Gamma negative log-likelihood of shape 2 from log means, without the constant."""
    return 2 * xp.mean(z + y * xp.exp(-z))


@case(
    mean=param(shape=(4,)),
    s=param(shape=(4,)),
    y=data([1.0, -2.0, 0.5, 3.0]),
    points=[
        point("generic", mean=GENERIC, s=[0.5, -0.25, 0.0, 1.0]),
        point("trained", mean=[0.9, -1.8, 0.6, 2.7], s=[-4.2, -3.0, -4.8, -2.5]),
        point("far", mean=[40, -30, 20, -10], s=[-1, 2, 3, -2]),
        draw(),
    ],
    source="D. A. Nix and A. S. Weigend, Estimating the mean and variance of the target distribution, 1994",
    gradient=lambda np, mean, s, y: {
        "mean": (mean - y) * np.exp(-s) / 4,
        "s": (1 - (mean - y) ** 2 * np.exp(-s)) / 8,
    },
)
def gaussian(xp, mean, s, y):
    """Gaussian negative log-likelihood from means and log variances s, without the constant."""
    return xp.mean(s + (y - mean) ** 2 * xp.exp(-s)) / 2
