"""Runs made up for the tests of the reports: no framework, no arithmetic, only records."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import msgspec

from harness.run.records import CaseLine, CellLine, GroupLine, HeaderLine, Num, Numbers, Run, TotalsLine, Worst

BACKENDS = ("tensorflow", "torch", "jax", "sympy", "finite_difference")
MECHANISMS = dict(zip(BACKENDS, ("GradientTape", "autograd", "grad", "diff", "central differences"), strict=True))
HOSTILE = "</script><script>alert(1)</script>\"'&\x1b[31m\u202ejavascript:alert(2)|`*_[x](y)🙂\n# end"

TAPE = """import tensorflow as tf


def cost(w):
    return w ** 2


def gradient(w):
    with tf.GradientTape() as tape:
        tape.watch(w)
        value = cost(w)
    return value, tape.gradient(value, [w])
"""


def header(**changes: Any) -> HeaderLine:
    """Return the header of a run on five backends."""
    line = HeaderLine(
        format=1,
        version="0.1.0",
        started="2026-03-01T09:30:00Z",
        command="gradharness run --dtype float64",
        seed=0,
        platform={"python": "3.11.8", "machine": "x86_64"},
        versions={"tensorflow-cpu": "2.21.0", "torch": "2.13.0+cpu", "jax": "0.10.2", "sympy": "1.14.0"},
        flags={"jax_enable_x64": "true", "threads": "1"},
        backends=dict.fromkeys(BACKENDS, "ran"),
        mechanisms=MECHANISMS,
    )
    return msgspec.structs.replace(line, **changes)


def numbers(values: list[float], shape: tuple[int, ...] | None = None) -> Numbers:
    """Return the array as a record holds it: the first 100 entries where there are more than 1000."""
    lengths = (len(values),) if shape is None else shape
    kept = values[:100] if len(values) > 1000 else values
    return Numbers(
        shape=lengths, values=tuple(map(num, kept)), hex=tuple(float(v).hex() for v in kept), size=len(values)
    )


def num(value: float) -> Num:
    """Return a number as JSON holds it."""
    return value if value - value == 0 else repr(float(value))


def case(name: str = "lesson.square", **changes: Any) -> CaseLine:
    """Return the line of a case of one scalar parameter."""
    line = CaseLine(
        case=name,
        title="J(w) = w², the note's first cost",
        location="cases/lesson.py:12",
        definition="@case(w=param(), points=[dict(w=3.0), dict(w=2.0)])\ndef square(xp, w):\n    return w**2\n",
        source="course note, section 1",
        formula="w**2",
        derivatives={"w": "2*w"},
        mathml="<msup><mi>w</mi><mn>2</mn></msup>",
        params={"w": ()},
        points=("three", "two"),
        nodes=2,
        emitted={"tensorflow": TAPE, "torch": "def cost(w):\n    return w ** 2\n"},
    )
    return msgspec.structs.replace(line, **changes)


def group(name: str = "lesson.square", **changes: Any) -> GroupLine:
    """Return the truth of w² at 3."""
    line = GroupLine(
        case=name,
        point="three",
        dtype="float64",
        inputs={"w": numbers([3.0], ())},
        status="established",
        value=9.0,
        value_digits="9.00000000000000000000000000000",
        value_radius=0.0,
        gradient={"w": numbers([6.0], ())},
        radius=0.0,
        digits=50,
        certificate={"residual": 1.3e-79, "scale": 6.0, "orders": 79.7},
        second_opinion="agrees",
        ideal={"value": "9", "w": "6"},
        pairs={"tensorflow|torch": 0.0, "torch|finite_difference": 3.2e-15},
    )
    return msgspec.structs.replace(line, **changes)


def cell(name: str = "lesson.square", backend: str = "tensorflow", **changes: Any) -> CellLine:
    """Return a passing cell of w² at 3."""
    point, dtype = changes.get("point", "three"), changes.get("dtype", "float64")
    line = CellLine(
        id=f"{name}/{backend}/xp/eager/grad/{dtype}/{point}",
        case=name,
        backend=backend,
        spelling="xp",
        variant="eager",
        operator="grad",
        dtype="float64",
        point="three",
        verdict="EXACT",
        cls="pass",
        reason="Bitwise the rounded truth.",
        rule=10,
        location="cases/lesson.py:12",
        margin="inf",
        error=0.0,
        tolerance=2.0e-15,
        terms={"EV": 1.3e-15, "u|g|": 6.7e-16, "η": 2.2e-308},
        resolution=3.3e-16,
        ulp=0.0,
        worst=Worst(
            path="w",
            index=(),
            truth=6.0,
            got=6.0,
            error=0.0,
            tolerance=2.0e-15,
            terms={"EV": 2.0e-15},
            resolution=3.3e-16,
            ulp=0.0,
        ),
        value=9.0,
        value_hex="0x1.2000000000000p+3",
        value_error=0.0,
        value_tolerance=2.0e-15,
        gradient={"w": numbers([6.0], ())},
        truth={"w": 6.0},
        entries=1,
        seconds=0.002,
    )
    return msgspec.structs.replace(line, **changes)


def wrong(name: str = "lesson.square", backend: str = "jax", **changes: Any) -> CellLine:
    """Return a failing cell: the sign is flipped."""
    flipped = Worst(
        path="w",
        index=(),
        truth=6.0,
        got=-6.0,
        error=12.0,
        tolerance=2.0e-15,
        terms={"EV": 2.0e-15},
        resolution=3.3e-16,
        ulp=1.35e16,
    )
    settled: dict[str, Any] = {
        "verdict": "DISAGREE",
        "diagnosis": "negated",
        "cls": "fail",
        "rule": 16,
        "margin": 1.66e-16,
        "error": 12.0,
        "ulp": 1.35e16,
        "worst": flipped,
        "gradient": {"w": numbers([-6.0], ())},
        "wrong": 1,
        "reason": f"{name} on {backend}: 1 of 1 entries differs; the gradient is the truth negated.",
    }
    return cell(name, backend, **(settled | changes))


def doubtful(name: str = "lesson.square", backend: str = "torch", **changes: Any) -> CellLine:
    """Return an inconclusive cell: there was no measurement."""
    settled: dict[str, Any] = {
        "verdict": "UNSUPPORTED",
        "cls": "inconclusive",
        "rule": 1,
        "margin": "nan",
        "error": "nan",
        "tolerance": "nan",
        "terms": {},
        "resolution": "nan",
        "ulp": "nan",
        "worst": None,
        "value": "",
        "value_hex": "",
        "gradient": {},
        "entries": 0,
        "reason": f"No phrase for erfinv in {backend}.",
    }
    return cell(name, backend, **(settled | changes))


def totals(cells: tuple[CellLine, ...], **changes: Any) -> TotalsLine:
    """Return the totals of these cells."""
    classes = Counter(line.cls for line in cells)
    line = TotalsLine(
        planned=len(cells),
        judged=len(cells),
        classes=dict(classes),
        verdicts=dict(Counter(line.verdict for line in cells)),
        backends={name: dict(Counter(line.cls for line in cells if line.backend == name)) for name in BACKENDS},
        expected=0,
        stale=(),
        seconds=41.7,
        headline=(
            "TensorFlow, PyTorch, JAX, SymPy and finite differences agree on "
            f"{classes['pass']} of {len(cells)} cells; tightest margin 2.1× at losses.huber; 5 of 5 backends ran."
        ),
        control="A planted wrong gradient was caught: lesson.square negated reads DISAGREE{negated}.",
    )
    return msgspec.structs.replace(line, **changes)


def run(
    cells: tuple[CellLine, ...],
    *,
    cases: tuple[CaseLine, ...] = (),
    groups: tuple[GroupLine, ...] = (),
    head: HeaderLine | None = None,
    **changes: Any,
) -> Run:
    """Return a whole run of these cells."""
    return Run(
        header=head or header(),
        cases=cases or (case(),),
        groups=groups or (group(),),
        cells=cells,
        totals=totals(cells, **changes),
    )


def honest() -> Run:
    """Return w² at 3 on five backends, all right; finite differences a little off."""
    off = Worst(
        path="w",
        index=(),
        truth=6.0,
        got=6.000000000000019,
        error=1.9e-14,
        tolerance=8.1e-14,
        terms={"bar": 8.1e-14},
        resolution=1.3e-14,
        ulp=21.0,
    )
    differences = cell(
        backend="finite_difference",
        verdict="AGREE",
        rule=12,
        reason="Within its own error bar.",
        margin=4.2631,
        error=1.9e-14,
        tolerance=8.1e-14,
        terms={"bar": 8.1e-14},
        worst=off,
        gradient={"w": numbers([off.got], ())},
        resolution=1.3e-14,
        ulp=21.0,
    )
    return run((*(cell(backend=name) for name in BACKENDS[:4]), differences))


def mixed() -> Run:
    """Return a run with a pass, a failure and an inconclusive cell, and one backend that is not installed."""
    absent = "not installed: pip install 'gradharness[jax]'"
    cells = (
        cell(),
        cell(backend="sympy"),
        wrong(backend="finite_difference"),
        doubtful(backend="torch"),
        cell("losses.huber", margin=2.1, error=9.5e-16, verdict="AGREE", rule=12, reason="Within the tolerance."),
    )
    return run(
        cells,
        cases=(case(), case("losses.huber", title="Huber loss")),
        groups=(group(), group("losses.huber")),
        head=header(backends=dict.fromkeys(BACKENDS, "ran") | {"jax": absent}),
    )


def cut_short() -> Run:
    """Return a run that was killed: no totals, a cell whose case and group lines are missing."""
    return Run(header=header(), cases=(case(),), groups=(), cells=(cell(), cell("lesson.cube")), totals=None)


def hostile() -> Run:
    """Return a run in which every text is an attack on a page, a terminal or a table."""
    name = f"evil{HOSTILE}"
    texts = {"title": HOSTILE, "location": HOSTILE, "definition": HOSTILE, "source": HOSTILE, "formula": HOSTILE}
    line = case(
        name,
        **texts,
        mathml="<mi>x</mi><script>alert(3)</script>",
        derivatives={HOSTILE: HOSTILE},
        params={HOSTILE: ()},
        points=(HOSTILE,),
        emitted={HOSTILE: HOSTILE, "jax": HOSTILE},
    )
    truth = group(
        name,
        point=HOSTILE,
        status=HOSTILE,
        inputs={HOSTILE: numbers([1.0])},
        gradient={HOSTILE: numbers([1.0])},
        second_opinion=HOSTILE,
        ideal={"value": HOSTILE},
        pairs={HOSTILE: 1.0},
        certificate={HOSTILE: 1.0},
    )
    told = {"reason": HOSTILE, "point": HOSTILE, "location": HOSTILE, "warnings": (HOSTILE,), "expected": HOSTILE}
    bad = msgspec.structs.replace(
        wrong(name),
        **told,
        verdict=HOSTILE,
        diagnosis=HOSTILE,
        terms={HOSTILE: 1.0},
        spelling=HOSTILE,
        gradient={HOSTILE: numbers([2.0])},
        id=name,
    )
    doubt = msgspec.structs.replace(doubtful(name), **told, cls=HOSTILE, id=name + "2")
    head = header(
        command=HOSTILE,
        flags={HOSTILE: HOSTILE},
        versions={HOSTILE: HOSTILE},
        platform={HOSTILE: HOSTILE},
        backends=dict.fromkeys(BACKENDS, "ran") | {"torch": HOSTILE, HOSTILE: HOSTILE},
        mechanisms={HOSTILE: HOSTILE},
    )
    return run(
        (bad, doubt), cases=(line,), groups=(truth,), head=head, headline=HOSTILE, control=HOSTILE, stale=(HOSTILE,)
    )


def big(cases: int = 27, points: int = 3, seed: int = 1) -> Run:
    """Return a run of the catalogue's size, with arrays, and every 40th cell wrong or doubtful."""
    rng = random.Random(seed)
    found = [_one_case(rng, at, points) for at in range(cases)]
    lines, groups, cells = ([part for one in found for part in one[kind]] for kind in range(3))
    return run(tuple(cells), cases=tuple(lines), groups=tuple(groups))


FAMILIES = ("lesson", "losses", "classics", "networks")
SIZES = (1, 1, 10, 75)


def _one_case(rng: random.Random, at: int, points: int) -> tuple[list[Any], list[Any], list[Any]]:
    """Return a case line, its groups and its cells."""
    family = at % len(FAMILIES)
    name = "lesson.square" if at == 0 else f"{FAMILIES[family]}.case_{at:02d}"
    labels = ("three", "p1", "p2")[:points]
    shape = () if SIZES[family] == 1 else (SIZES[family],)
    emitted = dict.fromkeys(BACKENDS, TAPE * (1 + family))
    line = case(name, points=labels, params={"w": shape}, emitted=emitted, title=f"Made-up case number {at}")
    groups, cells = [], []
    for label in labels:
        for dtype in ("float64", "float32"):
            values = [6.0] if name == "lesson.square" else [rng.gauss(0, 3) for _ in range(SIZES[family])]
            groups.append(group(name, point=label, dtype=dtype, gradient={"w": numbers(values, shape)}, ideal={}))
            cells += [_one_cell(rng, line, backend, label, dtype, values) for backend in BACKENDS]
    return [line], groups, cells


def _one_cell(
    rng: random.Random, line: CaseLine, backend: str, point: str, dtype: str, values: list[float]
) -> CellLine:
    """Return a cell whose gradient is off by a few units in the last place."""
    unit = 2.0**-53 if dtype == "float64" else 2.0**-24
    place = {"point": point, "dtype": dtype}
    chance = rng.random()
    if chance < 0.01:
        return wrong(line.case, backend, **place)
    if chance < 0.03:
        return doubtful(line.case, backend, **place)
    got = [value * (1 + rng.choice((0, 0, 1, -1, 2)) * unit) for value in values]
    errors = [abs(ours - truth) for ours, truth in zip(got, values, strict=True)]
    at = max(range(len(errors)), key=errors.__getitem__)
    tolerance = 10 * unit * abs(values[at])
    shape = line.params["w"]
    worst = Worst(
        path="w",
        index=(at,) if shape else (),
        truth=values[at],
        got=got[at],
        error=errors[at],
        tolerance=tolerance,
        terms={"EV": tolerance},
        resolution=10 * unit,
        ulp=errors[at] / (unit * abs(values[at])),
    )
    return cell(
        line.case,
        backend,
        **place,
        verdict="AGREE" if errors[at] else "EXACT",
        rule=12 if errors[at] else 10,
        reason="Every entry lies within its tolerance." if errors[at] else "Bitwise the rounded truth.",
        margin=tolerance / errors[at] if errors[at] else "inf",
        error=errors[at],
        tolerance=tolerance,
        terms={"EV": 0.9 * tolerance, "u|g|": 0.1 * tolerance, "η": 2.2e-308},
        resolution=10 * unit,
        ulp=worst.ulp,
        worst=worst,
        gradient={"w": numbers(got, shape)},
        entries=len(values),
    )
