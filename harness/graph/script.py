"""Scripts: what `emit` writes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.graph.node import Kind
from harness.graph.phrase import Phrasebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A cost function and its differentiation as source."""

    future: str = ""
    """`from __future__` lines of a user's file, which stand first."""
    imports: str
    body: str
    """Prelude, helpers, `cost`, and the lines that bind `binds`."""
    binds: str = "gradient"
    """The differentiating function."""
    arguments: tuple[str, ...]
    """Leaf paths in the order of the call."""
    params: tuple[str, ...]
    """Leaf paths that are differentiated."""
    names: dict[str, str]
    """Leaf path → its Python name."""
    kinds: dict[str, Kind]
    """Leaf path → real, int or bool."""
    results: tuple[str, ...]
    """What comes back beside the value, in its order: leaf paths, or names."""

    @property
    def returned(self) -> str:
        """What a program calls that which comes back beside the value."""
        return "partials" if self.binds == "gradient" else "results"

    @property
    def source(self) -> str:
        return self.future + self.imports + self.body


def imports(book: Phrasebook, text: str) -> str:
    """Return the import lines that the text needs."""
    return "".join(f"{line}\n" for used, line in book.imports.items() if mentions(text, used))


def mentions(text: str, name: str) -> bool:
    """Return whether the text uses a name, by itself or as the head of a dotted one."""
    return re.search(rf"(?<![\w.]){re.escape(name)}\b", text) is not None
