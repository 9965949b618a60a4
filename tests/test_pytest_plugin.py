"""What pytest says of an item is what its cells say, and nothing that did not run is green."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest

import harness
from harness.backends import BACKENDS, BY_HAND
from harness.measurement import Failure, Measurement, Trouble
from harness.pytest_plugin import options
from harness.run.store import load
from harness.workers.limits import Limits
from sessions import CALM, CASES, EXPECTED, KINK, Lab, Session, negated, outcomes, said


@pytest.fixture(scope="session")
def warm() -> None:
    """Import once what sessions in this process import, or each of them would forget it and import it again."""
    harness.check(lambda w: w * w, w=3.0, backends=CALM)
    for name in ("report.html", "report.terminal", "run.merge", "workers.crew", "collect"):
        import_module(f"harness.{name}")


@pytest.fixture
def crews(warm: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[str, ...], float]]:
    """Run labs in this process; return backends and time limit of each that is started."""
    started: list[tuple[tuple[str, ...], float]] = []

    @contextmanager
    def crew(backends: Iterable[str], limits: Limits) -> Iterator[Lab]:
        started.append((tuple(backends), limits.seconds))
        yield Lab()
        Lab.ended.set()

    monkeypatch.setattr("harness.workers.crew.Crew", crew)
    monkeypatch.setattr(Lab, "lies", {})
    monkeypatch.setattr(Lab, "ended", threading.Event())
    return started


@pytest.fixture
def session(crews: list[Any], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Return a function that runs pytest in this process, on the calm backends, and in a folder with two cases."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.path.joinpath("case_tiny.py").write_text(CASES)

    def run(*arguments: str, backends: str = ",".join(CALM)) -> pytest.RunResult:
        chosen = [f"--agreement-backend={backends}"] if backends else []
        return pytester.runpytest_inprocess(
            "-p", "harness.pytest_plugin", "-p", "no:cacheprovider", *chosen, *arguments
        )

    return run


# --------------------------------------------------------------------------- verdicts


def test_an_item_is_a_case_on_a_backend_and_a_cell_a_subtest(session: Session, crews: list[Any]) -> None:
    result = session("-v")
    assert result.ret == 0
    assert list(outcomes(result)) == [f"{case}[{name}]" for case in ("square", "norm") for name in CALM]
    assert set(outcomes(result).values()) == {"PASSED"}
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["case_tiny.py::norm?finite_difference? SUBPASSED?xp/*/grad/float32/p0*"])
    result.stdout.fnmatch_lines(["SymPy and finite differences agree * on 12 cells; *2 of 2 backends ran*"])
    assert crews == [(CALM, 60)], "one orchestrator runs all backends, so that they overlap"


def test_a_wrong_gradient_fails_its_item_alone_and_says_all(session: Session) -> None:
    Lab.lies = {"finite_difference": negated}
    result = session("-v", "-k", "norm")
    assert outcomes(result) == {"norm[sympy]": "PASSED", "norm[finite_difference]": "FAILED"}
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    cell = "tiny.norm/finite_difference/xp/*/grad/float64/p0"
    result.stdout.fnmatch_lines(
        [
            f"✗ DISAGREE*  {cell}",
            "  worst entry  w?1?   1 of 2 entries outside the tolerance",
            "  truth        -4.0000000000000000",
            "  got          4.0000*",
            "  error        8 *ulp*margin*",
            "  tolerance    * = *",
            "  resolution   *",
            "  rule         16",
            "  defined at   case_tiny.py:8",
            f"  show         gradharness show {cell} --run run.jsonl",
            f"  reproduce    gradharness repro {cell} case_tiny.py",
            "*--agreement-jsonl run.jsonl",
            "2 of 2 cells failed:",
        ]
    )
    assert "Traceback" not in said(result)
    assert "square" not in said(result)


def test_what_is_not_installed_is_skipped_with_its_sentence(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    missing(monkeypatch, "finite_difference")
    result = session("-v", "-rs")
    result.assert_outcomes(passed=2, skipped=2 + 6)
    assert outcomes(result)["square[finite_difference]"] == "SKIPPED"
    result.stdout.fnmatch_lines(["*case_tiny.py:4: no such package; pip install it"])
    result.stdout.fnmatch_lines(["*1 of 2 backends ran*", "? finite differences did not run: no such package*"])
    assert result.ret == 0


def missing(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make backends read "not installed"."""
    failure = Failure(trouble=Trouble.NOT_INSTALLED, sentence="no such package; pip install it")
    monkeypatch.setattr("harness.run.lab.available", lambda name: failure if name in names else None)


def test_a_session_in_which_nothing_ran_fails(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    missing(monkeypatch, *CALM)
    result = session("--verbosity=0")
    result.assert_outcomes(skipped=4)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["✗ No backend ran, so nothing was shown: the session fails."])


def test_an_inconclusive_cell_skips_its_item_only_where_no_other_passes(
    session: Session, pytester: pytest.Pytester
) -> None:
    pytester.path.joinpath("case_tiny.py").write_text(CASES + KINK)
    result = session("-v", "-k", "kink")
    assert set(outcomes(result).values()) == {"PASSED"}
    result.stdout.fnmatch_lines(
        ["*SUBSKIPPED?xp/symbolic/grad/float64/p0?*", "*SUBPASSED?xp/symbolic/grad/float64/p1?*"]
    )
    result = session("-v", "-k", "kink", "--agreement-point", "p0")
    assert set(outcomes(result).values()) == {"SKIPPED"}


def test_an_expected_failure_is_xfailed_and_one_that_has_gone_away_fails(
    session: Session, pytester: pytest.Pytester
) -> None:
    pytester.path.joinpath("expectations.toml").write_text(EXPECTED)
    gone = session("-v", "-k", "norm")
    assert outcomes(gone) == {"norm[sympy]": "FAILED", "norm[finite_difference]": "PASSED"}
    gone.stdout.fnmatch_lines(["  The expected DISAGREE has gone away: remove the line for 'tiny.norm/sympy'*"])
    Lab.lies = {"sympy": negated}
    there = session("-v", "-rx", "-k", "norm")
    assert outcomes(there) == {"norm[sympy]": "XFAIL", "norm[finite_difference]": "PASSED"}
    there.stdout.fnmatch_lines(["XFAIL case_tiny.py::norm?sympy? - known since 1.2"])
    assert there.ret == 0
    assert outcomes(session("-v", "-k", "norm", "--runxfail"))["norm[sympy]"] == "FAILED"
    assert outcomes(session("-v", "-k", "square"))["square[sympy]"] == "FAILED", "the lie there is not expected"


def test_a_failure_of_the_harness_is_no_verdict(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("inside")

    with monkeypatch.context() as planted:
        planted.setattr("harness.run.execute.judge", broken)
        result = session("-v")
    assert set(outcomes(result).values()) == {"FAILED"}
    result.stdout.fnmatch_lines(["*RuntimeError: the run broke off: the harness itself failed*"])
    monkeypatch.setattr("harness.run.execute.control", lambda *_: (False, "The plant was NOT caught."))
    result = session("-v")
    result.assert_outcomes(passed=4)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["✗*The plant was NOT caught."])


BY_LEARNER = """
@norm.backward
def by_hand(w):
    return {"w": 2 * w}
"""


def test_a_gradient_by_hand_is_an_item_and_enough_for_a_session(session: Session, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("case_tiny.py").write_text(CASES + BY_LEARNER)
    right = session("-v", "--strict-markers", "-m", "numpy", backends="")
    assert outcomes(right) == {"norm[numpy]": "PASSED"}
    assert right.ret == 0
    pytester.path.joinpath("case_tiny.py").write_text(CASES + BY_LEARNER.replace("2 * w", "2 * abs(w)"))
    assert outcomes(session("-v", "-k", "norm", backends="numpy,sympy")) == {
        "norm[sympy]": "PASSED",
        "norm[numpy]": "FAILED",
    }


# --------------------------------------------------------------------------- collection


def test_keywords_and_markers_select(session: Session) -> None:
    session("-k", "norm and sympy").assert_outcomes(passed=1, deselected=3)
    session("-k", "tiny.square").assert_outcomes(passed=2, deselected=2)
    session("-m", "sympy", "--strict-markers").assert_outcomes(passed=2, deselected=2)
    session("-m", "not agreement").assert_outcomes(deselected=4)
    session("case_tiny.py::norm[sympy]").assert_outcomes(passed=1)


def test_all_backends_are_items_and_no_other(session: Session) -> None:
    result = session("--collect-only", "-q", "-k", "norm", backends="")
    assert [line for line in result.outlines if "::" in line] == [f"case_tiny.py::norm[{name}]" for name in BACKENDS]
    assert (*BACKENDS, *BY_HAND) == options.BACKENDS


BAD_FILES = {
    "syntax": ("@case(\nimport harness", "case_bad.py:1: the file is not valid Python: *Mend it."),
    "import": ("import harness\nimport no_such_thing", "case_bad.py:2: No module named 'no_such_thing'. Install *"),
    "raises": ("import harness\n1 / 0", "case_bad.py:2: importing the file raised ZeroDivisionError: *"),
    "exits": ("import harness\nraise SystemExit(3)", "case_bad.py:2: importing the file raised SystemExit: 3. *"),
    "no points": (
        "import harness\n@harness.case(w=harness.param())\ndef f(xp, w): ...",
        "case_bad.py:2: bad.f has no *",
    ),
    "taken": (CASES, "case_bad.py:*: the id bad.square is taken by *other/case_bad.py:4; rename one*"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_case_file_is_one_sentence(name: str, session: Session, pytester: pytest.Pytester) -> None:
    source, sentence = BAD_FILES[name]
    pytester.mkdir("other").joinpath("case_bad.py").write_text(CASES.replace("def norm", "def other"))
    pytester.path.joinpath("case_bad.py").write_text(source)
    files = ("other", "case_bad.py", "case_tiny.py")
    result = session(*files)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{sentence}"])
    assert "Traceback" not in said(result)
    session(*files, "--continue-on-collection-errors", "--verbosity=0").assert_outcomes(errors=1, passed=8)


def test_bad_expectations_are_one_sentence(session: Session, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("expectations.toml").write_text(EXPECTED.replace("DISAGREE", "DISAGREES"))
    result = session()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*expectations.toml: there is no verdict 'DISAGREES'; one of BRANCH-ROUNDING, *"])


HOSTILE = ["two words", "'quoted\"", "</script>", "a::b[c]", "🙂", "\u202egnirts", "line\nbreak\x1b[31m", "a@b", "x/y"]


def test_hostile_names_are_refused_in_a_sentence_that_is_inert(session: Session, pytester: pytest.Pytester) -> None:
    """A name that could not stand in an id costs its own file; the others are judged."""
    for k, name in enumerate(HOSTILE):
        declared = f"c = case(w=param(), points=[dict(w=3)], name={name!r})(lambda xp, w: w * w)\n"
        file = pytester.path.joinpath(f"case_hostile{k}.py")
        file.write_text(f"from harness import case, param\n{declared}")
    result = session(".", "--continue-on-collection-errors", "--verbosity=0", backends="sympy")
    result.assert_outcomes(errors=len(HOSTILE), passed=2)
    told = [line for line in result.outlines if "cannot stand in an id; name the function with letters" in line]
    assert len(told) == len(HOSTILE)
    assert all(line.isprintable() for line in told)


def test_files_below_the_folders_of_the_ini_option_are_collected(session: Session, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nagreement_paths = models\n")
    folder = pytester.mkdir("models")
    for name in ("losses.py", "_private.py", "conftest.py", "test_it.py"):
        (folder / name).write_text(f"import harness\n{CASES}\ndef test_it(): pass\n")
    (folder / "helper.py").write_text("# says harness, but does not import it\n1 / 0\n")
    (folder / "ports.py").write_text("import losses\n\n@losses.norm.native('sympy')\ndef port(sp, w): ...\n")
    result = session("--collect-only", "-q", "models", backends="sympy")
    collected = {line for line in result.outlines if "::" in line}
    assert collected == {
        "models/losses.py::square[sympy]",
        "models/losses.py::norm[sympy]",
        "models/test_it.py::test_it",
    }


def test_a_case_file_holds_tests_only_where_its_name_says_so(session: Session, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("case_tiny.py").write_text(CASES + "\ndef test_it(): pass\n")
    session("case_tiny.py", "--verbosity=0").assert_outcomes(passed=4)
    session("-o", "python_files=case_*.py", "--verbosity=0").assert_outcomes(passed=5)


# --------------------------------------------------------------------------- options


def test_options_narrow_the_cells(session: Session, crews: list[Any]) -> None:
    result = session("-v", "--agreement-dtype", "float32", "--agreement-point=three,p0", backends="sympy")
    result.stdout.fnmatch_lines(["*agree* with the truth on 2 cells; *1 of 1 backend ran*"])
    assert "float64" not in said(result)
    session("--agreement-timeout", "7", backends="sympy")
    assert crews == [(("sympy",), 60), (("sympy",), 7)]
    assert session("--agreement-point", "nowhere").ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize(
    "option", ["--agreement-backend=sypmy", "--agreement-dtype=float23", "--agreement-require=trch"]
)
def test_a_name_that_there_is_not_is_told_with_the_nearest(option: str, session: Session) -> None:
    result = session(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*there is no *'; did you mean *"])


@pytest.mark.parametrize("seconds", ["-1", "0", "nan", "inf"])
def test_a_limit_that_limits_nothing_is_refused(seconds: str, session: Session) -> None:
    result = session(f"--agreement-timeout={seconds}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--agreement-timeout * is no limit; write seconds above 0"])


def test_a_required_backend_that_did_not_run_fails_the_session(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert session("--agreement-require", "sympy").ret == 0
    assert session("--agreement-require", "sympy,torch").ret == pytest.ExitCode.TESTS_FAILED
    missing(monkeypatch, "sympy")
    result = session("--agreement-require", "sympy")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["✗ sympy is required and did not run: no such package; pip install it."])


def test_reports_are_written_where_asked_for_and_only_then(session: Session, pytester: pytest.Pytester) -> None:
    before = set(pytester.path.rglob("*"))
    session()
    assert {path for path in pytester.path.rglob("*") if "__pycache__" not in path.parts} == before
    result = session("--agreement-html", "out/a.html", "--agreement-jsonl", "out/a.jsonl")
    assert "tiny.norm" in pytester.path.joinpath("out", "a.html").read_text()
    run = load(pytester.path / "out" / "a.jsonl")
    assert run.totals is not None
    assert (len(run.cells), len(run.groups), len(run.cases), run.totals.planned) == (12, 6, 2, 12)
    assert run.header.command.startswith("pytest -p harness.pytest_plugin")
    result.stdout.fnmatch_lines(["wrote *a.html", "wrote *a.jsonl"])


def test_a_report_that_cannot_be_written_is_told_and_fails_nothing(session: Session, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("file").touch()
    result = session("--agreement-html=file/a.html", "--agreement-jsonl=file/a.jsonl")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*a.html was not written: *", "*a.jsonl was not written: *choose another place*"])


def test_a_session_that_stops_early_says_that_it_did(session: Session, pytester: pytest.Pytester) -> None:
    def stuck_at_norm(honest: Measurement) -> Measurement:
        if honest.partials["w"].values.shape:
            Lab.ended.wait(30)
        return negated(honest)

    Lab.lies = {"sympy": stuck_at_norm}
    result = session("-x", "--agreement-jsonl", "a.jsonl")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    run = load(pytester.path / "a.jsonl")
    assert 4 <= len(run.cells) <= 8
    assert run.totals is None
    result.stdout.fnmatch_lines([f"The run was cut short: {len(run.cells)} cells judged; *"])


def test_a_file_that_would_end_the_session_costs_itself_alone(session: Session, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("case_ends.py").write_text("import harness, os\nos._exit(0)\n")
    result = session("-v", "--continue-on-collection-errors")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(["*case_ends.py:2: importing the file ended its process with exit code 0.*"])
    assert session("-v", "case_tiny.py").ret == 0, "a file beside the one that is named is not even tried"


def test_an_expectation_of_what_there_is_not_fails_the_session(session: Session, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("expectations.toml").write_text(EXPECTED.replace("tiny.norm", "tiny.norn"))
    result = session()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["✗ expectations.toml expects something of 'tiny.norn/sympy'*mean tiny.norm?*"])
    assert session("case_tiny.py").ret == 0, "the case may be of another file"
    pytester.path.joinpath("expectations.toml").write_text(EXPECTED.replace("sympy", "simpy"))
    assert session("case_tiny.py").ret == pytest.ExitCode.TESTS_FAILED
