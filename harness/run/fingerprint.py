"""What the answer of a cell depends on, as one number: where it is the same, the cell would be measured the same again.

Of a definition that is its graph, wherever its statements came from. What users write for a framework is known by
text alone: that of its file, and of all modules that were imported and are not installed.
"""

from __future__ import annotations

import hashlib
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from harness.collect import MODULE, relative
from harness.declare import Case, DeclarationError
from harness.graph.node import Graph
from harness.measurement import Failure
from harness.points import Point, PointError
from harness.run import environment
from harness.run.lab import About
from harness.run.plan import Cell
from harness.spelling import DEFINITION, Spelling

LENGTH = 32
"""Hexadecimal digits that are kept."""
INSTALLED = {"site-packages", "dist-packages"}
"""Folders of packages whose versions are recorded."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What is the same for all cells of a run."""

    seed: int
    about: Mapping[str, About]

    @cached_property
    def versions(self) -> dict[str, str]:
        return environment.machine() | environment.versions()

    @cached_property
    def modules(self) -> str:
        """The text of the modules that were imported, are not installed, and are no case files."""
        return _digest(sorted(map(_text, _own_modules())))

    def of(self, backend: str) -> list[Any]:
        """Return what a backend's numbers depend on beside the task."""
        about = self.about.get(backend, About())
        failed = "" if about.failure is None else about.failure.sentence
        return [self.versions, about.versions, about.flags, failed]


def fingerprints(
    case: Case, graph: Graph | Failure, cells: Sequence[Cell], surroundings: Surroundings
) -> dict[str, str]:
    """Return the fingerprint of each of the case's cells by id; `cells` are all that the run has of it."""
    traced = graph.sentence if isinstance(graph, Failure) else _of_graph(graph)
    points = {point.label: _bits(case, point, surroundings.seed) for point in case.points}
    texts = {(one.backend, one.name): _of_spelling(case, one, surroundings) for one in case.natives}
    ports = case.function is None
    found = {}
    for cell in cells:
        drawn = "" if cell.operator == "grad" else surroundings.seed
        parts: list[Any] = [cell.id, traced, points[cell.point], drawn, surroundings.of(cell.backend)]
        if cell.spelling != DEFINITION:  # what is written for one point is found out at the others
            parts += [texts[cell.backend, cell.spelling], points]
        if ports:  # they are judged by one another
            beside = [other for other in cells if other.group == cell.group]
            parts += [[other.id, texts[other.backend, other.spelling]] for other in beside]
        found[cell.id] = _digest(parts)
    return found


def _of_graph(graph: Graph) -> str:
    """Return the digest of a graph with the places of its statements, which sentences name."""
    files = {node.where[0] for node in graph.nodes if node.where}
    names = {file: relative(file, 0) for file in files}
    return _digest([graph.digest(), [node.where and (names[node.where[0]], node.where[1]) for node in graph.nodes]])


def _bits(case: Case, point: Point, seed: int) -> str:
    """Return the digest of every input at a point; of a point that does not fit, why."""
    try:
        numbers = case.numbers(point, seed)
    except (DeclarationError, PointError) as error:
        return str(error)
    return _digest(
        [[path, x.shape, x.dtype.str, hashlib.sha256(x.tobytes()).hexdigest()] for path, x in numbers.items()]
    )


def _of_spelling(case: Case, spelling: Spelling, surroundings: Surroundings) -> str:
    """Return the digest of all text that what a user wrote may have been made of."""
    files = {file for file in (case.file, spelling.place[0]) if file}
    return _digest([[[relative(file, 0), _text(Path(file))] for file in sorted(files)], surroundings.modules])


def _own_modules() -> set[Path]:
    """Return the files of imported modules that have no version: neither Python's, nor installed, nor the harness's."""
    library = [Path(sysconfig.get_path("stdlib")).resolve(), Path(__file__).resolve().parents[1]]
    named = {
        Path(file)
        for name, module in list(sys.modules.items())
        if isinstance(file := getattr(module, "__dict__", {}).get("__file__"), str)
        and name != "__main__"
        and not name.startswith(MODULE)
    }
    return {
        file
        for file in named
        if not INSTALLED & set(file.parts) and not any(map(file.resolve().is_relative_to, library))
    }


def _text(file: Path) -> str:
    """Return the digest of a file's text; "" where it is not to be had."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


def _digest(parts: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:LENGTH]
