"""What a stranger takes in hand: the wheel, the pins, the two commands, the texts."""

from __future__ import annotations

import importlib.metadata
import os
import re
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from conftest import Command
from harness.cli import Exit
from harness.collect import collect

Project = dict[str, dict[str, list[str]]]


@pytest.fixture(scope="module")
def project(root: Path) -> Project:
    """Return the table `project` of pyproject.toml."""
    table: Project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return table


# --------------------------------------------------------------------------- wheel


def shipped(wheel: Path) -> dict[str, bytes]:
    """Return the files of a wheel by name."""
    with ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory, command: Command) -> dict[str, bytes]:
    """Return the files of the wheel that is built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    done = command("hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=root)
    assert done.returncode == 0, done.stdout
    return shipped(next(folder.glob("*.whl")))


def sources(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder that belong to the project, by relative path."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_wheel_carries_the_package_and_the_catalogue(root: Path, wheel: dict[str, bytes]) -> None:
    package = {f"harness/{path}": text for path, text in sources(root / "harness").items()}
    catalogue = {f"harness/_catalogue/{path}": text for path, text in sources(root / "cases").items()}
    assert {
        "harness/cli/run.py",
        "harness/py.typed",
        "harness/_catalogue/lesson.py",
    } <= package.keys() | catalogue.keys()
    assert any(path.startswith("harness/report/templates/") for path in package)
    assert any(path.startswith("harness/_catalogue/data/") for path in catalogue)
    assert {path: text for path, text in wheel.items() if ".dist-info/" not in path} == package | catalogue


def test_the_wheel_brings_the_command(wheel: dict[str, bytes]) -> None:
    entries = next(text for path, text in wheel.items() if path.endswith("entry_points.txt")).decode()
    assert "gradharness = harness.cli:main" in entries


def test_the_wheel_lists_its_own_catalogue(wheel: dict[str, bytes], tmp_path: Path, command: Command) -> None:
    for path, text in wheel.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(text)
    where = command("python", "-c", "import harness.collect as c; print(c.catalogue())", cwd=tmp_path)
    assert where.stdout.strip() == str(tmp_path / "harness" / "_catalogue")
    assert "lesson.square" in command("python", "-m", "harness.cli", "list", cwd=tmp_path).stdout


# --------------------------------------------------------------------------- pins


def canonical(name: str) -> str:
    """Return the name of a distribution as the indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def direct(project: Project) -> set[str]:
    """Return the names of all distributions that pyproject.toml asks for, extras included."""
    asked = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    names = {canonical(re.split(r"[^\w.-]", line)[0]) for line in asked}
    return names - {"gradharness"}


def pins(root: Path) -> dict[str, str]:
    """Return the version of each line of constraints.txt."""
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    split = [line.split("==") for line in lines]
    assert all(len(part) == 2 for part in split), split
    return {canonical(name): version for name, version in split}


def test_every_direct_dependency_is_pinned(root: Path, project: Project) -> None:
    assert direct(project) >= {"numpy", "torch", "ruff"}
    assert direct(project) - pins(root).keys() == set()


def test_what_is_installed_is_what_is_pinned(root: Path, project: Project) -> None:
    """A build's own mark, such as torch's +cpu, is no difference."""
    installed = {canonical(d.name): d.version.partition("+")[0] for d in importlib.metadata.distributions()}
    present = {name: installed[name] for name in direct(project) if name in installed}
    assert {"numpy", "pytest", "sympy"} <= present.keys()
    assert present == {name: pins(root)[name] for name in present}


# --------------------------------------------------------------------------- commands

BACKENDS = "tensorflow,torch,jax,sympy,finite_difference"


def recipe(target: str, root: Path, command: Command) -> str:
    """Return what `make TARGET` runs once the environment is there."""
    done = command("make", "--dry-run", "--old-file=.venv/.installed", target, cwd=root)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_make_report_requires_all_five_backends(root: Path, command: Command) -> None:
    assert recipe("report", root, command) == f".venv/bin/gradharness run --require {BACKENDS} --out reports/latest\n"


def test_make_test_runs_everything(root: Path, command: Command) -> None:
    assert recipe("test", root, command) == ".venv/bin/python -m pytest -n 2 --dist loadfile\n"


def test_both_targets_make_the_environment_first(root: Path, command: Command) -> None:
    for target in ("report", "test"):
        done = command("make", "--dry-run", "--always-make", target, cwd=root)
        venv, install, last = (done.stdout.find(word) for word in ("-m venv", "-c constraints.txt", ".venv/bin/"))
        assert 0 < venv < install, done.stdout
        assert last > 0, done.stdout


def test_make_help_names_every_target(root: Path, command: Command) -> None:
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), flags=re.MULTILINE))
    listed = {line.split()[1] for line in command("make", "help", cwd=root).stdout.splitlines()}
    assert listed == targets >= {"report", "test"}


def test_ci_runs_the_tests_and_then_the_report(root: Path, tmp_path: Path, command: Command) -> None:
    """With a make that only says what it was asked for; then with one whose tests fail."""
    script = root / ".ci" / "run"
    assert os.access(script, os.X_OK)
    fake = tmp_path / "make"
    for body, code, asked in (("exit 0", 0, ["test", "report"]), ("exit 1", 1, ["test"])):
        fake.write_text(f'#!/bin/sh\necho "asked $*"\n{body}\n')
        fake.chmod(0o755)
        done = command("env", f"PATH={tmp_path}{os.pathsep}{os.environ['PATH']}", "bash", str(script), cwd=tmp_path)
        assert done.returncode == code, done.stdout
        assert [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("asked")] == asked


def test_every_tox_environment_is_described(root: Path, command: Command) -> None:
    """A text for each of the list, and a section for each: `tox list` is the manual."""
    done = command("tox", "list", cwd=root)
    assert done.returncode == 0, done.stdout
    described = dict(re.findall(r"^(\S+) +-> (.+)$", done.stdout, flags=re.MULTILINE))
    wanted = {"lint", "types", "core", "tensorflow", "torch", "jax", "all", "report", "bench"}
    assert wanted <= described.keys()
    assert len(set(described.values())) == len(described)


# --------------------------------------------------------------------------- texts

TEXTS = {".py", ".toml", ".ini", ".txt", ".md", ".html", ".css", ".js", ""}
MACHINE = re.compile(r"(?<![\w.~)])/(?:home|root|tmp|Users|work)/")


def texts(root: Path) -> dict[str, str]:
    """Return the project's own texts by path: no environment, no cache, no run."""
    tops = [path for path in root.iterdir() if path.is_file()] + [
        root / name for name in ("harness", "cases", "tests", ".ci")
    ]
    files = (path for top in tops for path in ([top] if top.is_file() else top.rglob("*")) if path.is_file())
    wanted = (path for path in files if path.suffix in TEXTS and "__pycache__" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8", errors="replace") for path in wanted}


def test_no_text_knows_a_machine(root: Path) -> None:
    """A path of somebody's own in a file works for nobody else."""
    assert {path for path, text in texts(root).items() if MACHINE.search(text)} == set()
    assert MACHINE.search("see /ho" + "me/ada/notes")


def test_installing_names_no_host(root: Path) -> None:
    """Where packages come from is the reader's own choice (PIP_FLAGS)."""
    for name in ("pyproject.toml", "constraints.txt", "Makefile", "tox.ini", ".ci/run"):
        assert "//" not in texts(root)[name], name


def test_the_readme_begins_with_the_two_commands(root: Path) -> None:
    readme = texts(root)["README.md"]
    assert 0 < readme.index("make report") < readme.index("make test") < readme.index("reports/picture.svg")
    assert readme.index("reports/picture.svg") < readme.index("\n## ")


def test_the_readme_lists_the_exit_codes(root: Path) -> None:
    section = texts(root)["README.md"].partition("\n## Exit codes\n")[2].partition("\n## ")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", section, flags=re.MULTILINE)] == [
        int(code) for code in Exit
    ]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_the_commands_of_a_text_exist(name: str, root: Path, command: Command) -> None:
    told = set(re.findall(r"(?:^|`)gradharness ([a-z]+)", texts(root)[name], flags=re.MULTILINE))
    known = set(
        re.findall(r"^  ([a-z]+) ", command("python", "-m", "harness.cli", "--help", cwd=root).stdout, re.MULTILINE)
    )
    assert {"run"} <= told <= known


def test_the_readme_tells_every_command_and_every_option_of_a_run(root: Path, command: Command) -> None:
    section = texts(root)["README.md"].partition("\n## Commands\n")[2].partition("\n## ")[0]
    commands, options = section.split("| option of `run` |")
    assert set(re.findall(r"^\| `gradharness ([a-z]+)", commands, flags=re.MULTILINE)) == offered(root, command)
    first = "\n".join(line.split("|")[1] for line in options.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`(--?[a-z]+)", first)) == offered(root, command, "run") - {"--help"}


def offered(root: Path, command: Command, *words: str) -> set[str]:
    """Return the commands that the help lists, or the options of a command."""
    shown = command("python", "-m", "harness.cli", *words, "--help", cwd=root).stdout
    listed = shown.partition("Options:" if words else "Commands:")[2]
    return set(re.findall(r"^  (-?-?[a-z]+)", listed, flags=re.MULTILINE))


def test_the_case_of_the_readme_can_be_traced(root: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", texts(root)["README.md"], flags=re.DOTALL)
    file = tmp_path / "case_mine.py"
    file.write_text(next(block for block in blocks if "@case" in block))
    assert [(case.id, case.graph().params) for case in collect([file])] == [("mine.logistic", ("w", "b"))]
