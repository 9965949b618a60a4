"""The matrix, the groups and the facts that all reports share."""

from __future__ import annotations

import msgspec
import pytest

import synthetic as made
from harness.report import facts, names
from harness.report.detail import details
from harness.report.strip import nudge, strip
from harness.report.table import matrix


def test_rows_stand_worst_first_and_by_the_smallest_margin() -> None:
    cells = (
        made.cell("a.wide", margin=50.0),
        made.cell("a.tight", margin=1.2),
        made.cell("a.exact"),
        made.doubtful("a.doubtful", "torch"),
        made.wrong("a.wrong", "jax"),
    )
    run = made.run(cells, cases=tuple(made.case(cell.case) for cell in cells))
    assert [row.case for row in matrix(run)] == ["a.wrong", "a.doubtful", "a.tight", "a.wide", "a.exact"]


def test_a_tile_is_its_worst_cell_with_how_many_passed() -> None:
    cells = (made.cell(point="two"), made.wrong(backend="tensorflow"), made.cell(dtype="float32"))
    tile = matrix(made.run(cells))[0].tiles[0]
    assert (tile.status, tile.passed, tile.total) == ("fail", 2, 3)
    assert tile.worst is cells[1]


def test_a_margin_that_is_nan_is_the_worst_of_its_class() -> None:
    cells = (made.wrong(point="a"), made.wrong(point="b"))
    cells = (cells[0], msgspec.structs.replace(cells[1], margin="nan", backend="jax"))
    assert matrix(made.run(cells))[0].tiles[2].worst is cells[1]
    assert facts.failures(made.run(cells))[0] is cells[1]


@pytest.mark.parametrize("unknown", ["", "passed", "PASS", made.HOSTILE])
def test_a_class_that_is_not_known_is_a_failure(unknown: str) -> None:
    run = made.run((made.cell(cls=unknown),))
    assert matrix(run)[0].status == "fail"
    assert facts.counts(run) == {"fail": 1, "inconclusive": 0, "pass": 0}


def test_an_absent_cell_says_why() -> None:
    absences = {tile.backend: tile.absence for tile in matrix(made.mixed())[1].tiles if not tile.worst}
    assert absences["jax"].startswith("not installed")
    assert absences["torch"] == "not planned"
    assert matrix(made.cut_short())[0].tiles[1].absence == "the run was cut short before this cell"


def test_a_case_without_its_line_and_a_cell_without_its_group_are_shown() -> None:
    run = made.cut_short()
    assert [detail.row.case for detail in details(run, matrix(run))] == ["lesson.cube", "lesson.square"]
    for detail in details(run, matrix(run)):
        assert detail.groups[0].line is None
        assert [entry.name for entry in detail.groups[0].entries] == ["J", "∂J/∂w"]


def test_a_group_shows_the_worst_entry_of_a_huge_array() -> None:
    huge = made.numbers([float(at) for at in range(5000)])
    worst = msgspec.structs.replace(made.cell().worst, path="w", index=(4321,), truth=4321.0, got=4322.0)
    run = made.run((made.cell(gradient={"w": huge}, worst=worst),), groups=(made.group(gradient={"w": huge}),))
    group = details(run, matrix(run))[0].groups[0]
    assert [entry.name for entry in group.entries] == ["J", "∂J/∂w[0]", "∂J/∂w[1]", "∂J/∂w[2]", "∂J/∂w[4321]"]
    assert (group.entries[-1].truth, group.entries[-1].said[0].got) == (4321.0, 4322.0)
    assert group.hidden == 4996


def test_points_stand_as_declared_and_the_wider_dtype_first() -> None:
    places = [("two", "float32"), ("two", "float64"), ("three", "float32"), ("three", "float64")]
    groups = tuple(made.group(point=point, dtype=dtype) for point, dtype in places)
    cells = tuple(made.cell(point=point, dtype=dtype) for point, dtype in places)
    run = made.run(cells, groups=groups)
    shown = [(group.point, group.dtype) for group in details(run, matrix(run))[0].groups]
    assert shown == [("three", "float64"), ("three", "float32"), ("two", "float64"), ("two", "float32")]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("A planted wrong gradient was caught: lesson.square negated reads DISAGREE{negated}.", "pass"),
        ("A planted wrong gradient was NOT caught: lesson.square negated reads AGREE.", "fail"),
        ("No cell passed with a gradient that is not zero, so none could be planted wrong.", "inconclusive"),
        ("", "inconclusive"),
        ("something else, caught", "fail"),
    ],
)
def test_only_a_control_that_was_caught_is_trusted(said: str, status: str) -> None:
    assert facts.control(made.run((made.cell(),), control=said)).status == status


def test_a_run_that_was_cut_short_does_not_repeat_a_headline() -> None:
    assert facts.headline(made.cut_short()).startswith("The run was cut short: 2 cells judged")
    assert len(facts.gaps(made.cut_short())) == 1
    assert facts.gaps(made.honest()) == []


def test_stale_expectations_and_missing_cells_are_gaps() -> None:
    gaps = facts.gaps(made.run((made.cell(),), planned=3, stale=("lesson.square/torch",)))
    assert "1 cell was judged of 3 planned." in gaps
    assert any("lesson.square/torch" in gap and "Remove this line" in gap for gap in gaps)


def test_the_verdicts_of_a_run_are_explained_by_its_own_sentences() -> None:
    told = {line.verdict: line for line in facts.meanings(made.mixed())}
    assert set(told) == {"EXACT", "AGREE", "UNSUPPORTED", "DISAGREE"}
    assert told["UNSUPPORTED"].example == "No phrase for erfinv in torch."
    assert (told["EXACT"].count, told["EXACT"].rule) == (2, 10)


def test_equal_reasons_are_told_once() -> None:
    cells = tuple(made.doubtful(point=point) for point in "abc")
    told = facts.reasons(facts.of_class(made.run(cells), "inconclusive"))
    assert [(names.word(reason.first), len(reason.cells)) for reason in told] == [("UNSUPPORTED", 3)]


def test_the_nudges_are_the_lesson_s_numbers() -> None:
    table = [(str(step.step), str(step.cost), str(step.rise), step.slope) for step in strip(made.honest()).nudges]
    assert [row[:3] for row in table] == [
        ("0.01", "9.0601", "0.0601"),
        ("0.002", "9.012004", "0.012004"),
        ("0.001", "9.006001", "0.006001"),
    ]
    assert [row[3] - step.step for row, step in zip(table, strip(made.honest()).nudges, strict=True)] == [6, 6, 6]
    assert nudge(strip(made.honest()).nudges[0].step).place + 0 == strip(made.honest()).nudges[0].place


def test_the_strip_holds_five_answers_with_their_digits() -> None:
    shown = strip(made.honest())
    assert (shown.algebra, shown.truth, shown.ideal) == ("2*w", 6.0, "6")
    assert [(row.backend, row.digits) for row in shown.answers] == [
        ("tensorflow", 17),
        ("torch", 17),
        ("jax", 17),
        ("sympy", 17),
        ("finite_difference", 14),
    ]
    assert shown.tape is shown.answers[0]
    assert (shown.engines, shown.one) == ("five engines", True)


def test_the_strip_says_why_an_engine_is_missing() -> None:
    answers = {row.backend: row for row in strip(made.mixed()).answers}
    assert answers["torch"].missing == "No phrase for erfinv in torch."
    assert answers["jax"].missing.startswith("not installed")
    assert (answers["finite_difference"].got, answers["finite_difference"].digits) == (-6.0, 0)
    assert not strip(made.mixed()).one


@pytest.mark.parametrize(
    "groups",
    [
        (made.group(dtype="float32"),),
        (made.group(inputs={"w": made.numbers([2.0], ())}),),
        (made.group("other.square"),),
        (made.group(gradient={}),),
    ],
)
def test_the_strip_is_absent_where_the_run_does_not_hold_it(groups: tuple[object, ...]) -> None:
    assert strip(made.run((made.cell(),), groups=groups)) is None
    assert strip(made.run((made.cell(),), cases=(made.case("other.square"),))) is None


def test_names_of_backends() -> None:
    assert names.pair("torch|jax") == "PyTorch and JAX"
    assert names.how_many_ran(made.mixed().header) == "4 of 5 backends ran"
    assert names.backends(made.run((made.cell(backend="new"),)))[-1] == "new"
