"""A user's function in the place of an emitted cost, inside the same differentiating lines."""

from __future__ import annotations

from dataclasses import dataclass

from harness.backends.excerpt import binds
from harness.backends.user_call import UserCall, live_of, user_call
from harness.graph.emit import RESERVED
from harness.graph.literals import identifiers
from harness.graph.phrase import Call, Phrasebook
from harness.graph.script import Script, imports
from harness.measurement import Task


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UserCost:
    """A user's function as source."""

    script: Script
    """Complete: the user's text, and the lines that differentiate it."""
    runs: str
    """What runs: the same without the user's text, whose functions are bound instead."""
    call: UserCall


def user_cost(task: Task, book: Phrasebook, variant: str) -> UserCost:
    """Return the task's native in the book's differentiating lines."""
    lines = book.differentiate
    assert lines is not None, "a native is differentiated by its framework"
    assert task.native is not None, "the task is the graph's own"
    sample = lines(Call(("w",), ("w",), variant))
    words = {*RESERVED, "native", *binds("\n".join([*book.imports.values(), sample]))}
    user = user_call(task.native, live_of(task), words, book.imports.values())
    names = identifiers(task.graph.inputs, words | user.text.names)
    cost = f"def cost({', '.join(names.values())}):\n    return {user.source(names)}\n"
    own = [cost, lines(Call(tuple(names.values()), tuple(names[path] for path in task.graph.params), variant))]
    prelude = book.prelude.format(dtype=task.dtype)
    body, runs = "\n".join([prelude, user.text.text, *own]), "\n".join([prelude, *own])
    script = Script(
        future=user.text.future,
        imports=imports(book, body),
        body=body,
        arguments=tuple(task.graph.inputs),
        params=task.graph.params,
        names=names,
        kinds={path: task.graph.nodes[k].kind for path, k in task.graph.inputs.items()},
    )
    return UserCost(script=script, runs=imports(book, runs) + runs, call=user)
