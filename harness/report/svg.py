"""An excerpt of the matrix as SVG: the picture of the README."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from textwrap import wrap

from harness.report import facts, names
from harness.report.files import own_text
from harness.report.format import brief, margin, one_line
from harness.report.strip import CASE
from harness.report.table import Row, Tile, matrix
from harness.run.records import Run

ROWS = 12
LEFT, COLUMN, LINE, HEAD, EDGE = 250, 176, 44, 130, 24
GAP = 4
HEADLINE = 3
"""Lines at most."""


class Excerpt:
    """The picture: the tightest case of each family on all backends."""

    file = "matrix.svg"

    def render(self, run: Run) -> str:
        """Return the picture; it asks for no font and no other file."""
        rows, total = excerpt(run)
        width = 2 * EDGE + LEFT + COLUMN * len(names.backends(run))
        height = HEAD + LINE * len(rows) + 2 * EDGE
        title = _text(facts.headline(run))
        body = "\n".join([*_head(run, width), *_rows(rows), _foot(len(rows), total, height)])
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img">\n<title>{title}</title>\n<style>{own_text("picture.css")}</style>\n'
            f'<rect class="ground" width="{width}" height="{height}" rx="8"/>\n{body}\n</svg>\n'
        )


def excerpt(run: Run) -> tuple[list[Row], int]:
    """Return the lesson's first case and the worst rows, one of each family first, and how many cases there are."""
    rows = matrix(run)
    lesson = [row for row in rows if row.case == CASE]
    families = {row.case.rpartition(".")[0]: row for row in reversed(rows) if row.case != CASE}
    chosen = dict.fromkeys([*lesson, *sorted(families.values(), key=rows.index), *rows])
    return list(chosen)[:ROWS], len(rows)


def _head(run: Run, width: int) -> Iterator[str]:
    """Yield the headline and the names of the columns."""
    for at, line in enumerate(_broken(facts.headline(run), (width - 2 * EDGE) // 10)):
        yield f'<text class="lead" x="{EDGE}" y="{EDGE + 14 + 22 * at}">{_text(line)}</text>'
    for at, name in enumerate(names.backends(run)):
        x = EDGE + LEFT + COLUMN * at + 10
        yield f'<text class="name" x="{x}" y="{HEAD - 16}">{_text(names.backend(name))}</text>'
        yield f'<text class="dim small" x="{x}" y="{HEAD}">{_text(names.mechanism(run.header, name))}</text>'


def _broken(words: str, letters: int) -> list[str]:
    """Return the words on a few lines of at most so many letters."""
    lines = wrap(words, letters, max_lines=HEADLINE, placeholder=" …")
    return lines or [""]


def _rows(rows: list[Row]) -> Iterator[str]:
    """Yield the rows."""
    for at, row in enumerate(rows):
        top = HEAD + 12 + LINE * at
        yield f'<text class="name" x="{EDGE}" y="{top + 18}">{_text(_short(row.case, 29))}</text>'
        yield f'<text class="dim small" x="{EDGE}" y="{top + 34}">{_text(_short(row.title, 34))}</text>'
        for column, tile in enumerate(row.tiles):
            yield from _tile(tile, EDGE + LEFT + COLUMN * column, top)


def _tile(tile: Tile, x: int, y: int) -> Iterator[str]:
    """Yield a tile: fill, sign and word, how many passed, error and margin."""
    fill = f"pass{tile.ramp}" if tile.status == "pass" else tile.status
    yield f'<rect class="{fill}" x="{x}" y="{y}" width="{COLUMN - GAP}" height="{LINE - GAP}" rx="4"/>'
    cell = tile.worst
    if cell is None:
        yield f'<text class="dim small" x="{x + 10}" y="{y + 24}">– {_text(_short(tile.absence, 20))}</text>'
        return
    right = x + COLUMN - GAP - 10
    yield f'<text class="small" x="{x + 10}" y="{y + 17}">{names.glyph(cell)} {_text(_short(cell.verdict, 13))}</text>'
    yield f'<text class="end small" x="{right}" y="{y + 17}">{tile.passed}/{tile.total}</text>'
    if cell.worst:
        yield f'<text class="small" x="{x + 10}" y="{y + 33}">{brief(cell.error)}</text>'
        yield f'<text class="end small" x="{right}" y="{y + 33}">{margin(cell.margin)}</text>'


def _foot(shown: int, total: int, height: int) -> str:
    """Return the line below the tiles."""
    said = f"{shown} of {total} cases. Each tile: verdict, passed of judged, worst error, margin = tolerance ÷ error."
    return f'<text class="dim small" x="{EDGE}" y="{height - 16}">{said}</text>'


def _short(words: str, letters: int) -> str:
    """Return the words, cut to so many letters."""
    return words if len(words) <= letters else words[: letters - 1] + "…"


def _text(words: str) -> str:
    """Return the words as text of a picture."""
    return escape(one_line(words))
