"""The table of all figures, as plain text."""

from __future__ import annotations

from collections.abc import Sequence

from bench.figure import Figure

HEAD = ("bar", "median", "asked", "", "min … max", "beside it")


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as lines whose columns stand below each other."""
    rows = [HEAD, *(figure.cells for figure in figures)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(HEAD))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])
