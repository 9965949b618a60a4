"""One is one and two are two."""

from __future__ import annotations

from harness.wording import plural, verb


def test_nouns_and_verbs_follow_their_number() -> None:
    assert [plural(n, "cell") for n in (0, 1, 2)] == ["0 cells", "1 cell", "2 cells"]
    assert [plural(n, "entry", "entries") for n in (1, 2)] == ["1 entry", "2 entries"]
    assert [verb(n, "is", "are") for n in (0, 1, 2)] == ["are", "is", "are"]
