"""What `python tests/bench` does: it measures, and prints one table."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial

from bench import gradients, growth, judging, listing, roundtrip, truth, whole
from bench.figure import Figure
from bench.table import table

BARS: dict[str, Callable[[], list[Figure]]] = {
    "list": listing.measure_list,
    "collect": listing.measure_collect,
    "roundtrip": roundtrip.measure,
    "run": whole.measure,
    "truth": truth.measure,
    "judging": judging.measure,
    "growth": growth.measure,
    "tensorflow": partial(gradients.measure, "tensorflow"),
    "torch": partial(gradients.measure, "torch"),
    "jax": partial(gradients.measure, "jax"),
}
"""Name → what measures it, in the order of the table."""


def main() -> None:
    """Print the table of the bars that are asked for, all of them if none; it informs, and never fails."""
    parser = argparse.ArgumentParser(prog="python tests/bench", description="Speed, each figure beside its bar.")
    parser.add_argument("--only", metavar="NAME", choices=BARS, action="append", help=", ".join(BARS))
    names = parser.parse_args().only or list(BARS)
    before = os.getloadavg()[0]
    figures = [figure for name in names for figure in measured(name)]
    print(table(figures))
    print(f"{os.cpu_count()} processors; load {before:.1f} before, {os.getloadavg()[0]:.1f} after")


def measured(name: str) -> list[Figure]:
    """Return the rows of a bar; of one that cannot be measured, the reason."""
    print(f"measuring {name} …", file=sys.stderr, flush=True)
    try:
        return BARS[name]()
    except Exception as error:
        return [Figure(name=name, note=f"{type(error).__name__}: {error}")]
