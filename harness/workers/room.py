"""One worker process with its queue: what dies in it costs one job.

pebble starts, times and ends the process. What it does not do is done here: limits of memory and of
processes, a queue that outlives the process, a fresh pool after every death, and the job once more
where the process died for a reason that may not be the job's.
"""

from __future__ import annotations

import contextlib
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

from harness import offspring
from harness.measurement import Failure, Trouble
from harness.workers import endings
from harness.workers.context import begin, context
from harness.workers.jobs import About, Job, Reply, perform
from harness.workers.limits import Limits
from harness.workers.process import resident_megabytes

CONSTS.term_timeout = 0.5  # seconds for which a worker that was killed is waited for


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
        self._over: Failure | None = None
        """Why the worker was killed that held more than it may."""
        self._born = 0
        """Processes that the worker has started and that are still there, as last seen."""
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
        """Kill the worker process, if there is one, and what it has started."""
        if self.pid:
            offspring.end(self.pid)

    def hold(self, megabytes: float, processes: int) -> None:
        """Kill the worker where it holds more than it may."""
        self._born = processes
        if megabytes > self.limits.megabytes:
            self._over = endings.too_much_memory(self.name, self.limits.megabytes)
        elif processes > self.limits.processes:
            self._over = endings.too_many_processes(self.name, self.limits.processes)
        else:
            return
        self.kill()

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
        if self._pool is not None and self.pid and (self._crowded() or not resident_megabytes(self.pid)):
            self._close()
        if self._pool is not None:
            return self._about  # type: ignore[no-any-return]  # set together with the pool
        answer: Reply | Failure = Failure(trouble=Trouble.CRASHED, sentence=f"{self.name}: the run was stopped.")
        for tried in range(1, KILLED_TRIES + 1):
            self._pool = ProcessPool(max_workers=1, initializer=begin, context=context())
            answer, tries = self._once(About(backend=self._backend), self.limits.start_seconds)
            if isinstance(answer, Reply) and not answer.error:
                self._about = answer
                return answer
            self._close()
            if tried >= tries or self._stopped:
                break
        self._dead = self._unstarted(f"raised {answer.error}") if isinstance(answer, Reply) else answer
        return self._dead

    def _crowded(self) -> bool:
        """Return whether earlier jobs have left so much behind that the next one should not have to answer for it."""
        return self._born > self.limits.processes // 4

    def _once(self, job: Job, seconds: float) -> tuple[Reply | Failure, int]:
        """Return the reply or failure, and how often such an end deserves a try in a fresh process."""
        assert self._pool is not None, "a job runs in a room that is ready"
        try:
            reply = self._outcome(self._pool.schedule(perform, args=(job,), timeout=seconds), seconds)
        except Lost:
            return self._died(job, None)
        except TimeoutError:
            if self._over is not None:
                return self._died(job, None)
            self._close()
            return self._told(job, endings.late(self.name, seconds), f"took longer than {seconds:g} s"), 1
        except ProcessExpired as death:
            return self._died(job, death.exitcode)
        except (BrokenExecutor, CancelledError, RuntimeError, OSError):
            return self._died(job, None)
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

    def _died(self, job: Job, code: int | None) -> tuple[Failure, int]:
        over, self._over = self._over, None
        self._close()
        if over is not None:
            return over, 1
        killed = code in (None, -signal.SIGKILL)
        failure = self._told(job, endings.died(self.name, code), f"ended the process ({endings.death(code)})")
        return failure, KILLED_TRIES if killed else DEAD_TRIES

    def _told(self, job: Job, failure: Failure, how: str) -> Failure:
        """Return the failure; that of a start in the words of an import."""
        return self._unstarted(how) if isinstance(job, About) else failure

    def _unstarted(self, how: str) -> Failure:
        return endings.unstarted(self.name, self._backend, how)

    def _close(self) -> None:
        """End the process and the pool; a pool that saw a death is never used again, nor waited for too long."""
        pool, self._pool = self._pool, None
        if pool is not None:
            self.kill()
            ending = threading.Thread(target=_end, args=(pool,), name=f"end of {self.name}", daemon=True)
            ending.start()
            ending.join(GRACE)
        self.pid = self._born = 0
        self._over = None


def _end(pool: Any) -> None:
    """Stop a pool and wait for its threads, which may be never."""
    with contextlib.suppress(RuntimeError):
        pool.stop()
        pool.join()
