"""Whether a tolerance could have told right from wrong."""

from __future__ import annotations

import numpy as np

from harness.judge.compare import Comparison

BLIND = 0.5
"""A tolerance of more than half the gradient could not have told right from wrong."""


def could_not_tell(leaf: Comparison) -> bool:
    """Return whether ‖tolerance‖ exceeds half of ‖gradient‖ over the entries whose truth is not zero."""
    alive = leaf.judged & (np.abs(leaf.truth) > leaf.radius)
    if not alive.any():
        return False
    tolerance, truth = leaf.tolerance[alive], leaf.truth[alive]
    scale = float(np.max(np.abs(truth)))
    return not float(np.linalg.norm(tolerance / scale)) <= BLIND * float(np.linalg.norm(truth / scale))
