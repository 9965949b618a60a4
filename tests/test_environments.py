"""Tests are skipped for want of a framework only where the environment is said to lack it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from conftest import Command

TESTS = """
import pytest

@pytest.fixture
def framework():
    return __import__("no_such_framework.part")

def test_imports(): import no_such_framework.part
def test_uses(framework): pass
@pytest.mark.needs("no_such_framework")
def test_needs(): raise ZeroDivisionError
def test_other(): import no_such_tool
def test_plain(): pass
"""


@pytest.fixture
def suite(root: Path, tmp_path: Path) -> Path:
    """Return a folder with a suite of its own under the repository's conftest and settings."""
    (tmp_path / "tests").mkdir()
    shutil.copy(root / "tests" / "conftest.py", tmp_path / "tests")
    shutil.copy(root / "pyproject.toml", tmp_path)
    (tmp_path / "tests" / "test_it.py").write_text(TESTS)
    return tmp_path


def outcome(command: Command, suite: Path, *options: str) -> str:
    """Return what pytest prints."""
    return command("python", "-m", "pytest", "-p", "no:cacheprovider", *options, cwd=suite).stdout


def test_nothing_is_skipped_of_itself(command: Command, suite: Path) -> None:
    assert "3 failed, 1 passed, 1 error in" in outcome(command, suite)


def test_what_is_said_to_be_absent_is_skipped(command: Command, suite: Path) -> None:
    assert "1 failed, 1 passed, 3 skipped in" in outcome(command, suite, "--without", "no_such_framework,torch_too")


def test_what_is_installed_cannot_be_left_out(command: Command, suite: Path) -> None:
    assert "--without numpy: it is installed here" in outcome(command, suite, "--without", "numpy")
