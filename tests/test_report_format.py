"""Numbers and texts as reports print them."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from harness.report.format import (
    DIGITS,
    agreeing,
    brief,
    duration,
    entry,
    exact,
    margin,
    numbers,
    one_line,
    plural,
    split,
    terms,
    visible,
)
from harness.report.place import number_at, ravel, unravel
from harness.run.records import Numbers


@pytest.mark.parametrize("number", [6.0, 0.1, -1 / 3, 1e300, 5e-324, 0.0, 9.060099999999998])
def test_exact_gives_the_same_float_back(number: float) -> None:
    assert float(exact(number)) == number


def test_exact_keeps_the_zeros_that_line_columns_up() -> None:
    assert exact(6.0) == "6.0000000000000000"
    assert exact(6) == exact(6.0)


@pytest.mark.parametrize(("value", "said"), [("nan", "nan"), ("inf", "inf"), ("", "–"), ("(3,)", "(3,)")])
def test_what_is_no_number_is_said_as_it_is(value: str, said: str) -> None:
    assert (exact(value), brief(value)) == (said, said)


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (0.9999, "0.99×"),  # a failure never reads 1×
        (1.0, "1.0×"),
        (3.19, "3.1×"),
        (42.7, "42×"),
        (1234.0, "1200×"),
        (1e9, "1.0e9×"),
        (1.66e-16, "1.6e-16×"),
        ("inf", "∞"),
        ("nan", "–"),
        (0.0, "0.0×"),
    ],
)
def test_a_margin_is_cut_and_never_rounded_up(ratio: float | str, said: str) -> None:
    assert margin(ratio) == said


@pytest.mark.parametrize(
    ("got", "truth", "digits"),
    [
        (6.0, 6.0, DIGITS),
        (0.0, -0.0, DIGITS),
        (5.9999999999999991, 6.0, 15),  # no digit is the same, fifteen agree
        (6.001, 6.0, 3),
        (5.0, 6.0, 0),
        (-6.0, 6.0, 0),
        (1e-300, 0.0, 0),
        (6.0, 0.0, 0),
        (9.060099999999998, 9.0601, 15),
        (0.1000000014901161, 0.1, 7),
        (0.9000000134110449, 0.9, 7),  # the same relative error, the same count
        (1.0, 10.0, 0),
        (9.0, 10.0, 1),
        (5e-324, 1e308, 0),
        ("nan", 6.0, 0),
        ("nan", "nan", 0),  # NaN agrees with nothing
        ("inf", 6.0, 0),
        (6.0, "", 0),
    ],
)
def test_digits_that_agree(got: float | str, truth: float | str, digits: int) -> None:
    assert agreeing(got, truth) == digits


@pytest.mark.parametrize("truth", [2 / 3, -1.01, 9.9e-12])
def test_so_many_digits_agree_as_the_relative_error_has_powers_of_ten(truth: float) -> None:
    for step in range(20, 400):
        got = truth * (1 + 1.07**-step)
        digits = agreeing(got, truth)
        error = abs(Fraction(got) - Fraction(truth)) / abs(Fraction(truth))
        assert error <= Fraction(10) ** -digits
        assert not error <= Fraction(10) ** -(digits + 1)


@pytest.mark.parametrize(
    ("got", "truth", "parts"),
    [
        (6.0, 6.0, ("6.0000000000000000", "", "")),
        (6.0009765625, 6.0, ("6.00", "09765625000000", "")),
        (0.0625 + 2.0**-16, 0.0625, ("0.0625", "15258789062500", "")),
        (2.0**-30, 2.0**-30, ("9.3132257461547852", "", "e-10")),
        (-6.0, 6.0, ("", "-6.0000000000000000", "")),
        ("nan", 6.0, ("", "nan", "")),
        ("", 6.0, ("–", "", "")),
    ],
)
def test_the_differing_digits_are_cut_off(got: float | str, truth: float, parts: tuple[str, str, str]) -> None:
    assert split(got, truth) == parts
    assert "".join(parts) == exact(got)


def test_control_and_direction_marks_are_written_out() -> None:
    hostile = "a\x1b[2J\u202eb\u200f\x9b\x7f\u2028\ud800\n\t"
    assert visible(hostile) == "a\\x1b[2J\\u202eb\\u200f\\x9b\\x7f\\u2028\\ud800\n\t"
    assert one_line(hostile).isprintable()
    assert one_line("J(w) = w², 日本, 🙂") == "J(w) = w², 日本, 🙂"


def test_small_words() -> None:
    assert [entry(""), entry("w"), entry("layers.w", (0, 3))] == ["J", "w", "layers.w[0, 3]"]
    assert [plural(1, "cell"), plural(2, "cell"), plural(0, "entry", "entries")] == ["1 cell", "2 cells", "0 entries"]
    assert [duration(0.0008), duration(41.2), duration(185)] == ["0.8 ms", "41.2 s", "3 min 05 s"]
    assert terms({"EV": 1.3e-15, "η": "nan"}) == "EV 1.3e-15 + η nan"


def test_an_array_is_shortened_and_says_by_how_much() -> None:
    assert numbers(Numbers(shape=(), values=(3.0,))) == "3.0"
    whole = Numbers(shape=(2000,), values=(0.5,) * 100, size=2000)
    assert numbers(whole, limit=2) == "[0.5, 0.5, … 1998 more]  shape 2000"


def test_index_and_number_of_an_entry_are_inverse() -> None:
    shape = (2, 3, 4)
    assert [ravel(unravel(at, shape), shape) for at in range(math.prod(shape))] == list(range(24))
    assert unravel(23, shape) == (1, 2, 3)


def test_an_entry_that_is_not_held_is_empty() -> None:
    arrays = {"w": Numbers(shape=(2, 2), values=(1.0, 2.0, 3.0), hex=("0x1p+0",))}
    assert number_at(arrays, ("w", (0, 1))) == (2.0, "")
    absent = [("w", (1, 1)), ("w", (0, 2)), ("w", (2, 0)), ("w", ()), ("b", ())]
    assert [number_at(arrays, place) for place in absent] == [("", "")] * len(absent)
