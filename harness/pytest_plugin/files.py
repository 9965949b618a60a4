"""Which files hold cases."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from harness.encoding import is_text, loosely

HOLDS_CASES = re.compile(
    r"""^\s*(?:from\s+harness\b|import\s[^#\n]*\bharness\b)   # the file imports harness
      | ^@[\w.]+\.(?:backward\s*$|native\()                    # or adds a spelling to a case of another file
    """,
    re.MULTILINE | re.VERBOSE,
)


def is_case_file(path: Path, config: pytest.Config) -> bool:
    """Return whether the file holds cases and is named `case_….py` or lies below one of `agreement_paths`.

    A file of this name or place that cannot be opened is one too, and one of this name that is no text: its collection
    then says why.
    """
    if path.suffix != ".py" or not (path.name.startswith("case_") or _is_listed(path, config)):
        return False
    with contextlib.suppress(OSError):
        unread = path.name.startswith("case_") and not is_text(path)
        return unread or HOLDS_CASES.search(loosely(path)) is not None
    return True


def is_named_as_tests(path: Path, config: pytest.Config) -> bool:
    """Return whether pytest takes a file of this name for tests."""
    return any(fnmatch(path.name, pattern) for pattern in config.getini("python_files"))


def is_asked_for(path: Path, config: pytest.Config) -> bool:
    """Return whether the session's arguments name the file or folder, or a folder above it, and leave nothing out.

    pytest looks at the files beside one that is named, too.
    """
    if config.getoption("ignore") or config.getoption("ignore_glob"):
        return False
    start = config.invocation_params.dir
    return any(path.is_relative_to((start / argument).resolve()) for argument in config.args)


def any_case_file(arguments: Iterable[str], config: pytest.Config) -> bool:
    """Return whether there is a case file at or below the arguments of a pytest command."""
    start = config.invocation_params.dir
    places = (start / argument.partition("::")[0] for argument in arguments)
    return any(is_case_file(path, config) for place in places for path in _below(place, config))


def _is_listed(path: Path, config: pytest.Config) -> bool:
    if path.name == "conftest.py" or is_named_as_tests(path, config):
        return False
    folders: list[Path] = config.getini("agreement_paths")
    return any(path.is_relative_to(folder) and not _is_private(path.relative_to(folder)) for folder in folders)


def _is_private(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _below(place: Path, config: pytest.Config) -> Iterator[Path]:
    """Yield the Python files at or below a place, without the folders into which pytest does not look."""
    if place.suffix == ".py":
        yield place
    for folder, inner, names in os.walk(place):
        inner[:] = [
            name for name in inner if not any(fnmatch(name, hidden) for hidden in config.getini("norecursedirs"))
        ]
        yield from (Path(folder, name) for name in names if name.endswith(".py"))
