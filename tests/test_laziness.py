"""Nothing heavy is imported before it is needed, and the test of that sees an import that is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Command

FRAMEWORKS = {"tensorflow", "torch", "jax", "jaxlib", "keras", "flax", "optax"}
HEAVY = FRAMEWORKS | {"sympy", "scipy", "jinja2", "rich", "pytest"}


def imported(command: Command, *arguments: str, cwd: Path) -> tuple[set[str], str]:
    """Return the top-level packages that `python *arguments` imports, or tries to, and what it printed."""
    done = command("python", "-X", "importtime", *arguments, cwd=cwd)
    lines = done.stdout.splitlines()
    text = "\n".join(line for line in lines if not line.startswith("import time:"))
    assert done.returncode == 0, text
    timed = [line for line in lines if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in timed}, text


def modules(tree: Path) -> list[str]:
    """Return the names of all modules of the package, found as files."""
    paths = (path.relative_to(tree).with_suffix("") for path in sorted((tree / "harness").rglob("*.py")))
    names = (path.parent if path.name == "__init__" else path for path in paths if path.name != "__main__")
    return [".".join(path.parts) for path in names]


def importing(names: list[str]) -> tuple[str, str]:
    """Return the arguments of Python that import the modules."""
    return "-c", "".join(f"import {name}\n" for name in names)


def test_importing_harness_is_light(root: Path, command: Command) -> None:
    packages, _ = imported(command, "-c", "import harness", cwd=root)
    assert packages & HEAVY == set()


def test_listing_the_catalogue_is_light(root: Path, command: Command) -> None:
    packages, text = imported(command, "-m", "harness.cli", "list", cwd=root)
    assert "lesson.square" in text
    assert packages & HEAVY == set()


def test_no_module_imports_a_framework(root: Path, command: Command) -> None:
    packages, _ = imported(command, *importing(modules(root)), cwd=root)
    assert "harness" in packages
    assert packages & FRAMEWORKS == set()


@pytest.mark.parametrize("name", sorted(HEAVY))
def test_an_import_is_seen(name: str, tmp_path: Path, command: Command) -> None:
    """Also deep below, in a function, and of a package that is not installed: the one here is empty."""
    (tmp_path / f"{name}.py").touch()
    room = tmp_path / "harness" / "room"
    room.mkdir(parents=True)
    (tmp_path / "harness" / "__init__.py").touch()
    (room / "__init__.py").write_text("from harness.room import eager\n")
    (room / "eager.py").write_text(f"def load():\n    import {name}\n\n\nload()\n")
    assert modules(tmp_path) == ["harness", "harness.room", "harness.room.eager"]
    assert imported(command, "-c", "import harness", cwd=tmp_path)[0] & HEAVY == set()
    assert imported(command, *importing(modules(tmp_path)), cwd=tmp_path)[0] & HEAVY == {name}


def test_an_import_of_what_is_missing_is_seen(tmp_path: Path, command: Command) -> None:
    attempt = "try:\n    import no_such_framework\nexcept ImportError:\n    pass"
    assert "no_such_framework" in imported(command, "-c", attempt, cwd=tmp_path)[0]
