"""Known differences are strict both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness import case, param, point
from harness.run.expectations import FILE, Expectation, ExpectationError, apply, read, stale, unknown
from harness.run.records import CellLine
from test_store import cell

KNOWN = Expectation(cell="a.b/torch", verdict="VALUE-MISMATCH", reason="float32 constant")
PASSING = msgspec.structs.replace(cell("a.b/torch/xp/eager/grad/float64/p0"), reason="fine")
FAILING = msgspec.structs.replace(PASSING, verdict="VALUE-MISMATCH", cls="fail")
DOUBTFUL = msgspec.structs.replace(PASSING, verdict="ILL-CONDITIONED", cls="inconclusive")
OTHERWISE = msgspec.structs.replace(PASSING, verdict="DISAGREE", cls="fail")


def test_an_expected_failure_is_marked_and_stays_a_failure() -> None:
    found = apply(FAILING, [KNOWN], {})
    assert (found.cls, found.expected) == ("fail", "float32 constant")


def test_another_failure_is_not_expected() -> None:
    found = apply(OTHERWISE, [KNOWN], {})
    assert (found.cls, found.expected) == ("fail", "")
    assert found.reason.startswith(
        "The line for 'a.b/torch' in expectations.toml expects VALUE-MISMATCH, and this is DIS"
    )
    assert found.reason.endswith(OTHERWISE.reason)
    assert stale([KNOWN], [found], {}) == []
    known = msgspec.structs.replace(KNOWN, verdict="DISAGREE")
    assert apply(OTHERWISE, [KNOWN, known], {}).expected
    assert stale([KNOWN, known], [apply(OTHERWISE, [KNOWN, known], {})], {}) == ["a.b/torch"]


def test_a_difference_that_has_gone_away_fails() -> None:
    found = apply(PASSING, [KNOWN], {})
    assert found.cls == "fail"
    assert not found.expected
    assert "remove the line for 'a.b/torch' in expectations.toml, or narrow it to the cells" in found.reason
    exactly = msgspec.structs.replace(KNOWN, cell=PASSING.id)
    assert "narrow" not in apply(PASSING, [exactly], {}).reason


def test_other_cells_and_other_versions_are_untouched() -> None:
    elsewhere = msgspec.structs.replace(PASSING, id="a.b/jax/xp/jit/grad/float64/p0")
    assert apply(elsewhere, [KNOWN], {}) == elsewhere
    only_old = msgspec.structs.replace(KNOWN, versions={"torch": "1.0"})
    assert apply(PASSING, [only_old], {"torch": "2.13.0"}) == PASSING
    assert apply(PASSING, [only_old], {"torch": "1.0"}).cls == "fail"


def test_a_star_stands_for_any_one_part() -> None:
    every = msgspec.structs.replace(KNOWN, cell="a.b/torch/xp/eager/grad/*/p0")
    assert apply(FAILING, [every], {}).expected
    assert not apply(msgspec.structs.replace(FAILING, id="a.b/torch/xp/eager/grad/float64/p1"), [every], {}).expected
    assert not apply(msgspec.structs.replace(FAILING, id="a.b/torch/xp"), [every], {}).expected
    assert stale([every], [PASSING], {}) == [every.cell]


def test_stale_lines_are_named_only_where_cells_ran() -> None:
    assert stale([KNOWN], [PASSING], {}) == ["a.b/torch"]
    assert stale([KNOWN], [FAILING], {}) == []
    assert stale([KNOWN], [], {}) == []
    for verdict in ("NOT-INSTALLED", "UNSUPPORTED", "NO-TRUTH"):
        missing = msgspec.structs.replace(PASSING, verdict=verdict, cls="inconclusive")
        assert stale([KNOWN], [missing], {}) == []


ONLY_OLD = msgspec.structs.replace(KNOWN, versions={"torch": "1.0"})


@pytest.mark.parametrize("found", [PASSING, FAILING, DOUBTFUL])
def test_an_expectation_for_other_versions_is_neither_stale_nor_fulfilled(found: CellLine) -> None:
    for other in ({"torch": "2.13.0"}, {}):
        judged = apply(found, [ONLY_OLD], other)
        assert judged == found
        assert stale([ONLY_OLD], [judged], other) == []
        assert stale([ONLY_OLD, KNOWN], [judged], other) == ([] if found is FAILING else [KNOWN.cell])


def test_an_expectation_for_the_versions_that_ran_is_strict() -> None:
    ran = {"torch": "1.0", "numpy": "2.0"}
    for found, expected in ((PASSING, [KNOWN.cell]), (DOUBTFUL, [KNOWN.cell]), (FAILING, [])):
        assert stale([ONLY_OLD], [apply(found, [ONLY_OLD], ran)], ran) == expected
    twice = msgspec.structs.replace(KNOWN, versions={"torch": "1.0", "numpy": "1.0"})
    assert stale([twice], [PASSING], ran) == []


def test_a_version_without_a_local_part_means_every_build_of_it() -> None:
    built = {"torch": "2.13.0+cpu"}
    for version, speaks in {
        "2.13.0": True,
        "2.13.0+cpu": True,
        "2.13.0+cu130": False,
        "2.13": False,
        "": False,
    }.items():
        known = msgspec.structs.replace(KNOWN, versions={"torch": version})
        assert bool(apply(FAILING, [known], built).expected) == speaks, version
    assert not apply(FAILING, [msgspec.structs.replace(KNOWN, versions={"torch": "2.13.0+cpu"})], {}).expected


def test_versions_of_a_package_that_no_run_records_are_refused(tmp_path: Path) -> None:
    line = '[[expect]]\ncell = "a.b"\nverdict = "DISAGREE"\nreason = "known"\nversions = {{ {} = "2.13.0" }}\n'
    (tmp_path / "expectations.toml").write_text(line.format("torch"))
    assert [one.versions for one in read([tmp_path])] == [{"torch": "2.13.0"}]
    (tmp_path / "expectations.toml").write_text(line.format("pytorch"))
    with pytest.raises(ExpectationError, match=r"versions of 'pytorch' are not recorded; one of .*, torch, "):
        read([tmp_path])


def test_an_expectation_of_a_cell_that_there_is_not_is_told_with_the_nearest() -> None:
    cases = [case(w=param(), points=[point("here", w=3.0)])(square)]
    (identity,) = (one.id for one in cases)

    def told(cell: str, *, whole: bool = True) -> list[str]:
        return unknown([msgspec.structs.replace(KNOWN, cell=cell)], cases, whole=whole)

    for fine in ("", "/torch", "/*/xp/jit/grad/float16", "/torch/xp/reverse-reverse", "/torch/xp/eager/grad/*/here"):
        assert told(identity + fine) == [], fine
    for typo in ("/toch", "/torch/xp/eager/grad/float65/here", "/torch/xp/eager/grad/float64/there", "/torch/xp/jit"):
        assert "did you mean" in told(identity + typo, whole=False)[0], typo
    assert f"did you mean {identity}?" in told(identity[:-1] + "/torch")[0]
    assert told("gone.case")
    assert not told("gone.case", whole=False)


def square(xp: Any, w: Any) -> Any:
    return w**2


def test_files_are_read_from_the_folders(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('[[expect]]\ncell = "a.b"\nverdict = "DISAGREE"\nreason = "known"\n')
    assert read([tmp_path, tmp_path, tmp_path / "none"]) == [
        Expectation(cell="a.b", verdict="DISAGREE", reason="known")
    ]


WRONG = {
    "toml": "[[expect]\n",
    "missing": '[[expect]]\ncell = "a"\n',
    "unknown": '[[expect]]\ncell = "a"\nverdict = "DISAGREE"\nreason = "r"\nwhy = "x"\n',
    "verdict": '[[expect]]\ncell = "a"\nverdict = "WRONG"\nreason = "r"\n',
}


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        ("AGREE", "AGREE passes, which needs no expectation"),
        ("SUBGRADIENT{abs′(0) = 1}", "SUBGRADIENT passes"),
        ("DISAGREE{scaled by 2/3}", "is a verdict with its diagnosis; write DISAGREE"),
        ("WRONG{so}", "there is no verdict 'WRONG{so}'; one of BRANCH-ROUNDING"),
    ],
)
def test_a_verdict_that_nobody_expects_is_refused(tmp_path: Path, verdict: str, sentence: str) -> None:
    (tmp_path / FILE).write_text(f'[[expect]]\ncell = "a.b"\nverdict = "{verdict}"\nreason = "r"\n', "utf-8")
    with pytest.raises(ExpectationError) as refusal:
        read([tmp_path])
    assert sentence in str(refusal.value)


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_wrong_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / FILE).write_text(WRONG[name])
    with pytest.raises(ExpectationError, match=FILE):
        read([tmp_path])


@pytest.mark.parametrize("reason", ["", " "])
def test_a_line_without_a_reason_is_refused(reason: str, tmp_path: Path) -> None:
    line = '[[expect]]\ncell = "c.f"\nverdict = "VALUE-MISMATCH"\nreason = "{}"\n'
    (tmp_path / "expectations.toml").write_text(line.format("known"))
    assert [one.reason for one in read([tmp_path])] == ["known"]
    (tmp_path / "expectations.toml").write_text(line.format(reason))
    with pytest.raises(ExpectationError, match=r"the line for 'c\.f' gives no reason; write why it is accepted"):
        read([tmp_path])
