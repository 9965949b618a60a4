"""One worker process with its queue: what dies in it costs one job.

pebble starts, times and ends the process. What it does not do is done here: a memory limit, a queue
that outlives the process, a fresh pool after every death, and the job once more where the process
died for a reason that may not be the job's.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from concurrent.futures import BrokenExecutor, CancelledError, Future, TimeoutError
from dataclasses import dataclass
from itertools import count
from typing import Any

from pebble import ProcessExpired, ProcessPool
from pebble.common.types import CONSTS

from harness.measurement import Failure, Trouble
from harness.workers.context import UNASKED, context
from harness.workers.jobs import About, Job, Reply, perform
from harness.workers.limits import Limits
from harness.workers.process import resident_megabytes

CONSTS.term_timeout = 0.5  # seconds between SIGTERM and SIGKILL: a loop in C does not hear the first


DEAD_TRIES = 2
"""How often a job is tried whose worker died: an idle worker's death is laid at the next job's door."""
KILLED_TRIES = 12
"""The same where the worker was killed, which is rarely the job's own doing."""


LOOK = 0.25
"""Seconds between two looks at a worker that has not answered."""
GRACE = 3.0
"""Seconds for which a dead worker, or one beyond its limit, is left to the pool to tell."""


class Lost(Exception):
    """A pool that will never answer."""


@dataclass(slots=True, kw_only=True)
class _Waiting:
    job: Job
    future: Future[Reply | Failure]


_Place = tuple[bool, int, _Waiting | None]
"""Whether it waits for those ahead, when it came, and what it is; None: the end."""


class Room:
    """A worker process, and the thread that feeds it one job at a time."""

    def __init__(self, name: str, backend: str, limits: Limits) -> None:
        self.name, self.limits = name, limits
        self.pid = 0
        """The worker's process, 0 while there is none."""
        self.over_memory = False
        """The watcher killed the worker."""
        self._backend = backend
        self._queue: queue.PriorityQueue[_Place] = queue.PriorityQueue()
        self._came = count()
        self._pool: Any = None
        self._about: Any = None
        self._dead: Failure | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._serve, name=f"room {name}", daemon=True)
        self._thread.start()

    def submit(self, job: Job, *, ahead: bool = False) -> Future[Reply | Failure]:
        """Return the reply to a job, pending; jobs are done in the order in which they come, those `ahead` first."""
        future: Future[Reply | Failure] = Future()
        if self._stopped:
            future.cancel()
            return future
        self._put(_Waiting(job=job, future=future), ahead=ahead)
        return future

    def _put(self, waiting: _Waiting | None, *, ahead: bool = False) -> None:
        self._queue.put((not ahead, next(self._came), waiting))

    def stop(self) -> None:
        """End the worker at once; jobs that wait are cancelled."""
        self._stopped = True
        with contextlib.suppress(queue.Empty):
            while (waiting := self._queue.get_nowait()[-1]) is not None:
                waiting.future.cancel()
        self._put(None)
        self.kill()

    def join(self) -> None:
        """Wait until the room's thread has ended."""
        self._thread.join(timeout=10)

    def kill(self) -> None:
        """Kill the worker process, if there is one."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    # ----------------------------------------------------------------- the room's thread

    def _serve(self) -> None:
        while (waiting := self._queue.get()[-1]) is not None and not self._stopped:
            waiting.future.set_result(self._answer(waiting.job))
        self._close()

    def _answer(self, job: Job) -> Reply | Failure:
        """Return the reply, or the failure of a job that took its worker down again or went beyond a limit."""
        answer: Reply | Failure = Failure(trouble=Trouble.CRASHED, sentence=f"{self.name}: the run was stopped.")
        for tried in range(1, KILLED_TRIES + 1):
            about = self._ready()
            if isinstance(about, Failure):
                return about
            if isinstance(job, About):
                return about
            answer, tries = self._once(job, self.limits.seconds)
            if tried >= tries or self._stopped:
                return answer
        return answer

    def _ready(self) -> Reply | Failure:
        """Return what the worker says of itself; start it, and import its framework, if need be."""
        if self._dead is not None:
            return self._dead
        if self._pool is not None and self.pid and not resident_megabytes(self.pid):
            self._close()
        if self._pool is not None:
            return self._about  # type: ignore[no-any-return]  # set together with the pool
        answer: Reply | Failure = Failure(trouble=Trouble.CRASHED, sentence=f"{self.name}: the run was stopped.")
        for tried in range(1, KILLED_TRIES + 1):
            self._pool = ProcessPool(max_workers=1, context=context())
            answer, tries = self._once(About(backend=self._backend), self.limits.start_seconds)
            if isinstance(answer, Reply) and not answer.error:
                self._about = answer
                return answer
            self._close()
            if tried >= tries or self._stopped:
                break
        self._dead = self._cannot_start(answer)
        return self._dead

    def _cannot_start(self, answer: Reply | Failure) -> Failure:
        why = answer.sentence if isinstance(answer, Failure) else answer.error
        return Failure(trouble=Trouble.ERROR, sentence=f"{self.name} cannot be started: {why}")

    def _once(self, job: Job, seconds: float) -> tuple[Reply | Failure, int]:
        """Return the reply or failure, and how often such an end deserves a try in a fresh process."""
        assert self._pool is not None, "a job runs in a room that is ready"
        try:
            reply = self._outcome(self._pool.schedule(perform, args=(job,), timeout=seconds), seconds)
        except Lost:
            return self._died(None)
        except TimeoutError:
            if self.over_memory:
                return self._died(None)
            self._close()
            return self._late(seconds), 1
        except ProcessExpired as death:
            return self._died(death.exitcode)
        except (BrokenExecutor, CancelledError, RuntimeError, OSError):
            return self._died(None)
        self.pid = reply.pid
        if reply.spent:
            self._close()
        return reply, 1

    def _outcome(self, future: Future[Reply], seconds: float) -> Reply:
        """Return the reply; raise Lost where the pool will never give one, as after a death at a bad moment."""
        ends, gone = time.monotonic() + seconds + GRACE, 0.0
        while True:
            try:
                return future.result(timeout=LOOK)
            except TimeoutError:
                if future.done():
                    return future.result()
            gone = gone + LOOK if self.pid and not resident_megabytes(self.pid) else 0.0
            if gone > GRACE or time.monotonic() > ends:
                raise Lost

    def _late(self, seconds: float) -> Failure:
        sentence = (
            f"{self.name} gave no answer within {seconds:g} s. Make the case smaller, or allow more with --timeout."
        )
        return Failure(trouble=Trouble.TIMEOUT, sentence=sentence)

    def _died(self, code: int | None) -> tuple[Failure, int]:
        over, self.over_memory = self.over_memory, False
        self._close()
        if over:
            limit = f"{self.limits.megabytes:g} MB"
            sentence = f"{self.name} went beyond {limit} of memory. Make the case smaller, or allow more with --memory."
            return Failure(trouble=Trouble.OUT_OF_MEMORY, sentence=sentence), 1
        sentence = f"{self.name}: the worker process died ({_death(code)}). Run the case alone to see why."
        killed = code in (None, -signal.SIGKILL)
        return Failure(trouble=Trouble.CRASHED, sentence=sentence), KILLED_TRIES if killed else DEAD_TRIES

    def _close(self) -> None:
        """End the process and the pool; a pool that saw a death is never used again, nor waited for too long."""
        pool, self._pool = self._pool, None
        if pool is not None:
            self.kill()
            ending = threading.Thread(target=_end, args=(pool,), name=f"end of {self.name}", daemon=True)
            ending.start()
            ending.join(GRACE)
        self.pid = 0
        self.over_memory = False


def _end(pool: Any) -> None:
    """Stop a pool and wait for its threads, which may be never."""
    with contextlib.suppress(RuntimeError):
        pool.stop()
        pool.join()


def _death(code: int | None) -> str:
    """Return how a process ended, in words."""
    if code is None:
        return "no exit code"
    if code == UNASKED:
        return "it ended by itself with exit code 0"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
