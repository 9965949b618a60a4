"""Real costs of complex variables. The parameters are the two real parts: the partials are ∂J/∂Re z and ∂J/∂Im z."""

from harness import case, data, draw, param, point

CR = "K. Kreutz-Delgado, The Complex Gradient Operator and the CR-Calculus, 2009"
BRANDWOOD = "D. H. Brandwood, A complex gradient operator and its application in adaptive array theory, 1983"
MIXING = dict(
    a_re=data([[1.0, -0.5], [0.25, 2.0], [-1.5, 0.75]]),
    a_im=data([[0.5, 1.0], [-1.0, 0.25], [0.0, -2.0]]),
)


def parts(g):
    """Return a canonical complex gradient ∂J/∂Re z + i ∂J/∂Im z as those of the two parameters."""
    return {"re": g.real, "im": g.imag}


@case(
    re=param(shape=3),
    im=param(shape=3),
    points=[
        point("generic", re=[0.5, -1.25, 2], im=[1.5, 0.75, -0.5]),
        point("real", re=[1, -2, 3], im=[0, 0, 0]),
        point("tiny", re=[0.001, 0.002, -0.001], im=[0.003, -0.001, 0.002]),
        draw(),
    ],
    source=f"{CR}, section 3",
    gradient=lambda np, re, im: {"re": 2 * re, "im": 2 * im},
)
def energy(xp, re, im):
    """Energy Σ|z|² of a complex signal, whose gradient is 2z."""
    return xp.sum(xp.abs(xp.complex(re, im)) ** 2)


def least_squares_slopes(np, re, im, a_re, a_im, y_re, y_im):
    """Return 2 Aᴴ(A z − y)."""
    a = a_re + 1j * a_im
    return parts(2 * a.conj().T @ (a @ (re + 1j * im) - y_re - 1j * y_im))


@case(
    re=param(shape=2),
    im=param(shape=2),
    y_re=data([1.0, -2.0, 0.5]),
    y_im=data([0.5, 0.25, -1.0]),
    **MIXING,
    points=[
        point("zero", re=[0, 0], im=[0, 0]),
        point("generic", re=[0.5, -1.25], im=[1.5, 0.75]),
        point("large", re=[300, -200], im=[-250, 400]),
        draw(),
    ],
    source=f"{BRANDWOOD}, section 3",
    gradient=least_squares_slopes,
)
def least_squares(xp, re, im, a_re, a_im, y_re, y_im):
    """Squared error |A z − y|² of a complex linear map."""
    error = xp.complex(a_re, a_im) @ xp.complex(re, im) - xp.complex(y_re, y_im)
    return xp.real(xp.sum(error * xp.conj(error)))


def cayley_slopes(np, re, im):
    """Return the gradient of (x² + (y − 1)²) / (x² + (y + 1)²)."""
    above, below = re**2 + (im - 1) ** 2, re**2 + (im + 1) ** 2
    return {
        "re": 2 * re * (below - above) / below**2,
        "im": (2 * (im - 1) * below - 2 * (im + 1) * above) / below**2,
    }


@case(
    re=param(),
    im=param(),
    points=[
        point("generic", re=0.5, im=0.75),
        point("below", re=-1.5, im=-0.25),
        point("near_pole", re=0.01, im=-0.98),
        point("far", re=40, im=-30),
    ],
    source="T. Needham, Visual Complex Analysis, 1997, chapter 3",
    gradient=cayley_slopes,
)
def cayley(xp, re, im):
    """Squared modulus of the Möbius map (z − i)/(z + i), which takes the upper half-plane to the disc."""
    z = xp.complex(re, im)
    return xp.abs((z - 1j) / (z + 1j)) ** 2


def orbit_slopes(np, re, im):
    """Return 2 z · conj(dz/dc), by the recursion of the derivative along the orbit."""
    c = re + 1j * im
    z, slope = c, 1.0
    for _ in range(4):
        z, slope = z * z + c, 2 * z * slope + 1
    return parts(2 * z * np.conj(slope))


@case(
    re=param(),
    im=param(),
    points=[
        point("inside", re=-0.5, im=0.25),
        point("boundary", re=-0.75, im=0.125),
        point("escaping", re=0.75, im=-0.5),
        point("far", re=-1.5, im=1.25),
    ],
    source="B. B. Mandelbrot, Fractal aspects of the iteration of z → λz(1 − z) for complex λ and z, 1980",
    gradient=orbit_slopes,
)
def orbit(xp, re, im):
    """Squared modulus of the fifth iterate of z ← z² + c, by c."""
    c = xp.complex(re, im)
    z = c
    for _ in range(4):
        z = z * z + c
    return xp.abs(z) ** 2


@case(
    re=param(),
    im=param(),
    points=[
        point("generic", re=0.5, im=1.25),
        point("near_zero", re=0.01, im=-0.02),
        point("left", re=-3, im=2),
        point("turned", re=1, im=-9),
    ],
    source=f"{CR}, section 3",
    gradient=lambda np, re, im: {
        "re": 2 * np.exp(2 * re) - 2 * np.exp(re) * np.cos(im),
        "im": 2 * np.exp(re) * np.sin(im),
    },
)
def exponential(xp, re, im):
    """Squared distance |exp(z) − 1|² of the complex exponential from 1."""
    return xp.abs(xp.exp(xp.complex(re, im)) - 1) ** 2


@case(
    re=param(shape=2),
    im=param(shape=2),
    m=data([1.5, 2.0, 0.5]),
    **MIXING,
    points=[
        point("generic", re=[0.5, -1.25], im=[1.5, 0.75]),
        point("small", re=[0.1, 0.05], im=[-0.05, 0.2]),
        point("turned", re=[-1.5, -0.75], im=[0.5, -1.25]),
        draw(),
    ],
    source="E. J. Candès, X. Li and M. Soltanolkotabi, Phase Retrieval via Wirtinger Flow, 2015",
)
def phase_retrieval(xp, re, im, a_re, a_im, m):
    """Squared error of the moduli |A z| against measured ones: the phase is not measured."""
    return xp.sum((xp.abs(xp.complex(a_re, a_im) @ xp.complex(re, im)) - m) ** 2)
