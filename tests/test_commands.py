"""The commands that a run prints do what they say when they are copied, and `list -k` lists what `run -k` runs."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from test_cli import CASES, gradharness

WRONG = """
import numpy as np
from harness import case, draw, param, point

@case(w=param(shape=2), points=[point("here", w=[0.5, 2.0]), draw()])
def cost(xp, w):
    return xp.sum(xp.exp(w))

@cost.backward
def by_hand(w):
    return 3 * np.exp(np.asarray(w))
"""
NAME = "case_it's `a` $file*.py"
HOSTILE = "o u`t' $x"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the command and a case file of a hostile name whose gradient by hand is wrong."""
    folder = tmp_path_factory.mktemp("shell")
    command = folder / "gradharness"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m harness.cli "$@"\n')
    command.chmod(0o755)
    (folder / NAME).write_text(WRONG)
    return folder


def copied(text: str, label: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Return what the first command of this label in the text says when it is pasted into a shell."""
    (line, *_) = re.findall(rf"^ *{label} +(gradharness .*)$", text, re.MULTILINE)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(Path(__file__).parent.parent)}
    return subprocess.run(["sh", "-c", line], cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("out", [(), ("--out", HOSTILE)])
def test_printed_commands_work_as_they_are_printed(shell: Path, out: tuple[str, ...]) -> None:
    words = ("--backend", "numpy", "--point", "draw0", "--seed", "3")
    ran = gradharness("run", NAME, *words, *out, cwd=shell)
    assert ran.returncode == 1, ran.stderr
    shown = copied(ran.stdout, "show", shell)
    assert (shown.returncode, "✗ DISAGREE" in shown.stdout) == (0, True), shown.stderr
    got = float(re.findall(r"got +([-.\d]+)", shown.stdout)[0])
    script = copied(ran.stdout, "reproduce", shell)
    assert script.returncode == 0, script.stderr
    printed = subprocess.run([sys.executable, "-c", script.stdout], capture_output=True, text=True, check=True).stdout
    assert any(abs(float(number) / got - 1) < 1e-6 for number in re.findall(r"[-.\d]+", printed)), "the point of seed 3"


def test_a_report_read_again_prints_commands_that_work(shell: Path) -> None:
    assert gradharness("run", NAME, "--backend", "numpy", "--out", HOSTILE, cwd=shell).returncode == 1
    again = gradharness("report", HOSTILE, cwd=shell)
    assert copied(again.stdout, "reproduce", shell).returncode == 0


def test_the_command_of_a_sarif_result_works_where_the_run_is_not_the_last(shell: Path, tmp_path: Path) -> None:
    for name in (NAME, "gradharness"):
        shutil.copy(shell / name, tmp_path)
    words = ("--backend", "numpy", "--point", "draw0", "--seed", "3", "--out", HOSTILE)
    assert gradharness("run", NAME, *words, cwd=tmp_path).returncode == 1
    result = json.loads((tmp_path / HOSTILE / "run.sarif").read_text())["runs"][0]["results"][0]
    script = copied(result["message"]["text"].replace("Reproduce:", "\nReproduce:"), "Reproduce:", tmp_path)
    assert script.returncode == 0, script.stderr
    printed = subprocess.run([sys.executable, "-c", script.stdout], capture_output=True, text=True, check=True).stdout
    got = float(result["properties"]["got"])
    assert any(abs(float(number) / got - 1) < 1e-6 for number in re.findall(r"[-.\d]+", printed)), "the point of seed 3"


KNOWN = """[[expect]]
cell = "mine.cost/*/by_hand"
verdict = "DISAGREE"
reason = "three times too large"
"""


def test_a_known_difference_is_a_line_and_one_of_other_versions_is_not_stale(tmp_path: Path) -> None:
    (tmp_path / "case_mine.py").write_text(WRONG)
    file, words = tmp_path / "expectations.toml", ("run", "case_mine.py", "--point", "here", "--backend", "numpy")
    file.write_text(KNOWN)
    known = gradharness(*words, cwd=tmp_path)
    assert known.returncode == 0, known.stdout
    assert len(re.findall("^  ✗ DISAGREE.* mine.cost/numpy/by_hand/.* three times too large$", known.stdout, re.M)) > 0
    assert "would pass" not in known.stdout
    file.write_text(KNOWN + 'versions = { numpy = "0.1" }\n')
    other = gradharness(*words, cwd=tmp_path)
    assert (other.returncode, "would pass" in other.stdout, "(expected)" in other.stdout) == (1, True, False)
    assert "Expectation without" not in other.stdout
    (tmp_path / "case_mine.py").write_text(WRONG.replace("3 * np", "np"))
    right = gradharness(*words, cwd=tmp_path)
    assert right.returncode == 0, right.stdout
    file.write_text(KNOWN)
    gone = gradharness(*words, cwd=tmp_path)
    assert (gone.returncode, "Expectation without a failing cell" in gone.stdout) == (1, True)


def test_repro_says_where_the_file_of_a_run_is_missing(shell: Path, tmp_path: Path) -> None:
    assert gradharness("run", NAME, "--backend", "numpy", "--out", HOSTILE, cwd=shell).returncode == 1
    known = [line for line in (shell / HOSTILE / "run.jsonl").read_text().splitlines() if '"line":"cell"' in line]
    cell = re.findall(r'"case":"([^"]+)"', known[0])[0] + "/numpy"
    away = gradharness("repro", cell, "--run", str(shell / HOSTILE), cwd=tmp_path)
    assert away.returncode == 2
    assert f"the run found {cell} in {NAME}, which is not here; name the file" in away.stderr
    there = gradharness("repro", cell, str(shell / NAME), "--run", str(shell / HOSTILE), cwd=tmp_path)
    assert there.returncode == 0
    nowhere = gradharness("repro", cell, "--run", "no such run", cwd=shell)
    assert (nowhere.returncode, "no such run" in nowhere.stderr) == (2, True)


TRACED = """import ctypes, os, time
from harness import case, param

def one(function):
    return case(w=param(), points=[dict(w=3.0)])(function)

@one
def prints(xp, w):
    print("not of the script")
    return w**2
"""
ENDS = {
    "leaves": ("os._exit(0)", "the worker process died (it ended by itself with exit code 0)"),
    "fails": ("os._exit(3)", "the worker process died (exit code 3)"),
    "crashes": ("ctypes.string_at(0)", "the worker process died (signal SIGSEGV)"),
    "interrupts": ("raise KeyboardInterrupt", "while it was traced: KeyboardInterrupt"),
    "exits": ("raise SystemExit(0)", "while it was traced, raised SystemExit: 0"),
    "sleeps": ("time.sleep(3600)", "tracing gave no answer within 2 s"),
    "returns": ("return xp.stack([w, w])", "a cost is one real number"),
}


def traced(folder: Path, ends: Mapping[str, tuple[str, str]]) -> None:
    """Write a case file with a case that is good, and these."""
    more = (f"\n@one\ndef {name}(xp, w):\n    {line}\n" for name, (line, _) in ends.items())
    (folder / "case_end.py").write_text(TRACED + "".join(more))


@pytest.mark.parametrize("name", ENDS)
def test_repro_of_a_case_that_ends_or_blocks_its_process_is_one_sentence(name: str, tmp_path: Path) -> None:
    traced(tmp_path, ENDS)
    limit = ("--timeout", "2") if name == "sleeps" else ()
    done = gradharness("repro", f"end.{name}", "case_end.py", *limit, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith(f"gradharness: end.{name}")
    assert ENDS[name][1] in done.stderr


def test_what_a_function_prints_while_it_is_traced_is_no_part_of_its_script(tmp_path: Path) -> None:
    traced(tmp_path, {})
    done = gradharness("repro", "end.prints/sympy", "case_end.py", cwd=tmp_path)
    assert (done.returncode, "not of the script" in done.stdout) == (0, False)
    refused = gradharness("repro", "end.prints/sympy", "case_end.py", "--timeout", "0", cwd=tmp_path)
    assert (refused.returncode, "--timeout 0 is no limit" in refused.stderr) == (2, True)


def test_show_survives_a_case_that_has_come_to_end_its_process(tmp_path: Path) -> None:
    traced(tmp_path, {})
    assert gradharness("run", "case_end.py", "--backend", "finite_difference", "-q", cwd=tmp_path).returncode == 0
    file = tmp_path / "case_end.py"
    file.write_text(file.read_text().replace("return w**2", "os._exit(0)"))
    shown = gradharness("show", "end.prints", cwd=tmp_path)
    assert shown.returncode == 0
    assert shown.stdout.count("defined at") == 2
    assert "source" in shown.stdout


def test_list_takes_the_words_of_run(tmp_path: Path) -> None:
    (tmp_path / "case_mine.py").write_text(CASES)
    listed = gradharness("list", "case_mine.py", "-k", "here or square", cwd=tmp_path).stdout
    assert "points: here\n" in listed
    assert listed.splitlines()[-1] == "2 cases, 2 points"
    assert gradharness("list", "case_mine.py", "-k", "not here and mine.mine", cwd=tmp_path).stdout.endswith(
        "1 case, 1 point\n"
    )
    nothing = gradharness("list", "case_mine.py", "-k", "nothing", cwd=tmp_path)
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert (
        nothing.stderr
        == "gradharness: nothing matched: no cell of 2 cases has -k nothing; see: gradharness list case_mine.py\n"
    )


def ended(tmp_path: Path, redirected: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Return how the command ends whose output is sent somewhere in a shell."""
    (tmp_path / "case_mine.py").write_text(CASES)
    line = f"{shlex.join([sys.executable, '-m', 'harness.cli', *words])} {redirected}"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    return subprocess.run(["bash", "-c", line], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)


RUN = ("run", "case_mine.py", "--backend", "sympy", "-q")


@pytest.mark.parametrize("words", [("list",), RUN])
@pytest.mark.parametrize(
    ("redirected", "code", "said"),
    [
        ("| head -0; exit ${PIPESTATUS[0]}", 141, ""),
        (">/dev/full", 2, "gradharness: the output cannot be written: No space left on device"),
        (">&-", 0, ""),
        ("<&- >&- 2>&-", 0, ""),
    ],
)
def test_an_output_that_takes_nothing_is_no_trace(
    tmp_path: Path, words: tuple[str, ...], redirected: str, code: int, said: str
) -> None:
    done = ended(tmp_path, redirected, *words)
    assert done.returncode == code
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == (said != "")
    if words is RUN:
        assert '"line":"totals"' in (tmp_path / "reports/latest/run.jsonl").read_text()


def test_a_locale_that_cannot_say_it_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "case_mine.py").write_text(CASES)
    done = gradharness(*RUN, cwd=tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u2713 A planted wrong gradient was caught" in done.stdout


def test_nonsense_is_refused_and_a_required_backend_is_named(tmp_path: Path) -> None:
    (tmp_path / "case_mine.py").write_text(CASES)
    for nonsense in (("--seed", "-5"), ("--seed", str(2**63)), ("--timeout", "nan"), ("--jobs", "3")):
        refused = gradharness(*RUN, *nonsense, cwd=tmp_path)
        assert (refused.returncode, "Traceback" in refused.stderr) == (2, False), refused.stderr
    missing = gradharness(*RUN, "--require", "torch", cwd=tmp_path)
    assert missing.returncode == 3
    assert "torch is required and did not run: no cell of this run is on it" in missing.stderr
