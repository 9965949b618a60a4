"""What a user calls the nodes of a lowered graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.graph.node import Graph
from harness.judge.edges import SPREADING
from harness.statements import Statement, statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """A lowered graph in its user's words: by the lines, variables and calls that made it."""

    graph: Graph
    calls: tuple[str, ...]
    """By node the call that made it: several nodes of one mean or relu."""

    def line(self, position: int) -> Statement | None:
        """Return the statement that a node was made by; None where its source is not there."""
        return statement(self.graph.nodes[position].where)

    def operation(self, position: int) -> str:
        """Return the operation that a node belongs to: a broadcast is its user's."""
        nodes = self.graph.nodes
        users = (k for k in range(position, len(nodes)) if position in nodes[k].args)
        while nodes[position].op in SPREADING and (user := next(users, None)) is not None:
            return self.operation(user)
        return self._word(position)

    def operand(self, user: int, position: int) -> str:
        """Return what a node that `user` reads is called: input, variable, or an operation of its own."""
        while self.graph.nodes[position].op in SPREADING:
            (position, *_) = self.graph.nodes[position].args
        node = self.graph.nodes[position]
        if node.op == "input":
            return f"`{node.attrs['path']}`"
        made = self.line(position)
        named = made is not None and made.target and made != self.line(user)
        return f"`{made.target}`" if made is not None and named else f"the {self._word(position)}"

    def shared(self, positions: Sequence[int]) -> str:
        """Return what several operations are called that are done by one rule."""
        ops, calls = ({words[k] for k in positions} for words in ([node.op for node in self.graph.nodes], self.calls))
        return _spoken(calls.pop()) if len(calls) == 1 else ops.pop()

    def _word(self, position: int) -> str:
        op, call = self.graph.nodes[position].op, _spoken(self.calls[position])
        return op if op == call else f"{op} of the {call}"


def _spoken(call: str) -> str:
    """Return a call as a sentence has it: operators of complex numbers have no name of their own."""
    return call.removeprefix("complex_")
