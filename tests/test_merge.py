"""Parts of a run joined again: nothing is lost, nothing counts twice, and doubt in a part is doubt in the whole."""

from __future__ import annotations

import msgspec
import pytest

import synthetic as made
from harness.run.expectations import Expectation, apply, stale
from harness.run.merge import merged
from harness.run.records import CellLine, Run
from harness.run.store import dumps, loads

WHOLE = made.big(cases=4)


def part(*backends: str, run: Run = WHOLE) -> Run:
    """Return what a process that ran these backends would have written."""
    cells = tuple(cell for cell in run.cells if cell.backend in backends)
    emitted = [{name: source for name, source in line.emitted.items() if name in backends} for line in run.cases]
    return Run(
        header=made.header(backends=dict.fromkeys(backends, "ran"), versions=dict.fromkeys(backends, "1")),
        cases=tuple(msgspec.structs.replace(line, emitted=some) for line, some in zip(run.cases, emitted, strict=True)),
        groups=tuple(msgspec.structs.replace(line, pairs={backends[0]: 0.0}) for line in run.groups),
        cells=cells,
        totals=made.totals(cells),
    )


def test_the_parts_give_the_whole() -> None:
    joined = merged([part("jax", "sympy"), part("finite_difference"), part("torch", "tensorflow")])
    assert sorted(cell.id for cell in joined.cells) == sorted(cell.id for cell in WHOLE.cells)
    assert list(joined.header.backends) == list(made.BACKENDS)
    assert set(joined.header.versions) == set(made.BACKENDS)
    assert [line.case for line in joined.cases] == [line.case for line in WHOLE.cases]
    assert all(set(line.emitted) == set(made.BACKENDS) for line in joined.cases)
    assert all(set(line.pairs) == {"jax", "finite_difference", "torch"} for line in joined.groups)
    assert joined.totals is not None
    assert joined.totals.planned == joined.totals.judged == len(WHOLE.cells)
    assert joined.totals.classes == made.totals(WHOLE.cells).classes | {"fail": joined.totals.classes["fail"]}


def test_what_is_measured_twice_counts_once() -> None:
    joined = merged([part("jax"), part("jax")])
    assert joined.totals is not None
    assert len(joined.cells) == joined.totals.planned == len(part("jax").cells)


def test_a_part_that_was_cut_short_leaves_no_totals() -> None:
    short = msgspec.structs.replace(part("torch"), totals=None)
    assert merged([part("jax"), short]).totals is None


def test_a_cell_that_is_missing_in_a_part_is_missing_in_the_whole() -> None:
    lacking = part("torch")
    assert lacking.totals is not None
    totals = msgspec.structs.replace(lacking.totals, planned=lacking.totals.planned + 1)
    joined = merged([part("jax"), msgspec.structs.replace(lacking, totals=totals)])
    assert joined.totals is not None
    assert joined.totals.planned == joined.totals.judged + 1


def test_one_plant_that_was_not_caught_is_told() -> None:
    totals = made.totals(part("torch").cells, control="It was NOT caught.", caught=False)
    doubtful = msgspec.structs.replace(part("torch"), totals=totals)
    for runs in ([doubtful, part("jax")], [part("jax"), doubtful]):
        joined = merged(runs)
        assert joined.totals is not None
        assert (joined.totals.control, joined.totals.caught) == ("It was NOT caught.", False)
    nothing = msgspec.structs.replace(doubtful, totals=made.totals((), control="No cell passed.", caught=True))
    joined = merged([nothing, part("jax")])
    assert joined.totals is not None
    assert joined.totals.control.startswith("A planted wrong gradient was caught")


def test_an_expectation_is_stale_only_where_no_part_fulfils_it() -> None:
    prefix = "lesson.square"
    stale = made.run((made.cell(backend="jax"),), stale=(prefix,))
    there = made.run((made.wrong(backend="torch", expected="known"),))
    assert stale.totals is not None
    for runs, expected in (([stale], (prefix,)), ([stale, there], ())):
        joined = merged(runs)
        assert joined.totals is not None
        assert joined.totals.stale == expected


HERE, THERE = made.cell(backend="jax", point="two"), made.cell(backend="jax", point="three")
ANOTHER = made.wrong(backend="jax", verdict="SHAPE", diagnosis="")


@pytest.mark.parametrize(
    "pattern", ["lesson.square", "*/jax", "lesson.square/jax/*/eager", "lesson.square/*/xp/*/grad/float64"]
)
@pytest.mark.parametrize(
    ("there", "names"), [(made.wrong(backend="jax"), False), (ANOTHER, False), (THERE, True), (None, True)]
)
def test_parts_call_stale_what_the_whole_would(pattern: str, there: CellLine | None, names: bool) -> None:
    """Whether another part has what is expected, or fails anew, by a pattern as well as by a prefix."""
    expected = [Expectation(cell=pattern, verdict="DISAGREE", reason="known")]
    cells = [apply(cell, expected, {}) for cell in (HERE, there) if cell is not None]
    parts = [made.run((cell,), stale=tuple(stale(expected, [cell], {}))) for cell in cells]
    joined = merged(parts)
    assert joined.totals is not None
    assert parts[0].totals is not None
    assert parts[0].totals.stale == (pattern,)
    assert list(joined.totals.stale) == stale(expected, cells, {}) == ([pattern] if names else [])


def test_a_part_with_other_versions_does_not_meet_an_expectation() -> None:
    only = [Expectation(cell="*/jax", verdict="DISAGREE", reason="known", versions={"jax": "1"})]
    wrong = msgspec.structs.replace(HERE, verdict="ILL-CONDITIONED", cls="inconclusive")
    strict = made.run((wrong,), stale=tuple(stale(only, [wrong], {"jax": "1"})))
    other = made.run((THERE,), stale=tuple(stale(only, [apply(THERE, only, {"jax": "2"})], {"jax": "2"})))
    joined = merged([strict, other])
    assert joined.totals is not None
    assert joined.totals.stale == ("*/jax",)
    alone = merged([other])
    assert alone.totals is not None
    assert alone.totals.stale == ()


def test_a_run_is_the_same_after_it_was_bytes() -> None:
    for run in (made.honest(), made.mixed(), made.cut_short(), made.hostile()):
        assert loads(dumps(run)) == run
