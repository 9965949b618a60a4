"""`gradharness doctor --charges`: the rounding of every function, measured again and held against what is charged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import typer

from harness.backends import available
from harness.cli.app import plain
from harness.domains.measure_charges import ENGINES, Worst, measure
from harness.wording import plural


def measure_again(backends: Sequence[str]) -> None:
    """Print for each framework how much of its charges it uses, and every excess. Nothing changes a charge."""
    for name in (name for name in ENGINES if not backends or name in backends):
        missing = available(name)
        for line in [plain(missing.sentence)] if missing is not None else _told(list(measure(ENGINES[name]()))):
            typer.echo(f"{name:20} {line}")


def _told(found: Sequence[Worst]) -> Iterator[str]:
    """Yield what was measured, then the excesses."""
    functions = {worst.op for worst in found}
    closest = max(found, key=lambda worst: worst.share)
    yield f"{plural(len(functions), 'function')} measured, the closest to its charge at {closest.share:.2f}: {closest}"
    excesses = [worst.finding for worst in found if worst.finding]
    yield from (f"finding: {sentence}" for sentence in excesses)
    yield f"{plural(len(excesses), 'excess', 'excesses')} over the charges, which are data and stay as they are"
