"""The selftest finds what is planted, and fails when the harness does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

import harness.run.execute
from harness.cli import Exit
from harness.cli.app import app
from harness.domains.precision import PRECISIONS
from harness.judge import Evidence, Judgement, Verdict
from harness.run.lab import Inline, Lab
from harness.selftest import prove as proving
from harness.selftest.campaign import campaign, drawn_point, functions
from harness.selftest.defects import BACKENDS, Defect
from harness.selftest.prove import Proof, Request, prove
from harness.selftest.scenes import SCALED, SMOOTH, TIED
from harness.selftest.table import table
from harness.selftest.trial import Outcome, judged, planted
from test_repository import MACHINE

pytestmark = pytest.mark.needs(*BACKENDS)
KINDS = (
    "one_negated median_by_1e_9 median_zeroed transposed float32_inside nan_in_one tanh_by_1_less_y bias_of_one_row "
    "sin_by_minus_cos none detached value_plus_one raising"
).split()
FORGETFUL = [f"{op}_forgets_its_adjoint" for op in ("tanh", "sqrt", "sigmoid", "relu", "add")]
EXCHANGED = ["partials_exchanged", "queries_and_keys_exchanged", "partials_moved_on"]


@contextmanager
def inline(violent: bool) -> Iterator[Lab]:
    assert not violent
    yield Inline(guest=True)


def proved(*kinds: str, draws: int = 1) -> Proof:
    return prove(Request(draws=draws, quick=True, kinds=kinds), inline)


@pytest.fixture(scope="module")
def proof() -> Proof:
    """Return the proof of a few defects of every sort and thirty draws."""
    return proved(*KINDS, draws=30)


@pytest.fixture(scope="module")
def told() -> Proof:
    """Return the proof of the defects that have words of their own, each on every framework."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proving, "_turn", lambda defect, place: True)
        return proved(*FORGETFUL, *EXCHANGED, "sin_forgets_its_adjoint")


def test_every_planted_defect_is_found_and_no_draw_alarms(proof: Proof) -> None:
    assert proof.problems() == []
    assert {trial.defect.kind for trial in proof.trials} == set(KINDS)
    assert {trial.outcome for trial in proof.trials} == {Outcome.FOUND}
    assert len(proof.campaign.cells) >= 30
    assert {line.cls for line in proof.honest} == {"pass"}


def test_the_page_tells_all_of_it(proof: Proof) -> None:
    page = table(proof)
    assert "everything holds" in page
    assert page == table(proof)
    assert all(f"| {kind.replace('_', ' ')} |" in page for kind in KINDS)
    assert not MACHINE.search(page)


def test_forgotten_adjoints_and_exchanged_partials_are_told_on_every_framework(told: Proof) -> None:
    assert told.problems() == []
    kinds = {(trial.defect.kind, trial.defect.backend) for trial in told.trials}
    wanted = (*FORGETFUL, *EXCHANGED, "sin_forgets_its_adjoint")
    assert kinds == {(kind, backend) for kind in wanted for backend in BACKENDS}
    for trial in told.trials:
        assert trial.outcome is Outcome.FOUND
        assert trial.named is (None if trial.defect.kind in EXCHANGED else True)
        if trial.defect.kind in FORGETFUL:
            assert trial.line.diagnosis.endswith(" forgets the adjoint that it is given")
    moved_on = {trial.line.diagnosis for trial in told.trials if trial.defect.kind == "partials_moved_on"}
    assert moved_on == {"the partials of q, k and v are exchanged"}


# --------------------------------------------------------------------------- it fails when it should


def nodding(evidence: Evidence) -> Judgement:
    """Return the judgement of a judge that finds nothing wrong, ever."""
    return Judgement(verdict=Verdict.AGREE, reason="Looks fine.")


def shouting(evidence: Evidence) -> Judgement:
    """Return the judgement of a judge that finds everything wrong."""
    return Judgement(verdict=Verdict.DISAGREE, reason="No.")


def test_a_judge_that_passes_everything_is_missed_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness.run.execute, "judge", nodding)
    found = proved("one_negated", "median_by_1e_9", "raising")
    assert [trial.outcome for trial in found.trials] == [Outcome.MISSED] * 3
    assert sum(problem.startswith("Missed: ") for problem in found.problems()) == 3


def test_a_judge_that_fails_everything_raises_alarms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness.run.execute, "judge", shouting)
    found = proved("one_negated")
    assert any(problem.startswith("False alarm: ") for problem in found.problems())
    assert any("draws in float64 pass" in problem for problem in found.problems())


def test_a_verdict_of_another_kind_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness.run.execute, "judge", shouting)
    assert {trial.outcome for trial in proved("none", "raising").trials} == {Outcome.MISSED}


def test_a_defect_that_is_none_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    cases, defects = planted()
    harmless = next(defect for defect in defects if defect.kind == "one_negated" and defect.backend == "torch")
    case = cases[harmless.case]

    def right(torch: Any, **leaves: Any) -> Any:
        from harness.selftest.words import words

        return case.function(words("torch", torch), **leaves)  # type: ignore[misc]  # planted cases have one

    made = replace(case, natives=[])
    made.native("torch", spelling=harmless.kind)(right)
    monkeypatch.setattr(proving, "planted", lambda: ({**cases, harmless.case: made}, (harmless,)))
    monkeypatch.setattr(proving, "_turn", lambda defect, place: True)
    (trial,) = proved(harmless.kind).trials
    assert trial.outcome is Outcome.MISSED


def test_a_message_that_blames_another_operation_is_a_problem(proof: Proof) -> None:
    told = next(trial for trial in proof.trials if trial.defect.kind == "sin_by_minus_cos")
    assert told.named is True
    elsewhere = msgspec.structs.replace(told.line, reason=told.line.reason.replace("the sin ", "the cos "))
    assert replace(told, line=elsewhere).named is False
    silent = replace(told, line=msgspec.structs.replace(told.line, reason="Wrong."))
    assert silent.named is None
    for trial, problem in ((replace(told, line=elsewhere), "Blamed wrongly: "), (silent, "No message names ")):
        assert any(said.startswith(problem) for said in replace(proof, trials=(trial,)).problems())


def test_a_diagnosis_that_is_not_said_or_speaks_of_others_is_a_miss(told: Proof) -> None:
    for trial in told.trials:
        for words in ("", "scaled by 2", "the partials of a and b are exchanged", "the tanh in line 1 counts twice"):
            line = msgspec.structs.replace(trial.line, diagnosis=words)
            assert judged(trial.defect, "float64", [line], None).outcome is Outcome.MISSED


def test_a_forgotten_adjoint_that_another_operation_is_blamed_for_is_a_problem(told: Proof) -> None:
    for trial in (trial for trial in told.trials if trial.defect.kind in FORGETFUL):
        before, _ = re.split("one wrong (?:node|rule) explains it all, ", trial.line.reason)
        for blamed in ("the cos in line 1: it forgets the adjoint", "the subtract in line 1: the path from the tanh"):
            reason = f"{before}one wrong node explains it all, {blamed} forgets the adjoint that it is given."
            wrong = replace(trial, line=msgspec.structs.replace(trial.line, reason=reason))
            assert wrong.named is False


def test_what_no_convention_gives_at_a_tie_may_be_inconclusive_and_must_not_pass() -> None:
    found = proved("relu_at_0_by_037", "relu_at_0_negated", "tie_to_each")
    outcomes = {trial.defect.kind: trial for trial in found.trials}
    assert outcomes["relu_at_0_negated"].outcome is Outcome.FOUND
    doubted = outcomes["relu_at_0_by_037"]
    assert doubted.outcome in (Outcome.DOUBTED, Outcome.FOUND)
    passed = msgspec.structs.replace(doubted.line, verdict="SUBGRADIENT", cls="pass")
    assert judged(doubted.defect, "float64", [passed], None).outcome is Outcome.MISSED
    other = msgspec.structs.replace(doubted.line, verdict="UNDEFINED", cls="inconclusive")
    assert judged(doubted.defect, "float64", [other], None).outcome is Outcome.MISSED
    assert f"| float64 | {found.count(Outcome.FOUND)} |" in table(found)


def test_a_small_defect_that_passes_is_excused_by_its_resolution_alone(proof: Proof) -> None:
    small = next(trial for trial in proof.trials if trial.defect.kind == "median_by_1e_9")
    assert small.resolution is not None
    assert small.resolution < 1e-11
    line = msgspec.structs.replace(small.line, verdict="AGREE", cls="pass")
    for size, wanted in ((small.resolution, Outcome.UNDETECTABLE), (10 * small.resolution, Outcome.MISSED)):
        defect: Defect = replace(small.defect, size=size)
        assert judged(defect, "float64", [line], small.resolution).outcome is wanted
    assert judged(small.defect, "float64", [line], None).outcome is Outcome.MISSED


def test_too_many_unseen_defects_are_a_problem(proof: Proof) -> None:
    unseen = tuple(replace(trial, outcome=Outcome.UNDETECTABLE) for trial in proof.trials)
    assert len(unseen) > proving.UNSEEN["float64"]
    assert any("smaller than what can be seen" in problem for problem in replace(proof, trials=unseen).problems())


def test_inconclusive_draws_are_no_way_out(proof: Proof) -> None:
    doubtful = [msgspec.structs.replace(line, cls="inconclusive") for line in proof.campaign.cells]
    run = msgspec.structs.replace(proof.campaign, cells=tuple(doubtful))
    assert any("pass; 97% must" in problem for problem in replace(proof, campaign=run).problems())
    empty = msgspec.structs.replace(proof.campaign, cells=())
    assert replace(proof, campaign=empty).problems() == ["No draw was judged."]


def test_the_command_leaves_with_the_code_of_a_failed_harness(
    proof: Proof, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    missed = replace(proof, trials=tuple(replace(trial, outcome=Outcome.MISSED) for trial in proof.trials))
    for given, code in ((proof, Exit.FINE), (missed, Exit.HARNESS)):
        monkeypatch.setattr(proving, "prove", lambda *asked, given=given, **more: given)
        done = CliRunner().invoke(
            app, ["selftest", "--quick", "--out", str(tmp_path / "page.md")], standalone_mode=False
        )
        assert done.return_value == code, done.output
        assert (tmp_path / "page.md").read_text() == table(given)


# --------------------------------------------------------------------------- what is planted and drawn


def test_there_are_more_than_a_hundred_defects_on_every_framework_and_a_dozen_functions() -> None:
    cases, defects = planted()
    assert len(defects) >= 200
    assert len({defect.case for defect in defects}) >= 12
    assert all(sum(defect.backend == backend for defect in defects) >= 60 for backend in BACKENDS)
    assert all(defect.case in cases for defect in defects)
    assert len({(defect.backend, defect.case, defect.kind) for defect in defects}) == len(defects)


def test_a_point_may_have_an_axis_of_length_0() -> None:
    case = next(case for case in functions() if case.id == "shapes.no_rows")
    exact = case.exact(drawn_point(case, 0, 0))
    assert exact["a"].shape == (0, 3)


def test_the_campaign_is_the_same_for_the_same_seed_and_large_enough() -> None:
    cases, cells = campaign(3600, 0)
    again, same = campaign(3600, 0)
    assert len(cells) >= 3000
    assert cells == same
    for case, twin in zip(cases, again, strict=True):
        assert all(
            np.array_equal(one.values[path], other.values[path])
            for one, other in zip(case.points, twin.points, strict=True)
            for path in one.values
        )
    assert campaign(3600, 1)[1] != cells
    assert len({cell.case for cell in cells}) == len(functions())
    assert {cell.dtype for cell in cells} == set(PRECISIONS)
    scenes = {cell.point.rstrip("0123456789") for cell in cells}
    assert scenes == {scene.__name__ for scene in (*SMOOTH, *TIED, *SCALED)}
