"""SARIF: what does not pass, the worst first, each at the line that defines it."""

from __future__ import annotations

import json
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
