"""The plugin in processes of its own: workers of xdist, an interrupt, what is imported."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from harness.backends import BACKENDS, INSTALL
from harness.collect import collect
from harness.pytest_plugin import distribution
from harness.run.records import Run
from harness.run.store import load
from sessions import CALM, CASES, EXPECTED, KINK, Session, outcomes


@pytest.fixture
def alone(pytester: pytest.Pytester, root: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Return a function that runs Python with these arguments in a folder with the two cases."""
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:cacheprovider")
    pytester.path.joinpath("case_tiny.py").write_text(CASES)
    return lambda *arguments: pytester.run(sys.executable, *arguments, timeout=120)


PLUGIN = ("-m", "pytest", "-p", "harness.pytest_plugin")
CALMLY = f"--agreement-backend={','.join(CALM)}"


def imported(result: pytest.RunResult) -> set[str]:
    """Return the top-level packages that a session under `-X importtime` imported."""
    lines = [line for line in result.errlines if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_without_a_case_file_nothing_is_seen_and_nothing_imported(alone: Session, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("case_tiny.py").unlink()
    pytester.makepyfile(case_other="1 / 0  # no import", test_it="def test_it(): pass")
    plain, plugged = alone("-X", "importtime", "-m", "pytest"), alone("-X", "importtime", *PLUGIN)
    plugged.assert_outcomes(passed=1)
    assert re.sub(r"in \d.*", "", plugged.stdout.str()) == re.sub(r"in \d.*", "", plain.stdout.str())
    assert imported(plugged) - imported(plain) == {"harness"}


def test_collection_imports_no_framework(alone: Session) -> None:
    result = alone("-X", "importtime", *PLUGIN, "--collect-only", "-q")
    assert result.ret == 0, result.stdout.str()
    heavy = {*(package for package, _ in INSTALL.values()), "scipy", "flint", "rich", "jinja2"} - {"numpy"}
    assert "harness.pytest_plugin" in result.stderr.str(), "imports are seen"
    assert imported(result) & heavy == set()


def test_the_catalogue_is_collected_as_the_command_does(alone: Session, root: Path) -> None:
    result = alone(*PLUGIN, "--collect-only", "-q", str(root / "cases"))
    collected = [line.rpartition("::")[2] for line in result.outlines if "::" in line]
    assert collected == [f"{case.id.partition('.')[2]}[{name}]" for case in collect() for name in BACKENDS]


def test_workers_share_the_backends_and_the_controller_joins_their_runs(
    alone: Session, pytester: pytest.Pytester
) -> None:
    pytester.path.joinpath("expectations.toml").write_text(EXPECTED)
    pytester.path.joinpath("case_tiny.py").write_text(CASES + KINK)
    one = alone(*PLUGIN, CALMLY, "--agreement-jsonl=one.jsonl")
    two = alone(*PLUGIN, "-p", "xdist", CALMLY, "-n2", "-v", "--agreement-jsonl=two.jsonl", "--agreement-html=two.html")
    assert (one.ret, two.ret) == (1, 1)
    first, second = load(pytester.path / "one.jsonl"), load(pytester.path / "two.jsonl")
    assert verdicts(first) == verdicts(second)
    assert len(second.cells) == 20
    assert second.totals is not None
    assert first.totals is not None
    assert second.totals.headline == first.totals.headline
    assert list(second.header.backends.items()) == [(name, "ran") for name in CALM]
    assert "tiny.kink" in pytester.path.joinpath("two.html").read_text()
    homes = set(re.findall(r"^\[(gw\d)\].*\] (?:PASSED|FAILED) .*\[(\w+)\]", two.stdout.str(), re.MULTILINE))
    assert sorted(backend for _, backend in homes) == sorted(CALM), "a backend stays on its worker"
    assert len({worker for worker, _ in homes}) == 2
    assert two.stdout.str().count("gradient agreement") == 1


def verdicts(run: Run) -> dict[str, tuple[str, str, str]]:
    """Return verdict, class and reason of the cells by id."""
    return {cell.id: (cell.verdict, cell.cls, cell.reason) for cell in run.cells}


def test_workers_without_groups_run_what_they_get(alone: Session, pytester: pytest.Pytester) -> None:
    result = alone(*PLUGIN, "-p", "xdist", CALMLY, "-n2", "--dist=load", "--agreement-jsonl=run.jsonl")
    result.assert_outcomes(passed=4)
    run = load(pytester.path / "run.jsonl")
    assert run.totals is not None
    assert (len(run.cells), run.totals.planned) == (12, 12)


OWN_GRADIENT = """
@norm.native("torch")
def own(torch, w):
    class Norm(torch.autograd.Function):
        @staticmethod
        def forward(ctx, w):
            ctx.save_for_backward(w)
            return (w * w).sum()

        @staticmethod
        def backward(ctx, g):
            (w,) = ctx.saved_tensors
            return g * 2 * w.abs()

    return Norm.apply(w)
"""


@pytest.mark.needs("torch")
def test_a_wrong_autograd_function_fails_the_item_of_torch_alone(alone: Session, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("case_tiny.py").write_text(CASES + OWN_GRADIENT)
    result = alone(*PLUGIN, "--agreement-backend=torch,sympy", "--agreement-dtype=float64", "-v")
    assert {name for name, word in outcomes(result).items() if word != "PASSED"} == {"norm[torch]"}
    result.stdout.fnmatch_lines(
        [
            "✗ DISAGREE*  tiny.norm/torch/own/eager/grad/float64/p0",
            "  worst entry  w?1?   1 of 2 entries outside the tolerance",
            "  truth        -4.0000000000000000",
            "  got          4.0000000000000000",
            "  defined at   case_tiny.py:12",
            "  reproduce    gradharness repro tiny.norm/torch/own/eager/grad/float64/p0 case_tiny.py",
            "3 of 8 cells failed:",
            "  ✗ DISAGREE*  tiny.norm/torch/own/eager/grad/float64/p0",
            "  ✗ DISAGREE*  tiny.norm/torch/own/eager/vjp/float64/p0",
            "  ✗ DISAGREE*  tiny.norm/torch/own/reverse-reverse/hvp/float64/p0",
        ]
    )


HEARING = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""Takes SIGINT as a terminal's child does, and becomes the command: a shell's background job has it ignored."""


ASLEEP = """
@case(w=param(), points=[dict(w=0.0)])
def asleep(xp, w):
    import pathlib, time
    pathlib.Path("asleep").touch()
    time.sleep(600)
"""


def test_an_interrupt_ends_the_session_and_leaves_what_was_judged(alone: Session, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("case_tiny.py").write_text(CASES + ASLEEP)
    command = [sys.executable, "-c", HEARING, *PLUGIN, CALMLY, "--agreement-jsonl=run.jsonl"]
    with subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE) as process:
        while not pytester.path.joinpath("asleep").exists():
            assert process.poll() is None
            time.sleep(0.1)
        begun = time.perf_counter()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert time.perf_counter() - begun < 10
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert b"The run was cut short" in output
    assert load(pytester.path / "run.jsonl").totals is None


def test_an_installed_package_brings_the_plugin(
    alone: Session, pytester: pytest.Pytester, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    [(name, module)] = project["entry-points"]["pytest11"].items()
    about = pytester.mkdir("site").joinpath("gradharness-0.dist-info")
    about.mkdir()
    about.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: gradharness\nVersion: 0\n")
    about.joinpath("entry_points.txt").write_text(f"[pytest11]\n{name} = {module}\n")
    monkeypatch.setenv("PYTHONPATH", f"{pytester.path / 'site'}:{root}")
    result = alone("-m", "pytest", "--collect-only", "-q", "-k", "norm and torch")
    assert "case_tiny.py::norm[torch]" in result.outlines


# --------------------------------------------------------------------------- distribution

WITH_XDIST = ("-p", "xdist.plugin", "-p", "harness.pytest_plugin")


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (["-n2"], ["--dist=loadgroup"]),
        (["-nauto"], ["--dist=loadgroup"]),
        (["-n2", "--dist=load"], []),
        (["-n2", "-d"], []),
        (["-n0"], []),
        ([], []),
    ],
)
def test_items_are_grouped_unless_told_otherwise(
    options: list[str], chosen: list[str], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # an installed package would bring the plugin twice
    pytester.mkdir("deep").joinpath("case_tiny.py").write_text(CASES)
    config = pytester.parseconfig(*WITH_XDIST, *options, "deep/case_tiny.py::norm[torch]")
    assert distribution.arguments(config) == chosen


def test_sessions_without_case_files_are_distributed_as_ever(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.mkdir("node_modules").joinpath("case_tiny.py").write_text(CASES)
    pytester.path.joinpath("case_other.py").write_text("x = 1\n")
    config = pytester.parseconfig(*WITH_XDIST, "-n2", ".")
    assert distribution.arguments(config) == []
    pytester.mkdir("ours").joinpath("case_tiny.py").write_text(CASES)
    assert distribution.arguments(config) == ["--dist=loadgroup"]
