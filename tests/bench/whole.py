"""The default run against the bare script, and the size of the process that leads it."""

from __future__ import annotations

import tempfile
from dataclasses import fields
from pathlib import Path

from bench import bare
from bench.dump import dump
from bench.figure import Figure
from bench.process import Ended, ended, processors
from harness.collect import collect
from harness.run.plan import Cell
from harness.run.records import CellLine
from harness.run.store import load

BAR, MEMORY, TIMES = 1.5, 600.0, 3
DONE = (0, 1)
"""Exit codes of a run that went through: nothing failed, or some cell did."""


def measure() -> list[Figure]:
    """Return the ratio of the walls, both walls, and the parent's greatest resident size."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        ours, theirs = [default_run(folder)], list[Ended]()
        if ours[0].code not in DONE:
            return figures(ours, theirs, "")
        cells = load(folder).cells
        gradients = dump(folder, collect(), [planned(cell) for cell in cells])
        for _ in range(TIMES - 1):
            theirs.append(ended(bare.__file__, str(folder)))
            ours.append(default_run(folder))
        theirs.append(ended(bare.__file__, str(folder)))
    passed = sum(cell.cls == "pass" for cell in cells)
    return figures(ours, theirs, f"{len(cells)} cells, {passed} pass; {gradients} gradients run bare")


def default_run(folder: Path) -> Ended:
    return ended("-m", "harness.cli", "run", "--out", str(folder), "--quiet")


def planned(line: CellLine) -> Cell:
    """Return the cell whose line this is: the bare script computes what the run did, no more and no less."""
    return Cell(**{part.name: getattr(line, part.name) for part in fields(Cell)})


def figures(ours: list[Ended], theirs: list[Ended], note: str) -> list[Figure]:
    """Return the rows of runs that went through; else what the first that did not has said."""
    whole, memory = "default run ÷ bare script", "parent's memory in the default run"
    odd = [run for run in ours if run.code not in DONE] + [run for run in theirs if run.code]
    if odd:
        said = f"exit code {odd[0].code}: {(odd[0].output.strip() or 'nothing').splitlines()[-1]}"
        return [Figure(name=whole, bar=BAR, note=said), Figure(name=memory, unit="MiB", bar=MEMORY, note=said)]
    ratios = tuple(run.wall / other.wall for run, other in zip(ours, theirs, strict=True))
    return [
        Figure(name=whole, measured=ratios, bar=BAR, note=note),
        Figure(name="  default run", measured=walls(ours), unit="s", note=processors(ours)),
        Figure(name="  bare script", measured=walls(theirs), unit="s", note=f"{processors(theirs)}; {told(theirs[0])}"),
        Figure(name=memory, measured=tuple(run.resident for run in ours), unit="MiB", bar=MEMORY),
    ]


def walls(runs: list[Ended]) -> tuple[float, ...]:
    return tuple(run.wall for run in runs)


def told(run: Ended) -> str:
    """Return how many gradients raised in the bare script."""
    raised = [line for line in run.output.splitlines() if line.endswith("raised") and not line.endswith(", 0 raised")]
    return "; ".join(raised) or "none raised"
