"""What is asked for by hand, and has to answer at once: the list of cases, and pytest's."""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.util import find_spec

from bench.figure import Figure
from bench.process import Ended, ended, processors

LIST, COLLECT, TIMES = 1.0, 1.5, 5
PLUGIN = "harness.pytest_plugin"


def measure_list() -> list[Figure]:
    """Return the wall time of `gradharness list`."""
    return [figure("gradharness list", LIST, [ended("-m", "harness.cli", "list") for _ in range(TIMES)])]


def measure_collect() -> list[Figure]:
    """Return the wall time of pytest's collection of the catalogue."""
    name = "pytest --collect-only"
    if find_spec(PLUGIN) is None:
        return [Figure(name=name, unit="s", bar=COLLECT, note="no pytest plugin yet")]
    options = ["-p", "no:cacheprovider", "--collect-only", "-q", "cases"]
    if not any(entry.value == PLUGIN for entry in entry_points(group="pytest11")):
        options = ["-p", PLUGIN, *options]  # the package is not installed, but on the path
    return [figure(name, COLLECT, [ended("-m", "pytest", *options) for _ in range(TIMES)])]


def figure(name: str, bar: float, runs: list[Ended]) -> Figure:
    """Return the figure of runs that all did what they were asked: exit 0, and a case is named."""
    odd = [run for run in runs if run.code != 0 or "lesson" not in run.output]
    if odd:
        said = (odd[0].output.strip() or "nothing").splitlines()[-1]
        return Figure(name=name, unit="s", bar=bar, note=f"exit code {odd[0].code}, and it said: {said}")
    return Figure(name=name, measured=tuple(run.wall for run in runs), unit="s", bar=bar, note=processors(runs))
