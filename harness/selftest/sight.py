"""How small a fault can be seen: ρ of the entry that a defect changes, from truth and tolerance alone.

Defects are in formulas of a user's own, which are held to the tolerance of those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from harness.declare import Case
from harness.domains.precision import PRECISIONS, round_to
from harness.graph.node import Graph
from harness.measurement import Failure
from harness.run.lab import Established, Lab, Pending
from harness.selftest.defects import Defect
from harness.truth.tolerance import spelt

Key = tuple[str, str]
"""(case, dtype): resolutions are looked at where the defects are, at the first point."""


def resolutions(lab: Lab, cases: Mapping[str, Case], defects: Iterable[Defect]) -> dict[tuple[Defect, str], float]:
    """Return ρ by defect and dtype, for the defects whose size is known."""
    sized = [(defect, dtype) for defect in defects if defect.size is not None for dtype in defect.dtypes]
    asked = {key: _ask(lab, cases[key[0]], key[1]) for key in dict.fromkeys((one.case, dtype) for one, dtype in sized)}
    known = {key: pending.result() for key, pending in asked.items() if pending is not None}
    return {
        (defect, dtype): _at(known[defect.case, dtype], defect, dtype)
        for defect, dtype in sized
        if (defect.case, dtype) in known
    }


def _ask(lab: Lab, case: Case, dtype: str) -> Pending[Established] | None:
    graph: Graph | Failure = lab.trace(case).result()
    if isinstance(graph, Failure):
        return None
    given = case.numbers(case.points[0])
    inputs = {path: round_to(x, dtype) if case.inputs[path].kind == "real" else x for path, x in given.items()}
    return lab.establish(graph, inputs, dtype, None)


def _at(known: Established, defect: Defect, dtype: str) -> float:
    """Return the least ρ of the entries that the defect changes."""
    truth = np.abs(known.truth.partials[defect.leaf].nearest).ravel()
    tolerance = spelt(known.tolerance, known.truth, PRECISIONS[dtype]).partials[defect.leaf].total.ravel()
    with np.errstate(divide="ignore"):
        ratio = tolerance / truth
    if defect.rank is None:
        return float(np.min(ratio))
    return float(ratio[np.argsort(truth)[round(defect.rank * (truth.size - 1))]])
