"""Whether a file is text that Python reads; nothing of the harness is imported for it."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from importlib.util import decode_source
from pathlib import Path


def is_text(file: Path) -> bool:
    """Return whether the file is text in UTF-8, or in the encoding that its first lines name.

    True where it cannot be opened: its import says why.
    """
    try:
        raw = file.read_bytes()
    except OSError:
        return True
    return not _is_wide(raw) and (_decodes(bytes.decode, raw) or _decodes(decode_source, raw))


def _is_wide(raw: bytes) -> bool:
    """Return whether the bytes are text in UTF-16 or UTF-32, whose every letter has NUL bytes.

    A file with a stray one is text, though no Python: its import says so.
    """
    return raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or raw.count(0) * 4 >= max(1, len(raw))


def loosely(file: Path) -> str:
    """Return what can be made out of a file that need be no text, UTF-16 included. Raises OSError."""
    return file.read_text(encoding="utf-8-sig", errors="replace").replace("\0", "").lstrip("\N{REPLACEMENT CHARACTER}")


def _decodes(decode: Callable[[bytes], str], raw: bytes) -> bool:
    try:
        decode(raw)
    except (UnicodeDecodeError, SyntaxError, LookupError):  # an encoding that there is not is a SyntaxError, or this
        return False
    return True
