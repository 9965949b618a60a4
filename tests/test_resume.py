"""A run that goes on from another: what would be the same again stands, all else is measured, and nothing is lost."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from harness.backends import describe
from harness.collect import collect
from harness.run import environment
from harness.run.execute import Order, execute
from harness.run.expectations import Expectation
from harness.run.lab import About, Inline, Later
from harness.run.plan import Selection
from harness.run.records import CaseLine, CellLine, Line, Run
from harness.run.store import FILE, PART, RunFileError, Writer, dumps, load, loads
from harness.run.takeover import BESIDE, CHANGED, EXPECTED, HURT, UNRECORDED, measured_again
from test_cli import HEARING, gradharness

CASE = """from harness import case, draw, param, point
from {helper} import double


@case(w=param(domain=(1, 2)), points=[point("here", w=1.5), draw()])
def f(xp, w):
    return w**2


@f.backward
def by_hand(w):
    return double(w)


@case(w=param(), points=[dict(w=3)])
def other(xp, w):
    return w**3
"""
HELPER = "def double(w):\n    return 2 * w\n"
BACKENDS = ("sympy", "finite_difference", "numpy")
ALL = frozenset(
    [f"f/{backend}/{point}" for backend in BACKENDS for point in ("here", "draw0")]
    + ["other/sympy/p0", "other/finite_difference/p0"]
)
HAND = frozenset(name for name in ALL if "numpy" in name)
numbers = itertools.count()


class Folder:
    """A folder with a case file and a module beside it."""

    def __init__(self, place: Path, text: str = CASE) -> None:
        self.place, self.helper = place, f"resume_helper_{next(numbers)}"
        self.write(text)
        (place / f"{self.helper}.py").write_text(HELPER)

    def write(self, text: str) -> None:
        (self.place / "case_r.py").write_text(text.replace("{helper}", self.helper))

    def order(self, known: Run | None = None, seed: int = 0, **details: object) -> Order:
        selection = Selection(backends=BACKENDS, dtypes=("float64",), seed=seed)
        made = Order(cases=tuple(collect([self.place / "case_r.py"])), selection=selection, known=known)
        return replace(made, **details)  # type: ignore[arg-type]  # what a test names

    def run(self, known: Run | None = None, seed: int = 0, lab: Inline | None = None, **details: object) -> Run:
        finished = execute(self.order(known, seed, **details), lab or Inline())
        return loads(dumps(finished))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    yield Folder(tmp_path)
    for name in [name for name in sys.modules if name.startswith("resume_helper")]:
        del sys.modules[name]


def short(cell: CellLine) -> str:
    return f"{cell.case.partition('.')[2]}/{cell.backend}/{cell.point}"


def fresh(run: Run) -> frozenset[str]:
    """Return the cells that were measured, as case/backend/point."""
    return frozenset(short(cell) for cell in run.cells if not cell.earlier)


def test_what_would_be_the_same_again_stands(folder: Folder) -> None:
    first = folder.run()
    again = folder.run(first)
    assert fresh(first) == ALL
    assert fresh(again) == frozenset()
    unmarked = {cell.id: msgspec.structs.replace(cell, earlier=False) for cell in again.cells}
    assert unmarked == {cell.id: cell for cell in first.cells}
    assert (again.cases, again.groups) == (first.cases, first.groups)
    assert measured_again(first, again) == {}


CHANGES: dict[str, tuple[Callable[[str], str], frozenset[str]]] = {
    "gradient": (lambda text: text.replace("return double", "return -double"), HAND),
    "definition": (lambda text: text.replace("w**2", "w * w"), frozenset(n for n in ALL if n.startswith("f/"))),
    "point": (lambda text: text.replace("w=1.5", "w=1.25"), HAND | {n for n in ALL if n.endswith("here")}),
    "last_bit": (
        lambda text: text.replace("w=1.5", "w='1.5000000000000002220446049250313'"),
        HAND | {n for n in ALL if n.endswith("here")},
    ),
    "domain_of_draws": (lambda t: t.replace("(1, 2)", "(1, 3)"), HAND | {n for n in ALL if n.endswith("draw0")}),
    "label_alone": (lambda text: text, frozenset()),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_has_changed_is_measured_again(name: str, folder: Folder) -> None:
    change, expected = CHANGES[name]
    first = folder.run()
    folder.write(change(CASE))
    again = folder.run(first)
    assert fresh(again) == expected
    assert {short(cell) for cell in again.cells} == ALL
    assert measured_again(first, again) == ({CHANGED: len(expected)} if expected else {})


def test_a_wrong_gradient_is_not_green_for_what_stood_there_before(folder: Folder) -> None:
    first = folder.run()
    folder.write(CASE.replace("return double", "return -double"))
    again = folder.run(first)
    assert {cell.verdict for cell in first.cells if cell.backend == "numpy"} <= {"EXACT", "AGREE"}
    assert {cell.verdict for cell in again.cells if cell.backend == "numpy"} == {"DISAGREE"}


def test_another_seed_draws_other_points(folder: Folder) -> None:
    first = folder.run()
    assert fresh(folder.run(first, seed=5)) == HAND | {name for name in ALL if name.endswith("draw0")}


def test_a_module_beside_the_file_is_part_of_what_is_written_by_hand(folder: Folder) -> None:
    first = folder.run()
    (folder.place / f"{folder.helper}.py").write_text(HELPER.replace("2", "3"))
    assert fresh(folder.run(first)) == HAND


def test_a_moved_statement_is_measured_again_since_sentences_name_its_line(folder: Folder) -> None:
    first = folder.run()
    folder.write("\n" + CASE)
    again = folder.run(first)
    assert fresh(again) == ALL
    assert {cell.location.rpartition(":")[2] for cell in again.cells if cell.case == "r.other"} == {"16"}


def test_another_version_measures_again(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = folder.run()
    monkeypatch.setattr(environment, "versions", lambda: {"numpy": "0"})
    assert fresh(folder.run(first)) == ALL


class Flagged(Inline):
    """A lab whose SymPy has another flag."""

    def about(self, backend: str) -> Later[About]:
        honest = super().about(backend).result()
        return Later(lambda: replace(honest, flags={"mode": "other"}) if backend == "sympy" else honest)


def test_another_flag_of_a_backend_measures_its_cells_again(folder: Folder) -> None:
    assert fresh(folder.run(folder.run(), lab=Flagged())) == {name for name in ALL if "sympy" in name}


def altered(run: Run, **changes: object) -> Run:
    """Return the run with its first cell changed."""
    first, *others = run.cells
    return msgspec.structs.replace(run, cells=(msgspec.structs.replace(first, **changes), *others))


@pytest.mark.parametrize(
    ("why", "changes"),
    [
        (UNRECORDED, {"fingerprint": ""}),
        (CHANGED, {"fingerprint": "0" * 32}),
        (HURT, {"verdict": "TIMEOUT", "cls": "fail"}),
        (HURT, {"verdict": "CRASHED", "cls": "fail"}),
        (HURT, {"verdict": "NO-TRUTH", "diagnosis": "limit", "cls": "inconclusive"}),
        (EXPECTED, {"cls": "fail"}),
    ],
)
def test_a_cell_that_does_not_stand_says_why(why: str, changes: dict[str, object], folder: Folder) -> None:
    first = altered(folder.run(), **changes)
    again = folder.run(first)
    assert fresh(again) == {short(first.cells[0])}
    assert measured_again(first, again) == {why: 1}


def test_a_run_of_before_there_were_fingerprints_is_read_and_measured_again(folder: Folder) -> None:
    lines = [msgspec.json.decode(line) for line in dumps(folder.run()).splitlines()]
    old = [{key: x for key, x in line.items() if key not in ("fingerprint", "earlier")} for line in lines]
    assert fresh(folder.run(loads(b"\n".join(map(msgspec.json.encode, old))))) == ALL


def test_expectations_are_those_of_now(folder: Folder) -> None:
    folder.write(CASE.replace("return double", "return -double"))
    known = Expectation(cell="r.f/numpy", verdict="DISAGREE", reason="known")
    first = folder.run(expectations=(known,))
    assert {cell.expected for cell in first.cells if cell.backend == "numpy"} == {"known"}
    again = folder.run(first)
    assert fresh(again) == frozenset()
    assert {cell.expected for cell in again.cells} == {""}
    assert {cell.expected for cell in folder.run(again, expectations=(known,)).cells} == {"", "known"}


def test_what_an_expectation_said_is_not_said_twice(folder: Folder) -> None:
    folder.write(CASE.replace("return double", "return -double"))
    other = Expectation(cell="r.f/numpy", verdict="SHAPE", reason="another")
    again = folder.run(folder.run(expectations=(other,)), expectations=(other,))
    (told,) = {cell.reason.count("The line for") for cell in again.cells if cell.backend == "numpy"}
    assert told == 1
    later = folder.run(again)
    assert not any("The line for" in cell.reason for cell in later.cells)
    assert {cell.cls for cell in later.cells if cell.backend == "numpy"} == {"fail"}


PORTS = """from harness import case, param


@case(w=param(), points=[dict(w=3.0)])
def f():
    \"\"\"J(w) = w².\"\"\"


@f.native("torch", spelling="one")
def one(torch, w):
    return w**2


@f.native("torch", spelling="two")
def two(torch, w):
    return w * w
"""


def test_ports_are_judged_together_or_not_at_all(folder: Folder) -> None:
    pytest.importorskip(describe("torch").package)
    folder.write(PORTS)
    first = folder.run(selection=Selection(backends=("torch",), dtypes=("float64",)))
    assert len(first.cells) == 2
    torn = altered(first, verdict="TIMEOUT", cls="fail")
    again = folder.run(torn, selection=Selection(backends=("torch",), dtypes=("float64",)))
    assert not any(cell.earlier for cell in again.cells)
    assert measured_again(torn, again) == {HURT: 1, BESIDE: 1}


def test_a_case_has_one_line_with_the_text_of_now_and_the_sources_of_both(folder: Folder) -> None:
    first = folder.run()
    text = CASE.replace("return double(w)", "return 2 * w  # doubled")
    folder.write(text)
    again = folder.run(first)
    line = next(case for case in again.cases if case.case == "r.f")
    assert len(again.cases) == 2
    assert line.emitted.keys() == {"sympy", "finite_difference", "numpy/by_hand"}
    assert line.formula
    assert len({(g.case, g.point, g.dtype, g.operator) for g in again.groups}) == len(again.groups) == 3


def test_the_planted_gradient_is_that_of_the_earlier_run_where_nothing_was_measured(folder: Folder) -> None:
    first = folder.run()
    assert first.totals is not None
    again = folder.run(first).totals
    assert again is not None
    assert (again.caught, again.control) == (True, first.totals.control)
    short_of_totals = folder.run(msgspec.structs.replace(first, totals=None)).totals
    assert short_of_totals is not None
    assert (short_of_totals.caught, short_of_totals.control) == (True, "")
    distrusted = msgspec.structs.replace(first.totals, caught=False, control="It was NOT caught.")
    folder.write(CASE.replace("return double", "return 1 * double"))
    still = folder.run(msgspec.structs.replace(first, totals=distrusted)).totals
    assert still is not None
    assert (still.caught, still.control) == (False, "It was NOT caught.")


# --------------------------------------------------------------------------- killed at any moment


def written(order: Order) -> list[Line]:
    found: list[Line] = []
    execute(order, Inline(), found.append)
    return found


def killed_after(place: Path, lines: list[Line]) -> None:
    """Write lines as a run does that is killed then: nothing is closed, nothing is tidied up."""
    writer = Writer(place)
    for line in lines:
        writer.write(line)
    writer._file.close()  # as the system does


def test_a_resumed_run_that_is_killed_at_any_line_has_lost_nothing(folder: Folder) -> None:
    whole = folder.run()
    half = msgspec.structs.replace(whole, cells=whole.cells[:3], totals=None)
    had = {cell.id for cell in half.cells}
    lines, out = written(folder.order(half)), folder.place / "out"
    assert [cell.earlier for cell in lines if isinstance(cell, CellLine)] == [True] * 3 + [False] * (len(ALL) - 3)
    for count in range(len(lines) + 1):
        out.mkdir(exist_ok=True)
        (out / FILE).write_bytes(dumps(half))
        killed_after(out, lines[:count])
        left = load(out)
        measured = {cell.id for cell in lines[:count] if isinstance(cell, CellLine)}
        assert {cell.id for cell in left.cells} == had | measured
    assert left.totals is not None


def test_a_new_run_takes_the_place_of_the_old_with_its_first_cell(folder: Folder) -> None:
    lines, out = written(folder.order()), folder.place / "out"
    old = msgspec.structs.replace(folder.run(seed=9), totals=None)
    at = next(k for k, line in enumerate(lines) if isinstance(line, CellLine))
    for count in range(len(lines) + 1):
        out.mkdir(exist_ok=True)
        (out / FILE).write_bytes(dumps(old))
        killed_after(out, lines[:count])
        left = load(out)
        if count <= at:
            assert left == old
        else:
            assert [cell.id for cell in left.cells] == [c.id for c in lines[:count] if isinstance(c, CellLine)]


def test_a_disk_that_is_full_leaves_the_file_of_before(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    out = folder.place / "out"
    out.mkdir()
    (out / FILE).write_bytes(dumps(folder.run()))
    before = (out / FILE).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    lines = written(folder.order())
    with pytest.raises(RunFileError, match="No space left on device; free space"), Writer(out) as writer:
        deque(map(writer.write, lines))
    assert (out / FILE).read_bytes() == before
    assert not (out / PART).exists()


def test_a_file_that_may_not_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(RunFileError, match="choose another folder with --out"):
        Writer(tmp_path)


# --------------------------------------------------------------------------- the command

SLOW = CASE.replace("from {helper} import double\n", "import time\n").replace("double(w)", "2 * w")
WORDS = ("run", "case_r.py", "--backend", ",".join(BACKENDS), "--dtype", "float64", "--format", "markdown", "-q")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_resumed_run_that_is_ended_before_its_first_cell_leaves_the_file(tmp_path: Path, ending: int) -> None:
    (tmp_path / "case_r.py").write_text(SLOW)
    assert gradharness(*WORDS, cwd=tmp_path).returncode == 0
    run = tmp_path / "reports/latest" / FILE
    before = run.read_bytes()
    (tmp_path / "case_r.py").write_text(SLOW.replace("    return w**2", "    time.sleep(60); return w**2"))
    command = [sys.executable, "-c", HEARING, "-m", "harness.cli", *WORDS, "--resume", "reports/latest"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    process = subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True)
    part = run.with_name(PART)
    for _ in range(600):
        if part.exists() and part.stat().st_size:
            break
        time.sleep(0.1)
    process.send_signal(ending)
    _, said = process.communicate(timeout=60)
    assert run.read_bytes() == before
    if ending == signal.SIGINT:
        assert process.returncode == 130
        assert "interrupted before a cell was measured; reports/latest/run.jsonl is as it was: gradharness run" in said
        assert not part.exists()
    (tmp_path / "case_r.py").write_text(SLOW)
    done = gradharness(*WORDS, "--resume", "reports/latest", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{len(ALL)} cells were taken over from reports/latest" in done.stdout
    assert "measured again" not in done.stdout
    assert "No cell passed" not in done.stdout


def test_the_command_says_what_stands_and_finds_the_wrong_gradient(tmp_path: Path) -> None:
    (tmp_path / "case_r.py").write_text(SLOW)
    assert gradharness(*WORDS, "--out", "one", cwd=tmp_path).returncode == 0
    (tmp_path / "case_r.py").write_text(SLOW.replace("return 2 * w", "return -2 * w"))
    done = gradharness(*WORDS, "--out", "two", "--resume", "one", cwd=tmp_path)
    assert done.returncode == 1
    assert "DISAGREE{negated}" in done.stdout
    assert f"{len(ALL - HAND)} cells were taken over from one" in done.stdout
    assert f"{len(HAND)} cells were measured again: {CHANGED}" in done.stdout
    assert [line.case for line in load(tmp_path / "two").cases if isinstance(line, CaseLine)] == ["r.f", "r.other"]
