"""Your own backward: partials that somebody wrote by hand, in plain Python or NumPy."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.backends.adapter import Adapter, bind
from harness.backends.custody import Custody
from harness.backends.interview import Answer, changed, interview
from harness.backends.user_call import UserCall, live_of, user_call
from harness.calling import flatten
from harness.graph.literals import identifiers, nested
from harness.graph.phrase import Phrasebook
from harness.graph.program import beside
from harness.graph.script import Script, imports
from harness.measurement import Failure, Leaves, Measurement, Partial, Task, Trouble
from harness.spelling import OWN

BOOK = Phrasebook(
    name="NumPy",
    phrases={},
    imports={"math": "import math", "np": "import numpy as np"},
    prelude="",
    leaves={"real": "np.array({0}, float)", "int": "np.array({0})", "bool": "np.array({0})"},
)
"""Nothing is emitted: the words are for inputs."""

WORDS = {"call", "data", "math", "np", "partials", "print"}
"""Names of the programs themselves."""


Shapes = Mapping[str, tuple[int, ...]]
"""Leaf path → the shape of its partial, in the order of the params."""


class Malformed(Exception):
    """What came back is not a gradient; the message ends the sentence that says so."""


class OwnBackward(Adapter):
    """A function of the inputs that returns the partials; numbers are Python floats, arrays are NumPy's."""

    name, mechanism, package = OWN, "your own backward", "numpy"
    dtypes = ("float64",)
    book = BOOK

    def native(self, values: NDArray[np.generic], dtype: str) -> Any:
        return values.copy() if values.ndim else values.item()

    def numpy(self, array: Any) -> tuple[NDArray[np.generic], str]:
        """Return the numbers; whole and Python numbers count as float64."""
        given = np.asarray(array)
        if given.dtype.kind not in "fiub":
            raise Malformed(f"holds {array!r}, which is no real number")
        return given, given.dtype.name if given.dtype.kind == "f" else "float64"

    def script(self, task: Task) -> Script:
        """Return the user's text with the call."""
        user = _user(task)
        names = _names(task, user)
        body = f"{user.text.text}\npartials = {user.source(names)}\n"
        return Script(
            future=user.text.future,
            imports=imports(BOOK, body),
            body=body,
            arguments=tuple(names),
            params=task.graph.params,
            results=task.graph.params,
            names=names,
            kinds={path: task.graph.nodes[k].kind for path, k in task.graph.inputs.items()},
        )

    def _interviewed(self, task: Task, script: Script, custody: Custody) -> Measurement:
        user = _user(task)
        call = f"def call({', '.join(script.names.values())}):\n    return {user.source(script.names)}\n"
        function = bind(imports(BOOK, call) + call, "call", user.given)
        answer, conduct = interview(task, partial(self._ask, task, script, function), custody, beside_first=True)
        return Measurement(
            partials=answer.partials,
            adjoints=answer.adjoints,
            claims_value=False,
            conduct=conduct,
            source=script.source,
            seconds=answer.seconds,
        )

    def _ask(self, task: Task, script: Script, gradient: Callable[..., Any], inputs: Leaves) -> Answer:
        native = self._native(replace(task, inputs=inputs), script)
        start = time.perf_counter()
        answer = gradient(*native)
        seconds = time.perf_counter() - start
        try:
            partials, adjoints = self._read(answer, {path: task.inputs[path].shape for path in task.graph.params})
        except Malformed as why:
            raise Malformed(f"What {live_of(task).written} returned {why}.") from None
        left = {path: np.asarray(array, np.float64) for path, array in zip(script.arguments, native, strict=True)}
        return Answer(partials=partials, adjoints=adjoints, inputs=changed(left, inputs), seconds=seconds)

    def _read(self, answer: Any, params: Shapes) -> tuple[dict[str, Partial | None], dict[str, Partial]]:
        """Return the partials by leaf path, and what else was given by name. Raises Malformed."""
        found = answered(answer, params)
        partials = {path: None if found[path] is None else self.partial(found[path]) for path in params}
        return partials, {name: self.partial(given) for name, given in found.items() if name not in params}

    def failure(self, error: BaseException, when: str) -> Failure:
        if isinstance(error, Malformed):
            return Failure(trouble=Trouble.ERROR, sentence=str(error))
        found = super().failure(error, when)
        return replace(found, sentence=found.sentence.replace(self.name, self.mechanism, 1))

    def reproduce(self, task: Task) -> str:
        """Return a program of Python and NumPy that prints what the function returns."""
        script, user = self.script(task), _user(task)
        stored = beside(script, task.inputs)
        lines = ['data = np.load("inputs.npz")'] if stored else []
        lines += [f"{name} = {_leaf(task, path, script, stored)}" for path, name in script.names.items()]
        text = "\n".join([user.text.text, *lines, f"print({user.source(script.names)})\n"])
        return script.future + imports(BOOK, text) + text


def answered(answer: Any, params: Shapes) -> dict[str, Any]:
    """Return what came back by name: a dictionary, all partials in their order, or the only one. Raises Malformed."""
    if isinstance(answer, Mapping):
        found = flatten({str(key): value for key, value in answer.items()})
        missing = [path for path in params if path not in found]
        if missing:
            raise Malformed(f"has {', '.join(map(repr, found))} and no {missing[0]!r}; give {', '.join(params)}")
        return found
    if len(params) == 1:
        only = answer[0] if isinstance(answer, tuple) and len(answer) == 1 else answer
        return dict.fromkeys(params, only)
    if isinstance(answer, np.ndarray):
        return _rows(answer, params)
    if isinstance(answer, tuple | list) and len(answer) == len(params):
        return dict(zip(params, answer, strict=True))
    raise Malformed(f"is {_said(answer)}; give a dictionary, or a tuple of the partials {', '.join(params)}")


def _rows(answer: NDArray[Any], params: Shapes) -> dict[str, Any]:
    """Return the rows of one array, where each is a partial by its shape; else it is likely one partial alone."""
    if set(params.values()) == {answer.shape[1:]} and answer.shape[:1] == (len(params),):
        return dict(zip(params, answer, strict=True))
    raise Malformed(
        f"is one array of shape {answer.shape} for the {len(params)} partials {', '.join(params)}; "
        "give a tuple of them or a dictionary"
    )


def _said(answer: Any) -> str:
    if isinstance(answer, tuple | list):
        return f"a {type(answer).__name__} of {len(answer)}"
    return "None" if answer is None else f"one {type(answer).__name__}"


def _user(task: Task) -> UserCall:
    assert task.native is not None, "there is no gradient but the user's own"
    return user_call(task.native, live_of(task), WORDS, BOOK.imports.values())


def _names(task: Task, user: UserCall) -> dict[str, str]:
    return identifiers(task.graph.inputs, {*WORDS, *user.text.names})


def _leaf(task: Task, path: str, script: Script, stored: bool) -> str:
    """Return the source of one input: a number as Python has it, an array as NumPy does."""
    values = task.inputs[path]
    if stored:
        return f'data["{path}"]' + ("" if values.ndim else ".item()")
    return BOOK.leaves[script.kinds[path]].format(nested(values.tolist())) if values.ndim else nested(values.item())
