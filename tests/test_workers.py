"""What breaks in a worker costs one job, and says what happened."""

from __future__ import annotations

import os
import pickle
import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import bad_jobs
from bad_jobs import Bad
from harness.measurement import Failure, Trouble
from harness.workers import endings
from harness.workers.context import context
from harness.workers.crew import Crew
from harness.workers.jobs import Reply
from harness.workers.limits import Limits
from harness.workers.process import resident_megabytes
from harness.workers.room import Room
from harness.workers.watch import Watch

LIMITS = Limits(seconds=60.0, megabytes=600.0, processes=40)
"""Long enough for a busy machine: what is to go beyond another limit is not to meet this one first."""
HASTY = replace(LIMITS, seconds=2.0)


@pytest.fixture(scope="module", params=[LIMITS], ids=[""])
def room(request: pytest.FixtureRequest) -> Iterator[Room]:
    made = Room("bad", "", request.param)
    watch = Watch((made,))
    yield made
    watch.stop()
    made.stop()
    made.join()


def fine(room: Room) -> bool:
    """Return whether the room answers an ordinary job."""
    answer = room.submit(Bad(bad_jobs.answers)).result(timeout=60)
    return isinstance(answer, Reply) and answer.result == 42


FATAL = {
    "sleeps": (Trouble.TIMEOUT, "gave no answer within 2 s"),
    "loops": (Trouble.TIMEOUT, "--timeout"),
    "loops_in_c": (Trouble.TIMEOUT, "gave no answer"),
    "exits": (Trouble.CRASHED, "exit code 3"),
    "ends_as_if_all_were_well": (Trouble.CRASHED, "it ended by itself with exit code 0"),
    "kills_itself": (Trouble.CRASHED, "signal SIGKILL"),
    "segfaults": (Trouble.CRASHED, "signal SIGSEGV"),
    "eats_memory": (Trouble.OUT_OF_MEMORY, "went beyond 600 MB"),
    "starts_processes": (Trouble.CRASHED, "started more than 40 processes, and was ended with all of them"),
    "starts_processes_that_end": (Trouble.CRASHED, "started more than 40 processes"),
}


@pytest.mark.parametrize(
    ("name", "room"),
    [(name, HASTY if trouble is Trouble.TIMEOUT else LIMITS) for name, (trouble, _) in sorted(FATAL.items())],
    ids=sorted(FATAL),
    indirect=["room"],
)
def test_what_kills_a_worker_costs_one_job(room: Room, name: str) -> None:
    trouble, sentence = FATAL[name]
    before = room.submit(Bad(bad_jobs.answers))
    broken = room.submit(Bad(getattr(bad_jobs, name)))
    after = room.submit(Bad(bad_jobs.answers))
    answer = broken.result(timeout=60)
    assert isinstance(answer, Failure)
    assert answer.trouble is trouble
    assert sentence in answer.sentence
    for neighbour in (before, after):
        reply = neighbour.result(timeout=60)
        assert isinstance(reply, Reply)
        assert reply.result == 42


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("raises", "ValueError: no such"),
        ("raises_system_exit", "SystemExit: 7"),
        ("raises_keyboard_interrupt", "KeyboardInterrupt"),
    ],
)
def test_what_raises_leaves_the_worker_alive(room: Room, name: str, error: str) -> None:
    assert fine(room)
    pid = room.pid
    answer = room.submit(Bad(getattr(bad_jobs, name))).result(timeout=60)
    assert isinstance(answer, Reply)
    assert answer.error.startswith(error)
    assert "\n" not in answer.error
    assert fine(room)
    assert room.pid == pid


def test_what_is_printed_lands_in_the_reply(room: Room, capfd: pytest.CaptureFixture[str]) -> None:
    answer = room.submit(Bad(bad_jobs.prints_megabytes)).result(timeout=60)
    assert isinstance(answer, Reply)
    assert answer.result == "printed"
    assert answer.output.startswith("xxx")
    assert len(answer.output) < 5000
    assert "more bytes" in answer.output
    assert capfd.readouterr() == ("", "")


def test_a_forked_child_does_not_answer_too(room: Room) -> None:
    answer = room.submit(Bad(bad_jobs.forks)).result(timeout=60)
    assert isinstance(answer, Reply)
    assert answer.result == "forked"
    assert fine(room)


def test_what_earlier_jobs_left_behind_is_not_laid_at_the_next_ones_door(room: Room) -> None:
    """A worker that is crowded is exchanged for a fresh one before its next job."""
    jobs = [Bad(bad_jobs.leaves_processes_behind) for _ in range(12)]
    for job in jobs:
        answer = room.submit(job).result(timeout=60)
        assert isinstance(answer, Reply)
        assert answer.result == "left"


def test_a_result_that_cannot_travel_is_a_failure(room: Room) -> None:
    answer = room.submit(Bad(bad_jobs.returns_what_cannot_travel)).result(timeout=60)
    assert isinstance(answer, Failure) or answer.error
    assert fine(room)


def test_an_idle_worker_that_is_killed_costs_nothing(room: Room) -> None:
    assert fine(room)
    os.kill(room.pid, signal.SIGKILL)
    assert fine(room)


def test_a_stopped_room_ends_at_once() -> None:
    made = Room("busy", "", Limits(seconds=600))
    waiting = made.submit(Bad(bad_jobs.sleeps))
    while not made.pid:
        time.sleep(0.05)
    started = time.monotonic()
    made.stop()
    made.join()
    assert time.monotonic() - started < 5
    answer = waiting.result(timeout=5)
    assert isinstance(answer, Failure)


def test_resident_size_of_a_process() -> None:
    assert resident_megabytes(os.getpid()) > 5
    assert resident_megabytes(2**22 + 1) == 0


def test_random_kills_lose_no_answer() -> None:
    """Jobs that are done again in a fresh process answer what they would have answered undisturbed."""
    generator = random.Random(0)
    made = Room("killed", "", Limits(seconds=20))
    ended = threading.Event()

    def kill() -> None:
        while not ended.wait(generator.uniform(0.3, 1.0)):
            made.kill()

    killer = threading.Thread(target=kill)
    try:
        answers = [made.submit(Bad(bad_jobs.answers)) for _ in range(200)]
        killer.start()
        found = [answer.result(timeout=120) for answer in answers]
    finally:
        ended.set()
        killer.join()
        made.stop()
        made.join()
    assert [reply.result for reply in found if isinstance(reply, Reply)] == [42] * 200


IMPORTED = "torch cannot be started: importing torch "
ADVICE = ". Try python -c 'import torch'; then reinstall it, or leave it out with --backend."


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import time\ntime.sleep(600)\n", f"{IMPORTED}took longer than 3 s{ADVICE}"),
        ("import os\nos._exit(5)\n", f"{IMPORTED}ended the process (exit code 5){ADVICE}"),
        ("import sys\nsys.exit(5)\n", f"{IMPORTED}raised SystemExit: 5{ADVICE}"),
        (
            "raise ImportError('broken on purpose')\n",
            "torch is installed but cannot be imported: ImportError: broken on purpose. Reinstall it.",
        ),
    ],
    ids=["hangs", "exits", "leaves", "raises"],
)
def test_a_framework_whose_import_is_broken_fails_in_time(
    source: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("harness.workers.crew.available", lambda name: None)
    with Crew(("torch",), Limits(start_seconds=3)) as crew:
        failure = crew.about("torch").result().failure
    assert failure is not None
    assert failure.sentence == sentence


def test_a_worker_of_no_framework_that_cannot_be_started_blames_no_import() -> None:
    sentence = endings.unstarted("truth", "", "took longer than 180 s").sentence
    assert sentence.startswith("truth cannot be started: starting its process took longer than 180 s. ")
    assert "import" not in sentence


@pytest.mark.parametrize(
    ("gone", "said"),
    [((open, "no such semaphore"), ""), ((pickle.loads, b""), ""), ((int, "x"), "ValueError")],
    ids=["semaphore", "pipe", "another"],
)
def test_a_worker_whose_run_is_over_before_it_began_says_nothing(
    gone: tuple[Any, Any], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    class Arriving:
        def __reduce__(self) -> tuple[Any, tuple[Any]]:
            return gone[0], (gone[1],)

    process = context().Process(target=print, args=(Arriving(),))
    process.start()
    process.join()
    told = capfd.readouterr().err
    assert (process.exitcode, bool(told)) == (1, bool(said))
    assert said in told
