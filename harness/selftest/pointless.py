"""Cases that get their points later: each has the middle of its domains until then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.declare import DOMAIN, Case, Input, case


def drawn(*, name: str = "", **inputs: Input) -> Callable[[Callable[..., Any]], Case]:
    """Return the decorator that declares a case whose points are drawn by the campaign."""
    middle = {path: sum(leaf.domain or DOMAIN) / 2 for path, leaf in inputs.items() if leaf.value is None}
    declared: dict[str, Any] = dict(inputs)
    return case(points=[middle], name=name, **declared)
