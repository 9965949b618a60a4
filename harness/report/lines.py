"""Text for a terminal: styled where it is one, plain where it is not, control characters always written out."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from harness.report import names
from harness.report.format import one_line, visible
from harness.run.records import CellLine, HeaderLine

STYLES = {"fail": "bold red", "inconclusive": "yellow", "pass": "blue"}
DIM = "dim"

Part = str | tuple[str, str]
"""Words, or words with a style."""


def line(*parts: Part) -> Text:
    """Return the parts on one line, made inert."""
    text = Text()
    for part in parts:
        words, style = (part, "") if isinstance(part, str) else part
        text.append(one_line(words), style)
    return text


def block(source: str, indent: str = "  ") -> Text:
    """Return source text indented, its control characters written out."""
    return Text("\n".join(indent + visible(row) for row in source.rstrip().split("\n")))


def stack(lines: Iterable[Text]) -> Text:
    """Return the lines below each other."""
    return Text("\n").join(lines)


def aligned(rows: Sequence[Sequence[Text]], indent: str = "  ") -> list[Text]:
    """Return the rows as lines whose columns start at the same place."""
    widths = [max(text.cell_len for text in column) for column in zip(*rows, strict=True)]
    return [_row(row, widths, indent) for row in rows]


def pairs(labelled: Iterable[tuple[str, Text]]) -> list[Text]:
    """Return a line per label and text; where the text is empty, none."""
    return aligned([(line((label, DIM)), text) for label, text in labelled if text])


def judged(cell: CellLine) -> Text:
    """Return sign and verdict of the cell, in the colour of its class."""
    mark = " (expected)" if cell.expected else ""
    return line((f"{names.glyph(cell)} {names.word(cell)}{mark}", STYLES[names.status(cell)]))


def command(verb: str, cell: CellLine, *more: str) -> str:
    """Return the command that shows or reproduces the cell; `more` are its further arguments."""
    return shlex.join(["gradharness", verb, cell.id, *more])


def to_repeat(header: HeaderLine, files: Iterable[str]) -> list[str]:
    """Return what `repro` needs beside the cell: the files of cases, and the seed where it is not the usual one."""
    seed = [] if header.seed == 0 else ["--seed", str(header.seed)]
    return [*(f"./{file}" if file.startswith("-") else file for file in files), *seed]


def put(text: Text, console: Console | None = None) -> None:
    """Print the text unwrapped: in colour on a terminal, plain elsewhere."""
    (console or Console(highlight=False)).print(text, soft_wrap=True)


def _row(row: Sequence[Text], widths: Sequence[int], indent: str) -> Text:
    """Return one line of the table, without spaces at its end."""
    text = Text(indent)
    for cell, width in zip(row, widths, strict=True):
        text.append_text(cell).append(" " * (width - cell.cell_len + 2))
    text.rstrip()
    return text
