"""Workers are killed at random while a run goes on: every cell comes out as if nothing had happened."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading

import msgspec

from harness.collect import collect
from harness.run.execute import Order, execute
from harness.run.plan import Selection
from harness.run.records import CellLine
from harness.workers.crew import Crew
from harness.workers.limits import Limits

KILLS = int(os.environ.get("GRADHARNESS_KILLS", "25"))
"""How many workers are killed; more for a longer proof."""
BACKENDS = ("sympy", "finite_difference")


class Killer(threading.Thread):
    """Kills a random worker of a crew now and then, whether it is idle, busy or just starting."""

    def __init__(self, crew: Crew, seed: int, wanted: int) -> None:
        super().__init__(daemon=True)
        self.kills = 0
        self._crew, self._random, self._wanted = crew, random.Random(seed), wanted
        self._ended = threading.Event()

    def run(self) -> None:
        while self.kills < self._wanted and not self._ended.wait(self._random.uniform(0.1, 1.5)):
            pids = sorted(self._crew.pids().values())
            if pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._random.choice(pids), signal.SIGKILL)
                    self.kills += 1

    def stop(self) -> None:
        self._ended.set()
        self.join()


def judged(seed: int, wanted: int) -> tuple[dict[str, CellLine], int]:
    """Return the cells of a run without their times, and how many workers were killed meanwhile."""
    cases = tuple(case for case in collect() if case.id.startswith(("lesson.", "losses.")))
    with Crew(BACKENDS, Limits(seconds=60)) as crew:
        killer = Killer(crew, seed, wanted)
        if wanted:
            killer.start()
        run = execute(Order(cases=cases, selection=Selection(backends=BACKENDS)), crew)
        if wanted:
            killer.stop()
    assert run.totals is not None
    assert run.totals.planned == run.totals.judged
    return {cell.id: msgspec.structs.replace(cell, seconds=0.0) for cell in run.cells}, killer.kills


def test_kills_change_no_cell() -> None:
    undisturbed, _ = judged(seed=0, wanted=0)
    killed = seed = 0
    while killed < KILLS:
        seed += 1
        cells, kills = judged(seed, KILLS - killed)
        assert kills > 0
        killed += kills
        assert cells.keys() == undisturbed.keys()
        changed = [identity for identity, cell in cells.items() if cell != undisturbed[identity]]
        assert not changed, cells[changed[0]].reason
