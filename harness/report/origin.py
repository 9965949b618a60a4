"""Where the cases of a run stand, as a command must name them."""

from __future__ import annotations

import shlex
from pathlib import PurePath

from harness.report.lines import to_repeat
from harness.run.records import CellLine, Run

BUNDLED = ("cases", "_catalogue")
"""What a run calls the folder of the bundled cases: in a checkout, and where the package is installed."""


def split(location: str) -> tuple[str, int]:
    """Return file and line of a location; the line is 0 where the file is not known, and "" where it is none."""
    file, _, number = location.rpartition(":")
    return (file, int(number)) if file and number.isdecimal() else ("", 0)


class Origins:
    """The files of a run's cases."""

    def __init__(self, run: Run) -> None:
        self.header = run.header
        self.given = _paths(run.header.command)
        self.of_case = {line.case: line.location for line in run.cases}

    def to_repeat(self, cell: CellLine) -> list[str]:
        """Return what `repro` needs beside the cell: its file, which of a bundled case it finds itself, and the seed.

        Of a run that was cut short the case may be missing; then the place of the cell's own spelling stands for it.
        """
        file, line = split(self.of_case.get(cell.case, cell.location))
        known = line > 0 and not self._bundled(PurePath(file))
        return to_repeat(self.header, [file] if known else [])

    def _bundled(self, file: PurePath) -> bool:
        """Return whether the file is one of the catalogue: users may have a folder of that name, which they give."""
        if file.parent.as_posix() not in BUNDLED or file.name.startswith("case_"):
            return False
        return not any(file.is_relative_to(path) for path in self.given)


def _paths(command: str) -> list[PurePath]:
    """Return the words of the run's command as paths; none where they cannot be told apart."""
    try:
        return [PurePath(word) for word in shlex.split(command) if word]
    except ValueError:
        return []
