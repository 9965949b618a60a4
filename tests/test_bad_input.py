"""What cannot be used is refused in one sentence, and what other people's objects do costs their own cells alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
import xml.etree.ElementTree
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import harness
from harness import Case, DeclarationError, PointError, case, data, draw, param, point
from harness.backends import describe
from harness.backends.said import first_line
from harness.collect import CollectionError, collect
from harness.judge.compare import compare
from harness.judge.messages import worst_of
from harness.measurement import Partial
from harness.run.execute import Order, execute
from harness.run.ideals import exact_point
from harness.run.lab import Inline
from harness.run.plan import Selection
from harness.run.store import Writer, dumps, load, loads
from harness.told import LONGEST, encodable, fitting, message, shown, told
from test_compare import allowed, enclosure
from test_store import HEADER, cell


class Nameless(type):
    """A class that does not say how it is called."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError


class Silent(Exception):
    """An exception that raises where it is put into words."""

    def __str__(self) -> str:
        raise SystemExit(3)

    __repr__ = __str__


class Text(str):
    """A string that does what no string does."""

    def splitlines(self, keepends: bool = False) -> list[str]:
        raise KeyboardInterrupt


class Odd(Exception, metaclass=Nameless):
    def __str__(self) -> str:
        return Text("a\nb")


# --------------------------------------------------------------------------- exceptions in words


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("no such\nluck"), "ValueError: no such"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (Silent(), "Silent: its message cannot be read"),
        (Odd(), "an exception of no name: a"),
        (ValueError("\ud800 \x00\x1b[1m"), "ValueError: \ufffd \ufffd\ufffd[1m"),
    ],
)
def test_an_exception_is_told_whatever_it_is(error: BaseException, sentence: str) -> None:
    assert told(error) == sentence


def test_long_texts_are_cut_and_values_that_cannot_be_shown_are_named() -> None:
    long = told(ValueError("y" * 5_000_000))
    assert len(long) < LONGEST + 20
    assert long.endswith("…")
    assert len(first_line("{{" * 2_000_000)) <= LONGEST
    assert fitting("short") == "short"
    assert shown(Silent()) == "a value of class Silent"
    assert shown(10**5000) == "a value of class int"
    assert encodable("a\ud800\n") == "a\\ud800\n"
    assert message(UserWarning("said")) == "said"


# --------------------------------------------------------------------------- lines that no file takes


def test_a_line_with_half_a_character_is_written_and_read(tmp_path: Path) -> None:
    broken = msgspec.structs.replace(
        cell("one"), reason="\ud800 here", warnings=("\udfff",), output="\udcff", terms={"\ud800": 1.0}
    )
    with Writer(tmp_path) as writer:
        writer.write(HEADER)
        writer.write(broken)
        writer.write(cell("two"))
    found = load(tmp_path)
    assert [line.id for line in found.cells] == ["one", "two"]
    assert found.cells[0].reason == "\\ud800 here"
    assert loads(dumps(msgspec.structs.replace(found, cells=(broken,)))).cells == found.cells[:1]


@pytest.mark.needs("torch")
def test_a_check_in_this_process_reports_what_a_file_could_hold() -> None:
    def cost(xp: Any, w: Any) -> Any:
        return w**2

    def native(torch: Any, w: Any) -> Any:
        raise ValueError("\ud800")

    cost.__doc__ = "A title of \udfff."
    made = case(w=param(), points=[dict(w=3)])(cost)
    made.native("torch")(native)
    agreement = harness.check(made, backends=("torch",))
    for line in (*agreement.run.cases, *agreement.run.cells):
        msgspec.json.encode(line)
    assert "ValueError" in str(agreement)
    assert "\ufffd" in agreement.run.cases[0].title


# --------------------------------------------------------------------------- inputs and points


def square(xp: Any, w: Any) -> Any:
    return xp.sum(w * w)


def at(number: Any, **options: Any) -> Callable[[], Case]:
    return lambda: case(**({"w": param(), "points": [dict(w=number)]} | options))(square)


def declared(**options: Any) -> Callable[[], Case]:
    return lambda: case(**({"w": param(), "points": [dict(w=1)]} | options))(square)


CYCLE: list[Any] = []
CYCLE.append(CYCLE)
TREE: dict[str, Any] = {}
TREE["again"] = TREE

REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "exponent": (at("1e9999999"), "test_bad_input.square at p0, input w: a number of about 1e9999999, which no dtype"),
    "small exponent": (at("1e-999999999"), "about 1e-999999999"),
    "decimal": (at(Decimal("1e5000")), "about 1e5000"),
    "integer": (at(10**5000), "about 1e5000"),
    "fraction": (at(Fraction(1, 10**5000)), "about 1e-5000"),
    "digits": (at("0." + "1" * 1_000_000), "more than 2000 digits"),
    "beyond float64": (at("1e309"), "beyond the largest float64"),
    "beyond in an array": (at(np.array(["1e400"]).astype(np.longdouble), w=param(shape=1)), "beyond the largest"),
    "beneath in an array": (at(np.array(np.longdouble("1e-4000"))), "about 1e-4000"),
    "masked": (at(np.ma.array([1.0, 2.0], mask=[True, False]), w=param(shape=2)), "None is not a real number"),
    "complex": (at(1j), "1j is not a real number; give two, and write xp.complex(re, im)"),
    "text of a fraction": (
        at("1/3"),
        "'1/3' is no decimal text such as '3.01'; write 1/3 as '0.333', or Fraction(1, 3)",
    ),
    "hexadecimal": (at("0x10"), "'0x10' is no decimal text such as '3.01'"),
    "not a number": (at("nan"), "NaN is not a finite number"),
    "infinite": (at(float("-inf")), "-Infinity is not a finite number"),
    "object": (at(Silent()), "a value of class Silent is not a real number"),
    "cycle": (at(CYCLE), "lists in lists, more than 32 deep"),
    "point cycle": (declared(points=[TREE]), "holds itself"),
    "label": (declared(points=[point(3)]), "the label 3 of a point"),  # type: ignore[arg-type]
    "points": (declared(points=5), "points=5 is no list of points"),
    "one point": (declared(points=dict(w=3)), "is no list of points"),
    "endless points": (declared(points=(dict(w=k) for k in count())), "more than 100000 points"),
    "what point": (declared(points=[Silent()]), "a value of class Silent is not a point"),
    "negative shape": (lambda: param(shape=-1), "shape=-1; a length is 0 or more"),
    "large shape": (lambda: param(shape=10**12), "more than 10000000 entries"),
    "endless shape": (lambda: param(shape=count()), "more than 32 dimensions"),  # type: ignore[arg-type]
    "text shape": (lambda: param(shape="ab"), "write a whole number"),  # type: ignore[arg-type]
    "half shape": (lambda: data(shape=2.5), "write a whole number"),  # type: ignore[arg-type]
    "other shape": (lambda: data([1.0], shape=2), "leave shape=… out"),
    "large data": (lambda: data(np.broadcast_to(np.float32(1), (10**4, 10**4))), "more than 10000000 entries"),
    "rows": (lambda: data([[1], [2, 3]]), "makes no array"),
    "unsigned": (lambda: data(np.array([2**63], np.uint64)), "the largest is 9223372036854775807"),
    "domain": (lambda: param(domain=5), "write two numbers"),  # type: ignore[arg-type]
    "empty domain": (lambda: param(domain=(3, 1)), "is empty"),
    "no domain": (lambda: param(domain=(float("nan"), 1)), "is empty"),
    "narrow draw": (declared(w=param(domain=(0.0001, 0.0002)), points=[draw()]), "no multiple of 1/1000"),
    "wide draw": (declared(w=param(domain=(0, float("inf"))), points=[draw()]), "nothing is drawn from so wide"),
    "integers": (declared(x=data([1, 2]), points=[dict(w=1, x=[1.5, 2])]), "is not data of kind int"),
    "dotted name": (declared(**{"a.b": param()}), "an input cannot be named 'a.b'"),
    "number as name": (declared(w={5: param()}), "an input cannot be named 5"),
    "half a name": (declared(w={"\ud800": param()}), "an input cannot be named '\\ud800'"),
    "name cycle": (declared(w=TREE), "more than 32 deep"),
    "source": (declared(source=5), "write where the function comes from"),
    "name": (declared(name="x" * 1000), "cannot stand in an id"),
    "no function": (lambda: case(w=param(), points=["zero"])(5), "no function that is written in Python"),  # type: ignore[arg-type]
    "nothing to differentiate": (at([], w=param(shape=0)), "no entry to differentiate: every param() is of size 0"),
    "nothing to check": (lambda: harness.check(square, w=[]), "no entry to differentiate"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(name: str) -> None:
    declare, sentence = REFUSED[name]
    with pytest.raises((DeclarationError, PointError)) as refusal:
        declare()
    assert sentence in str(refusal.value)
    assert len(str(refusal.value)) < 2 * LONGEST
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ("1e300", 1e300),
        ("-5e-324", -5e-324),
        ("1e-330", 0.0),
        ("0e999999999", 0),
        (10**300, 1e300),
        (Decimal("2"), 2),
        (Fraction(1, 3), 1 / 3),
        (np.array(np.longdouble("0.1")), 0.1),
    ],
)
def test_numbers_that_float64_is_near_stay(given: Any, number: float) -> None:
    made = at(given)()
    assert made.numbers(made.points[0])["w"] == number


def test_an_input_of_size_0_beside_another_is_judged_trivially() -> None:
    @case(w=param(shape=0), v=param(shape=2), points=[dict(w=[], v=["0.5", 2])])
    def beside(xp: Any, w: Any, v: Any) -> Any:
        return xp.sum(w * w) + xp.sum(v * v)

    cells = harness.check(beside, backends=("sympy", "finite_difference")).cells
    assert cells
    assert {one.cls for one in cells} == {"pass"}
    assert {one.entries for one in cells} == {2}


def test_no_entry_is_the_worst_of_none_and_entries_that_are_not_judged_are_never_blamed() -> None:
    none = compare("w", Partial(values=np.empty(0), dtype="float64"), enclosure([], []), allowed(1.0, 0))
    with pytest.raises(ValueError, match="w has no entry"):
        none.worst()
    unjudged = Partial(values=np.array([np.nan]), dtype="float64", sampled=np.array([False]))
    skipped = compare("v", unjudged, enclosure([1.0], [0.0]), allowed(1.0, 1))
    wrong = compare("u", Partial(values=np.array([3.0]), dtype="float64"), enclosure([1.0], [0.0]), allowed(1.0, 1))
    assert worst_of([none, skipped, wrong]).path == "u"


# --------------------------------------------------------------------------- what natives return

RETURNED: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "number": (lambda f, w: 3.0, "number returned a float; it must return one number as a torch tensor"),
    "nothing": (lambda f, w: None, "nothing returned None; it must"),
    "numpy": (lambda f, w: np.float64(3), "numpy returned a numpy.float64; it must"),
    "two": (lambda f, w: (w * w, w), "two returned a tuple of 2; it must"),
    "text": (lambda f, w: "w", "text returned a str; it must"),
}


FRAMEWORKS = [pytest.param(b, marks=pytest.mark.needs(b)) for b in ("tensorflow", "torch", "jax")]


@pytest.mark.parametrize("backend", FRAMEWORKS)
@pytest.mark.parametrize("name", RETURNED)
def test_a_native_that_returns_no_tensor_is_told_so(name: str, backend: str) -> None:
    function, sentence = RETURNED[name]
    made = case(w=param(), points=[dict(w=3)])(lambda w: w * w)
    made.native(backend, spelling=name)(function)
    made.native(backend, spelling="right")(lambda f, w: w * w)
    found = {one.spelling: one for one in harness.check(made, backends=(backend,)).cells}
    assert (found[name].verdict, found[name].cls) == ("NOT-NATIVE", "fail")
    assert sentence.replace("torch", backend) in found[name].reason
    assert found["right"].cls == "pass"


@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_a_native_that_returns_an_array_is_told_so_whatever_differentiates_it(backend: str) -> None:
    made = case(w=param(shape=2), points=[dict(w=[3, 2])])(square)
    made.native(backend, spelling="unsummed")(lambda f, w: w * w)
    made.native(backend, spelling="number")(lambda f, w: 3.0)
    made.native(backend, spelling="right")(lambda f, w: (w * w)[0] + (w * w)[1])
    known = describe(backend)
    variants = {*known.variants, *(variant for route in known.routes.values() for variant in route)}
    selection = Selection(
        backends=(backend,), dtypes=("float64",), variants=tuple(variants), operators=("grad", "vjp", "hvp")
    )
    cells = execute(Order(cases=(made,), selection=selection), Inline(guest=True)).cells
    found = {name: {(c.verdict, c.cls) for c in cells if c.spelling == name} for name in ("unsummed", "number")}
    assert found == {"unsummed": {("SHAPE", "fail")}, "number": {("NOT-NATIVE", "fail")}}
    sentence = "unsummed returned shape (2,); one number, of shape (), is right. Look for a missing sum."
    assert {c.reason for c in cells if c.spelling == "unsummed"} == {sentence}
    assert {c.cls for c in cells if c.spelling == "right"} == {"pass"}


# --------------------------------------------------------------------------- points that raise while a run goes on


def test_a_point_that_cannot_be_used_costs_its_own_case(monkeypatch: pytest.MonkeyPatch) -> None:
    def exact(made: Case, at: Any, seed: int) -> Any:
        if made.id.endswith("bad"):
            raise PointError("the point has gone")
        return exact_point(made, at, seed)

    monkeypatch.setattr("harness.run.group.exact_point", exact)
    cases = tuple(case(w=param(), points=["zero"], name=name)(square) for name in ("bad", "good"))
    run = execute(Order(cases=cases, selection=Selection(backends=("sympy",), dtypes=("float64",))), Inline())
    assert [(c.verdict, c.reason) for c in run.cells if c.case.endswith("bad")] == [("ERROR", "the point has gone")]
    assert [c.cls for c in run.cells if c.case.endswith("good")] == ["pass"]


# --------------------------------------------------------------------------- case files

FIRST = "from harness import case, param\n"
CASE = "@case(w=param(), points=[dict(w=3.0)])\ndef a(xp, w):\n    return w**2\n"
SILENT = "class Silent(Exception):\n    def __str__(self): raise SystemExit(3)\n"
FILES: dict[str, tuple[str, str]] = {
    "twice": (FIRST + CASE + CASE, "case_bad.py:5: the id bad.a is taken by"),
    "nul": (FIRST + "\0\n", "null bytes. Mend"),
    "no encoding": ("# coding: foo\n" + FIRST, "case_bad.py: the file is not valid Python: unknown encoding: foo"),
    "interrupt": ("raise KeyboardInterrupt\n", "case_bad.py:1: importing the file raised KeyboardInterrupt"),
    "exit": ("raise SystemExit(0)\n", "case_bad.py:1: importing the file raised SystemExit: 0"),
    "silent": (
        SILENT + "raise Silent\n",
        "case_bad.py:3: importing the file raised Silent: its message cannot be read",
    ),
    "long": ("raise ValueError('x' * 5_000_000)\n", "case_bad.py:1: importing the file raised ValueError: xxx"),
    "evaluated": ("eval('(')\n", "case_bad.py:1: importing the file raised SyntaxError: '(' was never closed"),
    "unnamed": (FIRST + "x = [case(w=param(), points=['zero'])(lambda w: w)]\n", "bad.function has no name at the top"),
    "elsewhere": (
        FIRST + "from beside_bad import f\ng = case(w=param(), points=['zero'])(f)\n",
        "the function of beside_bad.f stands in",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_case_file_that_cannot_be_used_says_why(name: str, tmp_path: Path) -> None:
    text, sentence = FILES[name]
    (tmp_path / "beside_bad.py").write_text("def f(xp, w): return w\n")
    file = tmp_path / "case_bad.py"
    file.write_text(text)
    with pytest.raises(CollectionError) as refusal:
        collect([file])
    assert sentence in str(refusal.value)
    assert len(str(refusal.value)) < 3 * LONGEST


def test_a_file_is_collected_once_and_under_any_name(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"case_\xff.py")
    file.write_text(
        FIRST + CASE + "class Odd:\n    @property\n    def __class__(self): raise SystemExit\nodd = Odd()\n"
    )
    assert [one.id for one in collect([file, file, tmp_path])] == ["cases.a"]


# --------------------------------------------------------------------------- the command


def command(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Return the finished command, run in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "harness.cli", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(harness.__file__).parent.parent), "NO_COLOR": "1", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=120,
        check=False,
    )


OPTIONS: dict[str, tuple[list[str], str]] = {
    "timeout": (["--timeout", "-1"], "--timeout -1 is no limit; write seconds above 0"),
    "nan": (["--timeout", "nan"], "--timeout nan is no limit"),
    "memory": (["--memory", "0"], "--memory 0 is no limit; write megabytes above 0"),
    "endless memory": (["--memory", "inf"], "--memory inf is no limit"),
    "format": (["--format", "html,htm"], "there is no report 'htm'; did you mean html?"),
    "shard": (["--shard", "²/2"], "--shard '²/2' cannot be read"),
    "keyword": (
        ["-k", "nothing_like_it"],
        "nothing matched: no cell of 1 case has -k nothing_like_it, --backend sympy",
    ),
    "point": (["--point", "p7"], "there is no point 'p7'"),
    "variant": (["--variant", "no_such"], "there is no variant 'no_such'"),
    "deep keyword": (["-k", "not " * 3000 + "a"], "-k of 12001 characters cannot be read"),
    "half a keyword": (["-k", os.fsdecode(b"a\xff")], "-k of 2 characters cannot be read"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_that_cannot_be_used_is_exit_code_2(name: str, tmp_path: Path) -> None:
    words, sentence = OPTIONS[name]
    (tmp_path / "case_a.py").write_text(FIRST + CASE)
    done = command("run", "case_a.py", "--backend", "sympy", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_without_cases_and_a_report_that_there_is_not(tmp_path: Path) -> None:
    (tmp_path / "case_none.py").write_text("import harness\n")
    done = command("run", "case_none.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "no case is declared there" in done.stderr
    with Writer(tmp_path / "run") as writer:
        writer.write(HEADER)
    done = command("report", "run", "--format", "pdf", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no report 'pdf'" in done.stderr


HOSTILE = (
    FIRST
    + SILENT
    + r"""
class Base(BaseException):
    def __str__(self): raise KeyboardInterrupt

def one(function): return case(w=param(), points=[dict(w=3.0)])(function)

@one
def good(xp, w): return w**2

@one
def silent(xp, w): raise Silent

@one
def base(xp, w): raise Base

@one
def half(xp, w): raise ValueError("a\ud800\0b")

@one
def long(xp, w): raise ValueError("y" * 5_000_000)

def titled(xp, w):
    print("\0out\x1b[1m")
    return w**3

titled.__doc__ = "T\ud800\0\x1b[31m"  # as a literal Python 3.13 itself refuses it
titled = one(titled)

@titled.backward
def by_hand(w): raise Silent
"""
)
EXPECTED = {
    "good": ("pass", ""),
    "silent": ("ERROR", "raised Silent: its message cannot be read"),
    "base": ("ERROR", "Base: its message cannot be read"),
    "half": ("ERROR", "ValueError: a\ufffd\ufffdb"),
    "long": ("ERROR", "ValueError: yyy"),
    "titled": ("pass", ""),
}


def test_what_objects_of_a_case_do_costs_its_own_cells(tmp_path: Path) -> None:
    (tmp_path / "case_hostile.py").write_text(HOSTILE)
    done = command("run", "case_hostile.py", "--backend", "sympy,numpy", "--dtype", "float64", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert not {"\0", "\x1b"} & set(done.stdout)
    folder = tmp_path / "reports/latest"
    lines = [json.loads(line) for line in (folder / "run.jsonl").read_text().splitlines()]
    cells = {line["id"]: line for line in lines if line["line"] == "cell" and line["operator"] == "grad"}
    for name, (wanted, sentence) in EXPECTED.items():
        line = cells[f"hostile.{name}/sympy/xp/symbolic/grad/float64/p0"]
        assert wanted in (line["verdict"], line["class"]), line["reason"]
        assert sentence in line["reason"]
        assert len(line["reason"]) < 2 * LONGEST
    hand = cells["hostile.titled/numpy/by_hand/eager/grad/float64/p0"]
    assert hand["verdict"] == "ERROR"
    assert "Silent while its source ran: its message cannot be read" in hand["reason"]
    xml.etree.ElementTree.parse(folder / "junit.xml")
    assert not {"\0", "\x1b"} & set((folder / "report.html").read_text())


def test_a_warning_of_megabytes_is_cut() -> None:
    @case(w=param(), points=[dict(w=3.0)])
    def cost(xp: Any, w: Any) -> Any:
        return w**2

    @cost.backward
    def by_hand(w: Any) -> Any:
        warnings.warn("w\ud800" * 1_000_000, stacklevel=1)
        return 2 * w

    (found,) = (one for one in harness.check(cost, backends=("numpy",)).cells if one.operator == "grad")
    assert found.cls == "pass", found.reason
    assert [len(text) for text in found.warnings] == [LONGEST]


@pytest.mark.parametrize("cell", ["", "/"])
def test_show_of_no_cell_is_one_sentence(cell: str, tmp_path: Path) -> None:
    said = command("show", cell, cwd=tmp_path)
    assert said.returncode == 2
    assert said.stderr.count("\n") == 1
    assert "show which cell?" in said.stderr
