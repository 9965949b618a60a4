"""The page of the phrasebooks is what would be emitted now, and shows every function."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from harness.backends import page as written
from harness.backends.page import BOOKS, CALLS, PATH, page, row, said, traced
from vocabulary import public

EVERY = [call for calls in CALLS.values() for call in calls]


def called(calls: list[str]) -> set[str]:
    """Return the dotted names of the functions of `xp` in the calls."""
    attributes = (node for call in calls for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Attribute))
    return {ast.unparse(node).removeprefix("xp.") for node in attributes if ast.unparse(node).startswith("xp.")}


def test_the_page_is_true(root: Path) -> None:
    kept = (root / PATH).read_text(encoding="utf-8")
    assert kept == page(), "write it again: python -m harness.backends.page"


def test_a_changed_phrase_changes_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    before = page()
    monkeypatch.setattr(written, "BOOKS", BOOKS[:2])
    assert page() != before


def test_every_public_function_is_shown() -> None:
    assert public() - called(EVERY) == set()
    assert public() - called([call for call in EVERY if "flip" not in call]) == {"flip"}


def test_a_call_is_shown_with_its_phrase_and_with_its_definition() -> None:
    shown = row("xp.hypot(x, y)")
    assert shown[0] == "`xp.hypot(x, y)`"
    assert shown[1] == "*`tf.sqrt(x * x + y * y)`*"
    assert shown[2] == "`torch.hypot(x, y)`"
    assert row("xp.logical_or(c, d)")[1] == "`c \\| d`"
    assert row("xp.exp(x)")[-1] == "`sp.exp(x)`"
    assert said(traced("xp.linalg.cholesky(a)"), BOOKS[3]) == "*its definition, 11 lines*"
