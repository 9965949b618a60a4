"""The agreement report as one HTML file: offline, no request, the same bytes for the same run."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.report import conventions, detail, facts, format, names, strip, table
from harness.report.files import own_text
from harness.report.mathml import formula
from harness.run.records import Run

FAILURES_SHOWN = 40
FORMATS = ("brief", "duration", "exact", "known", "margin", "numbers", "plural", "reach", "shape", "terms")
NAMES = ("backend", "glyph", "pair", "status")
"""The filters of the templates."""


class Page:
    """The whole run as one page."""

    file = "report.html"

    def render(self, run: Run) -> str:
        """Return the page."""
        style, script = own_text("style.css"), own_text("filter.js")
        rows = table.matrix(run)
        page = environment().get_template("report.html")
        return page.render(
            run=run,
            style=Markup(style),  # our own file, whose hash the policy names
            script=Markup(script),
            policy=_policy(style, script),
            columns=names.backends(run),
            rows=rows,
            details=detail.details(run, rows),
            strip=strip.strip(run),
            failures=facts.families(facts.failures(run)),
            failures_shown=FAILURES_SHOWN,
            unchecked=facts.reasons(facts.of_class(run, "inconclusive")),
        )


def anchor(kind: str, *parts: str) -> str:
    """Return an HTML id that only these parts have: readable where they are plain, else with a hash of them."""
    text = "/".join(parts)
    plain = re.sub(r"[^A-Za-z0-9._/-]+", "-", text)
    mark = "" if plain == text else "-" + hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{kind}-{plain}{mark}"


@cache
def environment() -> Environment:
    """Return the templates' environment: everything escaped, control characters written out."""
    made = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_inert,
    )
    made.filters |= {name: getattr(format, name) for name in FORMATS} | {name: getattr(names, name) for name in NAMES}
    made.globals |= {"conventions": conventions}
    made.globals |= {"anchor": anchor, "entry": format.entry, "formula": formula, "names": names, "facts": facts}
    return made


def _inert(value: object) -> object:
    """Return what a template prints: text that is not markup loses its control characters."""
    return format.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _policy(style: str, script: str) -> str:
    """Return the content security policy: this style, this script, and nothing from anywhere."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    """Return the text's source expression in a content security policy."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
