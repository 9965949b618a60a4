"""Complex values: in each framework's own numbers the partials by both parts are right, and wrong ones are caught."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import harness
from harness import Case, case, param
from harness.backends import describe, load
from harness.backends.numpy_book import BOOK as NUMPY
from harness.collect import collect
from harness.domains.precision import round_to
from harness.graph.complexes import COMPLEX, imaginary_parts
from harness.graph.derive import gradient
from harness.graph.emit import emit
from harness.graph.registry import COMPOSITES
from harness.graph.surface import spoken
from harness.judge.judge import Evidence, judge
from harness.judge.verdict import Class
from harness.measurement import Task, Trouble
from harness.run.records import CellLine
from harness.truth import establish, tolerance
from harness.xp.trace import Leaf, NotTraceable, trace
from measured import NAMES

FRAMEWORKS = [pytest.param(name, marks=pytest.mark.needs(name)) for name in NAMES]
CASES = {found.id: found for found in collect() if found.id.startswith("complex.")}
LEAVES = {name: Leaf(shape=(2, 3), kind="real", param=True) for name in ("x", "y")}

# --------------------------------------------------------------------------- the convention

POINT = 0.75 - 0.5j


def orbit() -> Case:
    """Return J(z) = |(z² + z)/(z − 2)|² of the two real parts."""

    @case(re=param(), im=param(), points=[dict(re="0.75", im="-0.5")])
    def orbit(xp: Any, re: Any, im: Any) -> Any:
        z = xp.complex(re, im)
        return xp.abs((z * z + z) / (z - 2)) ** 2

    return orbit


def canonical(z: complex) -> complex:
    """Return ∂J/∂Re z + i ∂J/∂Im z, which is 2 f conj(f') of J = |f|²."""
    f = (z * z + z) / (z - 2)
    slope = ((2 * z + 1) * (z - 2) - (z * z + z)) / (z - 2) ** 2
    return 2 * f * np.conj(slope)


def by_tensorflow(tf: Any) -> complex:
    z = tf.constant(POINT, tf.complex128)
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = tf.abs((z * z + z) / (z - 2)) ** 2
    return complex(tape.gradient(value, z).numpy())


def by_torch(torch: Any) -> complex:
    z = torch.tensor(POINT, dtype=torch.complex128, requires_grad=True)
    (found,) = torch.autograd.grad(torch.abs((z * z + z) / (z - 2)) ** 2, z)
    return complex(found.item())


def by_jax(jax: Any) -> complex:
    with jax.enable_x64(True):
        z = jax.numpy.asarray(POINT, jax.numpy.complex128)
        return complex(jax.grad(lambda z: abs((z * z + z) / (z - 2)) ** 2)(z))


BY_COMPLEX_ARGUMENT: dict[str, Callable[[Any], complex]] = {
    "tensorflow": by_tensorflow,
    "torch": by_torch,
    "jax": by_jax,
}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_gradient_by_a_complex_argument_is_canonical_but_of_jax_its_conjugate(name: str) -> None:
    found, truth = BY_COMPLEX_ARGUMENT[name](importlib.import_module(name)), canonical(POINT)
    expected, other = (np.conj(truth), truth) if name == "jax" else (truth, np.conj(truth))
    assert abs(found - expected) <= 1e-14 * abs(truth)
    assert not abs(found - other) <= 0.1 * abs(truth)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_partials_by_the_parts_are_the_canonical_gradient_everywhere(name: str) -> None:
    (cell,) = harness.check(orbit(), backends=(name,), dtypes=("float64",)).cells
    assert cell.cls == "pass", cell.reason
    found = complex(*(float.fromhex(cell.gradient[path].hex[0]) for path in ("re", "im")))
    assert abs(found - canonical(POINT)) <= 1e-14 * abs(canonical(POINT))


# --------------------------------------------------------------------------- natives with a complex rule of their own


def native(name: str, *, turned: bool) -> Callable[..., Any]:
    """Return the cost by a rule that asks its framework for the gradient by z; `turned`: with the other convention."""
    sign = -1 if turned == (name != "jax") else 1

    def of_tensorflow(tf: Any, re: Any, im: Any) -> Any:
        @tf.custom_gradient
        def cost(re: Any, im: Any) -> Any:
            z = tf.complex(re, im)
            with tf.GradientTape() as tape:
                tape.watch(z)
                value = tf.abs((z * z + z) / (z - 2)) ** 2
            found = tape.gradient(value, z)
            return value, lambda g: (g * tf.math.real(found), sign * g * tf.math.imag(found))

        return cost(re, im)

    def of_torch(torch: Any, re: Any, im: Any) -> Any:
        class Cost(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, re: Any, im: Any) -> Any:
                with torch.enable_grad():
                    z = torch.complex(re, im).detach().requires_grad_()
                    value = torch.abs((z * z + z) / (z - 2)) ** 2
                    (ctx.found,) = torch.autograd.grad(value, z)
                return value.detach()

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g * ctx.found.real, sign * g * ctx.found.imag

        return Cost.apply(re, im)

    def of_jax(jax: Any, re: Any, im: Any) -> Any:
        def of(z: Any) -> Any:
            return abs((z * z + z) / (z - 2)) ** 2

        @jax.custom_vjp
        def cost(re: Any, im: Any) -> Any:
            return of(jax.lax.complex(re, im))

        def forward(re: Any, im: Any) -> Any:
            return cost(re, im), jax.grad(of)(jax.lax.complex(re, im))

        cost.defvjp(forward, lambda found, g: (g * found.real, sign * g * found.imag))
        return cost(re, im)

    return {"tensorflow": of_tensorflow, "torch": of_torch, "jax": of_jax}[name]


def by_rule(name: str, dtype: str, *, turned: bool) -> CellLine:
    made = orbit()
    made.native(name, spelling="rule")(native(name, turned=turned))
    (cell,) = (one for one in harness.check(made, backends=(name,), dtypes=(dtype,)).cells if one.spelling == "rule")
    return cell


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_rule_with_the_convention_of_its_framework_passes(name: str, dtype: str) -> None:
    cell = by_rule(name, dtype, turned=False)
    assert cell.cls == "pass", cell.reason


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_rule_with_the_other_convention_is_conjugated(name: str, dtype: str) -> None:
    cell = by_rule(name, dtype, turned=True)
    assert (cell.verdict, cell.diagnosis, cell.cls) == ("DISAGREE", "conjugated", "fail"), cell.reason
    assert "conjugated" in cell.reason


def test_a_gradient_that_is_wrong_in_another_way_is_not_conjugated() -> None:
    made = orbit()
    made.backward(lambda re, im: {"re": -canonical(complex(re, im)).real, "im": -canonical(complex(re, im)).imag})
    cells = harness.check(made, backends=("numpy",), dtypes=("float64",)).cells
    assert [(cell.verdict, cell.diagnosis) for cell in cells] == [("DISAGREE", "negated")]


def product_by_rule(left: bool, right: bool) -> CellLine:
    """Return the cell of Re Σ z w with a rule of its product by hand, which forgets the conjugate of operands."""
    shapes = {"re": ["0.3", "-1.2"], "im": ["0.7", "0.4"], "c": ["1.1", "0.6"], "d": ["-0.2", "0.9"]}

    @case(**{leaf: param(shape=2) for leaf in shapes}, points=[shapes])
    def product(xp: Any, re: Any, im: Any, c: Any, d: Any) -> Any:
        return xp.sum(xp.real(xp.complex(re, im) * xp.complex(c, d)))

    @product.native("torch", spelling="rule")
    def rule(torch: Any, re: Any, im: Any, c: Any, d: Any) -> Any:
        class Product(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, z: Any, w: Any) -> Any:
                ctx.save_for_backward(z, w)
                return z * w

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                z, w = ctx.saved_tensors
                return g * (w if left else w.conj()), g * (z if right else z.conj())

        return Product.apply(torch.complex(re, im), torch.complex(c, d)).real.sum()

    cells = harness.check(product, backends=("torch",), dtypes=("float64",)).cells
    (cell,) = (cell for cell in cells if cell.spelling == "rule" and cell.operator == "grad")
    return cell


@pytest.mark.needs("torch")
@pytest.mark.parametrize(("left", "right"), [(True, False), (False, True), (True, True)])
def test_a_forgotten_conjugate_below_a_real_adjoint_is_conjugated(left: bool, right: bool) -> None:
    assert product_by_rule(False, False).cls == "pass"
    cell = product_by_rule(left, right)
    assert (cell.verdict, cell.diagnosis) == ("DISAGREE", "conjugated"), cell.reason


# --------------------------------------------------------------------------- operations that are wrong

WRONG = {
    "complex_multiply": ("torch.conj({0}) * {1}", "complex_multiply"),
    "complex_divide": ("{0} * {1}", "complex_divide"),
    "complex_abs": ("torch.abs({0}).detach()", "complex_abs"),
    "imag": ("-torch.imag({0})", "complex_of"),
}
"""Operation → wrong words, and the operation that is named: a complex result is seen by its parts alone."""


@contextmanager
def said_otherwise(op: str, words: str) -> Iterator[None]:
    """Return a context in which PyTorch's words of an operation are others; sources that were written are forgotten."""
    phrases = describe("torch").book.phrases
    kept = phrases[op]
    phrases[op] = words  # type: ignore[index]  # a phrasebook holds a dictionary
    emit.cache_clear()
    try:
        yield
    finally:
        phrases[op] = kept  # type: ignore[index]  # a phrasebook holds a dictionary
        emit.cache_clear()


def everything(xp: Any, re: Any, im: Any) -> Any:
    z = xp.complex(re, im)
    w = z * (z + 2) / (z - 3)
    return xp.abs(w) + xp.imag(w)


@pytest.mark.needs("torch")
@pytest.mark.parametrize("op", WRONG)
def test_a_wrong_operation_is_caught_and_named(op: str) -> None:
    words, named = WRONG[op]
    with said_otherwise(op, words):
        (cell,) = harness.check(everything, backends=("torch",), dtypes=("float64",), re=0.5, im=1.25).cells
    assert cell.cls == "fail"
    assert cell.first_op is not None, cell.reason
    assert cell.first_op.op == named
    (cell,) = harness.check(everything, backends=("torch",), dtypes=("float64",), re=0.5, im=1.25).cells
    assert cell.cls == "pass", cell.reason


# --------------------------------------------------------------------------- division far from 1


def quotient(xp: Any, a: Any, b: Any, c: Any, d: Any, p: Any, q: Any) -> Any:
    z = xp.complex(a, b) / xp.complex(c, d)
    return xp.sum(p * xp.real(z) + q * xp.imag(z))


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize(("dtype", "decades"), [("float64", 6.0), ("float32", 3.0)])
@pytest.mark.parametrize("beside", [0.0, 1.0], ids=["axes", "generic"])
def test_scaled_division_stays_within_the_tolerance_of_the_textbook(
    name: str, dtype: str, decades: float, beside: float
) -> None:
    leaves = {path: Leaf(shape=(30,), kind="real", param=path not in "pq") for path in "abcdpq"}
    graph = trace(quotient, leaves, "quotient")
    rng = np.random.default_rng(5)
    inputs = {p: round_to(rng.choice([-1, 1], 30) * 10 ** rng.uniform(-decades, decades, 30), dtype) for p in leaves}
    inputs["b"][::3] *= beside
    inputs["d"][1::3] *= beside
    derivative, engine = gradient(graph), load(name)
    truth = establish(derivative, inputs, dtype)
    allowed = tolerance(derivative, inputs, dtype, truth)
    measurement = engine.measure(Task(graph=graph, inputs=inputs, dtype=dtype, variant=engine.variants[0]))
    judgement = judge(Evidence(measurement=measurement, truth=truth, tolerance=allowed, dtype=dtype))
    assert judgement.verdict.cls is Class.PASS, judgement.reason


# --------------------------------------------------------------------------- what is written, and what is refused


@pytest.mark.parametrize("found", CASES.values(), ids=list(CASES))
def test_a_book_has_all_words_or_none(found: Case) -> None:
    graph = found.graph()
    composites = {node.op for node in graph.nodes if node.op in COMPLEX}
    assert composites
    for name in NAMES:
        assert {node.op for node in spoken(graph, describe(name).book).nodes} >= composites
    assert not {node.op for node in spoken(graph, NUMPY).nodes} & COMPLEX


def test_the_books_of_complex_numbers_are_complete() -> None:
    every = {op for op, row in COMPOSITES.items() if row.define.__module__ == "harness.graph.complexes"}
    assert every >= COMPLEX
    assert all(every <= describe(name).book.phrases.keys() for name in NAMES)
    assert not every & NUMPY.phrases.keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_source_has_the_frameworks_own_complex_numbers(name: str) -> None:
    source = emit(CASES["complex.cayley"].graph(), describe(name).book, dtype="float64").source
    made = {"tensorflow": "tf.complex(re, im)", "torch": "torch.complex(re, im)", "jax": "jax.lax.complex(re, im)"}
    assert made[name] in source


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_half_parts_are_unsupported_with_a_sentence(name: str, dtype: str) -> None:
    task = Task(
        graph=CASES["complex.cayley"].graph(),
        inputs={"re": np.array(0.5), "im": np.array(0.75)},
        dtype=dtype,
        variant=describe(name).variants[0],
    )
    failure = load(name).measure(task).failure
    assert failure is not None
    assert failure.trouble is Trouble.UNSUPPORTED
    assert f"no complex numbers of {dtype} in {describe(name).book.name}'s phrasebook" in failure.sentence


REFUSED: dict[str, tuple[Callable[..., Any], str]] = {
    "power": (lambda xp, z, x: z**2, "Write z * z"),
    "function": (lambda xp, z, x: xp.sin(z), "compute the rest with the two parts"),
    "function of two": (lambda xp, z, x: xp.maximum(z, x), "compute the rest with the two parts"),
    "reduction": (lambda xp, z, x: xp.mean(z), "compute the rest with the two parts"),
    "concat": (lambda xp, z, x: xp.concat([z, z]), "compute the rest with the two parts"),
    "reshape": (lambda xp, z, x: xp.reshape(z, (3, 2)), "compute the rest with the two parts"),
    "comparison": (lambda xp, z, x: z > 0, "Compare xp.abs(z)"),
    "equality": (lambda xp, z, x: z == z, "Compare xp.abs(z)"),
    "comparison with a real": (lambda xp, z, x: x < z, "Compare xp.abs(z)"),
    "attribute": (lambda xp, z, x: z.real, "Write xp.real(z)"),
    "transpose": (lambda xp, z, x: z.T, "compute the rest with the two parts"),
    "abs": (lambda xp, z, x: abs(z), "Write xp.abs(x)"),
    "truth": (lambda xp, z, x: 1 if z else 0, "has no truth value"),
    "numpy": (lambda xp, z, x: np.exp(z), "Write xp.exp"),
    "numpy scalar": (lambda xp, z, x: z * np.complex128(1j), "float"),
    "shapes": (lambda xp, z, x: z + xp.complex(x[:, :2], 0.0), "Make them broadcast"),
    "shapes of parts": (lambda xp, z, x: xp.complex(x, x[:, :2]), "Make them broadcast"),
    "inner sizes": (lambda xp, z, x: z @ z, "The inner sizes must be equal"),
    "product with a number": (lambda xp, z, x: z @ 2, "Write *"),
    "parts of a complex value": (lambda xp, z, x: xp.complex(z, x), "compute the rest with the two parts"),
    "conj of a real": (lambda xp, z, x: xp.conj(x), "xp.complex(re, im)"),
    "real of a real": (lambda xp, z, x: xp.real(x), "xp.complex(re, im)"),
    "complex literal and real": (lambda xp, z, x: x * 1j, "Write xp.complex(x, y)"),
    "index": (lambda xp, z, x: z[2], "Indices are static"),
    "index by a list": (lambda xp, z, x: z[[0, 1]], "Write xp.take"),
    "complex cost": (lambda xp, z, x: z[0, 0], "returns a Complex"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_rest_is_refused_with_what_to_write(name: str) -> None:
    function, advice = REFUSED[name]
    with pytest.raises(NotTraceable) as refusal:
        trace(lambda xp, x, y: function(xp, xp.complex(x, y), x), LEAVES, "case")
    assert advice in str(refusal.value)


def test_imaginary_parts_are_the_params_that_stand_there() -> None:
    assert imaginary_parts(orbit().graph()) == {"im"}
    assert imaginary_parts(CASES["complex.least_squares"].graph()) == {"im"}
