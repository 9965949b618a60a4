"""What every test may use: the repository's root, commands run in a tree, and environments without a framework."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow greets on stderr, before any test could ask it not to

Completed = subprocess.CompletedProcess[str]
Command = Callable[..., Completed]


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the repository."""
    return Path(__file__).parent.parent


@pytest.fixture
def tree(root: Path, tmp_path: Path) -> Path:
    """Return a copy of what the checks of the repository read, for a fault to be planted in."""
    for name in ("harness", "cases"):
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def command() -> Command:
    """Return a function that runs a command of this environment in a folder; what it said is one text in `stdout`.

    The folder is the whole of PYTHONPATH, so that a copy is checked and not the installed package; the command does
    not see the make or tox that may have started the tests.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "TOX_"))}

    def run(name: str, *arguments: str, cwd: Path) -> Completed:
        program = shutil.which(name, path=path)
        assert program, f"{name} is not installed: pip install -c constraints.txt -e '.[dev]'"
        return subprocess.run(
            [program, *arguments],
            cwd=cwd,
            env={**outer, "PATH": path, "PYTHONPATH": str(cwd), "NO_COLOR": "1", "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )

    return run


# --------------------------------------------------------------------------- environments without a framework


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--without",
        default="",
        metavar="NAMES",
        help="frameworks that are not installed here, joined by commas; a test that needs one is skipped and says so",
    )


def absent(config: pytest.Config) -> list[str]:
    """Return the frameworks that this environment is said to lack; without the option nothing is skipped."""
    return [name for name in config.getoption("without").split(",") if name]


def pytest_configure(config: pytest.Config) -> None:
    present = [name for name in absent(config) if importlib.util.find_spec(name)]
    if present:
        raise pytest.UsageError(
            f"--without {present[0]}: it is installed here, and its tests would be skipped for nothing"
        )


@pytest.fixture(autouse=True)
def _floats() -> Generator[None, None, None]:
    """Leave NumPy's error state as it was: a program that runs in this process may set it."""
    with np.errstate():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    given = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    needed = {given.get(name, name) for mark in item.iter_markers("needs") for name in mark.args}
    for name in needed.intersection(absent(item.config)):
        pytest.skip(f"{name} is not installed here")
    yield from skipping(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    yield from skipping(item)


def skipping(item: pytest.Item) -> Generator[None, None, None]:
    """Run the step; where it needs a framework that this environment is said to lack, skip the test."""
    try:
        yield
    except ModuleNotFoundError as missing:
        name = (missing.name or "").partition(".")[0]
        if name not in absent(item.config):
            raise
        pytest.skip(f"{name} is not installed here")
