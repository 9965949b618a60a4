"""Style, types and the arrows between the rooms hold, and each check of them names a planted fault."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from conftest import Command

CHECKS = {
    "lint": ("ruff", "check", "--output-format", "concise", "."),
    "format": ("ruff", "format", "--check", "."),
    "types": ("mypy",),
    "arrows": ("lint-imports", "--no-logo", "--no-cache"),
}
LONGEST = 300
IGNORE = "type: ignore"


class Fault(NamedTuple):
    """Source that breaks a rule, what the check says of it, and the room it is planted in."""

    complaint: str
    source: str
    room: str = "judge"


FAULTS = {
    "lint": [
        Fault("F401", "import os\n"),
        Fault("F811", "def f() -> None: ...\n\n\ndef f() -> None: ...\n"),
        Fault("B015", "x = 1\nx == 2\n"),
        Fault("B018", "[1, 2]\n"),
        Fault("E501", f"x = '{'x' * 120}'\n"),
        Fault("I001", "import os\nimport abc\n\nx = (os, abc)\n"),
        Fault("FIX002", f"# {'todo'.upper()}: more\n"),
        Fault("PGH003", f"x: int = ''  # {IGNORE}\n"),
        Fault("PGH004", f"import os  # {'NOQA'.lower()}\n"),
        Fault("T201", "print(1)\n"),
        Fault("TID251", "import sys\n\nsys.stdout.write('')\n"),
        Fault("TID251", "import sys\n\nsys.exit(1)\n"),
        Fault("TID253", "import torch\n\nx = torch\n"),
    ],
    "format": [Fault("", "x = {  'a':1 }\n")],
    "types": [
        Fault("no-untyped-def", "def f(x):\n    return x\n"),
        Fault("return-value", "def f() -> int:\n    return ''\n"),
        Fault("unreachable", "def f(x: int) -> int:\n    if isinstance(x, int):\n        return x\n    return 1\n"),
        Fault("unused-ignore", f"x = 1  # {IGNORE}[assignment]\n"),
    ],
    "arrows": [
        Fault("-> harness.cli", "import harness.cli\n", room="graph"),
        Fault("-> harness.backends", "import harness.backends\n", room="truth"),
        Fault("-> harness.truth", "import harness.truth\n", room="backends"),
        Fault("-> harness.run", "import harness.run\n", room="report"),
        Fault("-> harness.judge", "import harness.judge\n", room="report"),
        Fault("-> cases", "import cases.lesson\n", room="run"),
        Fault("-> torch", "def f() -> None:\n    import torch\n", room="xp"),
        Fault("-> torch", "def f() -> None:\n    import torch\n", room="backends"),
        Fault("-> typer", "import typer\n", room="report"),
        Fault("-> pytest", "import pytest\n", room="run"),
    ],
}


def plant(check: str, tree: Path) -> dict[str, Fault]:
    """Return the faults of `check` by the name of the module that was written for each."""
    planted = {f"planted_{k}": fault for k, fault in enumerate(FAULTS[check])}
    for name, fault in planted.items():
        (tree / "harness" / fault.room / f"{name}.py").write_text(fault.source)
    return planted


def unnamed(planted: dict[str, Fault], report: str) -> list[Fault]:
    """Return the faults that no line of `report` names together with their module."""
    lines = report.splitlines()
    return [f for name, f in planted.items() if not any(name in line and f.complaint in line for line in lines)]


@pytest.mark.parametrize("check", CHECKS)
def test_the_repository_keeps_its_rules(check: str, root: Path, command: Command) -> None:
    done = command(*CHECKS[check], cwd=root)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("check", CHECKS)
def test_every_planted_fault_is_named(check: str, tree: Path, command: Command) -> None:
    planted = plant(check, tree)
    done = command(*CHECKS[check], cwd=tree)
    assert done.returncode == 1, done.stdout
    assert unnamed(planted, done.stdout) == [], done.stdout


def test_every_contract_can_break(tree: Path, command: Command) -> None:
    contracts = tomllib.loads((tree / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    plant("arrows", tree)
    report = command(*CHECKS["arrows"], cwd=tree).stdout
    assert [contract["name"] for contract in contracts if f"{contract['name']} BROKEN" not in report] == []


FRAMEWORKS = {"tensorflow", "torch", "jax", "keras", "flax", "optax"}
PLACES = {  # the constructors of the adapters, and of the bare calls that the charges are measured on
    ("backends/tf_tape.py", "TensorFlowTape.__init__", "tensorflow"),
    ("backends/torch_autograd.py", "TorchAutograd.__init__", "torch"),
    ("backends/jax_grad.py", "JaxGrad.__init__", "jax"),
    ("domains/measure_charges.py", "TensorFlow.__init__", "tensorflow"),
    ("domains/measure_charges.py", "Torch.__init__", "torch"),
    ("domains/measure_charges.py", "Jax.__init__", "jax"),
    ("selftest/peers.py", "_jax", "jax"),  # its checker is a module of its own, imported where the framework is
}


def framework_imports(tree: Path) -> set[tuple[str, str, str]]:
    """Return file, function and framework of every import, those by `import_module` included."""
    room = tree / "harness"
    found = ((path, *seen) for path in room.rglob("*.py") for seen in imports(ast.parse(path.read_text())))
    return {
        (path.relative_to(room).as_posix(), function, top)
        for path, function, name in found
        if (top := name.partition(".")[0]) in FRAMEWORKS
    }


def imports(node: ast.AST, inside: str = "") -> Iterator[tuple[str, str]]:
    """Yield the qualified name of the function and the module for every import below `node`."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names):
                yield from ((inside, alias.name) for alias in names)
            case ast.ImportFrom(str(module)):
                yield inside, module
            case ast.Call(
                ast.Name("import_module") | ast.Attribute(attr="import_module"), [ast.Constant(str(module)), *_]
            ):
                yield inside, module
        named = isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        yield from imports(child, f"{inside}.{child.name}".lstrip(".") if named else inside)


def test_a_framework_is_imported_in_a_constructor_alone(root: Path, tree: Path) -> None:
    assert framework_imports(root) == PLACES
    source = "from importlib import import_module\n\n\ndef f():\n    import jax.numpy\n    import_module('torch.nn')\n"
    (tree / "harness" / "planted.py").write_text(source)
    assert framework_imports(tree) - PLACES == {("planted.py", "f", "jax"), ("planted.py", "f", "torch")}


def too_long(tree: Path) -> list[str]:
    """Return the files of the package that no longer hold one noun."""
    return [str(path) for path in (tree / "harness").rglob("*.py") if len(path.read_text().splitlines()) > LONGEST]


def test_no_file_became_a_corridor(root: Path, tree: Path) -> None:
    assert too_long(root) == []
    (tree / "harness" / "planted.py").write_text("\n" * (LONGEST + 1))
    assert too_long(tree) == [str(tree / "harness" / "planted.py")]
