"""Global state of Python and NumPy that a call must leave as it was."""

from __future__ import annotations

import builtins
import locale
import math
import os
import random
import sys
import warnings
from typing import Any

import numpy as np

from harness.backends.custody import Setting, Space, Watched

NumPyState = tuple[str, bytes, int, int, float]


def watched(*, closely: bool) -> Watched:
    """Return what is watched; closely where a user's own function is called."""
    return Watched(settings=(*QUICK, *CLOSE), random=RANDOM, spaces=SPACES) if closely else Watched(settings=QUICK)


def _numpy_state() -> NumPyState:
    name, keys, *rest = np.random.get_state(legacy=True)
    return name, np.asarray(keys).tobytes(), *rest


def _put_numpy_state(state: NumPyState) -> None:
    name, keys, *rest = state
    np.random.set_state((name, np.frombuffer(keys, np.uint32), *rest))  # type: ignore[arg-type]  # the same again


def _put_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()
    warnings.filters.extend(filters)  # type: ignore[attr-defined]  # typeshed has a sequence


def _put_environment(environment: dict[str, str]) -> None:
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)


def _put_print_options(options: dict[str, Any]) -> None:
    np.set_printoptions(**options)


QUICK = (Setting(name="numpy.geterr()", get=np.geterr, put=lambda old: np.seterr(**old)),)

CLOSE = (
    Setting(name="numpy.geterrcall()", get=np.geterrcall, put=np.seterrcall),
    Setting(name="numpy.get_printoptions()", get=np.get_printoptions, put=_put_print_options),
    Setting(name="sys.getrecursionlimit()", get=sys.getrecursionlimit, put=sys.setrecursionlimit, imports=True),
    Setting(
        name="warnings.filters",
        get=lambda: list(warnings.filters),
        put=_put_filters,
        shown=lambda filters: f"{len(filters)} filters, first {filters[0][0] if filters else 'none'}",
        imports=True,
    ),
    Setting(name="os.environ", get=lambda: dict(os.environ), put=_put_environment, imports=True),
    Setting(name="os.getcwd()", get=os.getcwd, put=os.chdir),
    Setting(
        name="locale",
        get=lambda: locale.setlocale(locale.LC_ALL),
        put=lambda old: locale.setlocale(locale.LC_ALL, old),
        imports=True,
    ),
)

RANDOM = (
    Setting(name="random", get=random.getstate, put=random.setstate),
    Setting(name="numpy.random", get=_numpy_state, put=_put_numpy_state),
)

SPACES = (Space("builtins", builtins), Space("math", math), Space("numpy", np), Space("numpy.linalg", np.linalg))
