"""What the adapters share: emit, compile, call, convert, time, and turn exceptions into failures."""

from __future__ import annotations

import contextlib
import hashlib
import linecache
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.backends import process_state
from harness.backends.advice import advised
from harness.backends.custody import Custody, Watched
from harness.backends.interview import Answer, changed, interview
from harness.backends.layouts import check_layouts
from harness.backends.returned import NotATensor, NotOneNumber, foreigners, unwrapped
from harness.backends.said import first_line, trouble_of
from harness.backends.user_cost import user_cost
from harness.calling import contained
from harness.conduct import Conduct, Foreign
from harness.domains.beside import mirrored
from harness.graph.emit import Phrasebook, Script, Unphrased, emit, program
from harness.measurement import Failure, Leaves, Measurement, Partial, Task, Trouble
from harness.told import RAISED, kind, message

KINDS: dict[str, type[np.generic]] = {"real": np.float64, "int": np.int64, "bool": np.bool_}
"""Kind of a leaf → NumPy's type of its values."""

Gradient = Callable[..., tuple[Any, Iterable[Any]]]
"""Native inputs → native value, and a native partial per differentiated leaf."""


class Adapter(ABC):
    """A framework behind plain data: a task goes in, a measurement comes out.

    A subclass imports its framework in its constructor and nowhere else.
    """

    name: str
    """As cells are named: torch."""
    mechanism: str
    """What differentiates: autograd."""
    package: str
    """What is imported and installed."""
    dtypes: tuple[str, ...] = ("float64", "float32", "bfloat16", "float16")
    variants: tuple[str, ...] = ("eager",)
    """Of the gradient; the first is the default."""
    routes: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """Operator beyond the gradient → its variants, the first is the default."""
    compiled: tuple[str, ...] = ()
    """The variants whose function is traced once and run at other points."""
    compiles_operators = False
    """Whether operators beyond the gradient are so by every route, unless the variant says that it ran eagerly."""
    book: Phrasebook
    arrays: tuple[type, ...] = (object,)
    """The classes of its own arrays."""

    @classmethod
    def operators(cls) -> tuple[str, ...]:
        """Return what can be asked of the derivative here."""
        return ("grad", *cls.routes)

    @abstractmethod
    def native(self, values: NDArray[np.generic], dtype: str) -> Any:
        """Return a native array: of `dtype` where `values` are float64, else of their own int64 or bool."""

    @abstractmethod
    def numpy(self, array: Any) -> tuple[NDArray[np.generic], str]:
        """Return a native array as NumPy, with the name of the dtype that it had; its shape is kept."""

    def wait(self, result: Any) -> Any:
        """Return the result when it is computed, for frameworks that answer before they have."""
        return result

    def forward(self, cost: Callable[..., Any]) -> Callable[..., Any]:
        """Return a user's function as it is called many times for its value alone."""
        return cost

    def settle(self) -> None:  # noqa: B027 - most frameworks have nothing to set
        """Set what stays set for as long as the process lives: only a process of our own is treated so."""

    @contextlib.contextmanager
    def settings(self) -> Iterator[None]:
        """Hold the framework's global flags at what a measurement needs; afterwards they are as they were."""
        yield

    def watched(self, *, closely: bool) -> Watched:
        """Return the global state that a call must leave as it was; closely where a user's function is called."""
        return process_state.watched(closely=closely)

    def versions(self) -> dict[str, str]:
        """Return package → version."""
        return {self.package: installed(self.package)}

    def flags(self) -> dict[str, str]:
        """Return the settings that a number may depend on."""
        return {}

    def variant(self, task: Task) -> tuple[str, str]:
        """Return the variant that runs, and a warning where it is not the one that was asked for."""
        return task.variant, ""

    def traced(self, task: Task) -> bool:
        """Return whether the function is traced once and then run at other points."""
        if task.operator == "grad":
            return task.variant in self.compiled
        return self.compiles_operators and not self.variant(task)[0].endswith("eager")

    def script(self, task: Task) -> Script:
        """Return the source of the task in this framework's words, or in the user's."""
        variant = self.variant(task)[0]
        if task.native is not None:
            return user_cost(task, self.book, variant).script
        return emit(task.graph, self.book, dtype=task.dtype, variant=variant, operator=task.operator)

    def compile(self, task: Task) -> Gradient:
        """Return the differentiating function: native inputs → value and partials."""
        return self._compiled(task, self.script(task))

    def _compiled(self, task: Task, script: Script) -> Gradient:
        if task.native is None:
            return bind(script.source, script.binds)
        check_layouts(task, self.native, self.numpy)
        cost = user_cost(task, self.book, self.variant(task)[0])
        return bind(cost.runs, script.binds, given=cost.call.given)

    def to_native(self, task: Task) -> tuple[Any, ...]:
        """Return the task's inputs as the differentiating function takes them."""
        return self._native(task, self.script(task))

    def _native(self, task: Task, script: Script) -> tuple[Any, ...]:
        typed = [task.inputs[path].astype(KINDS[script.kinds[path]], casting="same_kind") for path in script.arguments]
        return tuple(self.native(values, task.dtype) for values in typed)

    def reproduce(self, task: Task) -> str:
        """Return a standalone program that prints the value and the partials of the task."""
        return program(self.script(task), self.book, task.inputs, dense=task.native is None)

    def measure(self, task: Task) -> Measurement:
        """Return value and partials, or how the framework failed; nothing is raised."""
        refusal = self.refusal(task)
        if refusal:
            return Measurement(failure=Failure(trouble=Trouble.UNSUPPORTED, sentence=refusal))
        with self.settings(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            measured = self._tried(task)
        said = (self.variant(task)[1], *(first_line(str(warning.message)) for warning in caught))
        return replace(measured, warnings=tuple(dict.fromkeys(filter(None, said))))

    def refusal(self, task: Task) -> str:
        """Return the sentence that says what this framework lacks for the task; "" where it lacks nothing."""
        for noun, asked, known in (
            ("dtype", task.dtype, self.dtypes),
            ("operator", task.operator, self.operators()),
            ("variant", task.variant, self.routes.get(task.operator, self.variants)),
        ):
            if asked not in known:
                return f"{self.name} has no {noun} {asked}; choose one of {', '.join(known)}"
        return ""

    def _tried(self, task: Task) -> Measurement:
        try:
            script = self.script(task)
        except Unphrased as gap:
            return Measurement(failure=Failure(trouble=Trouble.UNSUPPORTED, sentence=str(gap)))
        except Exception as error:
            return Measurement(failure=self.failure(error, "while its source was written"))
        try:
            return self._measured(task, script)
        except RAISED as error:
            return Measurement(failure=self.failure(error, "while its source ran"), source=script.source)

    def _measured(self, task: Task, script: Script) -> Measurement:
        """Return what came of the calls, and what they changed; everything is put back."""
        custody = Custody(self.watched(closely=task.native is not None), traced=self.traced(task))
        try:
            found = self._interviewed(task, script, custody)
        except RAISED as error:
            found = replace(self._without_answer(unwrapped(error)), source=script.source)
        finally:
            custody.end()
        return replace(found, conduct=custody.seen(found.conduct))

    def _without_answer(self, error: BaseException) -> Measurement:
        """Return the measurement of a call that raised."""
        if isinstance(error, NotATensor):
            return Measurement(conduct=Conduct(foreign=(Foreign(said=str(error)),)))
        if isinstance(error, NotOneNumber):
            return Measurement(failure=Failure(trouble=Trouble.SHAPE, sentence=str(error)))
        return Measurement(failure=self.failure(error, "while its source ran"))

    def _interviewed(self, task: Task, script: Script, custody: Custody) -> Measurement:
        gradient, start = self._compiled(task, script), time.perf_counter()
        if self.traced(task):
            self._trace_elsewhere(task, gradient)
            custody.inspect()
        tracing = time.perf_counter() - start
        again = task.native is not None or script.source not in self._asked
        self._asked.add(script.source)
        answer, conduct = interview(task, partial(self._ask, task, script, gradient), custody, again=again)
        if task.native is not None and (lack := self.lack(task, script)):
            return Measurement(failure=Failure(trouble=Trouble.UNSUPPORTED, sentence=lack), source=script.source)
        if task.native is not None and None in answer.partials.values():
            conduct = replace(conduct, foreign=(*conduct.foreign, *self.departed(*self._user(task, script))))
        return Measurement(
            value=answer.value,
            partials=answer.partials,
            conduct=conduct,
            source=script.source,
            seconds=tracing + answer.seconds,
        )

    @cached_property
    def _asked(self) -> set[str]:
        """The sources that were asked twice: what computes alike at one point does so at another."""
        return set()

    def _ask(self, task: Task, script: Script, gradient: Gradient, inputs: Leaves) -> Answer:
        """Return what one call gives at the inputs."""
        native = self._native(replace(task, inputs=inputs), script)
        start = time.perf_counter()
        value, partials = self.wait(gradient(*native))
        seconds = time.perf_counter() - start
        returned = dict(zip(script.results, partials, strict=True))
        foreign = foreigners(returned, self.arrays)
        left = {path: self.partial(array).values for path, array in zip(script.arguments, native, strict=True)}
        return Answer(
            value=self.partial(value),
            partials={path: None if one is None or foreign else self.partial(one) for path, one in returned.items()},
            foreign=foreign,
            inputs=changed(left, inputs),
            seconds=seconds,
        )

    def _user(self, task: Task, script: Script) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Return a user's cost, and what it takes: the inputs without the directions of an operator."""
        cost = user_cost(task, self.book, self.variant(task)[0])
        native = self._native(task, script)[: len(task.graph.inputs)]
        return bind(cost.runs, "cost", given=cost.call.given), native

    def lack(self, task: Task, script: Script) -> str:
        """Return the sentence that says which derivative a user's function declares not to have; "" for none."""
        return ""

    def departed(self, cost: Callable[..., Any], native: tuple[Any, ...]) -> tuple[Foreign, ...]:
        """Return how a user's function leaves the framework on its way to a value; none where that cannot be told."""
        return ()

    def _trace_elsewhere(self, task: Task, gradient: Gradient) -> None:
        """Compile at the mirrored point first: what is kept of one point would be wrong at the task's."""
        there = mirrored(task.inputs, task.graph.params)
        with contextlib.suppress(*RAISED):  # the mirrored point may be outside the domain; the task's own call tells
            self.wait(gradient(*self.to_native(replace(task, inputs=there))))

    def partial(self, array: Any) -> Partial:
        """Return a native array as it came: its shape and the name of its dtype are kept for the judge."""
        values, dtype = self.numpy(array)
        wide = np.array(values, dtype=np.float64)
        wide.flags.writeable = False
        return Partial(values=wide, dtype=dtype)

    def failure(self, error: BaseException, when: str) -> Failure:
        """Return the failure that an exception stands for, in one sentence."""
        said = advised(self.name, first_line(message(error)))
        blamed = self.name if isinstance(error, NotATensor) else f"{self.name} raised {kind(error)} {when}"
        return Failure(trouble=trouble_of(error), sentence=f"{blamed}: {said}")


@lru_cache(maxsize=512)
def bind(source: str, function: str = "gradient", given: tuple[tuple[str, Any], ...] = ()) -> Callable[..., Any]:
    """Return the function that a source binds, where it finds the names in `given`, a user's functions, bound already.

    A source is run once, so that its compiled form is kept. It is given to `linecache`: tracebacks show its lines and
    AutoGraph finds its functions.
    """
    name = f"<gradharness {hashlib.sha256(source.encode()).hexdigest()[:12]}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"__name__": "emitted", **dict(given)}
    exec(compile(source, name, "exec"), namespace)
    bound: Callable[..., Any] = namespace[function]
    return contained(bound) if given else bound  # the framework calls a user's rules when their function has returned


def installed(package: str) -> str:
    """Return the version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
