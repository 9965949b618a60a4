"""A user's function in the place of an emitted cost, inside the same differentiating lines."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.backends.excerpt import binds
from harness.backends.returned import checked
from harness.backends.user_call import UserCall, live_of, user_call
from harness.graph.calls import RESULTS, bound_by, call_of, kinds_of, named
from harness.graph.directions import directions
from harness.graph.emit import RESERVED
from harness.graph.phrase import Phrasebook
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
    """Its function raises where the user's returns no tensor."""


def user_cost(task: Task, book: Phrasebook, variant: str) -> UserCost:
    """Return the task's native in the book's differentiating lines."""
    lines = book.differentiate
    assert lines is not None, "a native is differentiated by its framework"
    assert task.native is not None, "the task is the graph's own"
    graph, operator = task.graph, task.operator
    sample = lines(call_of(graph, operator, variant, graph.inputs, named(graph, operator, graph.inputs, ()), own=True))
    words = {*RESERVED, "native", *binds("\n".join([*book.imports.values(), sample]))}
    user = user_call(task.native, live_of(task), words, book.imports.values())
    names = named(graph, operator, graph.inputs, words | user.text.names)
    leaves = {path: names[path] for path in graph.inputs}
    cost = f"def cost({', '.join(leaves.values())}):\n    return {user.source(leaves)}\n"
    own = [cost, lines(call_of(graph, operator, variant, leaves, names, own=True))]
    prelude = book.prelude.format(dtype=task.dtype)
    body, runs = "\n".join([prelude, user.text.text, *own]), "\n".join([prelude, *own])
    script = Script(
        future=user.text.future,
        imports=imports(book, body),
        body=body,
        binds=bound_by(operator),
        arguments=(*leaves, *directions(graph, operator)),
        params=graph.params,
        results=RESULTS.get(operator, graph.params),
        names=names,
        kinds=kinds_of(graph, leaves, operator),
    )
    return UserCost(script=script, runs=imports(book, runs) + runs, call=replace(user, live=checked(user.live)))
