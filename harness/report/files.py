"""The reports' own files: styles, script, templates."""

from __future__ import annotations

from importlib.resources import files


def own_text(name: str) -> str:
    """Return the text of one of the files in `templates`."""
    return (files("harness.report") / "templates" / name).read_text(encoding="utf-8")
