"""From files to cases: every case is found by its path, the catalogue's as well as a user's."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from importlib.machinery import SOURCE_SUFFIXES
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from harness.declare import Case, DeclarationError, declared, stem
from harness.encoding import is_text, loosely
from harness.loader import FromText
from harness.points import PointError
from harness.told import fitting, message, told

SPELLING = re.compile(r"^@[\w.]+\.(?:backward\s*$|native\()", re.MULTILINE)
"""A spelling that is added to a case of another file."""


MODULE = "harness_cases_"
"""How the modules of case files are called: they are imported by path."""

AROUND = "The files import each other in a circle: move what they share into a third one."


class CollectionError(Exception):
    """A file of cases that cannot be read; the text says which, where and why."""


@lru_cache
def catalogue() -> Path:
    """Return the folder of the bundled cases."""
    here = Path(__file__).resolve().parent
    beside, packaged = here.parent / "cases", here / "_catalogue"
    return packaged if packaged.is_dir() else beside


def relative(name: str, line: int) -> str:
    """Return file:line, relative to where the run or the catalogue is."""
    file = Path(name)
    for base in (Path.cwd(), catalogue().parent):
        if file.is_relative_to(base):
            return f"{file.relative_to(base).as_posix()}:{line}"
    return f"{file}:{line}"


def collect(paths: Iterable[str | Path] = ()) -> list[Case]:
    """Return the cases of the given files and folders, in order; of the catalogue where none are given.

    Raises CollectionError.
    """
    cases = [case for file in files_at(paths) for case in cases_of(load(file))]
    check_unique(cases)
    return cases


def files_at(paths: Iterable[str | Path] = ()) -> list[Path]:
    """Return the case files at and below the paths, each once, in order; of the catalogue where none are given.

    Raises CollectionError.
    """
    return list({os.path.realpath(file): file for file in _files(list(paths) or [catalogue()])}.values())


def _files(paths: Iterable[str | Path]) -> Iterator[Path]:
    for given in map(Path, paths):
        if given.is_dir():
            found = sorted(file for file in _below(given) if _holds_cases(file))
            if not found:
                raise CollectionError(f"{given}: no file there imports harness; write @case in a case_….py")
            yield from found
        elif given.is_file():
            yield given
        else:
            raise CollectionError(
                f"{given}: there is no such file or folder; give a path to case files, or -k WORD to `run`"
            )


def _below(folder: Path) -> Iterator[Path]:
    """Yield the Python files below the folder that are not private. Raises CollectionError."""

    def closed(error: OSError) -> None:
        raise CollectionError(f"{error.filename}: the folder cannot be searched for case files: {error.strerror}")

    for place, inner, names in os.walk(folder, onerror=closed):
        inner[:] = [name for name in inner if not name.startswith((".", "_"))]
        yield from (Path(place, name) for name in names if name.endswith(".py") and not name.startswith((".", "_")))


def _holds_cases(file: Path) -> bool:
    """Return whether the file holds cases, or is none for what its import says: it cannot be opened, or is no text."""
    if file.exists() and not file.is_file():
        return False
    try:
        text = loosely(file)
    except OSError:
        return True
    unread = file.name.startswith("case_") and not is_text(file)
    return unread or "harness" in text or SPELLING.search(text) is not None


def load(file: Path) -> ModuleType:
    """Return the module at `file`, imported by path under a name of its own.

    Its folder is on the search path meanwhile, so that sibling files can be imported. What it prints goes to standard
    error, since standard output is the command's.
    """
    if not is_text(file):
        raise CollectionError(f"{file}: the file is not UTF-8 text; save it as UTF-8")
    path = Path(os.path.realpath(file))
    name = f"{MODULE}{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path, loader=FromText(name, str(path)))
    if spec is None or spec.loader is None or path.suffix not in SOURCE_SUFFIXES:
        raise CollectionError(f"{file}: this is not a Python file; give a path to case files")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _interrupts() as heard, _kept(), declared() as made:
        sys.path.insert(0, str(path.parent))
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            sys.modules.pop(name, None)
            if heard:
                raise
            raise CollectionError(_why(file, error)) from error
        finally:
            _remove(str(path.parent))
    check_unique(case for case in made if case.file == str(module.__file__))
    _check_kept(made, module)
    return module


def _check_kept(made: Iterable[Case], module: ModuleType) -> None:
    """Raise CollectionError where a case that the file declares would be lost without a word."""
    named = {id(value) for value in vars(module).values()}
    for case in made:
        place = relative(case.file, case.line)
        if case.file == str(module.__file__) and id(case) not in named:
            raise CollectionError(
                f"{place}: {case.id} has no name at the top level of its file; write name = case(…)(…)"
            )
        if case.file != str(module.__file__) and id(case) in named and not _found_elsewhere(case):
            raise CollectionError(f"{module.__file__}: the function of {case.id} stands in {place}; define it here")


def _found_elsewhere(case: Case) -> bool:
    """Return whether the file of the case's function has the case too: it is imported from there."""
    homes = [home for home in list(sys.modules.values()) if getattr(home, "__file__", None) == case.file]
    return any(value is case for home in homes for value in vars(home).values())


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Return a context with the list of Ctrl-C pressed in it: a KeyboardInterrupt beside is the file's own."""
    heard: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield heard
        return

    def hear(number: int, frame: FrameType | None) -> Any:
        heard.append(number)
        return before(number, frame)

    signal.signal(signal.SIGINT, hear)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _kept() -> Iterator[None]:
    """Return a context that leaves folder, streams and arguments as they were; a copy of the process ends with it.

    Of the search path nothing is lost.
    """
    standard = [number for number in (0, 1, 2) if _is_open(number)]
    descriptors = {number: os.dup(number) for number in standard}
    process, folder, path = os.getpid(), os.open(".", os.O_RDONLY), list(sys.path)
    before = {name: getattr(sys, name) for name in ("argv", "stdin", "stdout", "stderr")}
    _set(before | {"argv": list(sys.argv), "stdin": io.StringIO(), "stdout": before["stderr"]})
    try:
        yield
    finally:
        if os.getpid() != process:
            os._exit(0)
        os.fchdir(folder)
        os.close(folder)
        for number, copy in descriptors.items():
            os.dup2(copy, number)
            os.close(copy)
        _set(before)
        sys.path += [place for place in path if place not in sys.path]


def _set(named: dict[str, object]) -> None:
    for name, value in named.items():
        setattr(sys, name, value)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _remove(folder: str) -> None:
    """Take a folder off the search path, if the file that was imported has left it there."""
    if folder in sys.path:
        sys.path.remove(folder)


def _why(file: Path, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and _is_of_a_file(error):
        where = file if error.filename in (None, os.path.realpath(file)) else error.filename
        place = f"{where}:{error.lineno}" if error.lineno else f"{where}"
        return f"{place}: the file is not valid Python: {fitting(error.msg)}. Mend it."
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == os.path.realpath(file)
    ]
    place = f"{file}:{lines[-1]}" if lines else str(file)
    if isinstance(error, DeclarationError | PointError):
        return f"{place}: {message(error)}"
    if isinstance(error, ImportError):
        said = fitting(message(error)).rstrip(".")
        return f"{place}: {said}. {_advice(said)}"
    return f"{place}: importing the file raised {told(error)}. Mend that line."


def _advice(said: str) -> str:
    """Return what helps against an ImportError that says this."""
    if said.startswith("attempted relative import"):
        return "Write `from case_other import …`: files of the same folder are found by their names alone."
    if "circular import" in said:
        return AROUND
    return "Install what the file imports, or import it inside the function."


def _is_of_a_file(error: SyntaxError) -> bool:
    """Return whether a file could not be read, and not some text that it gave to `eval` or a SyntaxError it raised."""
    said: object = error.msg
    return isinstance(said, str) and (error.filename is None or Path(error.filename).is_file())


def cases_of(module: ModuleType) -> list[Case]:
    """Return the cases that the module declares, in the order of their declaration.

    A case of another file to which the module adds spellings is its own too, under its own name and with these alone.
    """
    file = str(module.__file__)
    modules = [module, *(value for value in vars(module).values() if issubclass(type(value), ModuleType))]
    values = [value for place in modules for value in vars(place).values()]
    found = dict.fromkeys(value for value in values if issubclass(type(value), Case))
    return [own for own in (_of(case, file) for case in found) if own is not None]


def _of(case: Case, file: str) -> Case | None:
    """Return the case as the file has it, None where it is another file's affair."""
    if case.file and Path(case.file) == Path(file):
        return case
    added = [native for native in case.natives if native.place[0] and Path(native.place[0]) == Path(file)]
    if not added:
        return None
    name = case.id.partition(".")[2]
    return replace(case, id=f"{stem(file)}.{name}", file=file, line=added[0].place[1], natives=added)


def check_unique(cases: Iterable[Case]) -> None:
    """Raise CollectionError where two cases have one id."""
    seen: dict[str, Case] = {}
    for case in cases:
        first = seen.setdefault(case.id, case)
        if first is not case and (first.file, first.line) == (case.file, case.line):
            raise CollectionError(f"{case.file}: {AROUND}")
        if first is not case:
            raise CollectionError(
                f"{relative(case.file, case.line)}: the id {case.id} is taken by {relative(first.file, first.line)}; "
                "rename one, or write name='…'"
            )
