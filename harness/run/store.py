"""Writing and reading `run.jsonl`: a line as soon as it is known, so that a killed run leaves the rest.

A run begins in a file beside it, which takes its place with the first cell that is measured: whenever a run ends, by
whatever means, there is what was measured before or what is measured now, all that was taken over included.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from harness.run.joined import joined_cases, joined_groups
from harness.run.records import FORMAT, CaseLine, CellLine, GroupLine, HeaderLine, Line, Run, TotalsLine
from harness.told import encodable

FILE = "run.jsonl"
PART = "run.jsonl.part"
"""A run that has not measured anything yet."""
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class RunFileError(Exception):
    """A run file that cannot be read or written; the text says what to do."""


class Writer:
    """A run file that is open for appending lines."""

    def __init__(self, folder: Path) -> None:
        self.path, self._part = folder / FILE, folder / PART
        self.in_place = False
        """Whether the file at `path` is this run's: before, it is that of an earlier run, if there is one."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self.path.exists():
                self.path.open("ab").close()  # what may not be written is told now, and not after the first cell
            self._file = self._part.open("wb")
        except OSError as error:
            raise RunFileError(
                f"{folder}: cannot write here ({error.strerror}); choose another folder with --out"
            ) from error

    def write(self, line: Line) -> None:
        """Append one line and hand it to the operating system."""
        try:
            self._file.write(_encoded(line))
            self._file.flush()
            if not self.in_place and _is_new(line):
                self._take_place()
        except OSError as error:
            raise RunFileError(
                f"{self.path}: {error.strerror}; free space or choose another folder with --out"
            ) from error

    def _take_place(self) -> None:
        """Put the file in the place of the one before, in one step."""
        os.fsync(self._file.fileno())
        self._part.replace(self.path)
        self.in_place = True

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if kind is None and not self.in_place:
                self._take_place()
            self._file.close()
            if not self.in_place:
                self._part.unlink(missing_ok=True)
        except OSError as late:
            if kind is None:
                raise RunFileError(f"{self.path}: {late.strerror}; free space or choose another folder") from late


def _is_new(line: Line) -> bool:
    """Return whether a line says what this run has found out."""
    return isinstance(line, TotalsLine) or (isinstance(line, CellLine) and not line.earlier)


def load(path: Path) -> Run:
    """Return the run in a file, or in the `run.jsonl` of a folder; a line that was cut short at the end is dropped.

    Raises RunFileError where the file is no run.
    """
    file = path / FILE if path.is_dir() else path
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise RunFileError(f"{file}: {error.strerror}; give a run.jsonl or its folder") from error
    return loads(raw, file)


def loads(raw: bytes, file: Path | str = FILE) -> Run:
    """Return the run in the bytes of a run file. Raises RunFileError where they are none."""
    return assemble(_lines(raw, file), file)


def dumps(run: Run) -> bytes:
    """Return the run as the bytes of a run file."""
    totals = () if run.totals is None else (run.totals,)
    lines: tuple[Line, ...] = (run.header, *run.cases, *run.groups, *run.cells, *totals)
    return b"".join(map(_encoded, lines))


def _encoded(line: Line) -> bytes:
    try:
        return _encoder.encode(line) + b"\n"
    except UnicodeEncodeError:
        return _encoder.encode(writable(line)) + b"\n"


def writable(line: Line) -> Line:
    """Return the line as a file can hold it: halves of characters, which users' texts may have, are spelled out."""
    try:
        _encoder.encode(line)
    except UnicodeEncodeError:
        cleaned: Line = msgspec.convert(_spelled_out(msgspec.to_builtins(line)), Line)
        return cleaned
    return line


def _spelled_out(value: Any) -> Any:
    """Return nested builtins with every text made encodable, keys included."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {_spelled_out(key): _spelled_out(inner) for key, inner in value.items()}
    return [_spelled_out(inner) for inner in value] if isinstance(value, list | tuple) else value


def _lines(raw: bytes, file: Path | str) -> list[Line]:
    texts = [text for text in raw.split(b"\n") if text.strip()]
    found: list[Line] = []
    for number, text in enumerate(texts, start=1):
        try:
            found.append(_decoder.decode(text))
        except msgspec.MsgspecError as error:
            if number == len(texts) and found:
                break
            raise RunFileError(f"{file}:{number}: not a line of a run ({error}); is this a run.jsonl?") from error
    return found


def assemble(lines: list[Line], file: Path | str = FILE) -> Run:
    """Return the lines as a run, each as a file can hold it: what reads a run in this process reads the same.

    Raises RunFileError without a header, or of a newer format.
    """
    lines = [writable(line) for line in lines]
    if not lines or not isinstance(lines[0], HeaderLine):
        raise RunFileError(f"{file}: the first line is not the header of a run; is this a run.jsonl?")
    header = lines[0]
    if header.format > FORMAT:
        raise RunFileError(f"{file}: format {header.format} is newer than {FORMAT}; install a newer gradharness")
    totals = [line for line in lines if isinstance(line, TotalsLine)]
    return Run(
        header=header,
        cases=joined_cases(line for line in lines if isinstance(line, CaseLine)),
        groups=joined_groups(line for line in lines if isinstance(line, GroupLine)),
        cells=tuple(line for line in lines if isinstance(line, CellLine)),
        totals=totals[-1] if totals else None,
    )
