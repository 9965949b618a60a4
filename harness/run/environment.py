"""What a run ran on: platform and package versions, without importing any framework."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "gradharness numpy scipy sympy mpmath python-flint tensorflow tensorflow-cpu keras torch jax jaxlib flax optax"
).split()


def versions() -> dict[str, str]:
    """Return the versions of the packages that numbers depend on, where they are installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, str]:
    """Return what of the machine can change a number: processor kind, system, Python."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
