"""The table of conventions in the reports."""

from __future__ import annotations

import math
import re

from msgspec import structs

import synthetic
from harness.report import load
from harness.report.conventions import backends, table
from harness.report.format import NOTHING
from harness.run.records import Run, num

HONEST = synthetic.honest()
ANSWERS = {
    "torch": {"abs(0)": (num(0.0),), "norm(0)": (num(0.0), num(0.0)), "torch.max(dim=) of a tie": (1.0, 0.0)},
    "jax": {"abs(0)": (num(1.0),), "norm(0)": (num(math.nan), num(math.nan))},
}


def probed() -> Run:
    return structs.replace(HONEST, header=structs.replace(HONEST.header, conventions=ANSWERS))


def test_a_row_has_an_answer_for_every_framework() -> None:
    rows = {row.probe: row for row in table(probed())}
    assert backends(probed()) == ["torch", "jax"]
    assert rows["abs(0)"].answers == ("0", "1")
    assert rows["norm(0)"].answers == ("0, 0", "nan, nan")
    assert rows["torch.max(dim=) of a tie"].answers == ("1, 0", NOTHING)
    assert [row.differ for row in rows.values()] == [True, True, False]


def test_the_sign_of_zero_is_no_difference() -> None:
    answers = {"tensorflow": {"sort": (1.0, -0.0)}, "torch": {"sort": (1.0, 0.0)}}
    (row,) = table(structs.replace(HONEST, header=structs.replace(HONEST.header, conventions=answers)))
    assert (row.answers, row.differ) == (("1, 0", "1, 0"), False)


def test_page_and_summary_show_the_table() -> None:
    page, summary = (str(load(name).render(probed())) for name in ("html", "markdown"))
    assert re.search(r"norm\(0\) \(they differ\).*?nan, nan", page, re.S)
    assert re.search(r"\| norm.*0.*0, 0 \| nan, nan \|", summary)


def test_a_run_that_probed_nothing_has_no_table() -> None:
    assert table(HONEST) == []
    assert "At ties" not in str(load("html").render(HONEST))
    assert "At ties" not in str(load("markdown").render(HONEST))
