"""Reports of a run: each reporter turns the same records into one file, and computes nothing.

A new reporter is a class of two members and one row in `REPORTERS`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from harness.run.records import Run


class Reporter(Protocol):
    """One form of a run."""

    file: str
    """Name of the file in the run's folder."""

    def render(self, run: Run) -> str | bytes:
        """Return the content of the file: the same run gives the same bytes."""


REPORTERS: dict[str, str] = {
    "html": "harness.report.html:Page",
    "markdown": "harness.report.markdown:Summary",
    "badge": "harness.report.badge:Endpoint",
    "badge-svg": "harness.report.badge:Picture",
    "junit": "harness.report.junit:Suites",
    "sarif": "harness.report.sarif:Log",
    "picture": "harness.report.svg:Excerpt",
}
"""Name → "module:class"; a module is imported when its reporter is loaded."""

USUAL = ("html", "markdown", "junit", "sarif", "badge", "badge-svg")
"""What every run writes; the picture is made when it is asked for."""


def load(name: str) -> Reporter:
    """Return the reporter of this name; KeyError where there is none."""
    module, _, attribute = REPORTERS[name].partition(":")
    return cast(Reporter, getattr(import_module(module), attribute)())


def write(run: Run, folder: Path, names: Iterable[str] = USUAL) -> list[str]:
    """Return a sentence for each reporter that failed; the files of the others stand in `folder`.

    Never raises for a reporter's own fault: a report that fails does not change what the run found.
    """
    return [problem for name in names if (problem := write_one(run, folder, name))]


def write_one(run: Run, folder: Path, name: str, file: str = "") -> str:
    """Return "" where the report was written, under the reporter's own file name if none is given; else why not."""
    if name not in REPORTERS:
        return f"There is no reporter {name!r}; known are {', '.join(REPORTERS)}."
    try:
        reporter = load(name)
        content = reporter.render(run)
        put(folder / (file or reporter.file), content.encode() if isinstance(content, str) else content)
    except Exception as error:
        return f"The {name} report was not written: {type(error).__name__}: {error}"
    return ""


def put(path: Path, content: bytes) -> None:
    """Write the file whole or not at all: a reader never sees half of it, a failure leaves nothing behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    half = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        half.chmod(0o644)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
