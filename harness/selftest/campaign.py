"""Looking for false alarms: seeded draws of functions, points, dtypes, frameworks and variants, all of them right."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np

from harness.backends import describe
from harness.collect import collect
from harness.declare import Case
from harness.points import Point
from harness.run.plan import Cell
from harness.selftest.scenes import BENT, SCALED, SMOOTH, TIED, Scene

FUNCTIONS = Path(__file__).parent / "functions"
FRAMEWORKS = ("tensorflow", "torch", "jax")
WITH_KINKS = frozenset(
    {"networks.mlp_relu", "reductions.row_maxima", "reductions.ranked", "reductions.huber", "reductions.hinge"}
)
SCENES: dict[str, Sequence[Scene]] = {"ties": TIED, "scales": SCALED}
"""By file; of all others all are drawn."""
KNOWN = "known."
"""Where a framework is known to be inaccurate: one point each, the same for every seed."""
LARGE = 50_000
"""Numbers of a point from which a function is drawn once in each dtype and no more."""
IN_HALF = "known.quotient_of_small"


def functions() -> list[Case]:
    """Return the functions of the campaign, without points."""
    return [replace(case, points=()) for case in collect([FUNCTIONS])]


def campaign(draws: int, seed: int, few: int | None = None) -> tuple[tuple[Case, ...], tuple[Cell, ...]]:
    """Return the cases with their points, and at least so many cells; the same for the same seed.

    `few` functions need less compiling; of them each is looked at in other variants and half precision a point later
    than the one before it, so that most never are.
    """
    known = sorted(functions(), key=lambda case: hashlib.sha256(f"{seed}/{case.id}".encode()).digest())[:few]
    cells: list[Cell] = []
    points: dict[str, list[Point]] = {case.id: [] for case in known}
    for number in count():
        for turn, case in enumerate(known):
            if len(cells) >= draws:
                break
            if number >= most(case):
                continue
            point = drawn_point(case, number, seed)
            points[case.id].append(point)
            cells += cells_at(case, point, number, 0 if few is None else turn)
        if len(cells) >= draws:
            break
    cases = tuple(replace(case, points=tuple(points[case.id])) for case in known if points[case.id])
    order = {case.id: k for k, case in enumerate(cases)}
    return cases, tuple(sorted(cells, key=lambda cell: order[cell.case]))


def size(case: Case) -> int:
    """Return how many numbers a point has."""
    return sum(int(np.prod(leaf.shape)) for leaf in case.inputs.values())


def drawn_point(case: Case, number: int, seed: int) -> Point:
    """Return the point of a number: its scene by turns, its numbers by the seed."""
    scenes = scenes_of(case)
    if case.id.startswith(KNOWN):
        scenes, seed = BENT[:1], 0
    key = hashlib.sha256(f"{case.id}/{seed}/{number}".encode()).digest()
    rng = np.random.default_rng(np.frombuffer(key, dtype=np.uint32))
    scene = scenes[(number + hashlib.sha256(case.id.encode()).digest()[0]) % len(scenes)]
    values = {path: scene(rng, leaf) for path, leaf in case.inputs.items() if leaf.value is None}
    return Point(label=f"{scene.__name__}{number}", values=values)


def scenes_of(case: Case) -> Sequence[Scene]:
    """Return the kinds of points that are drawn for a function."""
    return BENT + TIED if case.id in WITH_KINKS else SCENES.get(case.id.split(".")[0], SMOOTH)


def most(case: Case) -> int:
    """Return how many points a function may have."""
    if case.id.startswith(KNOWN):
        return 1
    return 2 if size(case) > LARGE else 10_000


def cells_at(case: Case, point: Point, number: int, delay: int = 0) -> Iterator[Cell]:
    """Yield the cells of a point: the usual dtypes, now and then the half ones, and the other variants in one dtype.

    Other variants and half precision come `delay` points later.
    """
    plain = size(case) > LARGE or case.id.startswith(KNOWN)
    for k, dtype in enumerate(dtypes_at(case, number - delay)):
        for backend in FRAMEWORKS:
            known = describe(backend)
            varied = number - delay in (0, 5) and k == (number + odd(case)) % 2 and not plain
            variants = known.variants if varied else known.variants[:1]
            for variant in variants if dtype in known.dtypes else ():
                yield Cell(case=case.id, backend=backend, variant=variant, dtype=dtype, point=point.label)


def odd(case: Case) -> bool:
    """Return whether the function is of the half that is looked at in half precision too."""
    return bool(hashlib.sha256(case.id.encode()).digest()[1] % 2)


def dtypes_at(case: Case, number: int) -> tuple[str, ...]:
    """Return the dtypes in which a point is looked at."""
    if size(case) > LARGE:
        return ("float64", "float32")[number % 2 :][:1]
    half = case.id == IN_HALF or (number in (1, 6) and odd(case) and not case.id.startswith(KNOWN))
    return ("float64", "float32", "bfloat16", "float16") if half else ("float64", "float32")
