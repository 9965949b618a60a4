"""Reports as files: whole or not at all, and never the reason that a run fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import synthetic as made
from harness import report
from harness.report import notebook
from harness.report.badge import verdict
from harness.report.markdown import LIMIT, cut, text
from harness.run.records import Run
from page import Page


class Broken:
    """A reporter that fails."""

    file = "broken.txt"

    def render(self, run: Run) -> str:
        """Raise."""
        raise ValueError("it cannot")


class Plain:
    """A reporter that somebody adds."""

    file = "plain.bin"

    def render(self, run: Run) -> bytes:
        """Return bytes."""
        return b"plain"


@pytest.fixture(autouse=True)
def reporters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register two reporters for a test."""
    added = {"broken": f"{__name__}:Broken", "plain": f"{__name__}:Plain"}
    monkeypatch.setattr(report, "REPORTERS", report.REPORTERS | added)


def test_the_usual_files_are_written_whole(tmp_path: Path) -> None:
    assert report.write(made.mixed(), tmp_path / "new") == []
    written = {path.name for path in (tmp_path / "new").iterdir()}
    assert written == {"report.html", "summary.md", "junit.xml", "run.sarif", "badge.json", "badge.svg"}
    assert (tmp_path / "new" / "report.html").read_text() == report.load("html").render(made.mixed())


def test_every_reporter_renders_every_run(tmp_path: Path) -> None:
    names = [name for name in report.REPORTERS if name != "broken"]
    for run in (made.honest(), made.mixed(), made.cut_short(), made.hostile(), Run(header=made.header())):
        assert report.write(run, tmp_path, names) == []


def test_a_reporter_that_fails_is_told_and_stops_no_other(tmp_path: Path) -> None:
    problems = report.write(made.honest(), tmp_path, ("broken", "plain", "unknown"))
    assert problems[0] == "The broken report was not written: ValueError: it cannot"
    assert problems[1].startswith("There is no reporter 'unknown'; known are html, markdown, ")
    assert [path.name for path in tmp_path.iterdir()] == ["plain.bin"]


def test_a_half_written_file_is_removed_and_the_old_one_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain.bin").write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    problems = report.write(made.honest(), tmp_path, ("plain",))
    assert problems == ["The plain report was not written: OSError: no space left on device"]
    assert [path.name for path in tmp_path.iterdir()] == ["plain.bin"]
    assert (tmp_path / "plain.bin").read_bytes() == b"old"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert len(report.write(made.honest(), tmp_path / "file", ("plain",))) == 1


def test_the_room_of_reports_imports_no_renderer_until_one_is_loaded() -> None:
    line = "import sys, harness.report{0}; print(sorted({{'jinja2', 'rich'}} & set(sys.modules)))"
    said = []
    for module in ("", ".html", ".terminal"):
        command = [sys.executable, "-c", line.format(module)]
        said.append(
            subprocess.run(command, capture_output=True, check=True, text=True, cwd=Path(__file__).parent.parent)
        )
    assert [one.stdout.strip() for one in said] == ["[]", "['jinja2']", "['rich']"]


def test_the_summary_says_what_the_page_says() -> None:
    page = report.load("markdown").render(made.mixed())
    assert isinstance(page, str)
    for said in (
        "1 fail · ? 1 inconclusive · ✓ 3 pass · 4 of 5 backends ran",
        "### 1 failure",
        "**DISAGREE{negated}** <code>lesson.square/finite&#95;difference/xp/eager/grad/float64/three</code> at w: ",
        "| <code>losses.huber</code> | ✓ AGREE 1/1, 2.1× | – not planned |",
        "* JAX did not run: not installed",
        "No phrase for erfinv in torch.",
    ):
        assert said in page


def test_the_summary_is_cut_at_its_limit_and_says_how_much_is_missing() -> None:
    cells = tuple(made.wrong(f"a.case_{at:04d}") for at in range(2000))
    page = report.load("markdown").render(made.run(cells))
    assert isinstance(page, str)
    assert "### 2000 failures" in page
    assert "1950 more failures: see report.html." in page
    assert LIMIT - 1024 < len(page.encode()) <= LIMIT
    assert "more lines**: see report.html." in page[-100:]
    assert cut(["é" * 10] * 100, limit=400).count("é") == 10 * 6


def test_the_summary_keeps_what_is_known_apart() -> None:
    """It is counted by itself, a line each, and marked in the matrix where nothing else fails there."""
    why = "the rule of 2.13\nhas no mask"
    fresh, known = made.wrong("a.new"), made.wrong("a.known", expected=why)
    doubt = made.doubtful("a.doubt", expected="as ever")
    both = made.wrong("a.new", point="other", margin=0, expected="known as well")
    page = report.load("markdown").render(made.run((fresh, known, doubt, both)))
    assert isinstance(page, str)
    assert "✗ 1 fail · ? 0 inconclusive · ✓ 0 pass · 3 known differences · " in page
    failures, _, rest = page.partition("### 3 known differences")
    assert "### 1 failure\n" in failures
    assert (text(fresh.id) in failures, text(known.id) in failures) == (True, False)
    assert (
        f"* ✗ DISAGREE{{negated}} (expected) <code>{text(known.id)}</code>: the rule of 2.13&#92;nhas no mask\n" in rest
    )
    assert f"(expected) <code>{text(doubt.id)}</code>: as ever\n" in rest
    rows = {
        name: next(line for line in rest.splitlines() if f"<code>a.{name}</code>" in line) for name in ("new", "known")
    }
    assert ("(expected)" in rows["new"], "(expected)" in rows["known"]) == (False, True)
    assert "### Not checked" not in page


def test_where_nothing_is_known_the_summary_does_not_speak_of_it() -> None:
    page = report.load("markdown").render(made.mixed())
    assert isinstance(page, str)
    assert "known difference" not in page.partition("\n\n")[2].partition("\n\n")[2]
    assert "(expected)" not in page


def test_many_known_differences_are_counted() -> None:
    cells = tuple(made.wrong(f"a.case_{at:04d}", expected="é" * 500) for at in range(2000))
    page = report.load("markdown").render(made.run(cells))
    assert isinstance(page, str)
    assert "### 2000 known differences" in page
    assert "1950 more known differences: see report.html." in page
    assert "failure" not in page
    assert len(page.encode()) <= LIMIT


def test_nothing_in_a_hostile_name_is_markdown() -> None:
    assert text("<b>|`*_[x](y)@me https://a.b\n# x") == (
        "&#60;b&#62;&#124;&#96;&#42;&#95;&#91;x&#93;(y)&#64;me https&#58;//a.b&#92;n&#35; x"
    )
    page = report.load("markdown").render(made.hostile())
    assert isinstance(page, str)
    assert "<script" not in page
    assert {line.count("|") for line in page.splitlines() if line.startswith("|")} == {8}


@pytest.mark.parametrize(
    ("run", "status", "message"),
    [
        (made.honest(), "pass", "5 of 5 agree, 5 of 5 backends ran"),
        (made.mixed(), "fail", "1 of 5 cells fail"),
        (made.cut_short(), "inconclusive", "run cut short"),
        (made.run((made.doubtful(),)), "inconclusive", "nothing passed"),
        (made.run((made.cell(), made.doubtful())), "inconclusive", "1 of 2 agree, 5 of 5 backends ran"),
        (
            made.run((made.cell(),), head=made.header(backends={"torch": "ran", "jax": "not installed"})),
            "inconclusive",
            "1 of 1 agree, 1 of 2 backends ran",
        ),
        (made.run((made.cell(),), control="A planted wrong gradient was NOT caught."), "fail", "not to be trusted"),
        (Run(header=made.header()), "inconclusive", "run cut short"),
        (made.run(()), "inconclusive", "nothing passed"),
    ],
)
def test_a_badge_is_blue_only_where_all_is_proven(run: Run, status: str, message: str) -> None:
    assert verdict(run) == (status, message)


def test_the_badge_as_an_endpoint() -> None:
    answer = json.loads(report.load("badge").render(made.mixed()))
    assert answer["schemaVersion"] == 1
    assert (answer["label"], answer["message"], answer["isError"]) == ("gradients", "1 of 5 cells fail", True)


@pytest.mark.parametrize("name", ["badge-svg", "picture"])
@pytest.mark.parametrize("run", [made.honest(), made.mixed(), made.cut_short(), made.hostile()])
def test_a_picture_is_well_formed_and_asks_for_nothing(name: str, run: Run) -> None:
    source = report.load(name).render(run)
    root = ElementTree.fromstring(source)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "title", "style", "rect", "g", "text"}
    assert root[0].tag.endswith("title")
    assert "url(" not in str(source)


def test_the_picture_begins_with_the_lesson_and_shows_each_family() -> None:
    source = report.load("picture").render(made.big())
    shown = [element.text or "" for element in ElementTree.fromstring(source).iter() if element.get("class") == "name"]
    cases = shown[5:]
    assert cases[0] == "lesson.square"
    assert {case.partition(".")[0] for case in cases[:5]} == {"lesson", "losses", "classics", "networks"}
    assert "12 of 27 cases." in str(source)


def test_the_strip_of_a_notebook() -> None:
    page = Page(f"<body>{notebook.strip(made.honest())}</body>")
    assert page.unclosed == []
    assert page.requests() == []
    rows = [" ".join(row.text.split()) for row in page.all("tr")]
    assert rows[1] == "truth 9.0000000000000000 6.0000000000000000"
    assert rows[6] == "finite differences 9.0000000000000000 17 6.0000000000000187 14 1.9e-14 8.1e-14 ✓ AGREE"
    assert Page(f"<body>{notebook.strip(made.hostile())}</body>").all("script") == []
