"""The frameworks' own gradient checkers, shown the same defects in worker processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.calling import nest
from harness.collect import cases_of, load
from harness.measurement import Failure, Trouble
from harness.run.lab import Inline
from harness.selftest.defects import Defect
from harness.selftest.trial import PLANTED, TIGHT
from harness.workers.jobs import Job, Reply
from harness.workers.limits import Limits
from harness.workers.room import Room

CHECKERS = {
    "torch": "torch.autograd.gradcheck",
    "jax": "jax.test_util.check_grads",
    "tensorflow": "tf.test.compute_gradient",
}
LIMITS = Limits(seconds=20.0, megabytes=4000.0)
TOLERANCE = 1e-4
"""TensorFlow's checker returns two Jacobians and no verdict; its own tests ask for a difference below this."""
FLAGGED, PASSED = "flagged", "passed"
ENDED = {Trouble.TIMEOUT: "hung", Trouble.CRASHED: "died", Trouble.OUT_OF_MEMORY: "ate all memory"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One defect for the checker of its framework, in float64, at each of its points."""

    backend: str
    case: str
    spelling: str
    points: tuple[str, ...]

    def run(self, lab: Inline) -> Any:
        case = next(case for case in cases_of(load(PLANTED)) if case.id == f"planted.{self.case}")
        call = case.spelt(self.backend, self.spelling)
        assert call is not None, "a defect is a spelling of its own"
        assert call.live is not None, "the file was collected here"
        module: Any = lab.backend(self.backend)
        framework = {"torch": "torch", "jax": "jax", "tensorflow": "tf"}[self.backend]
        check = CHECKS[self.backend]
        function = call.live.function
        for point in case.points:
            if point.label in self.points and not check(
                getattr(module, framework), function, case, case.numbers(point)
            ):
                return FLAGGED
        return PASSED


def _split(
    case: Any, leaves: dict[str, Any], native: Callable[[Any], Any]
) -> tuple[list[str], list[Any], dict[str, Any]]:
    arrays = {path: native(x) for path, x in leaves.items()}
    params = list(case.params)
    return params, [arrays[path] for path in params], arrays


def _of_params(framework: Any, function: Any, params: list[str], arrays: dict[str, Any]) -> Callable[..., Any]:
    """Return the native as a function of its params alone."""
    return lambda *given: function(framework, **nest(arrays | dict(zip(params, given, strict=True))))


def _torch(torch: Any, function: Any, case: Any, leaves: dict[str, Any]) -> bool:
    torch.set_num_threads(1)
    params, given, arrays = _split(case, leaves, torch.tensor)
    call = _of_params(torch, function, params, arrays)
    return bool(torch.autograd.gradcheck(call, [x.requires_grad_() for x in given], raise_exception=False))


def _jax(jax: Any, function: Any, case: Any, leaves: dict[str, Any]) -> bool:
    from importlib import import_module

    params, given, arrays = _split(case, leaves, jax.numpy.asarray)
    call = _of_params(jax, function, params, arrays)
    import_module("jax.test_util").check_grads(call, given, order=1, modes=["rev"])
    return True


def _tensorflow(tf: Any, function: Any, case: Any, leaves: dict[str, Any]) -> bool:
    params, given, arrays = _split(case, leaves, tf.constant)
    call = _of_params(tf, function, params, arrays)
    told, measured = tf.test.compute_gradient(call, given)
    return all(bool(np.max(np.abs(a - b)) < TOLERANCE) for a, b in zip(told, measured, strict=True))


CHECKS: dict[str, Callable[[Any, Any, Any, dict[str, Any]], bool]] = {
    "torch": _torch,
    "jax": _jax,
    "tensorflow": _tensorflow,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A checker at work."""

    defect: Defect
    future: Future[Reply | Failure]

    def said(self) -> str:
        """Return flagged, passed, hung or died, or why it could not be asked."""
        reply = self.future.result()
        if isinstance(reply, Failure):
            return ENDED.get(reply.trouble, reply.trouble.value)
        return FLAGGED if reply.error else str(reply.result)


class Peers:
    """A worker process per framework; use it in a `with` block, which ends them."""

    def __init__(self, backends: Sequence[str]) -> None:
        self._rooms = {name: Room(f"peer {name}", name, LIMITS) for name in backends}

    def __enter__(self) -> Peers:
        return self

    def __exit__(self, *details: object) -> None:
        for room in self._rooms.values():
            room.stop()
        for room in self._rooms.values():
            room.join()

    def ask(self, defect: Defect) -> Asked | None:
        """Return the checker at work; None where it is not installed, or has no such operator or dtype."""
        if defect.backend not in self._rooms or defect.operator != "grad" or TIGHT not in defect.dtypes:
            return None
        job: Job = Peer(backend=defect.backend, case=defect.case, spelling=defect.kind, points=defect.points)
        return Asked(defect=defect, future=self._rooms[defect.backend].submit(job))
