"""Backends: the engines that differentiate, one adapter a file."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol, cast

from harness.graph.phrase import Phrasebook
from harness.measurement import Failure, Measurement, Task, Trouble
from harness.spelling import OWN

BACKENDS: dict[str, str] = {
    "tensorflow": "harness.backends.tf_tape:TensorFlowTape",
    "torch": "harness.backends.torch_autograd:TorchAutograd",
    "jax": "harness.backends.jax_grad:JaxGrad",
    "sympy": "harness.backends.sympy_diff:SympyDiff",
    "finite_difference": "harness.backends.finite_difference:FiniteDifference",
}
"""Name → where its adapter is, in the order of every table."""

BY_HAND: dict[str, str] = {OWN: "harness.backends.own_backward:OwnBackward"}
"""Gradients that no engine took: they have cells where a case has such a spelling, and no engine counts them."""

INSTALL: dict[str, tuple[str, str]] = {
    "tensorflow": ("tensorflow", "'gradharness[tensorflow]'"),
    "torch": ("torch", "'gradharness[torch]'"),
    "jax": ("jax", "'gradharness[jax]'"),
    "sympy": ("sympy", "sympy"),
    "finite_difference": ("numpy", "numpy"),
    OWN: ("numpy", "numpy"),
}
"""Name → the package that must be there, and what pip is asked for."""

OLDEST: dict[str, str] = {"tensorflow": "2.18", "torch": "2.6", "jax": "0.5"}
"""The oldest versions that the adapters know, as the extras of pyproject.toml ask for them."""


class Backend(Protocol):
    """What a run asks of an adapter."""

    name: str
    mechanism: str
    package: str
    dtypes: tuple[str, ...]
    variants: tuple[str, ...]
    """Of the gradient; the first is the default."""
    routes: Mapping[str, tuple[str, ...]]
    """Operator beyond the gradient → its variants."""
    book: Phrasebook

    @classmethod
    def operators(cls) -> tuple[str, ...]: ...

    def settle(self) -> None: ...

    def settings(self) -> AbstractContextManager[None]: ...

    def versions(self) -> dict[str, str]: ...

    def flags(self) -> dict[str, str]: ...

    def measure(self, task: Task) -> Measurement: ...

    def reproduce(self, task: Task) -> str: ...


def describe(name: str) -> type[Backend]:
    """Return the adapter's class: what it can do, read without importing its framework."""
    module, adapter = (BACKENDS | BY_HAND)[name].split(":")
    return cast(type[Backend], getattr(importlib.import_module(module), adapter))


def available(name: str) -> Failure | None:
    """Return why the backend cannot run, or None; its framework is not imported."""
    package, wanted = INSTALL[name]
    if importlib.util.find_spec(package) is None:
        sentence = f"{package} is not installed; install it with: pip install {wanted}"
        return Failure(trouble=Trouble.NOT_INSTALLED, sentence=sentence)
    return _too_old(package, wanted)


def _too_old(package: str, wanted: str) -> Failure | None:
    """Return the failure of a package that is older than what the adapters were written for."""
    found, oldest = _installed(package), OLDEST.get(package, "")
    if not oldest or not found or _release(found) >= _release(oldest):
        return None
    sentence = f"{package} {found} is older than {oldest}, which this needs; upgrade it with: pip install -U {wanted}"
    return Failure(trouble=Trouble.UNSUPPORTED, sentence=sentence)


def _installed(package: str) -> str:
    """Return the installed version; "" where no distribution of that name tells."""
    for distribution in (package, f"{package}-cpu"):
        with contextlib.suppress(PackageNotFoundError):
            return version(distribution)
    return ""


def _release(text: str) -> tuple[int, ...]:
    """Return the first two numbers of a version."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


@lru_cache
def made(name: str) -> Backend:
    """Return the backend, made once in a process; its framework is imported now, its global flags stay as they are."""
    return describe(name)()


@lru_cache
def load(name: str) -> Backend:
    """Return the backend in a process of our own: its global flags are set for good."""
    backend = made(name)
    backend.settle()
    return backend
