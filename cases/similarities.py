"""Losses that compare vectors, or a mask with its prediction."""

from harness import case, data, param, point


@case(
    a=param(shape=(3,)),
    b=param(shape=(3,)),
    points=[
        point("generic", a=[0.5, -1.25, 2.0], b=[1.5, 0.75, -0.5]),
        point("nearly_aligned", a=[1.0, 2.0, -1.0], b=[1.1, 1.9, -1.2]),
        point("large", a=[900, -700, 800], b=[0.001, 0.002, -0.003]),
    ],
    source="G. Salton, A. Wong and C. S. Yang, A vector space model for automatic indexing, 1975",
)
def cosine(xp, a, b):
    """One minus the cosine of the angle between a and b."""
    return 1 - xp.sum(a * b) / xp.sqrt(xp.sum(a**2) * xp.sum(b**2))


@case(
    a=param(shape=(2, 3)),
    p=param(shape=(2, 3)),
    n=param(shape=(2, 3)),
    points=[
        point("generic", a=[[0.5, 1, -1], [2, 0, 1]], p=[[1, 0.5, 0], [1.5, 1, 1]], n=[[0, 1, 0], [-1, -2, 0]]),
        point("near_kink", a=[[0, 0, 0], [1, 1, 1]], p=[[1.001, 0, 0], [1, 1, 0.999]], n=[[0, 1, 1], [0, 1, 1.1]]),
        point("large", a=[[50, -30, 20], [7, 60, 1]], p=[[-50, 30, 9], [3, 80, 2]], n=[[9, 9, 8], [7, 5, 6]]),
    ],
    source="F. Schroff, D. Kalenichenko and J. Philbin, FaceNet, 2015",
)
def triplet(xp, a, p, n):
    """Triplet loss of anchors, positives and negatives with margin 1."""
    near, far = xp.sum((a - p) ** 2, axis=1), xp.sum((a - n) ** 2, axis=1)
    return xp.mean(xp.nn.relu(near - far + 1))


@case(
    a=param(shape=(3, 2)),
    b=param(shape=(3, 2)),
    y=data([0, 1, 2]),
    points=[
        point("generic", a=[[0.5, -0.25], [1, 0.75], [-0.5, 1]], b=[[0.25, 0.5], [-1, 0.75], [0.5, 0.625]]),
        point("trained", a=[[1, 0.1], [-0.6, 0.8], [-0.5, -0.9]], b=[[0.9, 0.2], [-0.5, 0.9], [-0.4, -0.8]]),
        point(
            "tiny",
            a=[[0.001, 0.004], [-0.003, 0.002], [0.005, 0.001]],
            b=[[0.002, 0.003], [0.004, -0.001], [-0.002, 0.005]],
        ),
    ],
    source="A. van den Oord et al., Representation learning with contrastive predictive coding, 2018, equation 4",
)
def info_nce(xp, a, b, y):
    """InfoNCE of three pairs of vectors at temperature 1/2."""
    scores = a @ b.T / 0.5
    return -xp.mean(xp.take_along_axis(xp.nn.log_softmax(scores, axis=1), y[:, None], axis=1))


@case(
    z=param(shape=(2, 3)),
    t=data([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]),
    points=[
        point("generic", z=[[0.5, -1.25, 2.0], [0.75, -0.5, 1.0]]),
        point("zero", z=0),
        point("trained", z=[[-3.5, 3.1, 4.2], [-2.8, -4.1, 3.6]]),
    ],
    source="after F. Milletari, N. Navab and S.-A. Ahmadi, V-Net, 2016, section 3",
)
def dice(xp, z, t):
    """One minus the Dice overlap of a mask and the probabilities sigmoid(z), smoothed by 1."""
    p = xp.nn.sigmoid(z)
    return 1 - (2 * xp.sum(p * t) + 1) / (xp.sum(p) + xp.sum(t) + 1)
