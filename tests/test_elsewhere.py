"""A case that calls another library's function is told so at its own line, with what xp has instead."""

from __future__ import annotations

import functools
import inspect
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness.xp.elsewhere import of_another_library
from harness.xp.refusal import Whose, whose
from harness.xp.trace import Leaf, NotTraceable, trace

LEAVES = {"w": Leaf(shape=(2,), kind="real", param=True)}
SINGULAR = [[0.0, 0.0], [0.0, 0.0]]


def _sine(xp: Any, w: Any) -> Any:
    return xp.sum(math.sin(w))


def _sine_without_xp(w: Any) -> Any:
    return math.sin(w)


def _summed_up(xp: Any, w: Any) -> Any:
    return math.fsum(w * 2.0)


def _reduced(xp: Any, w: Any) -> Any:
    return functools.reduce(lambda a, b: a + b, w)


def _as_numpy(xp: Any, w: Any) -> Any:
    return xp.sum(np.asarray(w))


USES: dict[str, tuple[Callable[..., Any], str]] = {
    "sine": (_sine, "math.sin was given an array of the case. A case is written against xp: write xp.sin(…)."),
    "no_xp": (_sine_without_xp, "write xp.sin(…), with xp as the first parameter."),
    "fsum": (_summed_up, "math.fsum was given an array of the case. A case is written against xp: write xp.sum(…)."),
    "reduce": (_reduced, "functools.reduce was given an array of the case."),
    "asarray": (_as_numpy, "np.asarray was given an array of the case."),
}


def _refused(function: Callable[..., Any]) -> str:
    with pytest.raises(NotTraceable) as caught:
        trace(function, LEAVES, "here")
    return str(caught.value)


@pytest.mark.parametrize("use", USES)
def test_python_and_numpy(use: str) -> None:
    function, sentence = USES[use]
    said = _refused(function)
    assert sentence in said
    assert f"{__file__}:{function.__code__.co_firstlineno + 1}:" in said


WORDS = {
    "torch": ("import torch", "torch.sum(w)", "torch.sum", "xp.sum(…)"),
    "torch_nested": ("import torch", "torch.nn.functional.softplus(w * 2.0)", "functional.softplus", "xp.nn.softplus"),
    "torch_made": ("import torch", "torch.tensor(w)", "torch.tensor", "leave it out"),
    "torch_method": ("import torch", "torch.ones(2).add(w)", "torch.ones(2).add", "xp.add(…)"),
    "torch_bare": ("from torch import sum as total", "total(w)", "total", "xp.sum(…)"),
    "tensorflow": ("import tensorflow as tf", "tf.reduce_sum(w)", "tf.reduce_sum", "xp.sum(…)"),
    "tensorflow_cast": ("import tensorflow as tf", "tf.cast(w, tf.float32)", "tf.cast", "one dtype"),
    "tensorflow_times": (
        "import tensorflow as tf",
        "tf.constant([1.0]) * w",
        "an operation of tensorflow",
        "name=data(",
    ),
    "jax": ("import jax.numpy as jnp", "jnp.sum(w)", "jnp.sum", "xp.sum(…)"),
    "jax_norm": ("import jax.numpy as jnp", "jnp.linalg.norm(w)", "jnp.linalg.norm", "xp.linalg.vector_norm(…)"),
    "scipy": ("from scipy.special import gammaln", "gammaln(w)", "gammaln", "xp, which has no gammaln"),
}


def _written(tmp_path: Path, text: str) -> tuple[Any, str]:
    file = tmp_path / "case_words.py"
    file.write_text(text)
    space: dict[str, Any] = {"__name__": "case_words"}
    exec(compile(text, str(file), "exec"), space)
    return space["cost"], str(file)


@pytest.mark.parametrize("words", WORDS)
def test_frameworks(words: str, tmp_path: Path) -> None:
    imported, expression, called, advice = WORDS[words]
    pytest.importorskip(imported.split()[1].partition(".")[0])
    cost, file = _written(tmp_path, f"{imported}\n\n\ndef cost(xp, w):\n    return {expression}\n")
    said = _refused(cost)
    assert f"{file}:5:12: " in said
    assert f"{called} was given an array of the case. A case is written against xp: " in said
    assert advice in said
    assert "site-packages" not in said


@pytest.mark.parametrize(
    ("wrapped", "library"), [("import jax\n@jax.jit", "jax"), ("import tensorflow as tf\n@tf.function", "tensorflow")]
)
def test_a_function_that_a_framework_runs(wrapped: str, library: str, tmp_path: Path) -> None:
    pytest.importorskip(library)
    cost, file = _written(tmp_path, f"{wrapped}\ndef cost(w):\n    return w[0] ** 2\n")
    said = _refused(cost)
    assert f"{file}:2: cost is run by {library}" in said
    assert f"without what {library} puts around it" in said


def _inverted(xp: Any, w: Any) -> Any:
    return xp.sum(w) * float(np.linalg.inv(np.array(SINGULAR) * w.shape[0])[0, 0])


def _absent(xp: Any, w: Any) -> Any:
    return {}["a"]


@pytest.mark.parametrize(("function", "raised"), [(_inverted, "LinAlgError"), (_absent, "KeyError")])
def test_what_met_no_array_of_the_case_is_told_as_it_was_raised(function: Callable[..., Any], raised: str) -> None:
    said = _refused(function)
    assert f"raised {raised}" in said
    assert said.endswith(f"({__file__}:{function.__code__.co_firstlineno + 1})")
    assert "written against xp" not in said


@pytest.mark.parametrize(
    ("function", "name"), [(np.sum, "sum of numpy"), (abs, "abs of Python"), (math.sin, "sin of math")]
)
def test_a_librarys_function_itself_is_told_at_the_users_call(function: Callable[..., Any], name: str) -> None:
    line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]  # CPython has frames
    reasons = {cell.reason for cell in harness.check(function, w=2.0).run.cells}
    assert any(f"{__file__}:{line}:" in reason and f"the function {name}" in reason for reason in reasons)
    assert not any(os.path.dirname(harness.__file__) + os.sep in reason for reason in reasons)


def test_where_no_line_is_the_users_the_sentence_stands_alone() -> None:
    assert "of numpy takes no array" in of_another_library(TypeError(), np.sum)


class _Hostile:
    """An object that cannot be looked at."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_an_object_that_cannot_be_looked_at_changes_nothing() -> None:
    hostile = _Hostile()

    def cost(xp: Any, w: Any) -> Any:
        return hostile.method(w)

    assert "raised RuntimeError: method" in _refused(cost)


def test_a_tensor_that_meets_an_array_is_to_be_an_input() -> None:
    torch = pytest.importorskip("torch")
    assert "a torch.Tensor met an array of the case. Use arrays, int and float only, and declare constants" in _refused(
        lambda xp, w: xp.sum(w * torch.ones(2))
    )


def test_a_function_of_an_installed_package_of_cases_speaks_for_itself() -> None:
    space: dict[str, Any] = {}
    file = os.path.join(os.path.dirname(np.__file__), "case_installed.py")
    exec(compile("def cost(xp, w):\n    return w.mean()\n", file, "exec"), space)
    said = _refused(space["cost"])
    assert "an array in a case has no .mean. Write xp.mean(x, …)" in said


def test_whose_a_file_is() -> None:
    package = os.path.dirname(os.path.abspath(harness.__file__))
    assert whose(__file__) is Whose.USER
    assert whose("<stdin>") is Whose.USER
    assert whose(os.path.join(package, "_catalogue", "losses.py")) is Whose.USER
    assert whose(os.path.join(package, "api.py")) is Whose.HARNESS
    assert whose(os.path.join(package, "calling.py")) is Whose.TRACING
    assert whose(np.__file__) is whose(functools.__file__) is whose("<frozen runpy>") is Whose.LIBRARY
    assert whose(os.path.join(sys.prefix, "case_mine.py")) is Whose.USER
