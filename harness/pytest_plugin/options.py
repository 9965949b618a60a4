"""Options of the command line and of the ini file, and the markers."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.run.plan import Selection
    from harness.workers.limits import Limits

BACKENDS = ("tensorflow", "torch", "jax", "sympy", "finite_difference", "numpy")
"""The names of harness.backends, those by hand included, known here without importing it."""

LISTS = {
    "backend": "only these backends; joined by commas or repeated",
    "dtype": "float64, float32 (the default: both)",
    "point": "only points with these labels",
    "require": "backends that must run, else the session fails",
}


def add(parser: pytest.Parser) -> None:
    """Register the options."""
    group = parser.getgroup("agreement", "gradient agreement (gradharness)")
    for name, text in LISTS.items():
        group.addoption(f"--agreement-{name}", action="append", default=[], metavar="NAMES", help=text)
    group.addoption("--agreement-html", metavar="PATH", help="write the agreement report here")
    group.addoption("--agreement-jsonl", metavar="PATH", help="write the run file here; `gradharness show` reads it")
    group.addoption("--agreement-timeout", metavar="S", type=float, help="seconds that one cell may take")
    parser.addini("agreement_paths", type="paths", default=[], help="folders in which every file of cases is collected")


def register_markers(config: pytest.Config) -> None:
    """Register the markers of the items: one of all, one a backend."""
    config.addinivalue_line("markers", "agreement: the gradient of a case on a backend")
    for name in BACKENDS:
        config.addinivalue_line("markers", f"{name}: the gradient of a case on {name}")


def check(config: pytest.Config) -> None:
    """Raise UsageError where an option names what there is not, or limits nothing."""
    given = [*config.getoption("agreement_backend"), *config.getoption("agreement_require")]
    if not given and not config.getoption("agreement_dtype") and config.getoption("agreement_timeout") is None:
        return
    from harness.run.plan import SelectionError

    try:
        selection(config)
        required(config)
        limits(config)
    except SelectionError as error:
        raise pytest.UsageError(str(error)) from None


def selection(config: pytest.Config) -> Selection:
    """Return what of the cases is to be run. Raises SelectionError."""
    from harness.backends import BACKENDS, BY_HAND
    from harness.domains.precision import PRECISIONS
    from harness.run.plan import Selection, checked

    return Selection(
        backends=checked(_names(config, "backend"), (*BACKENDS, *BY_HAND), "backend"),
        dtypes=checked(_names(config, "dtype"), PRECISIONS, "dtype") or Selection().dtypes,
        points=_names(config, "point"),
        profile="default",
    )


def required(config: pytest.Config) -> tuple[str, ...]:
    """Return the backends that must run. Raises SelectionError."""
    from harness.backends import BACKENDS
    from harness.run.plan import checked

    return checked(_names(config, "require"), BACKENDS, "backend")


def limits(config: pytest.Config) -> Limits:
    """Return what one cell may take. Raises SelectionError."""
    from harness.workers.limits import Limits, positive

    seconds = config.getoption("agreement_timeout")
    return Limits() if seconds is None else Limits(seconds=positive("--agreement-timeout", seconds, "seconds"))


def target(config: pytest.Config, name: str) -> Path | None:
    """Return where a report is to be written, None where it was not asked for."""
    given = config.getoption(f"agreement_{name}")
    return config.invocation_params.dir / given if given else None


def command(config: pytest.Config) -> str:
    """Return the command line of the session."""
    return shlex.join(["pytest", *map(str, config.invocation_params.args)])


def _names(config: pytest.Config, option: str) -> tuple[str, ...]:
    given: list[str] = config.getoption(f"agreement_{option}")
    return tuple(word.strip() for text in given for word in text.split(",") if word.strip())
