"""SARIF: what does not pass, the worst first, each at the line that defines it."""

from __future__ import annotations

import json
import shlex
from typing import Any
from urllib.parse import urlsplit

import pytest

import synthetic as made
from harness import report
from harness.run.records import Run


def log(run: Run) -> dict[str, Any]:
    """Return the one run of the log; a bare NaN is refused."""

    def refused(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    whole = json.loads(report.load("sarif").render(run), parse_constant=refused)
    assert (whole["version"], len(whole["runs"])) == ("2.1.0", 1)
    found: dict[str, Any] = whole["runs"][0]
    return found


def place(result: dict[str, Any]) -> tuple[str, int]:
    """Return file and line of a result."""
    physical = result["locations"][0]["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"]


def test_what_passes_is_not_in_it() -> None:
    assert log(made.honest())["results"] == []
    assert len(log(made.mixed())["results"]) == 2


def test_the_worst_comes_first() -> None:
    mild = made.wrong("a.mild", margin=0.9)
    found = log(made.run((made.doubtful("a.doubt"), mild, made.cell(), made.wrong("a.bad", margin=1e-9))))
    ids = [result["partialFingerprints"]["cell/v1"].partition("/")[0] for result in found["results"]]
    assert ids == ["a.bad", "a.mild", "a.doubt"]
    assert [result["level"] for result in found["results"]] == ["error", "error", "note"]


def test_a_result_says_what_where_and_by_how_much() -> None:
    [result] = log(made.run((made.wrong(),)))["results"]
    assert place(result) == ("cases/lesson.py", 12)
    text = result["message"]["text"]
    assert text.startswith("DISAGREE{negated} lesson.square/jax/xp/eager/grad/float64/three. ")
    assert "the gradient is the truth negated" in text
    assert text.endswith("Reproduce: gradharness repro lesson.square/jax/xp/eager/grad/float64/three")
    numbers = {"entry": "w", "truth": "6.0000000000000000", "got": "-6.0000000000000000", "error": "12"}
    assert result["properties"].items() >= numbers.items()


def reproduced(run: Run) -> list[str]:
    """Return the words of the command that reproduces the first result."""
    text: str = log(run)["results"][0]["message"]["text"]
    return shlex.split(text.partition(" Reproduce: ")[2])


def of_file(location: str, **changes: Any) -> Run:
    """Return a run whose case stands at the location."""
    return made.run((made.wrong(),), cases=(made.case(location=location),), head=made.header(**changes))


HOSTILE = "o u`t' $x/case_it's `a` $(file)*.py"


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("case_mine.py:3", ["case_mine.py"]),
        ("deep/er/mine.py:3", ["deep/er/mine.py"]),
        ("/elsewhere/case_a.py:3", ["/elsewhere/case_a.py"]),
        ("-k.py:3", ["./-k.py"]),
        (f"{HOSTILE}:3", [HOSTILE]),
        ("a:7/b.py:3", ["a:7/b.py"]),
        ("cases/lesson.py:12", []),
        ("_catalogue/lesson.py:12", []),
        ("cases/case_mine.py:12", ["cases/case_mine.py"]),
        ("<unknown>:0", []),
        ("nowhere", []),
    ],
)
def test_the_command_names_the_file_of_a_case_that_is_not_bundled(location: str, named: list[str]) -> None:
    assert reproduced(of_file(location)) == ["gradharness", "repro", made.wrong().id, *named]


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("gradharness run cases", True),
        ("gradharness run ./cases/lesson.py -k square", True),
        ("gradharness run .", True),
        ("gradharness run -k cases.lesson", False),
        ("gradharness run --format '' 'other cases'", False),
        ("an open quote ' cases", False),
    ],
)
def test_a_folder_called_as_the_bundled_one_is_the_users_where_the_command_gives_it(command: str, named: bool) -> None:
    said = reproduced(of_file("cases/lesson.py:12", command=command))
    assert said[3:] == (["cases/lesson.py"] if named else [])


def test_the_command_has_the_seed_where_it_is_not_the_usual_one() -> None:
    assert reproduced(of_file("case_a.py:3", seed=7))[3:] == ["case_a.py", "--seed", "7"]
    assert reproduced(of_file("cases/lesson.py:3", seed=7))[3:] == ["--seed", "7"]


def test_where_the_case_is_missing_the_place_of_the_cell_stands_for_it() -> None:
    cell = made.wrong("mine.lost", location="case_mine.py:3")
    assert reproduced(made.run((cell,)))[3:] == ["case_mine.py"]


def test_there_is_a_rule_for_each_verdict_in_it() -> None:
    for run in (made.mixed(), made.big(), made.hostile()):
        found = log(run)
        rules = [one["id"] for one in found["tool"]["driver"]["rules"]]
        assert len(set(rules)) == len(rules)
        assert {result["ruleId"] for result in found["results"]} == set(rules)
        assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in found["results"])


def test_a_known_difference_is_suppressed() -> None:
    new, known = log(made.run((made.wrong(expected="since 2.1"), made.wrong("z.new", margin=0.9))))["results"]
    assert known["suppressions"] == [{"kind": "external", "justification": "since 2.1"}]
    assert "suppressions" not in new


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("cases/my losses.py:7", ("cases/my%20losses.py", 7)),
        ("/elsewhere/case_a.py:3", ("file:///elsewhere/case_a.py", 3)),
        ("<unknown>:0", ("%3Cunknown%3E", 1)),
        ("case_a.py", ("case_a.py", 1)),
        ("javascript:alert(1)", ("javascript%3Aalert%281%29", 1)),
    ],
)
def test_places_are_addresses(location: str, expected: tuple[str, int]) -> None:
    assert place(log(made.run((made.wrong(location=location),)))["results"][0]) == expected


def test_hostile_text_stays_text() -> None:
    text = report.load("sarif").render(made.hostile())
    assert isinstance(text, str)
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    for result in log(made.hostile())["results"]:
        assert urlsplit(place(result)[0]).scheme == ""


def test_a_run_that_was_cut_short_is_no_success() -> None:
    [invocation] = log(made.cut_short())["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "cut short" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    assert log(made.honest())["invocations"][0]["executionSuccessful"] is True
