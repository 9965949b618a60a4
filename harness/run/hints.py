"""What helps somebody who named what there is not: the nearest id, and the command that lists what there is."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.collect import catalogue
from harness.declare import Case

ALIKE = 0.4
"""How much of a name must be right, as `difflib` counts it."""
FEW = 3
"""Files that are named one by one."""


def nearest(wanted: str, known: Iterable[str]) -> str:
    """Return the start of one of the ids that was meant most likely, as deep as `wanted`; "" where none is near.

    It is looked for part by part: what is wrong in a name says nothing of the next.
    """
    ids = [identity.split("/") for identity in known]
    found: list[str] = []
    for part in wanted.strip("/").split("/"):
        there = dict.fromkeys(one[len(found)] for one in ids if len(one) > len(found) and one[: len(found)] == found)
        near = [part] if part in there else difflib.get_close_matches(part, there, n=1, cutoff=ALIKE)
        if not near:
            break
        found += near
    return "/".join(found)


def listing(cases: Sequence[Case]) -> str:
    """Return the command that lists these cases."""
    own = [file for file in dict.fromkeys(case.file for case in cases) if not Path(file).is_relative_to(catalogue())]
    named = own if len(own) <= FEW else [os.path.commonpath([Path(file).parent for file in own])]
    return shlex.join(["gradharness", "list", *(os.path.relpath(file) if _here(file) else file for file in named)])


def _here(file: str) -> bool:
    return Path(file).is_relative_to(Path.cwd())
