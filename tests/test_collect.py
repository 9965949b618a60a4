"""From files to cases, and the sentences of files that cannot be read."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from harness.collect import CollectionError, catalogue, collect
from test_cli import gradharness

CASE = """from harness import case, param

@case(w=param(), points=[dict(w=3.0)])
def {name}(xp, w):
    return w**2
"""


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_the_catalogue_is_collected_by_path() -> None:
    cases = collect()
    assert len({case.id for case in cases}) == len(cases) >= 27
    assert all(Path(case.file).is_relative_to(catalogue()) for case in cases)


def test_ids_come_from_file_and_function(tmp_path: Path) -> None:
    file = write(tmp_path, "case_My losses.py", CASE.format(name="huber"))
    assert [case.id for case in collect([file])] == ["my_losses.huber"]


def test_a_folder_is_searched_for_files_that_use_the_harness(tmp_path: Path) -> None:
    write(tmp_path, "case_a.py", CASE.format(name="one"))
    write(tmp_path, "helper.py", "X = 1\n")
    write(tmp_path, "_private.py", CASE.format(name="hidden"))
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub", "case_b.py", CASE.format(name="two"))
    assert [case.id for case in collect([tmp_path])] == ["a.one", "b.two"]


def test_sibling_files_can_be_imported_and_the_path_is_restored(tmp_path: Path) -> None:
    write(tmp_path, "sibling_numbers.py", "THREE = 3.0\n")
    file = write(tmp_path, "case_a.py", "from sibling_numbers import THREE\n" + CASE.format(name="one"))
    before = list(sys.path)
    assert len(collect([file])) == 1
    assert sys.path == before


def test_imported_cases_are_not_collected_twice(tmp_path: Path) -> None:
    write(tmp_path, "case_first.py", CASE.format(name="one"))
    write(tmp_path, "case_second.py", "from case_first import one\n" + CASE.format(name="two"))
    assert [case.id for case in collect([tmp_path])] == ["first.one", "second.two"]


WRONG = {
    "syntax": ("def f(:\n", ":1: the file is not valid Python"),
    "import": ("import no_such_package_here\n", ":1: No module named 'no_such_package_here'. Install what"),
    "raises": ("from harness import case\nx = 1 / 0\n", ":2: importing the file raised ZeroDivisionError"),
    "exits": ("import sys\nsys.exit(3)\n", ":2: importing the file raised SystemExit"),
    "declaration": (
        "from harness import case, param\n@case(w=param(), points=[])\ndef f(xp, w):\n    return w\n",
        "has no points; write points=",
    ),
    "duplicate": (CASE.format(name="one") + CASE.format(name="one").replace("def one", "def two_"), ""),
}


@pytest.mark.parametrize("name", [name for name in WRONG if WRONG[name][1]])
def test_a_file_that_cannot_be_read_says_why(name: str, tmp_path: Path) -> None:
    text, sentence = WRONG[name]
    file = write(tmp_path, "case_wrong.py", text)
    with pytest.raises(CollectionError) as refusal:
        collect([file])
    assert sentence in str(refusal.value)
    assert "case_wrong.py" in str(refusal.value)


def test_ids_that_are_taken_name_both_places(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write(tmp_path, "case_a.py", CASE.format(name="one"))
    write(tmp_path / "sub", "case_a.py", CASE.format(name="one"))
    with pytest.raises(CollectionError, match=r"the id a\.one is taken by .*case_a\.py:3"):
        collect([tmp_path])


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="no such file or folder"):
        collect([tmp_path / "nothing"])
    with pytest.raises(CollectionError, match="no file there imports harness"):
        collect([tmp_path])


def test_what_is_no_file_is_passed_by_and_what_cannot_be_read_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "case_a.py", CASE.format(name="one"))
    (tmp_path / "case_folder.py").mkdir()
    os.mkfifo(tmp_path / "case_pipe.py")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [case.id for case in collect([tmp_path])] == ["a.one"]
    (tmp_path / "case_link.py").symlink_to("case_link.py")
    with pytest.raises(CollectionError, match=r"case_link\.py.*symbolic links"):
        collect([tmp_path])

    def closed(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(CollectionError, match="the folder cannot be searched for case files: Permission denied"):
        collect([tmp_path])


NO_TEXT = {
    "utf16": CASE.format(name="one").encode("utf-16"),
    "utf16_without_a_mark": CASE.format(name="one").encode("utf-16-le"),
    "latin1_that_is_not_named": f"# é\n{CASE.format(name='one')}".encode("latin-1"),
    "binary": bytes(range(256)),
    "latin1_of_another_encoding": f"# coding: ascii\n# é\n{CASE.format(name='one')}".encode("latin-1"),
}


@pytest.mark.parametrize("name", NO_TEXT)
def test_a_case_file_that_is_no_text_is_told_and_not_passed_by(name: str, tmp_path: Path) -> None:
    write(tmp_path, "case_a.py", CASE.format(name="one"))
    (tmp_path / "case_b.py").write_bytes(NO_TEXT[name])
    (tmp_path / "helper.py").write_bytes(b"# \xe9\n")
    for path in (tmp_path, tmp_path / "case_b.py"):
        with pytest.raises(CollectionError, match=r"case_b\.py: the file is not UTF-8 text; save it as UTF-8$"):
            collect([path])
    listed = gradharness("list", ".", cwd=tmp_path)
    assert (listed.returncode, "a.one" in listed.stdout) == (2, True)
    assert listed.stderr == "gradharness: case_b.py: the file is not UTF-8 text; save it as UTF-8\n"
    collected = pytested(tmp_path)
    assert collected.returncode == 2
    assert "case_b.py: the file is not UTF-8 text; save it as UTF-8" in collected.stdout
    assert "helper.py" not in listed.stderr + collected.stdout
    (tmp_path / "case_b.py").unlink()
    assert (gradharness("list", ".", cwd=tmp_path).returncode, pytested(tmp_path).returncode) == (0, 0)


TEXT = {
    "latin1": "# coding: latin-1\n# é\n".encode("latin-1"),
    "utf8_with_a_mark": b"\xef\xbb\xbf",
    "utf8": "# é\n".encode(),
    "utf8_under_another_name": "# coding: latin-1\n# é\n".encode(),
}


@pytest.mark.parametrize("name", TEXT)
def test_a_case_file_in_an_encoding_of_its_own_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "case_a.py").write_bytes(TEXT[name] + CASE.format(name="one").encode())
    assert [case.id for case in collect([tmp_path])] == ["a.one"]
    assert "case_a.py::one[sympy]" in pytested(tmp_path).stdout


def pytested(folder: Path) -> subprocess.CompletedProcess[str]:
    """Return what pytest collects in a folder, on SymPy."""
    words = ["-q", "--collect-only", "-p", "no:cacheprovider", "--agreement-backend", "sympy", "."]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


CIRCLE = "import each other in a circle: move what they share into a third one"
IMPORTS = {
    "relative": ("from .case_b import two\n", "", "Write `from case_other import …`"),
    "circle": ("from case_b import two\n", "from case_a import one\n", CIRCLE),
    "twice": ("import case_b\n", "import case_a\n", CIRCLE),
}


@pytest.mark.parametrize("name", IMPORTS)
def test_imports_among_case_files_that_cannot_be_say_what_to_do(name: str, tmp_path: Path) -> None:
    first, second, sentence = IMPORTS[name]
    write(tmp_path, "case_a.py", first + CASE.format(name="one"))
    write(tmp_path, "case_b.py", second + CASE.format(name="two"))
    with pytest.raises(CollectionError) as refusal:
        collect([tmp_path / "case_a.py"])
    assert sentence in str(refusal.value)


def test_what_a_file_takes_off_the_search_path_is_there_again(tmp_path: Path) -> None:
    before = list(sys.path)
    assert collect([write(tmp_path, "case_a.py", "import sys\nsys.path.clear()\n" + CASE.format(name="one"))])
    assert sys.path == before


def test_a_file_is_read_as_it_stands_whatever_bytecode_is_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "case_same.py"
    for name in ("before", "behind"):
        file.write_text(CASE.format(name=name))
        os.utime(file, (1e9, 1e9))  # as a change within one second leaves it
        assert [one.id for one in collect([file])] == [f"same.{name}"]
        assert not (tmp_path / "__pycache__").exists()
        py_compile.compile(str(file))
        (tmp_path / "__pycache__").rename(tmp_path / name)
    (tmp_path / "before").rename(tmp_path / "__pycache__")
    assert [one.id for one in collect([file])] == ["same.behind"]
