"""How truth and tolerance grow with the parameters, and what the largest takes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import truth
from bench.figure import Figure
from bench.process import ended

BAR, MOST, MEMORY = 1.5, 60.0, 3 * 1024.0
LAYERS = ((78, 112, 10), (784, 128, 10), (1000, 990, 10))
"""Perceptrons of 10⁴, 10⁵ and 10⁶ parameters."""
DTYPES = ("float64", "float32")
"""In float32 the noise is sampled beside the bound."""


def measure() -> list[Figure]:
    """Return time a parameter at 10⁶ over that at 10⁴, and time and memory at 10⁶, by dtype."""
    return [figure for dtype in DTYPES for figure in _figures(dtype)]


def _figures(dtype: str) -> list[Figure]:
    name = f"truth and tolerance in {dtype}"
    taken: list[tuple[int, float]] = []
    for layers in LAYERS:
        run = ended(__file__, dtype, json.dumps(layers))
        if run.code:
            return [
                Figure(name=name, note=f"exit code {run.code}: {(run.output.strip() or 'nothing').splitlines()[-1]}")
            ]
        size, seconds = json.loads(run.output.strip().splitlines()[-1])
        taken.append((size, seconds))
    (small, first), *_, (large, last) = taken
    each = ", ".join(f"{seconds / size * 1e6:.1f} µs at {size}" for size, seconds in taken)
    return [
        Figure(
            name=f"{name}, a parameter, 10⁶ ÷ 10⁴", measured=((last / large) / (first / small),), bar=BAR, note=each
        ),
        Figure(name=f"  {large} parameters", measured=(last,), unit="s", bar=MOST),
        Figure(name="  memory there", measured=(run.resident,), unit="MiB", bar=MEMORY),
    ]


def main() -> None:
    """Print size and seconds of one network, the fastest of several where it is small."""
    dtype, layers = sys.argv[1], tuple(json.loads(sys.argv[2]))
    graph, inputs = truth.traced(layers)
    size = sum(inputs[path].size for path in graph.params)
    times = [truth.judged(graph, inputs, dtype) for _ in range(5 if size < 50_000 else 1)]
    print(json.dumps([size, min(times)]))


if __name__ == "__main__":
    main()
