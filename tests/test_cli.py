"""The command: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

CASES = '''from harness import case, data, param, point


@case(w=param(shape=2), x=data([[1.0, 2.0], [0.5, -1.0]]), points=[point("here", w=["0.1", "0.2"]), dict(w=[1, 2])])
def mine(xp, w, x):
    """My cost."""
    return xp.mean(xp.tanh(x @ w) ** 2)


@case(w=param(), points=[dict(w=3)])
def square(xp, w):
    """J(w) = w²."""
    return w**2
'''

HOSTILE = """import os, signal, time
from harness import case, param

def one(function):
    return case(w=param(), points=[dict(w=3.0)])(function)

@one
def good(xp, w):
    return w**2

@one
def sleeps(xp, w):
    time.sleep(3600)

@one
def exits(xp, w):
    os._exit(3)

@one
def raises_exit(xp, w):
    raise SystemExit(7)

@one
def interrupts(xp, w):
    raise KeyboardInterrupt

@one
def prints(xp, w):
    print("x" * 5_000_000)
    return w**3

@one
def vector(xp, w):
    return xp.stack([w, w])

@one
def text(xp, w):
    return "w"

@one
def nothing(xp, w):
    pass

@one
def undefined(xp, w):
    return xp.log(w - 3)

@one
def also_good(xp, w):
    return xp.exp(w)
"""

QUICK = ("--backend", "sympy,finite_difference")


def gradharness(*words: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Return the finished command, run in a folder."""
    root = Path(__file__).parent.parent
    return subprocess.run(
        [sys.executable, "-m", "harness.cli", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(root), "NO_COLOR": "1", "COLUMNS": "200", **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def lines(file: Path, kind: str = "cell") -> list[dict[str, object]]:
    return [line for line in map(json.loads, file.read_text().splitlines()) if line["line"] == kind]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Return a folder in which two cases were run, and what the command said."""
    folder = tmp_path_factory.mktemp("ran")
    (folder / "case_mine.py").write_text(CASES)
    return folder, gradharness("run", "case_mine.py", *QUICK, cwd=folder)


def test_a_run_prints_numbers_and_one_sentence(ran: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, done = ran
    assert done.returncode == 0, done.stderr
    assert "SymPy and finite differences agree with the truth on 12 cells" in done.stdout
    assert "2 of 2 backends ran" in done.stdout
    assert "6.0000000000000000" in done.stdout
    assert "A planted wrong gradient was caught" in done.stdout


def test_a_run_writes_its_lines_and_reports(ran: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder = ran[0] / "reports/latest"
    assert {"run.jsonl", "report.html", "summary.md", "badge.json", "badge.svg"} <= {
        file.name for file in folder.iterdir()
    }
    cells = lines(folder / "run.jsonl")
    assert len(cells) == 12
    assert {cell["class"] for cell in cells} == {"pass"}
    assert cells[0]["location"] == "case_mine.py:4"
    assert [line["planned"] for line in lines(folder / "run.jsonl", "totals")] == [12]


def test_show_report_and_repro_read_the_run(ran: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = ran
    shown = gradharness("show", "mine.square/sympy", cwd=folder)
    assert shown.returncode == 0
    assert "mine.square/sympy/xp/symbolic/grad/float64/p0" in shown.stdout
    again = gradharness("report", "reports/latest", "--out", "again", cwd=folder)
    assert again.returncode == 0
    first = folder / "reports/latest/report.html"
    assert (folder / "again/report.html").read_bytes() == first.read_bytes()
    script = gradharness("repro", "mine.square/sympy/xp/symbolic/grad/float64/p0", cwd=folder)
    assert script.returncode == 0
    assert "gradharness" not in script.stderr
    assert (
        "6.0"
        in subprocess.run([sys.executable, "-c", script.stdout], capture_output=True, text=True, check=True).stdout
    )


def test_show_prints_the_cells_own_source_and_says_where_it_is_another(
    ran: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    words = (
        "show",
        "mine.square/finite_difference/xp/richardson/grad/float32",
        "--run",
        str(ran[0] / "reports/latest"),
    )
    own = gradharness(*words, cwd=ran[0]).stdout
    assert "\n  source\n" in own
    stored = (
        "  source as the run stored it, of the dtype and variant that ran first: the case's file is not here as it was"
    )
    elsewhere = gradharness(*words, cwd=tmp_path)
    assert elsewhere.returncode == 0, elsewhere.stderr
    assert stored in elsewhere.stdout.splitlines()
    (tmp_path / "case_mine.py").write_text(CASES.replace("w**2", "w**3"))
    assert stored in gradharness(*words, cwd=tmp_path).stdout.splitlines()
    (tmp_path / "case_mine.py").write_text("raise SystemExit(3)\n# harness")
    assert stored in gradharness(*words, cwd=tmp_path).stdout.splitlines()


def test_gradients_by_hand_that_are_left_out_are_counted(tmp_path: Path) -> None:
    by_hand = "\n\n@square.backward\ndef by_hand(w):\n    return 2 * w\n"
    (tmp_path / "case_mine.py").write_text(CASES + by_hand)
    done = gradharness("run", "case_mine.py", "--backend", "sympy", "-k", "square", cwd=tmp_path)
    said = "? 1 gradient by hand was left out, such as mine.square/numpy/by_hand; with it: --backend sympy,numpy"
    assert said in done.stdout.splitlines()
    whole = gradharness("run", "case_mine.py", "--backend", "sympy,numpy", "-k", "square", cwd=tmp_path)
    assert "left out" not in whole.stdout


def test_a_prefix_takes_the_first_cell_and_says_so(ran: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    script = gradharness("repro", "mine.square/sympy", cwd=ran[0])
    assert script.returncode == 0
    assert "this is mine.square/sympy/xp/symbolic/grad/float64/p0" in script.stderr


def test_list_needs_no_run(ran: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    listed = gradharness("list", "case_mine.py", cwd=ran[0])
    assert listed.stdout.splitlines()[-1] == "2 cases, 3 points"
    assert "mine.square  J(w) = w²." in listed.stdout


def test_a_run_is_resumed_where_it_was_cut(ran: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    folder, _ = ran
    whole = (folder / "reports/latest/run.jsonl").read_text().splitlines()
    (tmp_path / "run.jsonl").write_text("\n".join(whole[:5]) + "\n" + whole[5][:30])
    (tmp_path / "case_mine.py").write_text(CASES)
    done = gradharness("run", "case_mine.py", *QUICK, "--resume", "run.jsonl", "--out", "done", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    old, new = (
        {str(cell["id"]): cell for cell in lines(file)}
        for file in (folder / "reports/latest/run.jsonl", tmp_path / "done/run.jsonl")
    )
    assert new.keys() == old.keys()
    taken = [json.loads(line)["id"] for line in whole[:5] if '"line":"cell"' in line]
    assert taken
    assert all(new[identity]["seconds"] == old[identity]["seconds"] for identity in taken)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "case_hostile.py").write_text(HOSTILE)
    return folder, gradharness("run", "case_hostile.py", *QUICK, "--timeout", "5", "--dtype", "float64", cwd=folder)


EXPECTED = {
    "good": ("pass", ""),
    "also_good": ("pass", ""),
    "prints": ("pass", ""),
    "sleeps": ("TIMEOUT", "gave no answer within 5 s"),
    "exits": ("CRASHED", "exit code 3"),
    "raises_exit": ("ERROR", "SystemExit: 7"),
    "interrupts": ("ERROR", "KeyboardInterrupt"),
    "vector": ("ERROR", "Write xp.sum(…) or xp.mean(…)"),
    "text": ("ERROR", "returns a str"),
    "nothing": ("ERROR", "returns None"),
    "undefined": ("UNDEFINED", "not finite at this point"),
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_what_a_case_breaks_costs_its_cells_only(
    name: str, hostile: tuple[Path, subprocess.CompletedProcess[str]]
) -> None:
    folder, done = hostile
    assert done.returncode == 1
    wanted, sentence = EXPECTED[name]
    cells = [cell for cell in lines(folder / "reports/latest/run.jsonl") if cell["case"] == f"hostile.{name}"]
    assert len(cells) == 2
    for cell in cells:
        assert wanted in (cell["class"], cell["verdict"])
        assert sentence in str(cell["reason"])
    assert "xxxxx" not in done.stdout


def test_what_a_case_prints_is_in_its_record(hostile: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    cases = lines(hostile[0] / "reports/latest/run.jsonl", "case")
    printed = {str(line["case"]): str(line.get("output", "")) for line in cases}
    assert printed["hostile.prints"].startswith("xxxxx")
    assert "more bytes" in printed["hostile.prints"]
    assert not printed["hostile.good"]


USAGE = {
    "option": (["run", "--no-such-option"], "No such option"),
    "backend": (["run", "--backend", "tourch"], "there is no backend 'tourch'; did you mean torch?"),
    "dtype": (["run", "--dtype", "float46"], "there is no dtype 'float46'; did you mean float64?"),
    "path": (["run", "lesson"], "there is no such file or folder; give a path to case files, or -k WORD"),
    "keyword": (["run", "-k", "a and"], "write words joined by and, or, not"),
    "shard": (["run", "--shard", "3/2"], "write 1/2 and 2/2"),
    "cell": (["show", "lesson.square"], "give a run.jsonl or its folder"),
    "repro": (["repro", "lesson.sqare/torch"], "did you mean lesson.square"),
    "variant": (["run", "--variant", "jti"], "there is no variant 'jti'; did you mean jit?"),
    "point": (["run", "--point", "thre"], "there is no point 'thre'; did you mean three?"),
    "nothing": (["run", "--point", "zzzzzz"], "there is no point 'zzzzzz'; see: gradharness list"),
    "report": (["report", "nothing"], "give a run.jsonl or its folder"),
    "command": (["rum"], "No such command"),
}


@pytest.mark.parametrize("name", sorted(USAGE))
def test_wrong_usage_is_one_sentence_and_exit_code_2(name: str, tmp_path: Path) -> None:
    words, sentence = USAGE[name]
    done = gradharness(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


NAMES = """from harness import case, param

def one(**more):
    return case(w=param(), points=[dict(w=3)], **more)

@one()
def sq(xp, w): return w**2

@one()
def surr(xp, w): return w**3
"""


def test_what_there_is_not_is_told_with_the_nearest_name_or_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "case_fr.py").write_text(NAMES)

    def told(*words: str) -> str:
        done = gradharness(*words, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        return done.stderr

    see = "see: gradharness list case_fr.py\n"
    assert told("repro", "fr.qs/torch", "case_fr.py").endswith("did you mean fr.sq/torch?\n")
    assert told("repro", "zzz/sympy", "case_fr.py").endswith(see)
    assert told("run", "case_fr.py", "-k", "zzz").endswith(see)
    assert told("run", "case_fr.py", "--point", "zzz").endswith(see)
    assert gradharness("run", "case_fr.py", "--backend", "sympy", "-q", cwd=tmp_path).returncode == 0
    assert told("show", "fr.qs/sympy").endswith("did you mean fr.sq/sympy?\n")
    assert told("show", "nonsense").endswith("in reports/latest; it has cells of fr.sq, fr.surr\n")
    assert told("repro", "fr.qs/sympy").endswith("in reports/latest; did you mean fr.sq/sympy?\n")
    assert told("repro", "lesson.sqare/sympy").endswith("did you mean lesson.square/sympy?\n")
    shutil.copytree(tmp_path / "reports" / "latest", tmp_path / "there")
    assert told("repro", "sqare/sympy", "--run", "there").endswith("in there; did you mean fr.sq/sympy?\n")
    assert told("repro", "lesson.sqare", "--run", "there").endswith("in there; it has cells of fr.sq, fr.surr\n")


def test_a_place_is_told_once_and_from_where_the_command_is(tmp_path: Path) -> None:
    file = tmp_path / "case_fr.py"
    file.write_text(NAMES + '\ntwo = one(name="two words")(lambda xp, w: w)\n')
    said = gradharness("list", "case_fr.py", cwd=tmp_path).stderr
    assert said.startswith("gradharness: case_fr.py:12: 'two words' cannot stand in an id; name the function")
    file.write_text(NAMES + '\ntwo = one(name="sq")(lambda xp, w: w)\n')
    said = gradharness("list", "case_fr.py", cwd=tmp_path).stderr
    assert said.startswith("gradharness: case_fr.py:12: the id fr.sq is taken by case_fr.py:6; rename one")
    file.write_text(NAMES + '\none(name="three")(lambda xp, w: w)\n')
    said = gradharness("list", "case_fr.py", cwd=tmp_path).stderr
    assert said.startswith("gradharness: case_fr.py:12: fr.three has no name at the top level")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("def f(:\n", "not valid Python"), ("import nothing_here\n", "Install what"), ("1 / 0\n", "ZeroDivisionError")],
)
def test_a_file_that_cannot_be_read_is_exit_code_2(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "case_bad.py").write_text(text)
    done = gradharness("run", "case_bad.py", cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_an_output_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "case_mine.py").write_text(CASES)
    (tmp_path / "taken").write_text("")
    done = gradharness("run", "case_mine.py", *QUICK, "--out", "taken", cwd=tmp_path)
    assert done.returncode == 2
    assert "choose another folder with --out" in done.stderr


def test_nothing_that_did_not_run_is_green(tmp_path: Path) -> None:
    """A backend that is not installed is exit code 3 when it is required, and says so in the headline."""
    (tmp_path / "case_mine.py").write_text(CASES)
    (tmp_path / "torch.py").write_text("raise ImportError('broken on purpose')\n")
    broken = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parent.parent}"}
    done = gradharness(
        "run", "case_mine.py", "--backend", "torch,sympy", "--require", "torch", cwd=tmp_path, env=broken
    )
    assert done.returncode == 3, done.stdout
    assert "1 of 2 backends ran" in done.stdout
    assert "cannot be imported: ImportError: broken on purpose" in done.stdout


HEARING = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""Takes SIGINT as a terminal's child does, and becomes the command: a shell's background job has it ignored."""


def _interrupted(words: Sequence[str], cwd: Path) -> tuple[int, float]:
    """Return exit code and seconds until the end of a command that is interrupted once it writes cells."""
    root = Path(__file__).parent.parent
    env = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", HEARING, "-m", "harness.cli", *words]
    process = subprocess.Popen(command, cwd=cwd, env=env, stderr=subprocess.PIPE)
    run = cwd / "reports/latest/run.jsonl"
    for _ in range(600):
        if run.exists() and b'"line":"cell"' in run.read_bytes():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    process.communicate(timeout=60)
    return process.returncode, time.monotonic() - started


def test_an_interrupt_ends_in_seconds_and_leaves_what_was_measured(tmp_path: Path) -> None:
    many = CASES.replace("points=[dict(w=3)]", "points=[dict(w=k) for k in range(3000)]")
    (tmp_path / "case_many.py").write_text(many)
    code, seconds = _interrupted(["run", "case_many.py", *QUICK], tmp_path)
    assert code == 130
    assert seconds < 15
    assert lines(tmp_path / "reports/latest/run.jsonl")
    assert not lines(tmp_path / "reports/latest/run.jsonl", "totals")


def test_a_script_with_many_inputs_reads_them_from_a_file_beside_it(tmp_path: Path) -> None:
    many = CASES.replace("w=param(shape=2)", "w=param(shape=30)").replace('w=["0.1", "0.2"]', "w=0.25")
    many = many.replace("data([[1.0, 2.0], [0.5, -1.0]])", "data([[0.125] * 30])").replace(", dict(w=[1, 2])", "")
    (tmp_path / "case_mine.py").write_text(many)
    script = gradharness("repro", "mine.mine/finite_difference", "case_mine.py", cwd=tmp_path)
    assert script.returncode == 0, script.stderr
    assert "the script reads inputs.npz" in script.stderr
    done = subprocess.run(
        [sys.executable, "-c", script.stdout], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    ran = gradharness("run", "case_mine.py", "--backend", "finite_difference", "-k", "mine.mine", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    recorded = lines(tmp_path / "reports/latest/run.jsonl")[0]["value"]
    assert done.stdout.startswith(repr(recorded))


def test_a_full_disk_is_one_sentence_and_what_was_written_can_be_read(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: writing raises an OSError all the same."""
    (tmp_path / "case_mine.py").write_text(CASES.replace("points=[dict(w=3)]", "points=[dict(w=k) for k in range(30)]"))
    limited = "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); "
    words = ["gradharness", "run", "case_mine.py", *QUICK]
    code = f"{limited}import sys; sys.argv = {words!r}; runpy.run_module('harness.cli', run_name='__main__')"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 2, done.stderr
    assert "free space or choose another folder with --out" in done.stderr
    assert "Traceback" not in done.stderr
    again = gradharness("report", "reports/latest", cwd=tmp_path)
    assert again.returncode == 0
    assert "The run was cut short" in again.stdout
