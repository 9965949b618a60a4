"""The run in a terminal: the same words with and without colour, deaf to hostile texts."""

from __future__ import annotations

import io
import math
import re
import shlex

import msgspec
import pytest
from rich.console import Console

import synthetic as made
from harness import report
from harness.report import facts, html, terminal
from harness.report.lines import put
from harness.run.records import CellLine, FirstOp, Run

REFUSED = {"verdict": "ERROR", "diagnosis": "", "reason": "Not traceable.", "rule": 1, "worst": None, "gradient": {}}

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printed(run: Run, *, colour: bool) -> str:
    """Return what a console receives."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=colour, color_system="standard" if colour else None, highlight=False)
    put(terminal.summary(run), console)
    return stream.getvalue()


def test_the_summary_begins_with_the_headline_of_all_reports() -> None:
    lines = terminal.summary(made.mixed()).plain.splitlines()
    assert lines[0] == facts.headline(made.mixed())
    assert lines[1] == "✓ A planted wrong gradient was caught: lesson.square negated reads DISAGREE{negated}."


def test_a_failure_says_everything_one_needs() -> None:
    text = terminal.summary(made.mixed()).plain
    for line in (
        "✗ DISAGREE{negated}  lesson.square/finite_difference/xp/eager/grad/float64/three",
        "  worst entry  w   outside the tolerance",
        "  truth        6.0000000000000000",
        "  got          -6.0000000000000000",
        "  error        12   1.35e+16 ulp   margin 1.6e-16×",
        "  tolerance    2e-15 = EV 2e-15",
        "  would pass   12, 6e+15 times this one",
        "  resolution   3.3e-16   the smallest relative fault that a pass could have hidden",
        "  rule         16",
        "  defined at   cases/lesson.py:12",
        "  show         gradharness show lesson.square/finite_difference/xp/eager/grad/float64/three",
        "  reproduce    gradharness repro lesson.square/finite_difference/xp/eager/grad/float64/three",
    ):
        assert line in text.splitlines()
    assert made.mixed().cells[2].reason in text


def test_the_smallest_tolerance_that_would_have_passed_is_told_of_failures_alone() -> None:
    worst = msgspec.structs.replace(made.wrong().worst, error=1.0001e-9, tolerance=1e-9)
    assert facts.would_pass(made.wrong(worst=worst)) == "1.01e-09, 1.01 times this one"
    for error in (1e-9, "inf", "nan"):
        assert facts.would_pass(made.wrong(worst=msgspec.structs.replace(worst, error=error))) == ""
    assert "would pass" not in terminal.summary(made.honest()).plain


def test_the_first_operation_that_differs_is_named_and_its_program_shown() -> None:
    first = FirstOp(
        op="softplus", words="F.softplus", location="a.py:3", node=2, verdict="DISAGREE", program="print(1)\n"
    )
    cell = made.wrong(first_op=first)
    text = terminal.summary(made.run((cell,)), show=["--run", "there"], repro=["a.py", "--run", "there"]).plain
    assert "  differs at   F.softplus   a.py:3\n" in text
    assert f"gradharness repro {cell.id} a.py --run there" in text
    assert "gradharness" not in terminal.summary(made.run((cell,)), show=None).plain
    assert "alone at its own inputs: F.softplus, a.py:3\n    print(1)" in terminal.shown(made.run((cell,)), cell).plain
    assert "<code>F.softplus</code> a.py:3</summary><pre><code>print(1)" in str(
        report.load("html").render(made.run((cell,)))
    )


def test_a_failure_in_an_array_names_its_index() -> None:
    worst = msgspec.structs.replace(made.wrong().worst, path="layers.w", index=(0, 3))
    cell = made.wrong(worst=worst, wrong=3, entries=12)
    assert "worst entry  layers.w[0, 3]   3 of 12 entries outside" in terminal.summary(made.run((cell,))).plain


def refused(case: str, many: int, reason: str = "") -> tuple[CellLine, ...]:
    """Return the cells of a case that could not be started: none has a number, all have one sentence."""
    said = REFUSED | {"reason": reason or f"{case} cannot be traced."}
    return tuple(made.wrong(case, point=f"p{at}", **said) for at in range(many))


def test_a_refused_case_is_told_once_with_the_cells_that_it_cost() -> None:
    run = made.run((*refused("mine.broken", 10), made.wrong("mine.wrong"), *refused("mine.other", 1)))
    for text in (terminal.overview(run).plain, terminal.summary(run).plain):
        assert text.count("mine.broken cannot be traced.") == 1
        assert "✗ ERROR  10 cells of mine.broken\n  mine.broken cannot be traced.\n" in text
        assert "✗ ERROR  mine.other/" in text
    markdown = report.load("markdown").render(run)
    assert isinstance(markdown, str)
    assert markdown.count("cannot be traced") == 2
    assert "<code>10 cells of mine.broken</code>" in markdown
    assert "### 12 failures" in markdown


def test_cells_with_numbers_are_told_one_by_one() -> None:
    """Two engines that are wrong alike are two findings, whatever their sentences."""
    text = terminal.summary(made.run((made.wrong(), made.wrong(backend="torch")))).plain
    assert text.count("DISAGREE{negated}  lesson.square/") == 2


def test_two_sentences_of_a_case_are_both_told() -> None:
    cells = (*refused("mine.broken", 2), *refused("mine.broken", 3, reason="Another."))
    text = terminal.summary(made.run(cells)).plain
    assert "2 cells of mine.broken" in text
    assert "3 cells of mine.broken\n  Another." in text


def test_a_refused_case_is_one_line_of_the_matrix() -> None:
    cells = tuple(made.wrong("a.b", backend=name, **REFUSED) for name in ("torch", "jax"))
    text = terminal.matrix(made.run(cells)).plain
    assert text.startswith("a.b  three  float64\n  ✗ ERROR  2 cells\n  2 cells of a.b: Not traceable.\n")


def test_a_run_without_failures_shows_none() -> None:
    text = terminal.summary(made.honest()).plain
    assert "✗" not in text
    assert "inconclusive" not in text


KNOWN = made.wrong(backend="torch", expected="softplus is the identity above 20\nthere", reason="Long. " * 9)


def test_a_known_difference_is_one_line_and_what_nobody_expects_stays_in_full() -> None:
    run = made.run((KNOWN, made.wrong()))
    for text in (terminal.summary(run).plain, terminal.overview(run).plain):
        (told,) = (line for line in text.splitlines() if KNOWN.id in line and "gradharness" not in line)
        assert told == f"  ✗ DISAGREE{{negated}} (expected)  {KNOWN.id}  softplus is the identity above 20\\nthere"
        assert "1 known difference:\n" in text
        assert KNOWN.reason not in text
        assert text.count("  would pass ") == text.count("  reproduce ") == 1
        assert f"✗ DISAGREE{{negated}}  {made.wrong().id}\n  {made.wrong().reason}\n" in text
        assert f"  in full  gradharness show {KNOWN.id}" in text
    assert "known difference:" not in terminal.summary(made.mixed()).plain
    assert "gradharness" not in terminal.summary(made.run((KNOWN,)), show=None).plain
    assert KNOWN.reason.strip() in terminal.shown(run, KNOWN).plain


def test_of_cells_that_fail_alike_the_unexpected_one_is_in_full() -> None:
    text = terminal.summary(made.run((KNOWN, made.wrong(backend="torch", dtype="float32")))).plain
    assert "✗ DISAGREE{negated}  lesson.square/torch/xp/eager/grad/float32/three\n" in text
    assert "  also " not in text
    assert "1 known difference:\n" in text


def test_a_known_difference_that_is_inconclusive_is_not_counted_among_the_others() -> None:
    known = made.doubtful(verdict="KINK-ARTEFACT", expected="known since 2.1")
    text = terminal.summary(made.run((known, made.doubtful(point="two")))).plain
    assert f"  ? KINK-ARTEFACT (expected)  {known.id}  known since 2.1\n" in text
    assert "? 1 inconclusive: 1 UNSUPPORTED\n" in text
    assert "inconclusive:" not in terminal.summary(made.run((known,))).plain


def test_many_known_differences_are_cut_and_counted_and_take_no_failure_s_place() -> None:
    known = tuple(made.wrong(f"a.known_{at:02d}", expected="known", margin=0) for at in range(terminal.KNOWN_SHOWN + 3))
    new = tuple(made.wrong(f"b.new_{at:02d}") for at in range(terminal.FAILURES_SHOWN))
    text = terminal.summary(made.run((*known, *new))).plain
    assert text.count("DISAGREE{negated}  b.new_") == terminal.FAILURES_SHOWN
    assert text.count("(expected)  a.known_") == terminal.KNOWN_SHOWN
    assert f"{len(known)} known differences:\n" in text
    assert "  3 more: see report.html.\n" in text


def test_the_inconclusive_are_counted_by_verdict() -> None:
    cells = (
        made.doubtful(),
        made.doubtful(point="two"),
        made.doubtful(verdict="ILL-CONDITIONED", point="c"),
        made.cell(),
    )
    said = terminal.summary(made.run(cells), show=["--run", "there"]).plain
    assert "? 3 inconclusive: 2 UNSUPPORTED, 1 ILL-CONDITIONED\n" in said
    assert f"  UNSUPPORTED      gradharness show {cells[0].id} --run there\n" in said
    assert f"  ILL-CONDITIONED  gradharness show {cells[2].id} --run there" in said


def test_many_failures_are_cut_and_counted() -> None:
    cells = tuple(made.wrong(f"a.case_{at:02d}") for at in range(terminal.FAILURES_SHOWN + 5))
    text = terminal.summary(made.run(cells)).plain
    assert text.count("DISAGREE{negated}  ") == terminal.FAILURES_SHOWN
    assert "5 more failures: see report.html." in text


def test_what_the_run_lacks_is_said() -> None:
    assert "? JAX did not run: not installed" in terminal.summary(made.mixed()).plain
    assert "The run was cut short" in terminal.summary(made.cut_short()).plain
    distrusted = made.run((made.cell(),), control="A planted wrong gradient was NOT caught: it reads AGREE.")
    assert "✗ This report is not to be trusted." in terminal.summary(distrusted).plain


def test_colour_only_on_a_terminal_and_the_same_words() -> None:
    plain, coloured = (printed(made.mixed(), colour=colour) for colour in (False, True))
    assert "\x1b" not in plain
    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert plain.rstrip("\n") == terminal.summary(made.mixed()).plain


def test_long_lines_are_not_broken() -> None:
    cell = made.wrong("a." + "x" * 300)
    assert shlex.join(["gradharness", "show", cell.id]) in printed(made.run((cell,)), colour=False)


@pytest.mark.parametrize("text", [terminal.summary, terminal.matrix, terminal.overview])
def test_hostile_texts_move_nothing(text: object) -> None:
    assert callable(text)
    told = text(made.hostile()).plain
    assert not CONTROL.search(told)
    assert "\\x1b[31m\\u202e" in told


def test_a_hostile_cell_moves_nothing() -> None:
    run = made.hostile()
    for cell in run.cells:
        assert not CONTROL.search(terminal.shown(run, cell).plain)
    assert CONTROL.search(made.HOSTILE)  # the test sees them where they are


def test_square_brackets_are_not_markup() -> None:
    cell = made.wrong(reason="w[0] and [bold]not bold[/bold] and :smile:")
    assert "w[0] and [bold]not bold[/bold] and :smile:" in printed(made.run((cell,)), colour=False)


def test_few_groups_are_shown_with_their_numbers() -> None:
    lines = terminal.matrix(made.honest()).plain.splitlines()
    assert lines[1] == "  truth  J = 9.0000000000000000, ∂J/∂w = 6.0000000000000000"
    assert lines[2].split() == ["engine", "value", "gradient", "error", "tolerance", "verdict"]
    assert [line.split()[-1] for line in lines[3:]] == ["EXACT"] * 4 + ["AGREE"]
    assert lines[7].split()[2:] == ["9.0000000000000000", "6.0000000000000187", "1.9e-14", "8.1e-14", "✓", "AGREE"]
    assert len({line.index(mark) for line in lines[3:] for mark in "✓"}) == 1
    assert terminal.agreement(made.honest()) == "\n".join(lines)


@pytest.mark.parametrize(
    ("operator", "named"),
    [("jacobian", "∂J/∂w = 6.0"), ("vjp", "c·∂J/∂w = 6.0"), ("hvp", "∂(v·∇J)/∂w = 6.0"), ("adjoint", ", w = 6.0")],
)
def test_an_entry_is_called_what_the_operator_makes_of_it(operator: str, named: str) -> None:
    run = made.run((made.cell(operator=operator),), groups=(made.group(operator=operator),))
    assert named in terminal.matrix(run).plain


@pytest.mark.parametrize(
    ("operator", "named"),
    [("grad", "gradient"), ("hvp", "Hessian-vector product"), ("jvp", "Jacobian-vector product")],
)
def test_results_are_called_by_their_operator(operator: str, named: str) -> None:
    run = made.run((made.cell(operator=operator),), groups=(made.group(operator=operator),))
    shown = terminal.shown(run, run.cells[0]).plain
    assert f"\n  {named}\n" in shown
    assert f"{named} to ± " in shown
    for said in (terminal.matrix(run).plain, shown, html.Page().render(run).partition('class="group"')[2]):
        assert named in said
        assert operator == "grad" or "gradient to" not in said
    (head,) = (line for line in terminal.matrix(run).plain.splitlines() if line.lstrip().startswith("engine"))
    assert re.split(r"  +", head.strip()) == ["engine", "value", named, "error", "tolerance", "verdict"]


def test_where_there_is_no_derivative_no_digit_agrees() -> None:
    lost = made.group(gradient={"w": made.numbers([math.nan], ())}, radius="inf")
    run = made.run((made.cell(),), groups=(lost,))
    assert "∂J/∂w = undefined" in terminal.matrix(run).plain
    said = terminal.shown(run, run.cells[0]).plain
    assert "established, not at every entry of the gradient, 50 digits" in said
    assert "truth undefined\n" in f"{said}\n"


def test_many_groups_are_shown_as_a_table_of_cases() -> None:
    lines = terminal.matrix(made.big(cases=5)).plain.splitlines()
    assert lines[0].split()[:4] == ["case", "TensorFlow", "PyTorch", "JAX"]
    assert len(lines) == 6
    assert re.search(r"✓ AGREE 6/6 \d+(\.\d)?×", lines[5])


def test_a_row_that_does_not_pass_says_why() -> None:
    text = terminal.matrix(made.mixed()).plain
    assert "PyTorch: No phrase for erfinv in torch." in text
    assert text.count("JAX did not run") == 1
    assert terminal.overview(made.mixed()).plain.count("JAX did not run") == 1


def test_a_cell_in_full() -> None:
    run = made.mixed()
    text = terminal.cell_text(run.cells[0], run.groups[0], run.cases[0]).plain
    for said in (
        "✓ EXACT  rule 10",
        "J(w) = w², the note's first cost",
        "TensorFlow   xp eager grad float64, point three",
        "w = 3.0",
        "9.00000000000000000000000000000 ± 0",
        "value = 9, w = 6",
        "0x1.2000000000000p+3",
        "w  6.0000000000000000  0x1.8000000000000p+2  truth 6.0000000000000000  17 digits agree",
        "    with tf.GradientTape() as tape:",
    ):
        assert said in text
    assert terminal.shown(run, run.cells[0]).plain == text


def test_a_cell_without_its_group_and_case_is_shown_all_the_same() -> None:
    run = made.cut_short()
    text = terminal.shown(run, run.cells[1]).plain
    assert "lesson.cube" in text
    assert "digits agree" not in text


def test_a_cell_without_a_gradient_says_why() -> None:
    run = made.mixed()
    text = terminal.shown(run, run.cells[3]).plain
    assert "No phrase for erfinv in torch." in text
    assert "nan" not in text


def test_a_long_gradient_is_cut_and_counted() -> None:
    cell = made.cell(gradient={"w": made.numbers([1.0] * 3000)})
    text = terminal.cell_text(cell, made.group(gradient={"w": made.numbers([1.0] * 3000)}), None).plain
    assert text.count("17 digits agree") == 12
    assert "2988 more entries: in run.jsonl" in text


def test_cells_of_an_engine_that_fail_alike_are_one_failure() -> None:
    cells = (made.wrong(), made.wrong(dtype="float32"), made.wrong(backend="torch"), made.wrong(operator="hvp"))
    text = terminal.summary(made.run(cells=cells)).plain
    assert text.count("✗ DISAGREE") == 3
    assert sum(line.startswith("  also") and "eager/float" in line for line in text.splitlines()) == 1


def test_the_failures_beside_are_cut_and_counted() -> None:
    cells = tuple(made.wrong(point=f"p{k}") for k in range(12))
    text = terminal.summary(made.run(cells=cells)).plain
    assert text.count("✗ DISAGREE") == 1
    assert text.count("(error 12)") == 8
    assert "3 more: see report.html" in text


@pytest.mark.parametrize(
    ("sides", "told"),
    [
        ((0.0, 1.0), "  one-sided    0.0000000000000000 and 1.0000000000000000"),
        ((1.0, 1.0), "  derivative   1.0000000000000000"),
        (None, "  truth        6.0000000000000000"),
    ],
)
def test_at_a_kink_the_one_sided_derivatives_stand_for_the_truth(sides: tuple[float, float] | None, told: str) -> None:
    worst = msgspec.structs.replace(made.wrong().worst, sides=sides)
    text = terminal.failure(made.wrong(worst=worst)).plain
    assert told in text.splitlines()
    assert ("  truth" in text) is (sides is None)


def test_a_gradient_of_a_tie_is_no_truth() -> None:
    group = made.group(tie="An exact tie at step (case_mine.py:3)")
    text = terminal.cell_text(made.cell(), group, made.case()).plain
    assert "An exact tie at step (case_mine.py:3): the gradient is one of several, by a convention." in text
    assert "by convention 6.0000000000000000" in text
    assert "digits agree" not in text
    run = made.run(cells=(made.cell(),), groups=(group,))
    assert "one of several, by a convention" in terminal.matrix(run).plain


def test_of_a_true_zero_no_relative_fault_is_told() -> None:
    worst = msgspec.structs.replace(made.wrong().worst, resolution="inf")
    assert (
        "  resolution   none   the truth is 0 here, so the tolerance is absolute"
        in terminal.failure(made.wrong(worst=worst)).plain.splitlines()
    )
