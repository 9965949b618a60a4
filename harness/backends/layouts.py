"""Layouts that a user's function asks for its leaves in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.backends.user_call import live_of
from harness.calling import contained
from harness.measurement import Task


def check_layouts(
    task: Task,
    native: Callable[[NDArray[np.generic], str], Any],
    numpy: Callable[[Any], tuple[NDArray[np.generic], str]],
) -> None:
    """Raise ValueError where a layout does more than move the entries of a leaf; two ways between arrays are given."""
    for path, layout in live_of(task).layouts.items():
        entries = np.arange(task.inputs[path].size, dtype=np.float64)
        moved, _ = numpy(contained(layout)(native(entries.reshape(task.inputs[path].shape), "float64")))
        if not np.array_equal(np.sort(moved, axis=None), entries):
            raise ValueError(f"the layout of {path} changes entries; only permute and reshape there")
