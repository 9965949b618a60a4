"""Rows of complex values: a framework writes all of them in its own complex numbers, or none."""

from __future__ import annotations

from harness.backends.phrasebook import OPERATORS, Phrase, Row, Rows


def complex_rows(module: str, *, of: str, lifted: str, total: Phrase, **own: Row) -> Rows:
    """Return the rows of complex values; `of` makes one of two parts, `lifted` of a real array, `total` is a sum.

    `module` has conj, real, imag, abs and exp; `own` are rows that differ.
    """
    operators = {op: OPERATORS[op] for op in "add subtract multiply divide negative matmul index".split()}
    products = dict.fromkeys(("matvec", "vecmat", "dot"), OPERATORS["matmul"])
    return {
        **{f"complex_{op}": row for op, row in (operators | products).items()},
        **{op: f"{module}.{op}({{0}})" for op in ("conj", "real", "imag")},
        **{f"complex_{op}": f"{module}.{op}({{0}})" for op in ("abs", "exp")},
        "complex_of": Phrase(words=of, numbers="refused"),
        "as_complex": Phrase(words=lifted, numbers="refused"),
        "complex_sum": total,
        **own,
    }
