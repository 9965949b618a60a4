"""What a case file does to the process that imports it costs that file alone, and is told in one sentence."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from harness import gather as gather_module
from harness.collect import catalogue, load
from harness.gather import ADVICE, Gathered, gather, rehearse
from test_cli import gradharness
from test_collect import CASE, write

ENDS = {
    "leaves": ("import os\nos._exit(0)\n", ":3: importing the file ended its process with exit code 0"),
    "killed": ("import os\nos.kill(os.getpid(), 9)\n", ": importing the file ended its process by SIGKILL"),
    "crashes": ("import ctypes\nctypes.string_at(0)\n", ":3: importing the file ended its process by SIGSEGV"),
    "replaced": (
        "import os\nos.execv('/bin/true', ['true'])\n",
        ": importing the file ended its process with exit code",
    ),
    "at_exit": ("import atexit, os\natexit.register(lambda: os._exit(0))\n", "ended its process with exit code 0"),
    "later": (
        "import os, threading\nthreading.Timer(0.3, os._exit, [0]).start()\n",
        "ended its process with exit code 0",
    ),
    "sleeps": ("import time\ntime.sleep(1000)\n", ":3: importing the file took more than 2 s"),
    "spins": ("x = 10 ** 10 ** 9\n", ":2: importing the file took more than 2 s"),
    "fills": (
        "x = b'x' * 300_000_000\nimport time\ntime.sleep(1000)\n",
        ":2: importing the file took more than 200 MB",
    ),
}
SAYS = {
    "exits": ("import sys\nsys.exit(0)\n", ":3: importing the file raised SystemExit: 0"),
    "asks": ("input()\n", ":2: importing the file raised EOFError"),
    "interrupts": ("raise KeyboardInterrupt\n", ":2: importing the file raised KeyboardInterrupt"),
}


def beside_good_ones(folder: Path, text: str) -> Gathered:
    """Return what is gathered of the file between two good ones."""
    write(folder, "case_a.py", CASE.format(name="one"))
    write(folder, "case_b.py", "import harness\n" + text)
    write(folder, "case_c.py", CASE.format(name="two"))
    return gather([folder])


@pytest.mark.parametrize("name", [*ENDS, *SAYS])
def test_a_file_costs_itself_alone(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather_module, "SECONDS", 2.0 if name in ("sleeps", "spins") else 60.0)
    monkeypatch.setattr(gather_module, "MEGABYTES", 200.0 if name == "fills" else 6000.0)
    text, sentence = (ENDS | SAYS)[name]
    found = beside_good_ones(tmp_path, text)
    assert [case.id for case in found.cases] == ["a.one", "c.two"]
    (said,) = found.refused
    assert said.startswith(f"{tmp_path / 'case_b.py'}:")
    assert sentence in said
    assert said.endswith(ADVICE) == (name in ENDS)


def test_good_files_and_the_catalogue_are_let_through(tmp_path: Path) -> None:
    found = beside_good_ones(tmp_path, "import math\n")
    assert len(found.cases) == 2
    assert not found.refused
    assert rehearse(catalogue().glob("*.py")) == {}


def test_two_files_that_end_the_process_are_both_named(tmp_path: Path) -> None:
    for name, (text, _) in ENDS.items():
        if name in ("leaves", "killed", "at_exit"):
            write(tmp_path, f"case_{name}.py", "import harness\n" + text)
    assert len(gather([tmp_path]).refused) == 3


def test_what_a_file_leaves_behind_is_put_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other"
    other.mkdir()
    lines = [
        "import os, sys",
        "print('hello')",
        f"os.chdir({str(other)!r})",
        "sys.stdout = sys.stderr = None",
        "sys.argv.clear()",
        "os.close(1)",
    ]
    file = write(tmp_path, "case_b.py", "\n".join([*lines, CASE.format(name="one")]))
    before = os.getcwd(), sys.stdout, sys.stderr, list(sys.argv)
    load(file)
    assert (os.getcwd(), sys.stdout, sys.stderr, list(sys.argv)) == before
    os.write(1, b"here\n")
    assert capfd.readouterr() == ("here\n", "hello\n")


def test_a_copy_of_the_process_ends_with_the_import(tmp_path: Path) -> None:
    file = write(tmp_path, "case_b.py", "import os\nos.fork()\n" + CASE.format(name="one"))
    done = gradharness("list", str(file), cwd=tmp_path)
    assert (done.returncode, done.stdout.count("b.one")) == (0, 1)


def test_the_command_runs_the_others_and_says_so(tmp_path: Path) -> None:
    write(tmp_path, "case_a.py", CASE.format(name="one"))
    bad = write(tmp_path, "case_b.py", "import harness, os\nos._exit(0)\n")
    listed = gradharness("list", ".", cwd=tmp_path)
    assert (listed.returncode, "a.one" in listed.stdout, "case_b.py:2" in listed.stderr) == (2, True, True)
    ran = gradharness("run", ".", "--backend", "sympy", "--out", "out", cwd=tmp_path)
    assert ran.returncode == 2
    assert "SymPy agrees with the truth on 2 cells" in ran.stdout
    assert "? A case file was not read, and its cases are missing: case_b.py:2" in ran.stdout
    assert "case_b.py:2" in (tmp_path / "out" / "report.html").read_text()
    assert json.loads((tmp_path / "out" / "badge.json").read_text())["color"] == "8a5a00"
    alone = gradharness("run", bad.name, cwd=tmp_path)
    assert (alone.returncode, alone.stderr.count("\n"), alone.stdout) == (2, 1, "")
    bad.unlink()
    assert gradharness("run", ".", "--backend", "sympy", cwd=tmp_path).returncode == 0
