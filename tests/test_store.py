"""Run files: written line by line, read whole or cut short, refused when they are something else."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import synthetic as made
from harness.run.records import FORMAT, CellLine, HeaderLine, Line, num, to_float
from harness.run.store import FILE, RunFileError, Writer, load

HEADER = HeaderLine(
    format=FORMAT,
    version="0",
    started="",
    command="",
    seed=0,
    platform={},
    versions={},
    flags={},
    backends={"torch": "ran"},
)


def cell(identity: str) -> CellLine:
    return CellLine(
        id=identity,
        case="a.b",
        backend="torch",
        spelling="xp",
        variant="eager",
        operator="grad",
        dtype="float64",
        point="p0",
        verdict="AGREE",
        cls="pass",
        reason="",
        rule=12,
        location="a.py:1",
        margin=num(float("inf")),
        error=0.0,
        tolerance=1.0,
        terms={},
        resolution=num(float("nan")),
        ulp=0.0,
    )


def written(folder: Path, *lines: Line) -> Path:
    with Writer(folder) as writer:
        for line in lines:
            writer.write(line)
    return writer.path


def test_lines_come_back_as_they_were(tmp_path: Path) -> None:
    lines = [HEADER, cell("one"), cell("two")]
    found = load(written(tmp_path, *lines))
    assert [found.header, *found.cells] == lines
    assert found.totals is None
    assert load(tmp_path) == found


def test_non_finite_numbers_are_strings(tmp_path: Path) -> None:
    text = written(tmp_path, HEADER, cell("one")).read_text()
    assert '"margin":"inf"' in text
    assert '"resolution":"nan"' in text
    assert to_float(num(float("-inf"))) == float("-inf")
    assert num(0.1) == 0.1


def test_the_class_is_called_class(tmp_path: Path) -> None:
    line = msgspec.json.decode(written(tmp_path, HEADER, cell("one")).read_bytes().splitlines()[1])
    assert line["class"] == "pass"


def test_every_line_is_there_as_soon_as_it_is_written(tmp_path: Path) -> None:
    with Writer(tmp_path) as writer:
        writer.write(HEADER)
        writer.write(cell("one"))
        assert len(load(tmp_path).cells) == 1


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_line_that_was_cut_short_is_dropped(tmp_path: Path, cut: int) -> None:
    file = written(tmp_path, HEADER, cell("one"), cell("two"))
    file.write_bytes(file.read_bytes()[:-cut])
    assert [line.id for line in load(file).cells] == (["one", "two"] if cut == 1 else ["one"])


FOREIGN = {
    "empty": b"",
    "text": b"hello\n",
    "json": b'{"a": 1}\n{"b": 2}\n',
    "binary": bytes(range(256)),
    "middle": msgspec.json.encode(HEADER) + b"\nnot json\n" + msgspec.json.encode(cell("one")) + b"\n",
    "no_header": msgspec.json.encode(cell("one")) + b"\n",
}


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_a_foreign_file_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / FILE
    file.write_bytes(FOREIGN[name])
    with pytest.raises(RunFileError, match=r"is this a run\.jsonl\?"):
        load(file)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    newer = msgspec.structs.replace(HEADER, format=FORMAT + 1)
    with pytest.raises(RunFileError, match="install a newer gradharness"):
        load(written(tmp_path, newer))


def test_a_file_takes_the_place_of_the_one_before_with_the_first_cell_that_is_new(tmp_path: Path) -> None:
    written(tmp_path, HEADER, cell("old"))
    with Writer(tmp_path) as writer:
        writer.write(HEADER)
        writer.write(msgspec.structs.replace(cell("taken"), earlier=True))
        assert [line.id for line in load(tmp_path).cells] == ["old"]
        assert not writer.in_place
        writer.write(cell("new"))
        assert writer.in_place
        assert [line.id for line in load(tmp_path).cells] == ["taken", "new"]
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_what_ends_before_its_first_cell_leaves_the_file_of_before_and_nothing_beside_it(tmp_path: Path) -> None:
    def ended() -> None:
        with Writer(tmp_path) as writer:
            writer.write(HEADER)
            raise KeyboardInterrupt

    written(tmp_path, HEADER, cell("old"))
    with pytest.raises(KeyboardInterrupt):
        ended()
    assert [line.id for line in load(tmp_path).cells] == ["old"]
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_lines_of_one_case_or_group_are_one(tmp_path: Path) -> None:
    old = made.case(title="then", emitted={"torch": "a", "jax": "b"})
    new = made.case(title="now", emitted={"torch": "c"}, formula="")
    groups = [made.group(curve=((1.0, 2.0),), pairs={"a|b": 0.0}), made.group(pairs={"a|c": 1.0}, second_opinion="")]
    found = load(written(tmp_path, HEADER, old, groups[0], groups[1], new))
    assert [line.title for line in found.cases] == ["now"]
    assert (found.cases[0].emitted, found.cases[0].formula) == ({"torch": "c", "jax": "b"}, old.formula)
    (group,) = found.groups
    assert (group.curve, group.pairs) == (((1.0, 2.0),), {"a|b": 0.0, "a|c": 1.0})
    assert group.second_opinion == groups[0].second_opinion


def test_a_missing_file_and_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(RunFileError, match="give a run"):
        load(tmp_path / "nothing")
    (tmp_path / "taken").write_text("")
    with pytest.raises(RunFileError, match="choose another folder with --out"):
        Writer(tmp_path / "taken")
