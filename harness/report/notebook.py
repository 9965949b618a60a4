"""A run as a fragment of HTML, as a notebook shows it: a row per engine."""

from __future__ import annotations

from harness.report import facts, table
from harness.report.detail import details
from harness.report.html import environment
from harness.run.records import Run


def strip(run: Run) -> str:
    """Return a table for each point and dtype: value, gradient with the differing digits marked, verdict."""
    fragment = environment().get_template("notebook.html")
    return fragment.render(run=run, details=details(run, table.matrix(run)), missing=facts.not_run(run))
