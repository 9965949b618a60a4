"""The page: one file, no request, the same bytes, readable without a script, deaf to hostile texts."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import synthetic as made
from harness.report import html
from harness.report.files import own_text
from harness.report.mathml import formula
from harness.run.records import Run
from page import Page

RUNS: dict[str, Callable[[], Run]] = {
    "honest": made.honest,
    "mixed": made.mixed,
    "cut short": made.cut_short,
    "hostile": made.hostile,
    "big": lambda: made.big(cases=8),
    "nothing": lambda: Run(header=made.header()),
}


def render(run: Run) -> str:
    """Return the page of the run."""
    return html.Page().render(run)


@pytest.fixture(params=RUNS, ids=str)
def page(request: pytest.FixtureRequest) -> Page:
    """Return the page of each kind of run."""
    return Page(render(RUNS[request.param]()))


def hash_of(text: str) -> str:
    """Return the source expression of a text in a policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_a_page_is_well_formed_and_asks_for_nothing(page: Page) -> None:
    assert page.unclosed == []
    assert page.requests() == []
    assert page.dead_links() == []
    assert page.twice() == []


def test_the_policy_allows_this_style_and_script_and_nothing_else(page: Page) -> None:
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0].attributes["content"]
    (style,), (script,) = page.all("style"), page.all("script")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["style-src"] == hash_of(style.text)
    assert rules["script-src"] == hash_of(script.text)
    assert "unsafe" not in policy
    assert set(rules) == {"default-src", "style-src", "script-src", "img-src", "base-uri", "form-action"}


@pytest.mark.parametrize(
    "bad",
    [
        "<img src=x.png>",
        "<link rel=stylesheet href=https://a.b/c.css>",
        "<style>p { background: url(a.png) }</style>",
        "<style>@import 'a.css';</style>",
        "<p onclick=f()>",
        "<p style='color: red'>",
        "<a href='javascript:alert(1)'>x</a>",
        "<form action=/send></form>",
    ],
)
def test_the_test_sees_a_request(bad: str) -> None:
    assert Page(f"<body>{bad}</body>").requests() != []


def test_the_test_sees_bad_structure() -> None:
    page = Page("<body><p><a href='#nowhere' id=x></a><i id=x></p></body>")
    assert page.dead_links() == ["#nowhere"]
    assert page.twice() == ["x"]
    assert page.unclosed != []


def test_hostile_texts_are_only_text() -> None:
    page = Page(render(made.hostile()))
    assert [script.text for script in page.all("script")] == [own_text("filter.js")]
    assert "</script><script>alert(1)</script>\"'&" in page.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", page.source)
    assert all(re.fullmatch(r"[A-Za-z0-9._/-]+", e.attributes["id"]) for e in page.elements if "id" in e.attributes)


def test_the_same_run_gives_the_same_bytes_whatever_the_seed_of_hashes() -> None:
    lines = (
        "import hashlib, synthetic as s; from harness.report.html import Page;"
        "print([hashlib.sha256(Page().render(r).encode()).hexdigest() for r in (s.mixed(), s.hostile())])"
    )
    here = Path(__file__).parent
    said = set()
    for seed in ("1", "2"):
        known = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join((str(here), str(here.parent)))}
        said.add(subprocess.run([sys.executable, "-c", lines], env=known, check=True, capture_output=True).stdout)
    assert len(said) == 1
    assert render(made.mixed()) != render(made.honest())


def test_the_order_of_the_cells_in_the_file_does_not_matter() -> None:
    run = made.mixed()
    assert render(msgspec.structs.replace(run, cells=run.cells[::-1])) == render(run)


def test_the_head_says_what_ran() -> None:
    text = Page(render(made.mixed())).text
    for said in (
        made.mixed().totals.headline,
        "1 ✗ fail",
        "1 ? inconclusive",
        "3 ✓ pass",
        "4 of 5 backends ran",
        "torch 2.13.0",
        "jax_enable_x64 = true",
        "seed 0",
        "gradharness run --dtype float64",
        "took 41.7 s",
        "GradientTape",
        "JAX · grad · not installed: pip install",
        "A planted wrong gradient was caught",
    ):
        assert said in text


def test_a_control_that_was_not_caught_marks_the_whole_report() -> None:
    run = made.run((made.cell(),), control="A planted wrong gradient was NOT caught: it reads AGREE.")
    banner = Page(render(run)).all("p", class_="banner")
    assert "This report is not to be trusted." in banner[0].text
    assert "not to be trusted" not in Page(render(made.honest())).text


def test_a_run_that_was_cut_short_says_so_and_nothing_reads_as_passed_on_the_whole() -> None:
    page = Page(render(made.cut_short()))
    assert page.all("h1")[0].text.startswith("The run was cut short")
    assert "No wrong gradient was planted in this run." in page.text


def test_the_lesson_is_told_in_numbers() -> None:
    page = Page(render(made.honest()))
    lesson = " ".join(page.all("section", id="lesson")[0].text.split())
    for said in (
        "0.001 9.006001 0.006001 6.001",
        "0.002 9.012004 0.012004 6.002",
        "0.01 9.0601 0.0601 6.01",
        "2*w",
        "Exact decimal arithmetic",
        "tf.GradientTape()",
        "GradientTape answers 6",
        "central differences",
        "6.0000000000000187",
        "14 of 17",
    ):
        assert said in lesson
    assert [mark.text for mark in page.all("mark")][:1] == ["187"]
    other = made.run((made.cell("a.b"),), cases=(made.case("a.b"),), groups=(made.group("a.b"),))
    assert Page(render(other)).all("section", id="lesson") == []


def test_every_cell_of_the_matrix_has_sign_word_error_and_margin_also_where_it_passes() -> None:
    page = Page(render(made.mixed()))
    tiles = [" ".join(tile.text.split()) for tile in page.all("a", class_="tile")]
    assert "✓ EXACT 1/1 0 ∞" in tiles
    assert "✓ AGREE 1/1 9.5e-16 2.1×" in tiles
    assert "✗ DISAGREE{negated} 0/1 12 1.6e-16×" in tiles
    assert "? UNSUPPORTED 0/1 – –" in tiles
    absent = [" ".join(tile.text.split()) for tile in page.all("span", class_="tile")]
    assert "– absent not planned" in absent
    assert "– absent not installed: pip install 'gradharness[jax]'" in absent


def test_a_cell_in_full() -> None:
    text = Page(render(made.honest())).text
    for said in (
        "cases/lesson.py:12",
        "course note, section 1",
        "9.00000000000000000000000000000",
        "certificate: residual 1.3e-79",
        "0x1.8000000000000p+2",
        "Tolerance: EV 1.3e-15 + u|g| 6.7e-16 + η 2.2e-308.",
        "Rule 10.",
        "Bitwise the rounded truth.",
        "ideal 9",
        "TensorFlow and PyTorch 0",
        "tape.gradient(value, [w])",
        "3.3e-16",
        "established",
    ):
        assert said in text


def test_what_was_not_checked_is_listed_with_its_reason() -> None:
    section = Page(render(made.mixed())).all("section", id="unchecked")[0].text
    assert "JAX did not run: not installed" in section
    assert "No phrase for erfinv in torch." in section
    assert "lesson.square/torch/xp/eager/grad/float64/three" in section
    assert "No cell of this run is inconclusive." in Page(render(made.honest())).text


def test_an_expected_failure_is_marked() -> None:
    page = Page(render(made.run((made.wrong(expected="known, see its link"),))))
    assert "(expected)" in page.text
    assert "Expected: known, see its link" in page.text


def test_numbers_that_are_not_finite_are_shown() -> None:
    run = made.run(
        (made.wrong(gradient={"w": made.numbers([float("nan")], ())}, value="inf"),),
        groups=(made.group(value="nan", value_digits="", gradient={"w": made.numbers([float("inf")], ())}),),
    )
    cells = [cell.text for cell in Page(render(run)).all("td")]
    assert {"nan", "inf"} <= set(cells)


def test_a_run_of_the_catalogue_s_size_stays_small() -> None:
    source = render(made.big())
    assert len(made.big().cells) == 810
    assert len(source.encode()) < 3_000_000


def test_the_shell_is_small() -> None:
    assert len((own_text("style.css") + own_text("filter.js")).encode()) < 90_000


def test_anchors_are_apart_where_texts_are() -> None:
    names = ["a b", "a-b", "a\tb", "a\u202eb", "a/b", "ab", "A-B", "a--b", "é"]
    assert len({html.anchor("cell", name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("<msup><mi>w</mi><mn>2</mn></msup>", "<math><msup><mi>w</mi><mn>2</mn></msup></math>"),
        ("<mn>2</mn><mo>&InvisibleTimes;</mo><mi>w</mi>", "<math><mn>2</mn><mo>\u2062</mo><mi>w</mi></math>"),
        ("<mi href='javascript:x' onclick='y'>w</mi>", "<math><mi>w</mi></math>"),
        ('<math xmlns="http://www.w3.org/1998/Math/MathML"><mi>w</mi></math>', "<math><mi>w</mi></math>"),
        ("<mi>\u202ew</mi>\u202e", "<math><mi>\\u202ew</mi>\\u202e</math>"),
        ("<mi>&lt;script&gt;</mi>", "<math><mi>&lt;script&gt;</mi></math>"),
    ],
)
def test_a_formula_is_let_in_without_attributes(source: str, kept: str) -> None:
    assert formula(source) == kept


@pytest.mark.parametrize(
    "source", ["", "<script>alert(1)</script>", "<mi><img src='x'/></mi>", "<mi>", "w", "<a>&bad;</a>"]
)
def test_what_is_not_a_formula_is_not_let_in(source: str) -> None:
    assert formula(source) is None


def test_cells_of_an_engine_that_fail_alike_are_one_failure_with_the_others_in_it() -> None:
    page = html.Page().render(made.run((made.wrong(), made.wrong(dtype="float32"), made.wrong(backend="torch"))))
    section = page[page.index('id="failures"') : page.index('id="matrix"')]
    assert section.count('<li class="fail">') == 2
    assert "and 1 more cell" in section
    assert section.count("float32/three") >= 1
