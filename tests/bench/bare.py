"""The bare script: the gradients of a run in plain loops, four processes side by side, and nothing of the harness.

`python bare.py FOLDER` reads what `dump.py` wrote there: a file a backend, with sources and the inputs of each.
"""

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROCESSES = (["tensorflow"], ["torch"], ["jax"], ["sympy", "finite_difference"])
Convert = Callable[[Any], Any]


def tensorflow() -> tuple[Convert, Convert]:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf.constant, lambda x: tf.convert_to_tensor(x).numpy()


def torch() -> tuple[Convert, Convert]:
    import torch

    torch.set_num_threads(1)
    return torch.tensor, lambda x: x.detach().numpy()


def jax() -> tuple[Convert, Convert]:
    import jax
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    return jax.numpy.asarray, np.asarray


def sympy() -> tuple[Convert, Convert]:
    return float, float


def finite_difference() -> tuple[Convert, Convert]:
    import numpy as np

    np.seterr(all="ignore")
    return lambda x: x, np.asarray


ENGINES = {engine.__name__: engine for engine in (tensorflow, torch, jax, sympy, finite_difference)}
"""Each imports its framework and returns how numbers go in, and how they come out."""


FUNCTIONS = ("gradient", "vjp", "jvp", "jacobian", "hvp", "adjoint")
"""What a source binds, one of them: the function of its operator."""


def loop(name: str, work: list[tuple[str, list[Any]]]) -> list[Any]:
    """Return value and partials of every point, or the exception that it raised."""
    given, taken = ENGINES[name]()
    results: list[Any] = []
    for source, points in work:
        space: dict[str, Any] = {}
        exec(source, space)
        function = next(space[name] for name in FUNCTIONS if name in space)
        for inputs in points:
            try:
                value, *partials = function(*map(given, inputs))
                results.append((taken(value), [each(taken, partial) for partial in partials]))
            except Exception as error:
                results.append(error)
    return results


def each(taken: Convert, partial: Any) -> Any:
    """Return the numbers of a partial, of several, or of none."""
    if partial is None:
        return None
    return [each(taken, one) for one in partial] if isinstance(partial, list | tuple) else taken(partial)


def main(folder: Path, names: list[str]) -> int:
    """Start the processes; or be one of them, for the backends that are named."""
    if not names:
        children = [subprocess.Popen([sys.executable, __file__, str(folder), *own]) for own in PROCESSES]
        return max([child.wait() for child in children])
    for name in names:
        results = loop(name, pickle.loads((folder / name).read_bytes()))
        raised = sum(isinstance(result, Exception) for result in results)
        print(f"{name}: {len(results) - raised} gradients, {raised} raised")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
