"""JUnit XML: the strict schema accepts it, the numbers stand in it twice, and hostile text does no harm."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

import synthetic as made
from harness import report
from harness.run.records import Run


class Rule(NamedTuple):
    """What the xunit 2 schema (junit-10.xsd of the Jenkins plugin) allows in an element."""

    children: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    text: bool = False


def rule(children: str = "", required: str = "", optional: str = "", text: bool = False) -> Rule:
    """Return the rule written as words."""
    return Rule(frozenset(children.split()), frozenset(required.split()), frozenset(optional.split()), text)


SCHEMA = {
    "testsuites": rule("testsuite", optional="name time tests failures errors"),
    "testsuite": rule(
        "testsuite properties testcase system-out system-err",
        "name tests failures errors",
        "group time skipped timestamp hostname id package file log url version",
    ),
    "properties": rule("property"),
    "property": rule(required="name value"),
    "testcase": rule("skipped error failure system-out system-err", "name", "time classname group"),
    "skipped": rule(optional="type message", text=True),
    "error": rule(optional="type message", text=True),
    "failure": rule(optional="type message", text=True),
    "system-out": rule(text=True),
    "system-err": rule(text=True),
}
TIME = re.compile(r"[0-9]*(\.[0-9]{0,3})?")


def complaints(element: Element) -> Iterator[str]:
    """Yield what the schema does not allow in the element and below it."""
    allowed = SCHEMA.get(element.tag)
    if allowed is None:
        yield f"element {element.tag}"
        return
    given = set(element.attrib)
    yield from (f"{element.tag} lacks {name}" for name in allowed.required - given)
    yield from (f"{element.tag} has {name}" for name in given - allowed.required - allowed.optional)
    yield from (f"{child.tag} in {element.tag}" for child in element if child.tag not in allowed.children)
    if not allowed.text and (element.text or "").strip():
        yield f"text in {element.tag}"
    if not TIME.fullmatch(element.get("time", "")):
        yield f"time {element.get('time')}"
    for child in element:
        yield from complaints(child)


def rendered(run: Run) -> Element:
    """Return the run's document, parsed."""
    content = report.load("junit").render(run)
    return ElementTree.fromstring(content)


RUNS = {
    "honest": made.honest(),
    "mixed": made.mixed(),
    "cut short": made.cut_short(),
    "hostile": made.hostile(),
    "big": made.big(),
    "empty": Run(header=made.header()),
}


@pytest.mark.parametrize("name", RUNS)
def test_the_strict_schema_accepts_every_run(name: str) -> None:
    root = rendered(RUNS[name])
    assert root.tag == "testsuites"
    assert list(complaints(root)) == []
    assert report.load("junit").render(RUNS[name]) == report.load("junit").render(RUNS[name])


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("<testsuite name='a' tests='1' failures='0'/>", "testsuite lacks errors"),
        ("<testcase name='a' file='b'/>", "testcase has file"),
        ("<testcase name='a'><properties/></testcase>", "properties in testcase"),
        ("<testsuites time='1e-05'/>", "time 1e-05"),
        ("<testsuites>words</testsuites>", "text in testsuites"),
        ("<report/>", "element report"),
    ],
)
def test_the_schema_refuses(bad: str, said: str) -> None:
    assert list(complaints(ElementTree.fromstring(bad))) == [said]


def test_cells_are_tests_and_each_class_reads_as_itself() -> None:
    broken = made.doubtful(backend="jax", verdict="CRASHED", cls="fail", reason="The process died.")
    known = made.wrong(backend="torch", expected="known since 2.1")
    root = rendered(made.run((made.cell(), made.wrong(backend="sympy"), broken, known, made.doubtful("losses.huber"))))
    found = {test.get("classname"): [child.tag for child in test] for test in root.iter("testcase")}
    assert found == {
        "lesson.square.tensorflow": [],
        "lesson.square.sympy": ["failure"],
        "lesson.square.jax": ["error"],
        "lesson.square.torch": ["skipped"],
        "losses.huber.torch": ["skipped"],
    }
    skipped = root.find(".//testcase[@classname='lesson.square.torch']/skipped")
    assert skipped is not None
    assert skipped.get("message") == "known since 2.1"
    for key, tag in {"failures": "failure", "errors": "error", "skipped": "skipped", "tests": "testcase"}.items():
        for suite in root.iter("testsuite"):
            assert int(suite.get(key, "")) == len(list(suite.iter(tag))), key


def test_the_command_of_a_failure_names_the_file_of_its_case() -> None:
    for location, named in (
        ("a b/case_mine.py:3", " 'a b/case_mine.py' --seed 7"),
        ("cases/lesson.py:12", " --seed 7"),
    ):
        run = made.run((made.wrong(),), cases=(made.case(location=location),), head=made.header(seed=7))
        text = rendered(run).findtext(".//failure")
        assert text is not None
        assert text.endswith(f"gradharness repro {made.wrong().id}{named}")


def test_the_numbers_are_properties_and_stand_in_the_failure() -> None:
    root = rendered(made.run((made.cell(), made.wrong())))
    properties = {one.get("name"): one.get("value") for one in root.iter("property")}
    label = "xp/eager/grad/float64/three"
    numbers = {"verdict": "DISAGREE{negated}", "value": "9.0", "error": "12.0", "tolerance": "2e-15", "ulp": "1.35e+16"}
    assert {key: properties[f"{label} {key}"] for key in numbers} == numbers
    [failure] = root.iter("failure")
    assert failure.get("type") == "DISAGREE{negated}"
    assert failure.text is not None
    for line in ("truth        6.0000000000000000", "got          -6.0000000000000000", "error        12 "):
        assert line in failure.text
    assert "gradharness repro lesson.square/jax/" in failure.text
    assert properties[f"{label} margin"] == "1.66e-16"


def test_what_no_number_holds_stays_a_word() -> None:
    properties = {one.get("name"): one.get("value") for one in rendered(made.run((made.doubtful(),))).iter("property")}
    assert properties["xp/eager/grad/float64/three margin"] == "nan"
    assert "xp/eager/grad/float64/three value" not in properties


def test_a_run_that_is_not_to_be_trusted_has_an_error_of_its_own() -> None:
    for run in (made.cut_short(), made.run((made.cell(),), control="A plant was NOT caught.", caught=False)):
        errors = [test for test in rendered(run).iter("testcase") if test.get("classname") == "run"]
        assert errors
        assert all(test.find("error") is not None for test in errors)
    assert [test for test in rendered(made.honest()).iter("testcase") if test.get("classname") == "run"] == []


def test_hostile_text_is_spelled_out() -> None:
    content = report.load("junit").render(made.hostile())
    text = content.decode() if isinstance(content, bytes) else content
    assert "<script>" not in text
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "\\x1b[31m\\u202e" in text
