"""Defects of form and conduct: what comes back is no gradient, or the call does more, or less, than it should."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from harness.selftest.at_leaf import tampered
from harness.selftest.defects import BACKENDS, Defect, Definition, Native
from harness.selftest.words import words

Behaviour = Callable[[Any, Definition, dict[str, Any]], Any]
"""(vocabulary, definition, leaves) → what the native returns."""


def behaving(backend: str, behaviour: Behaviour) -> Callable[[Definition], Native]:
    """Return what makes the native that behaves so."""

    def make(definition: Definition) -> Native:
        def native(framework: Any, **leaves: Any) -> Any:
            return behaviour(words(backend, framework), definition, leaves)

        return native

    return make


def faulty(kind: str, case: str, backend: str, native: Any, verdicts: str, **more: Any) -> Defect:
    """Return a defect whose numbers are not what is wrong; `verdicts` are words, parted by spaces."""
    return Defect(
        kind=kind,
        case=case,
        backend=backend,
        native=native,
        verdicts=frozenset(verdicts.split()),
        **({"numeric": False} | more),
    )


# --------------------------------------------------------------------------- what comes back


def _none(f: Any, g: Any, x: Any) -> Any:
    return None


FORMS: tuple[tuple[str, str, Any, dict[str, str]], ...] = (
    (
        "none",
        "mlp.w1",
        _none,
        {"tensorflow": "DISCONNECTED", "torch": "DISCONNECTED", "jax": "DEAD-LEAF"},  # JAX reads None as zeros
    ),
    (
        "one_axis_more",
        "mlp.b1",
        lambda f, g, x: f.reshape(g, (1, *(int(n) for n in g.shape))),
        {"tensorflow": "SHAPE", "jax": "ERROR"},  # torch sums the axis away, and is right
    ),
    (
        "of_another_length",
        "mlp.b1",
        lambda f, g, x: g[:2],
        {"tensorflow": "SHAPE", "torch": "ERROR", "jax": "ERROR"},
    ),
)


def _detached(leaf: str) -> Behaviour:
    return lambda f, definition, leaves: definition(f, **leaves | {leaf: f.stop_gradient(leaves[leaf])})


def _in_float32(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    real = [path for path, x in leaves.items() if f.dtype(x).startswith("float")]
    return definition(f, **leaves | {path: f.cast(leaves[path], "float32") for path in real})


def _numpy_inside(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    f.sin = lambda x: f.like(np.sin(np.asarray(getattr(x, "detach", lambda: x)())), x)
    return definition(f, **leaves)


VALUES: tuple[tuple[str, str, Behaviour, str], ...] = (
    ("value_plus_one", "mlp", lambda f, d, leaves: d(f, **leaves) + 1.0, "VALUE-MISMATCH"),
    ("value_by_1e_3", "bilinear", lambda f, d, leaves: _value_by(f, d(f, **leaves), 1e-3), "VALUE-MISMATCH"),
    ("value_negated", "wave", lambda f, d, leaves: _value_by(f, d(f, **leaves), -2.0), "VALUE-MISMATCH"),
    ("value_of_the_mean", "wave", lambda f, d, leaves: d(f, **leaves) / 6, "VALUE-MISMATCH"),
    ("value_not_a_number", "bilinear", lambda f, d, leaves: d(f, **leaves) + math.nan, "NONFINITE"),
)


def _value_by(f: Any, value: Any, excess: float) -> Any:
    """Return the value changed by a relative excess, its gradient as it was."""
    return value + f.stop_gradient(value) * excess


def _forms() -> list[Defect]:
    found = []
    for kind, place, change, verdicts in FORMS:
        case, leaf = place.split(".")
        found += [faulty(kind, case, b, tampered(b, leaf, change), words) for b, words in verdicts.items()]
    for backend in BACKENDS:
        dead = "DEAD-LEAF" if backend == "jax" else "DISCONNECTED"
        found += [
            faulty("detached", "residual", backend, behaving(backend, _detached("w2")), dead),
            faulty("float32_throughout", "mlp", backend, behaving(backend, _in_float32), "DTYPE", dtypes=("float64",)),
            faulty(
                "numpy_inside",
                "wave",
                backend,
                behaving(backend, _numpy_inside),
                "DISAGREE DISCONNECTED ERROR NOT-NATIVE",
            ),
            *(faulty(kind, case, backend, behaving(backend, b), verdict) for kind, case, b, verdict in VALUES),
        ]
    return found


# --------------------------------------------------------------------------- what the call does beside


def unsteady() -> Callable[[Any, Any, Any], Any]:
    """Return the change that is right at the first call and a little further off at each one after it."""
    calls: list[int] = []

    def numbers(g: Any) -> Any:
        calls.append(1)
        return g * (1 + 1e-3 * (len(calls) - 1))

    return lambda f, g, x: f.outside(numbers, g)


def stale() -> Callable[[Any, Any, Any], Any]:
    """Return the change that gives for ever what was right at the first call."""
    kept: dict[str, Any] = {}

    def change(f: Any, g: Any, x: Any) -> Any:
        dtype = f.dtype(g)
        return f.outside(lambda numbers: kept.setdefault(dtype, np.array(numbers)), g)

    return change


def only_transformed(f: Any, g: Any, x: Any) -> Any:
    """Double the adjoint where the call is traced, compiled or mapped."""
    return g * 2 if f.transformed(g) else g


def only_in_a_region(f: Any, g: Any, x: Any) -> Any:
    """Double the adjoint where the leaf's first number is negative."""
    return f.where(f.reshape(x, (-1,))[0] < 0, 2 * g, g)


def not_differentiated_twice(f: Any, g: Any, x: Any) -> Any:
    """Return the right adjoint of a square, whose own derivative is cut."""
    return g * f.stop_gradient(2 * x)


def with_half_a_second_derivative(f: Any, g: Any, x: Any) -> Any:
    """Return the right adjoint of a square, whose own derivative is half of what it should be."""
    return g * (x + f.stop_gradient(x))


def only_in_float32(f: Any, g: Any, x: Any) -> Any:
    """Double the adjoint in single precision."""
    return g * 2 if f.dtype(g) == "float32" else g


def _twice(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    f.square = f.custom(f.square, lambda g, y, x: (not_differentiated_twice(f, g, x),))
    return definition(f, **leaves)


def _half_twice(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    f.square = f.custom(f.square, lambda g, y, x: (with_half_a_second_derivative(f, g, x),))
    return definition(f, **leaves)


SINGLE = ("float32",)
COMPILED = {"tensorflow": "function", "torch": "func", "jax": "jit"}


def _conduct() -> list[Defect]:
    found = []
    for b in BACKENDS:
        found += [
            faulty("unsteady", "wave", b, tampered(b, "w", unsteady()), "NONDETERMINISTIC"),
            faulty("stale", "wave", b, tampered(b, "w", stale()), "STALE", points=("here", "there")),
            faulty("only_compiled", "mlp", b, tampered(b, "w2", only_transformed), "DISAGREE", variant=COMPILED[b]),
            faulty(
                "only_in_a_region",
                "mlp",
                b,
                tampered(b, "w2", only_in_a_region),
                "DISAGREE",
                points=("here", "there"),
            ),
            faulty("only_second_derivative", "mlp", b, behaving(b, _twice), "DISAGREE DEAD-LEAF", operator="hvp"),
            faulty("half_a_second_derivative", "pool", b, behaving(b, _half_twice), "DISAGREE", operator="hvp"),
            faulty("only_in_float32", "attention", b, tampered(b, "v", only_in_float32), "DISAGREE", dtypes=SINGLE),
            faulty("random_state", "bilinear", b, behaving(b, _with_random), "MUTATED"),
        ]
    return found + [
        faulty("inputs_overwritten", "mlp", "torch", behaving("torch", _overwriting), "MUTATED"),
        *(faulty("setting_changed", "mlp", b, behaving(b, _SETTINGS[b]), "MUTATED") for b in BACKENDS),
    ]


def _with_random(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    return definition(f, **leaves) + 0.0 * float(f.random())


def _overwriting(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    value = definition(f, **leaves)
    leaves["y"].zero_()
    return value


def _default_dtype(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    f.module.set_default_dtype(f.module.float64)
    return definition(f, **leaves)


def _jax_precision(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    f.module.config.update("jax_default_matmul_precision", "highest")
    return definition(f, **leaves)


def _run_eagerly(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    f.module.config.run_functions_eagerly(True)
    return definition(f, **leaves)


_SETTINGS: dict[str, Behaviour] = {"tensorflow": _run_eagerly, "torch": _default_dtype, "jax": _jax_precision}


def planted() -> list[Defect]:
    """Return every defect of form and conduct."""
    return [*_forms(), *_conduct()]
