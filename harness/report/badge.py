"""The run as a badge: an endpoint for badge services, and a picture of our own."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

from harness.report import facts, names
from harness.report.format import one_line
from harness.run.records import Run

LABEL = "gradients"
COLORS = {"pass": "0072b2", "inconclusive": "8a5a00", "fail": "b34700"}
"""By class; white text is readable on each."""

LETTER = 7
"""Width of a letter in the picture, in its units."""


class Endpoint:
    """The badge as JSON in the form of a shields endpoint."""

    file = "badge.json"

    def render(self, run: Run) -> str:
        """Return the endpoint's answer."""
        status, message = verdict(run)
        answer = {
            "schemaVersion": 1,
            "label": LABEL,
            "message": message,
            "color": COLORS[status],
            "isError": status == "fail",
        }
        return json.dumps(answer, ensure_ascii=False, indent=2) + "\n"


class Picture:
    """The badge as SVG."""

    file = "badge.svg"

    def render(self, run: Run) -> str:
        """Return the picture; it asks for no font and no other file."""
        status, message = verdict(run)
        left, right = (LETTER * len(text) + 14 for text in (LABEL, message))
        said = escape(f"{LABEL}: {message}")
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img">'
            f"<title>{said}</title>"
            f'<rect width="{left}" height="20" fill="#3a3f45"/>'
            f'<rect x="{left}" width="{right}" height="20" fill="#{COLORS[status]}"/>'
            '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
            f'<text x="{left / 2:g}" y="14">{LABEL}</text>'
            f'<text x="{left + right / 2:g}" y="14">{escape(message)}</text></g></svg>\n'
        )


def verdict(run: Run) -> tuple[str, str]:
    """Return the class of the whole run and its few words; never `pass` for a run that proves less than all."""
    counts = facts.counts(run)
    if run.totals is None:
        return "inconclusive", "run cut short"
    if facts.control(run).status == "fail":
        return "fail", "not to be trusted"
    if counts["fail"]:
        return "fail", one_line(f"{counts['fail']} of {sum(counts.values())} cells fail")
    if not counts["pass"]:
        return "inconclusive", "nothing passed"
    return _passed(run, counts)


def _passed(run: Run, counts: dict[str, int]) -> tuple[str, str]:
    """Return the words of a run without failures."""
    whole = not counts["inconclusive"] and not facts.not_run(run) and not facts.gaps(run)
    message = f"{counts['pass']} of {sum(counts.values())} agree, {names.how_many_ran(run.header)}"
    return "pass" if whole else "inconclusive", message
