"""What the adapters share: emit, compile, call, convert, time, and turn exceptions into failures."""

from __future__ import annotations

import contextlib
import hashlib
import linecache
import os
import re
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.backends.user_call import live_of
from harness.backends.user_cost import user_cost
from harness.graph.emit import Phrasebook, Script, Unphrased, emit, program
from harness.measurement import Failure, Measurement, Partial, Task, Trouble

KINDS: dict[str, type[np.generic]] = {"real": np.float64, "int": np.int64, "bool": np.bool_}
"""Kind of a leaf → NumPy's type of its values."""

MEMORY = re.compile("out of memory|RESOURCE_EXHAUSTED|OOM when allocating|can't allocate memory", re.IGNORECASE)
"""How the frameworks say that memory was not enough; none of them raises MemoryError."""

LACKING = re.compile(
    "not implemented for|Low precision dtypes not supported|Unsupported dtype|Could not find device for node|"
    "is not in the list of allowed values|Detected unsupported operations"
)
"""How the frameworks say that they have no such function: in this dtype, or compiled."""

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
    operators: tuple[str, ...] = ("grad",)
    variants: tuple[str, ...] = ("eager",)
    """The first is the default."""
    compiled: tuple[str, ...] = ()
    """The variants whose function is traced once and run at other points."""
    book: Phrasebook

    @abstractmethod
    def native(self, values: NDArray[np.generic], dtype: str) -> Any:
        """Return a native array: of `dtype` where `values` are float64, else of their own int64 or bool."""

    @abstractmethod
    def numpy(self, array: Any) -> tuple[NDArray[np.generic], str]:
        """Return a native array as NumPy, with the name of the dtype that it had; its shape is kept."""

    def wait(self, result: Any) -> Any:
        """Return the result when it is computed, for frameworks that answer before they have."""
        return result

    def settle(self) -> None:  # noqa: B027 - most frameworks have nothing to set
        """Set what stays set for as long as the process lives: only a process of our own is treated so."""

    @contextlib.contextmanager
    def settings(self) -> Iterator[None]:
        """Hold the framework's global flags at what a measurement needs; afterwards they are as they were."""
        yield

    def versions(self) -> dict[str, str]:
        """Return package → version."""
        return {self.package: installed(self.package)}

    def flags(self) -> dict[str, str]:
        """Return the settings that a number may depend on."""
        return {}

    def variant(self, task: Task) -> tuple[str, str]:
        """Return the variant that runs, and a warning where it is not the one that was asked for."""
        return task.variant, ""

    def script(self, task: Task) -> Script:
        """Return the source of the task in this framework's words, or in the user's."""
        variant = self.variant(task)[0]
        if task.native is not None:
            return user_cost(task, self.book, variant).script
        return emit(task.graph, self.book, dtype=task.dtype, variant=variant)

    def compile(self, task: Task) -> Gradient:
        """Return the differentiating function: native inputs → value and partials."""
        return self._compiled(task, self.script(task))

    def _compiled(self, task: Task, script: Script) -> Gradient:
        if task.native is None:
            return bind(script.source)
        self._check_layouts(task)
        cost = user_cost(task, self.book, self.variant(task)[0])
        return bind(cost.runs, given=cost.call.given)

    def _check_layouts(self, task: Task) -> None:
        """Raise ValueError where a layout does more than move the entries of a leaf."""
        for path, layout in live_of(task).layouts.items():
            entries = np.arange(task.inputs[path].size, dtype=np.float64)
            moved = self.numpy(layout(self.native(entries.reshape(task.inputs[path].shape), "float64")))[0]
            if not np.array_equal(np.sort(moved, axis=None), entries):
                raise ValueError(f"the layout of {path} changes entries; only permute and reshape there")

    def to_native(self, task: Task) -> tuple[Any, ...]:
        """Return the task's inputs as the differentiating function takes them."""
        return self._native(task, self.script(task))

    def _native(self, task: Task, script: Script) -> tuple[Any, ...]:
        typed = [task.inputs[path].astype(KINDS[script.kinds[path]], casting="same_kind") for path in script.arguments]
        return tuple(self.native(values, task.dtype) for values in typed)

    def reproduce(self, task: Task) -> str:
        """Return a standalone program that prints the value and the partials of the task."""
        return program(self.script(task), self.book, task.inputs)

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
            ("variant", task.variant, self.variants),
            ("operator", task.operator, self.operators),
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
        except Exception as error:
            return Measurement(failure=self.failure(error, "while its source ran"), source=script.source)

    def _measured(self, task: Task, script: Script) -> Measurement:
        gradient = self._compiled(task, script)
        native = self._native(task, script)
        start = time.perf_counter()
        if task.variant in self.compiled:
            self._trace_elsewhere(task, gradient)
        value, partials = self.wait(gradient(*native))
        seconds = time.perf_counter() - start
        returned = zip(script.params, partials, strict=True)
        return Measurement(
            value=self.partial(value),
            partials={path: None if partial is None else self.partial(partial) for path, partial in returned},
            source=script.source,
            seconds=seconds,
        )

    def _trace_elsewhere(self, task: Task, gradient: Gradient) -> None:
        """Compile at the mirrored point first: what is kept of one point would be wrong at the task's."""
        mirrored = dict(task.inputs) | {path: -np.asarray(task.inputs[path], float) for path in task.graph.params}
        with contextlib.suppress(Exception):  # the mirrored point may be outside the domain; the task's own call tells
            self.wait(gradient(*self.to_native(replace(task, inputs=mirrored))))

    def partial(self, array: Any) -> Partial:
        """Return a native array as it came: its shape and the name of its dtype are kept for the judge."""
        values, dtype = self.numpy(array)
        wide = np.array(values, dtype=np.float64)
        wide.flags.writeable = False
        return Partial(values=wide, dtype=dtype)

    def failure(self, error: Exception, when: str) -> Failure:
        """Return the failure that an exception stands for, in one sentence."""
        trouble = Trouble.UNSUPPORTED if LACKING.search(str(error)) else Trouble.ERROR
        if isinstance(error, MemoryError) or MEMORY.search(str(error)):
            trouble = Trouble.OUT_OF_MEMORY
        sentence = f"{self.name} raised {type(error).__name__} {when}: {first_line(str(error))}"
        return Failure(trouble=trouble, sentence=sentence)


@lru_cache(maxsize=512)
def bind(source: str, function: str = "gradient", given: tuple[tuple[str, Any], ...] = ()) -> Callable[..., Any]:
    """Return the function that a source binds, where it finds the names in `given` bound already.

    A source is run once, so that its compiled form is kept. It is given to `linecache`: tracebacks show its lines and
    AutoGraph finds its functions.
    """
    name = f"<gradharness {hashlib.sha256(source.encode()).hexdigest()[:12]}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"__name__": "emitted", **dict(given)}
    exec(compile(source, name, "exec"), namespace)
    bound: Callable[..., Any] = namespace[function]
    return bound


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Return a context in which standard error is dropped: compiled code writes there past Python."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)


def first_line(message: str) -> str:
    """Return the line of a message that says what is wrong: the first, or the last where the first announces it."""
    lines = [line.strip() for line in re.sub(r"\[\[\{\{.*|\{\{.*?\}\} ?", "", message).splitlines() if line.strip()]
    return (lines[-1] if lines[0].endswith(":") else lines[0]) if lines else "no message"


def installed(package: str) -> str:
    """Return the version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
