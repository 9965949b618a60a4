"""The lesson's cost functions: a derivative as a nudge, as algebra, and as a graph walked backwards.

Inputs that are not whole are decimal text: "3.01" is 301/100 to the reader and the nearest float to an engine.
"""

from harness import case, data, param, point

DERIVATIVES = "A. Ng, Advanced Learning Algorithms, DeepLearning.AI, 2022, week 2, derivatives"
BACKPROP = "A. Ng, Advanced Learning Algorithms, DeepLearning.AI, 2022, week 2, back propagation"


@case(
    w=param(),
    points=[
        point("three", w=3),
        point("three_and_0001", w="3.001"),
        point("three_and_0002", w="3.002"),
        point("three_and_001", w="3.01"),
        point("two", w=2),
        point("two_and_0001", w="2.001"),
        point("descent_1", w="2.4"),  # a step of gradient descent from 3 at rate 0.1, and the next
        point("descent_2", w="1.92"),
        point("bounced", w=-3),  # a step at rate 1
        point("minimum", w=0),  # a step at rate 1/2
    ],
    source=DERIVATIVES,
    gradient=lambda np, w: {"w": 2 * w},
)
def square(xp, w):
    """J(w) = w²."""
    return w**2


@case(
    w=param(),
    points=[point("three", w=3), point("two", w=2), point("two_and_0001", w="2.001"), point("zero", w=0)],
    source=DERIVATIVES,
    gradient=lambda np, w: {"w": 2 + 0 * w},
)
def double(xp, w):
    """J(w) = 2w."""
    return 2 * w


@case(
    w=param(),
    points=[point("two", w=2), point("two_and_0001", w="2.001"), point("three", w=3), point("minus_two", w=-2)],
    source=DERIVATIVES,
    gradient=lambda np, w: {"w": 3 * w**2},
)
def cube(xp, w):
    """J(w) = w³."""
    return w**3


@case(
    w=param(),
    points=[point("two", w=2), point("two_and_0001", w="2.001"), point("tiny", w="0.001"), point("minus_four", w=-4)],
    source=DERIVATIVES,
    gradient=lambda np, w: {"w": -1 / w**2},
)
def reciprocal(xp, w):
    """J(w) = 1/w."""
    return 1 / w


@case(
    w=param(),
    points=[point("four", w=4), point("four_and_0001", w="4.001"), point("tiny", w="0.01"), point("minus_two", w=-2)],
    source=DERIVATIVES,
    gradient=lambda np, w: {"w": -2 / w**3},
)
def reciprocal_square(xp, w):
    """J(w) = 1/w²."""
    return 1 / w**2


@case(
    w=param(),
    points=[
        point("three", w=3),
        point("three_and_0001", w="3.001"),
        point("minus_one", w=-1),
        point("tiny", w="0.001"),
    ],
    source=BACKPROP,
    gradient=lambda np, w: {"w": 6 * (2 + 3 * w)},
)
def chain(xp, w):
    """J(w) = (2 + 3w)², a chain of a(w) = 2 + 3w and J(a) = a²."""
    a = 2 + 3 * w
    return a**2


@case(
    w=param(),
    points=[point("three", w=3), point("three_and_0001", w="3.001"), point("minus_one", w=-1)],
    source=BACKPROP,
    gradient=lambda np, w: {"w": 3 + 0 * w},
)
def chain_inner(xp, w):
    """a(w) = 2 + 3w, the inner half of the chain."""
    return 2 + 3 * w


@case(
    a=param(),
    points=[point("eleven", a=11), point("eleven_and_0003", a="11.003"), point("minus_one", a=-1)],
    source=BACKPROP,
    gradient=lambda np, a: {"a": 2 * a},
)
def chain_outer(xp, a):
    """J(a) = a², the outer half of the chain."""
    return a**2


@case(
    w=param(),
    b=param(),
    x=data(2.0),
    y=data(1.0),
    points=[
        point("note", w=-2, b=8),
        point("w_and_0001", w="-1.999", b=8),
        point("b_and_0001", w=-2, b="8.001"),
        point("nearly_trained", w="0.1", b="0.9"),
    ],
    source=BACKPROP,
    gradient=lambda np, w, b, x, y: {"w": (w * x + b - y) * x, "b": w * x + b - y},
)
def net(xp, w, b, x, y):
    """J(w, b) = (wx + b - y)²/2, a network of one unit."""
    c = w * x
    a = c + b
    d = a - y
    return d**2 / 2


@case(
    c=param(),
    b=param(),
    y=data(1.0),
    points=[point("note", c=-4, b=8), point("c_and_0001", c="-3.999", b=8), point("tiny", c="0.001", b="0.001")],
    source=BACKPROP,
    gradient=lambda np, c, b, y: {"c": c + b - y, "b": c + b - y},
)
def net_from_c(xp, c, b, y):
    """J(c, b) = (c + b - y)²/2, the net after its product c = wx."""
    a = c + b
    d = a - y
    return d**2 / 2


@case(
    a=param(),
    y=data(1.0),
    points=[point("note", a=4), point("a_and_0001", a="4.001"), point("minus_three", a=-3)],
    source=BACKPROP,
    gradient=lambda np, a, y: {"a": a - y},
)
def net_from_a(xp, a, y):
    """J(a) = (a - y)²/2, the net after its sum a = c + b."""
    d = a - y
    return d**2 / 2


@case(
    d=param(),
    points=[point("note", d=3), point("d_and_0001", d="3.001"), point("minus_three", d=-3)],
    source=BACKPROP,
    gradient=lambda np, d: {"d": d},
)
def net_from_d(xp, d):
    """J(d) = d²/2, the net after its error d = a - y."""
    return d**2 / 2


@case(
    w=param(),
    points=[point("two", w=2), point("two_and_0001", w="2.001"), point("minus_three", w=-3), point("tiny", w="0.001")],
    source="A. Griewank and A. Walther, Evaluating Derivatives, 2008, section 3.2",
    gradient=lambda np, w: {"w": 9 * w**2},
)
def fan_out(xp, w):
    """J(w) = ab with a = w² and b = 3w: w acts on two paths, and their derivatives add."""
    a = w**2
    b = 3 * w
    return a * b


@case(
    w=param(),
    epsilon=data(shape=()),
    points=[
        point("three_0001", w=3, epsilon="0.001"),
        point("three_0002", w=3, epsilon="0.002"),
        point("three_001", w=3, epsilon="0.01"),
        point("two_0001", w=2, epsilon="0.001"),
        point("minus_three_0001", w=-3, epsilon="0.001"),
    ],
    source=DERIVATIVES,
    gradient=lambda np, w, epsilon: {"w": 2 + 0 * w},
)
def difference_quotient(xp, w, epsilon):
    """k(w) = ((w + ε)² - w²)/ε, the nudge's answer: 2w + ε, not 2w."""
    return ((w + epsilon) ** 2 - w**2) / epsilon
