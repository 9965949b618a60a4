"""What a user's function starts works on its own as long as the function runs, and ends with its worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness import gather, offspring
from harness.collect import collect
from harness.measurement import Failure, Trouble
from harness.run.execute import Order, execute
from harness.run.plan import Selection
from harness.run.records import CellLine
from harness.workers.crew import Crew
from harness.workers.jobs import Reply
from harness.workers.limits import Limits
from harness.workers.room import Room
from test_cli import HEARING

CASE = """
import multiprocessing, os, subprocess, time
from harness import case, param

FOLDER = os.path.dirname(__file__)

def written():
    with open(f"{FOLDER}/log", "a") as log:
        log.write(f"{os.getpid()}\\n")

def forks():
    written()
    if len(open(f"{FOLDER}/log").readlines()) < 60:  # bounded, whatever becomes of the copies
        if os.fork() == 0:
            written()
"""
DEFINITION = """
@case(w=param(), points=[dict(w=3.0)])
def f(xp, w):
    {line}
    return w**2
"""
BY_HAND = """
@f.backward
def spelt(w):
    {line}
    return 2 * w
"""
NATIVE = """
@f.native("{backend}")
def spelt(framework, w):
    {line}
    return w**2
"""
RULE = """
import torch

class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, w):
        ctx.save_for_backward(w)
        return w**2

    @staticmethod
    def backward(ctx, g):
        {line}
        return 2 * g * ctx.saved_tensors[0]

@f.native("torch")
def spelt(framework, w):
    return Square.apply(w)
"""
LAYOUT = """
def layout(w):
    {line}
    return w

@f.native("torch", params=dict(w=layout))
def spelt(framework, w):
    return w**2
"""
ON_ITS_OWN = """
def work(into):
    into.put(sum(range(10)))

def works():
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=work, args=(queue,))
    process.start()
    assert queue.get() == 45
    process.join()
    assert process.exitcode == 0
    assert subprocess.run(["echo", "heard"], capture_output=True, check=True).stdout == b"heard\\n"
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
"""
TORCH = pytest.mark.needs("torch")


def cells(folder: Path, text: str, backend: str, *variants: str) -> list[CellLine]:
    """Return the cells of a file on a backend in float64, beside SymPy, measured in workers."""
    (folder / "case_mine.py").write_text(CASE + text)
    selection = Selection(backends=("sympy", backend), dtypes=("float64",), operators=("grad",), variants=variants)
    order = Order(cases=tuple(collect([folder / "case_mine.py"])), selection=selection)
    with Crew(("sympy", backend), Limits(seconds=30)) as crew:
        return list(execute(order, crew).cells)


PLACES = [
    pytest.param("numpy", DEFINITION.replace("{line}", "forks()"), id="definition"),
    pytest.param("numpy", BY_HAND, id="by hand"),
    pytest.param("torch", RULE, id="rule", marks=TORCH),
    pytest.param("torch", LAYOUT, id="layout", marks=TORCH),
    *(
        pytest.param(name, NATIVE.replace("{backend}", name), id=name, marks=pytest.mark.needs(name))
        for name in ("tensorflow", "torch")
    ),
]


@pytest.mark.parametrize(("backend", "text"), PLACES)
def test_a_copy_goes_no_further_than_the_function_that_made_it(backend: str, text: str, tmp_path: Path) -> None:
    definition = "" if "def f(" in text else DEFINITION.format(line="pass")
    found = cells(tmp_path, definition + text.replace("{line}", "forks()"), backend)
    assert found
    assert all(cell.cls == "pass" for cell in found)
    calls = Counter((tmp_path / "log").read_text().split())
    _, *copies = sorted(calls.values(), reverse=True)
    assert copies
    assert set(copies) == {1}
    assert len(copies) <= max(calls.values())


@pytest.mark.parametrize("text", [BY_HAND, pytest.param(NATIVE.replace("{backend}", "torch"), marks=TORCH)])
def test_what_works_on_its_own_is_let_work(text: str, tmp_path: Path) -> None:
    backend = "torch" if "torch" in text else "numpy"
    found = cells(tmp_path, ON_ITS_OWN + DEFINITION.format(line="works()") + text.format(line="works()"), backend)
    assert [cell.cls for cell in found] == ["pass"] * len(found)
    assert [cell.spelling for cell in found].count("spelt") == 1


@pytest.mark.needs("tensorflow")
def test_autograph_still_reads_a_users_function(tmp_path: Path) -> None:
    """The branch is one on a tensor, which Python alone could not take."""
    text = NATIVE.format(backend="tensorflow", line="if w > 0.0:\n        w = w + 0.0\n    else:\n        w = w - 1.0")
    found = cells(tmp_path, DEFINITION.format(line="pass") + text, "tensorflow", "eager", "function", "xla")
    spelt = {cell.variant: cell.cls for cell in found if cell.spelling == "spelt"}
    assert spelt.keys() == {"eager", "function", "xla"}
    assert set(spelt.values()) == {"pass"}, spelt


@pytest.mark.needs("torch")
def test_an_interrupt_that_a_function_raises_is_told_as_any_exception(tmp_path: Path) -> None:
    text = NATIVE.format(backend="torch", line="raise KeyboardInterrupt")
    found = cells(tmp_path, DEFINITION.format(line="pass") + text, "torch")
    (cell,) = (cell for cell in found if cell.spelling == "spelt")
    assert (cell.cls, cell.verdict) == ("fail", "ERROR")
    assert cell.reason == "torch raised KeyboardInterrupt while its source ran: no message"


# --------------------------------------------------------------------------- the end of a worker


@dataclass(frozen=True, slots=True)
class Starting:
    """A job that starts a process which would sleep for a minute, and then ends as it is told."""

    log: str
    then: str
    apart: bool = False
    """The process is started in a session of its own."""

    def run(self, lab: Any) -> Any:
        started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=self.apart)
        Path(self.log).write_text(str(started.pid))
        if self.then == "sleeps":
            time.sleep(60)
        if self.then == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.then == "exits":
            os._exit(3)
        return "done"


def alive(pid: int) -> bool:
    """Return whether a process goes on; one that ended and is not yet buried does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def gone(pid: int, seconds: float = 5.0) -> bool:
    """Return whether a process ends within the time; it is ended afterwards in any case."""
    ends = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < ends:
        time.sleep(0.05)
    if alive(pid):
        os.kill(pid, signal.SIGKILL)
        return False
    return True


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room("starting", "", Limits(seconds=2))
    yield made
    made.stop()
    made.join()


@pytest.mark.parametrize(("then", "apart"), [("sleeps", False), ("dies", False), ("exits", False), ("sleeps", True)])
def test_what_a_worker_has_started_ends_with_it(room: Room, then: str, apart: bool, tmp_path: Path) -> None:
    log = tmp_path / "pid"
    answer = room.submit(Starting(str(log), then, apart)).result(timeout=60)
    assert isinstance(answer, Failure)
    assert answer.trouble is (Trouble.TIMEOUT if then == "sleeps" else Trouble.CRASHED)
    assert gone(int(log.read_text()))


@pytest.mark.parametrize("apart", [False, True])
def test_what_is_left_behind_goes_on_until_the_run_ends(room: Room, apart: bool, tmp_path: Path) -> None:
    log = tmp_path / "pid"
    answer = room.submit(Starting(str(log), "returns", apart)).result(timeout=60)
    assert isinstance(answer, Reply)
    left = int(log.read_text())
    assert alive(left)
    room.stop()
    room.join()
    assert gone(left)


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_outlives_the_command(ends: signal.Signals, tmp_path: Path) -> None:
    """By Ctrl-C the command ends what it started; where it is killed, the kernel does."""
    line = "written()\n    if os.fork() == 0:\n        written()\n    time.sleep(60)"
    (tmp_path / "case_mine.py").write_text(CASE + DEFINITION.format(line="pass") + BY_HAND.format(line=line))
    words = ["run", "case_mine.py", "--backend", "sympy,numpy", "--dtype", "float64"]
    process = subprocess.Popen(
        [sys.executable, "-c", HEARING, "-m", "harness.cli", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        stderr=subprocess.PIPE,
    )
    log, until = tmp_path / "log", time.monotonic() + 60
    while not (log.exists() and log.read_text().count("\n") > 1) and time.monotonic() < until:
        time.sleep(0.1)
    workers = psutil.Process(process.pid).children()
    process.send_signal(ends)
    process.communicate(timeout=60)
    started = {int(pid) for pid in log.read_text().split()} | {worker.pid for worker in workers}
    assert len(started) > 2
    assert [pid for pid in started if not gone(pid)] == []


# --------------------------------------------------------------------------- sessions, and the import of case files


def test_a_session_is_counted_and_ended() -> None:
    program = "import subprocess; subprocess.Popen(['sleep', '60']); subprocess.Popen(['sleep', '60']).wait()"
    head = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    until = time.monotonic() + 20
    while offspring.sizes()[head.pid] < 3 and time.monotonic() < until:
        time.sleep(0.05)
    started = psutil.Process(head.pid).children()
    assert offspring.sizes()[head.pid] == 3
    offspring.end_session(head.pid)
    assert head.wait(5) == -signal.SIGKILL
    assert all(gone(process.pid) for process in started)
    assert alive(os.getpid())


def test_what_the_import_of_a_file_starts_ends_with_it(tmp_path: Path) -> None:
    file = tmp_path / "case_mine.py"
    file.write_text(f"{CASE}\nif os.fork() == 0:\n    written()\n    time.sleep(60)\ntime.sleep(0.5)\n")
    assert gather.rehearse([file]) == {}
    assert gone(int((tmp_path / "log").read_text()))


def test_a_file_that_starts_too_much_costs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "PROCESSES", 20)
    file = tmp_path / "case_mine.py"
    file.write_text(f"{CASE}\nfor _ in range(30):\n    if os.fork() == 0:\n        time.sleep(20)\ntime.sleep(20)\n")
    ((_, said),) = gather.rehearse([file]).items()
    assert "importing the file started more than 20 processes" in said
