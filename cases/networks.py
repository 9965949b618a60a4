"""Small networks, on real irises and on a few rows of their own.

Their weights, at the start, after training and far out, lie in data/weights.json; data/README.md says where all data
is from.
"""

import json
from pathlib import Path

import numpy as np

from harness import case, data, draw, param, point

DATA = Path(__file__).parent / "data"
WEIGHTS = json.loads((DATA / "weights.json").read_text())
IRIS = np.loadtxt(DATA / "iris.csv", delimiter=",", skiprows=1)
FLOWERS, SPECIES = IRIS[:, :4], IRIS[:, 4].astype(int)
BATCH = np.linspace(0, 149, 16).astype(int)  # 6 setosa, 5 versicolor, 5 virginica: small enough for symbolic engines


def weights(network):
    """Return the labelled points of a network."""
    return [point(label, **values) for label, values in WEIGHTS[network].items()]


@case(
    w=param(shape=4),
    b=param(),
    x=data(FLOWERS),
    y=data(np.where(SPECIES == 2, 1.0, -1.0)),
    points=["zero", *weights("logistic_regression"), draw()],
    source="D. R. Cox, The regression analysis of binary sequences, 1958",
    gradient=lambda np, w, b, x, y: {
        "w": -(y / (1 + np.exp(y * (x @ w + b)))) @ x / 150,
        "b": -np.mean(y / (1 + np.exp(y * (x @ w + b)))),
    },
)
def logistic_regression(xp, w, b, x, y):
    """Mean logistic loss of telling virginica from the other irises, all 150 of them."""
    return xp.mean(xp.nn.softplus(-y * (x @ w + b)))


@case(
    w=param(shape=(4, 3)),
    b=param(shape=3),
    x=data(FLOWERS[BATCH]),
    y=data(SPECIES[BATCH]),
    points=["zero", *weights("softmax_regression"), draw()],
    source="C. M. Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.4",
)
def softmax_regression(xp, w, b, x, y):
    """Mean cross-entropy of softmax(x·w + b) on 16 irises."""
    z = x @ w + b
    return -xp.mean(xp.take_along_axis(xp.nn.log_softmax(z, axis=1), y[:, None], axis=1))


@case(
    w1=param(shape=(2, 2)),
    b1=param(shape=2),
    w2=param(shape=2),
    b2=param(),
    x=data([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]),
    y=data([0.0, 1.0, 1.0, 0.0]),
    points=[*weights("xor"), draw()],
    source="D. Rumelhart, G. Hinton and R. Williams, Learning internal representations by error propagation, 1986",
)
def xor(xp, w1, b1, w2, b2, x, y):
    """Squared error of a 2-2-1 network of sigmoids on exclusive or."""
    h = xp.nn.sigmoid(x @ w1 + b1)
    return xp.sum(xp.square(xp.nn.sigmoid(h @ w2 + b2) - y)) / 2


@case(
    hidden=dict(w=param(shape=(3, 4)), b=param(shape=4)),
    output=dict(w=param(shape=(4, 2)), b=param(shape=2)),
    x=data([[0.5, -1.0, 0.25], [1.5, 0.75, -0.5], [-0.25, 1.25, 1.0], [0.0, -0.5, 2.0], [1.0, 1.0, -1.5]]),
    y=data([[0.5, -1.0], [1.5, 0.0], [-0.5, 1.0], [1.0, 0.5], [0.0, -0.5]]),
    points=[*weights("mlp_3_4_2"), draw()],
    source="C. M. Bishop, Pattern Recognition and Machine Learning, 2006, section 5.1",
)
def mlp_3_4_2(xp, hidden, output, x, y):
    """Mean squared error of a 3-4-2 network with a tanh layer, its parameters in nested dictionaries."""
    h = xp.tanh(x @ hidden["w"] + hidden["b"])
    return xp.mean(xp.square(h @ output["w"] + output["b"] - y))


@case(
    w1=param(shape=(4, 3)),
    b1=param(shape=3),
    w2=param(shape=(3, 3)),
    b2=param(shape=3),
    x=data(FLOWERS[BATCH]),
    y=data(SPECIES[BATCH]),
    points=weights("iris_tanh"),
    source="C. M. Bishop, Pattern Recognition and Machine Learning, 2006, section 5.1",
)
def iris_tanh(xp, w1, b1, w2, b2, x, y):
    """Mean cross-entropy of a 4-3-3 network with a tanh layer on 16 irises."""
    z = xp.tanh(x @ w1 + b1) @ w2 + b2
    return -xp.mean(xp.take_along_axis(xp.nn.log_softmax(z, axis=1), y[:, None], axis=1))


@case(
    w1=param(shape=(4, 3)),
    b1=param(shape=3),
    w2=param(shape=(3, 3)),
    b2=param(shape=3),
    x=data(FLOWERS[BATCH]),
    y=data(SPECIES[BATCH]),
    points=[*weights("iris_relu"), draw()],
    source="X. Glorot, A. Bordes and Y. Bengio, Deep sparse rectifier neural networks, 2011",
)
def iris_relu(xp, w1, b1, w2, b2, x, y):
    """Mean cross-entropy of a 4-3-3 network with a relu layer on 16 irises."""
    z = xp.nn.relu(x @ w1 + b1) @ w2 + b2
    return -xp.mean(xp.take_along_axis(xp.nn.log_softmax(z, axis=1), y[:, None], axis=1))


@case(
    w1=param(shape=(4, 3)),
    b1=param(shape=3),
    w2=param(shape=(3, 3)),
    b2=param(shape=3),
    x=data(FLOWERS[BATCH]),
    y=data(SPECIES[BATCH]),
    points=[*weights("iris_gelu"), draw()],
    source="D. Hendrycks and K. Gimpel, Gaussian error linear units, 2016",
)
def iris_gelu(xp, w1, b1, w2, b2, x, y):
    """Mean cross-entropy of a 4-3-3 network with a gelu layer, written out by erf, on 16 irises."""
    a = x @ w1 + b1
    z = (a * (1 + xp.special.erf(a / 2**0.5)) / 2) @ w2 + b2
    return -xp.mean(xp.take_along_axis(xp.nn.log_softmax(z, axis=1), y[:, None], axis=1))


@case(
    table=param(shape=(5, 3)),
    w=param(shape=(3, 2)),
    words=data([[0, 2, 2], [4, 0, 2]]),
    y=data([[0.5, -0.25], [-0.5, 0.75]]),
    points=[*weights("embedding"), draw()],
    source="Y. Bengio et al., A neural probabilistic language model, 2003",
)
def embedding(xp, table, w, words, y):
    """Squared error of two sentences' mean word vectors; words 0 and 2 are used again, 1 and 3 never."""
    sentences = xp.mean(xp.take(table, words, axis=0), axis=1)
    return xp.sum(xp.square(xp.tanh(sentences @ w) - y))


@case(
    x=param(shape=(3, 4)),
    gamma=param(shape=4),
    beta=param(shape=4),
    y=data([[0.5, -1.0, 0.25, 1.0], [1.5, 0.75, -0.5, 0.0], [-0.25, 1.25, 1.0, -2.0]]),
    points=[*weights("layer_norm"), draw()],
    source="J. L. Ba, J. R. Kiros and G. E. Hinton, Layer normalization, 2016, equation 3",
)
def layer_norm(xp, x, gamma, beta, y):
    """Mean squared error of a layer normalisation written out."""
    centred = x - xp.mean(x, axis=1, keepdims=True)
    spread = xp.sqrt(xp.var(x, axis=1, keepdims=True, correction=0) + 1e-5)
    return xp.mean(xp.square(centred / spread * gamma + beta - y))


@case(
    w=param(shape=(4, 3)),
    gamma=param(shape=3),
    beta=param(shape=3),
    x=data(FLOWERS[BATCH]),
    y=data(SPECIES[BATCH]),
    points=[*weights("batch_norm"), draw()],
    source="S. Ioffe and C. Szegedy, Batch normalization, 2015, algorithm 1",
)
def batch_norm(xp, w, gamma, beta, x, y):
    """Mean cross-entropy of scores that are normalised over a batch of 16 irises, as in training."""
    z = x @ w
    spread = xp.sqrt(xp.var(z, axis=0, correction=0) + 1e-5)
    scores = (z - xp.mean(z, axis=0)) / spread * gamma + beta
    return -xp.mean(xp.take_along_axis(xp.nn.log_softmax(scores, axis=1), y[:, None], axis=1))


@case(
    w=param(shape=(4, 3)),
    gamma=param(shape=3),
    beta=param(shape=3),
    x=data(FLOWERS[BATCH]),
    y=data(SPECIES[BATCH]),
    mean=data([-4.0, 1.5, 2.0]),
    variance=data([0.5, 6.0, 2.5]),
    points=[*weights("batch_norm_inference"), draw()],
    source="S. Ioffe and C. Szegedy, Batch normalization, 2015, algorithm 2",
)
def batch_norm_inference(xp, w, gamma, beta, x, y, mean, variance):
    """Mean cross-entropy of scores that are normalised by a mean and a variance from before, as in inference."""
    scores = (x @ w - mean) / xp.sqrt(variance + 1e-5) * gamma + beta
    return -xp.mean(xp.take_along_axis(xp.nn.log_softmax(scores, axis=1), y[:, None], axis=1))


@case(
    w1=param(shape=(3, 2)),
    w2=param(shape=(2, 3)),
    x=data([[0.5, -1.0, 0.25], [1.5, 0.75, -0.5], [-0.25, 1.25, 1.0]]),
    y=data([[0.0, -1.0, 0.5], [1.0, 1.0, -1.0], [0.0, 1.0, 2.0]]),
    points=[*weights("residual_gelu"), draw()],
    source="K. He et al., Deep residual learning, 2016, equation 1; D. Hendrycks and K. Gimpel, GELU, 2016",
)
def residual_gelu(xp, w1, w2, x, y):
    """Mean squared error of a residual block x + gelu(x·w1)·w2, with gelu written out by erf."""
    z = x @ w1
    h = z * (1 + xp.special.erf(z / 2**0.5)) / 2
    return xp.mean(xp.square(x + h @ w2 - y))


@case(
    w1=param(shape=(4, 2)),
    b1=param(shape=2),
    w2=param(shape=(2, 4)),
    b2=param(shape=4),
    x=data(FLOWERS[BATCH]),
    points=weights("autoencoder"),
    source="G. E. Hinton and R. R. Salakhutdinov, Reducing the dimensionality of data with neural networks, 2006",
)
def autoencoder(xp, w1, b1, w2, b2, x):
    """Mean squared error of 16 irises squeezed through two tanh units."""
    return xp.mean(xp.square(xp.tanh(x @ w1 + b1) @ w2 + b2 - x))


@case(
    w1=param(shape=(3, 2)),
    w2=param(shape=(3, 2)),
    w3=param(shape=(2, 3)),
    x=data([[0.5, -1.0, 0.25], [1.5, 0.75, -0.5], [-0.25, 1.25, 1.0]]),
    noise=data([[0.5, -1.25], [-0.25, 0.75], [1.5, 0.25]]),
    points=[*weights("variational"), draw()],
    source="D. P. Kingma and M. Welling, Auto-encoding variational Bayes, 2014, equation 10 and appendix B",
)
def variational(xp, w1, w2, w3, x, noise):
    """Mean loss of a variational autoencoder with its noise given: squared error and divergence from N(0, 1)."""
    mean, log_variance = x @ w1, x @ w2
    code = mean + xp.exp(log_variance / 2) * noise
    divergence = xp.sum(xp.exp(log_variance) + mean**2 - 1 - log_variance) / 2
    return (xp.sum(xp.square(code @ w3 - x)) / 2 + divergence) / 3


@case(
    q=param(shape=(3, 2)),
    k=param(shape=(3, 2)),
    v=param(shape=(3, 2)),
    x=data([[0.5, -1.0, 0.25], [1.5, 0.75, -0.5], [-0.25, 1.25, 1.0], [0.0, -0.5, 2.0]]),
    y=data([[0.5, -0.25], [-1.0, 0.75], [1.25, 0.5], [0.0, -0.5]]),
    past=data(np.tril(np.ones((4, 4), dtype=bool))),
    points=[*weights("attention"), draw()],
    source="A. Vaswani et al., Attention is all you need, 2017, equation 1",
)
def attention(xp, q, k, v, x, y, past):
    """Mean squared error of one attention head in which each row sees itself and the rows before it."""
    scores = (x @ q) @ (x @ k).T / 2**0.5
    shares = xp.nn.softmax(xp.where(past, scores, -xp.inf), axis=1)
    return xp.mean(xp.square(shares @ (x @ v) - y))
