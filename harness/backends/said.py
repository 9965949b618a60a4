"""What a framework's exception says: the kind of trouble, and the line of its message that tells it."""

from __future__ import annotations

import re

from harness.measurement import Trouble
from harness.told import fitting, message

MEMORY = re.compile("out of memory|RESOURCE_EXHAUSTED|OOM when allocating|can't allocate memory", re.IGNORECASE)
"""How the frameworks say that memory was not enough; none of them raises MemoryError."""

LACKING = re.compile(
    "not implemented for|Low precision dtypes not supported|Unsupported dtype|Could not find device for node|"
    "is not in the list of allowed values|Detected unsupported operations|"
    "gradient registry has no entry for|derivative for .* is not implemented|can't apply forward-mode|"
    "does not support it because it has not been implemented|must override the setup_context|"
    "does not have vmap support|You must implement the jvp function|"
    "Reverse-mode differentiation does not work for"
)
"""How the frameworks say that they have no such function: in this dtype, or compiled."""

READ = 5000
"""Characters at either end of a message in which the line is looked for that says what is wrong."""


def trouble_of(error: BaseException) -> Trouble:
    """Return the trouble that an exception stands for."""
    said = message(error)
    if isinstance(error, MemoryError) or MEMORY.search(said):
        return Trouble.OUT_OF_MEMORY
    return Trouble.UNSUPPORTED if LACKING.search(said) else Trouble.ERROR


def first_line(message: str) -> str:
    """Return the line of a message that says what is wrong: the first, or the last where the first announces it."""
    ends = message if len(message) <= 2 * READ else message[:READ] + message[-READ:]
    lines = [line.strip() for line in re.sub(r"\[\[\{\{.*|\{\{.*?\}\} ?", "", ends).splitlines() if line.strip()]
    return fitting(lines[-1] if lines[0].endswith(":") else lines[0]) if lines else "no message"
