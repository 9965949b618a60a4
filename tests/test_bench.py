"""The bench is honest: both sides of a ratio compute the same, and a bar that is missed or not measured says so."""

from __future__ import annotations

import gc
import math
import pickle
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench import bare, command, listing, truth, whole
from bench.dump import dump, tasks
from bench.figure import Figure
from bench.gradients import CASES, Contest, adapter_of, held, loop_of
from bench.pairs import alternated, ratio
from bench.process import Ended, ended
from bench.roundtrip import Nothing
from bench.table import table
from harness.backends import BACKENDS, describe
from harness.backends.adapter import Adapter
from harness.collect import collect
from harness.declare import Case
from harness.measurement import Task
from harness.run.plan import Cell, Selection, plan
from harness.workers.jobs import perform

NAMES = ["tensorflow", "torch", "jax"]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return collect()


def adapter(name: str) -> Adapter:
    """Return the adapter, whose framework is imported once; the test is skipped where it is not installed."""
    pytest.importorskip(describe(name).package)
    return adapter_of(name)


# --------------------------------------------------------------------------- the loops by hand

Numbers = list[NDArray[np.generic]]


def numbers(framework: Adapter, answer: Any) -> Numbers:
    """Return value and partials as NumPy."""
    value, partials = answer
    return [framework.numpy(x)[0] for x in (value, *partials)]


def assert_same(ours: Numbers, theirs: Numbers) -> None:
    """Fused functions round otherwise: nine digits, and NaN is never the same."""
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12, equal_nan=False)


def points(cases: list[Case], case: str, name: str) -> list[Task]:
    """Return the tasks of a case in float64, one a point."""
    cells = plan(cases, Selection(backends=(name,), dtypes=("float64",)))
    return [task for _, task in tasks(cases, [cell for cell in cells if cell.case == case])]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", NAMES)
def test_a_loop_by_hand_computes_what_the_emitted_source_does(name: str, case: str, cases: list[Case]) -> None:
    framework = adapter(name)
    loop, found = loop_of(framework, case), points(cases, case, name)
    assert len(found) >= 3
    for task in found:
        ours = numbers(framework, framework.compile(task)(*framework.to_native(task)))
        theirs = numbers(framework, loop(*held(framework, task)))
        assert len(ours) == 1 + len(task.graph.params)
        assert_same(ours, theirs)


@pytest.mark.parametrize("wrong", [lambda x: x * (1 + 1e-6), lambda x: x.T[:1], lambda x: x * np.nan])
def test_another_gradient_is_not_the_same(wrong: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> None:
    right: Numbers = [np.array(1.0), np.array([[0.5, 2.0], [1.0, -3.0]])]
    assert_same(right, [x.copy() for x in right])
    for changed in ([right[0], wrong(right[1])], right[:1]):
        with pytest.raises(AssertionError):
            assert_same(right, changed)


# --------------------------------------------------------------------------- timing and figures


def test_two_calls_take_turns_at_going_first() -> None:
    order: list[str] = []
    ours, theirs = alternated(lambda: order.append("a"), lambda: order.append("b"), pairs=4)
    assert "".join(order) == "abbaabba"
    assert len(ours) == len(theirs) == 4
    assert (np.concatenate([ours, theirs]) > 0).all()


def test_garbage_waits_while_calls_are_timed() -> None:
    seen: list[bool] = []
    alternated(lambda: seen.append(gc.isenabled()), lambda: None, pairs=2)
    assert seen == [False, False]
    assert gc.isenabled()


def test_a_ratio_is_median_over_median() -> None:
    assert ratio(np.array([2.0, 100.0, 3.0]), np.array([2.0, 1.0, 50.0])) == 1.5
    assert math.isnan(ratio(np.array([1.0, np.nan, 1.0]), np.array([1.0, 1.0, 1.0])))


def test_a_contest_is_the_median_of_its_rounds() -> None:
    contest = Contest(case="c.d", ours=lambda: None, theirs=lambda: None, first=(0.25, 0.5))
    contest.play()
    assert len(contest.taken) == 1
    contest.taken[:] = [(1.0, 3e-6, 3e-6), (1.25, 5e-6, 4e-6), (9.0, 9e-6, 1e-6)]
    row = contest.figure()
    assert (row.name, row.median, row.verdict) == ("  c.d", 1.25, "")
    assert row.note == "5 : 3 µs, first call 250 : 500 ms"


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        ((0.5,), "holds"),
        ((9.0, 1.1, 1.0), "holds"),
        ((1.0, 1.25, 1.25), "misses by 0.15"),
        ((math.nan, 1.0, 1.0), "misses by nan"),
        ((math.inf,), "misses by inf"),
        ((), "not measured"),
    ],
)
def test_a_bar_holds_at_the_median_or_says_by_how_much_not(measured: tuple[float, ...], verdict: str) -> None:
    assert Figure(name="n", measured=measured, bar=1.1).verdict == verdict


def test_the_table_stands_in_columns() -> None:
    rows = [
        Figure(name="long name", measured=(1.0, 2.0, 4.0), unit="s", bar=1.5, note="beside"),
        Figure(name="x", note="why"),
    ]
    head, line, first, second = table(rows).splitlines()
    assert re.split("  +", first) == ["long name", "2 s", "≤ 1.5 s", "misses by 0.5 s", "1 … 4", "beside"]
    assert re.split("  +", second) == ["x", "–", "not measured", "why"]
    assert set(line) == {"-"}
    assert head.index("beside it") == first.index("beside") == second.index("why")


# --------------------------------------------------------------------------- processes


def test_a_process_is_told_by_its_own_size_and_end() -> None:
    """A child of its own that takes 200 MB is not counted, what the process takes itself is."""
    hold = "import time; x = bytearray(200 * 2**20); time.sleep(0.5)"
    own = ended("-c", f"{hold}; print('said'); raise SystemExit(3)")
    assert (own.code, own.output) == (3, "said\n")
    assert 200 < own.resident < 400
    assert own.wall > 0 < own.processor
    parent = ended("-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])")
    assert parent.code == 0
    assert 0 < parent.resident < 200


FINE = Ended(code=0, wall=3.0, processor=2.0, resident=100.0, output="cases/lesson.py\n")


@pytest.mark.parametrize("odd", [replace(FINE, code=4), replace(FINE, output="")])
def test_a_process_that_did_not_do_its_work_is_no_figure(odd: Ended) -> None:
    assert listing.figure("n", 4.0, [FINE, FINE]).verdict == "holds"
    assert listing.figure("n", 4.0, [FINE, odd]).verdict == "not measured"


def test_a_run_that_did_not_go_through_is_no_figure() -> None:
    rows = {row.name: row for row in whole.figures([replace(FINE, code=1)] * 3, [replace(FINE, wall=1.0)] * 3, "")}
    assert rows["default run ÷ bare script"].measured == (3.0, 3.0, 3.0)
    assert rows["parent's memory in the default run"].verdict == "holds"
    for ours, theirs in ((replace(FINE, code=3), FINE), (FINE, replace(FINE, code=1))):
        assert {row.verdict for row in whole.figures([FINE, ours], [FINE, theirs], "")} == {"not measured"}


# --------------------------------------------------------------------------- the bare script


def small(cases: list[Case], name: str) -> list[Cell]:
    """Return the cells of a backend of two cases, in both dtypes."""
    cells = plan(cases, Selection(backends=(name,)))
    return [cell for cell in cells if cell.case in ("lesson.net", "losses.softmax_cross_entropy")]


@pytest.mark.parametrize("name", BACKENDS)
def test_the_bare_script_computes_what_the_run_measures(name: str, cases: list[Case], tmp_path: Path) -> None:
    framework, cells = adapter(name), small(cases, name)
    assert dump(tmp_path, cases, cells) == len(cells) >= 14
    results = bare.loop(name, pickle.loads((tmp_path / name).read_bytes()))
    expected = {key(framework, task) for _, task in tasks(cases, cells)}
    assert {tuple(flat(name, result)) for result in results} == expected


def key(framework: Adapter, task: Task) -> tuple[float, ...]:
    """Return the numbers of value and partials of a measurement."""
    got = framework.measure(task)
    assert got.value is not None, got.failure
    parts = [got.value, *got.partials.values()]
    return tuple(float(x) for part in parts if part is not None for x in np.ravel(part.values))


def flat(name: str, result: Any) -> list[float]:
    """Return the numbers of value and partials; differences come with error bars, which are left out."""
    value, partials = result
    arrays = list(leaves(partials))
    chosen = arrays[::2] if name == "finite_difference" else arrays
    return [float(x) for array in (value, *chosen) for x in np.ravel(array)]


def leaves(nest: Any) -> Iterator[Any]:
    """Return what is in nested lists, in order."""
    if isinstance(nest, list):
        for inner in nest:
            yield from leaves(inner)
    else:
        yield nest


def test_the_bare_script_counts_what_raises() -> None:
    source = "def gradient(x):\n    return 1 / x, [x, None]\n"
    right, wrong = bare.loop("finite_difference", [(source, [[2.0], [0]])])
    assert (right[0], right[1][0][1]) == (0.5, None)
    assert isinstance(wrong, ZeroDivisionError)


def test_the_bare_script_has_nothing_of_the_harness() -> None:
    show = "import sys, bare; print([name for name in sys.modules if 'harness' in name])"
    done = ended("-c", show, folder=Path(bare.__file__).parent)
    assert done.output == "[]\n"


# --------------------------------------------------------------------------- the rest


def test_the_perceptron_has_a_hundred_thousand_parameters() -> None:
    graph, inputs = truth.traced()
    assert sum(inputs[path].size for path in graph.params) == 784 * 128 + 128 + 128 * 10 + 10


def test_a_job_without_work_is_answered() -> None:
    reply = perform(Nothing())
    assert (reply.result, reply.error) == (None, "")


def test_a_bar_that_cannot_be_measured_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[Figure]:
        raise RuntimeError("no clock")

    monkeypatch.setitem(command.BARS, "list", broken)
    (row,) = command.measured("list")
    assert (row.verdict, row.note) == ("not measured", "RuntimeError: no clock")


def test_the_bench_is_run_by_its_path() -> None:
    done = ended("tests/bench", "--help")
    assert done.code == 0, done.output
    assert all(name in done.output for name in command.BARS)
