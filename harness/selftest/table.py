"""The selftest as a page: counts first, then every defect with what each checker says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.judge import Class
from harness.run.records import CellLine
from harness.selftest.defects import Defect
from harness.selftest.fixed import by_allclose
from harness.selftest.peers import CHECKERS, FLAGGED, PASSED, TOLERANCE
from harness.selftest.prove import PASSING, UNSEEN, Proof
from harness.selftest.trial import TIGHT, Outcome, Trial

PACKAGES = ("gradharness", "tensorflow", "tensorflow-cpu", "torch", "jax", "numpy", "python-flint")
QUICK = (
    "which leaves out nine tenths of the draws and most functions, variants and half dtypes of the campaign, two of "
    "three frameworks and the second dtype of each defect, those that end or hang their process, and the other checkers"
)
Row = Sequence[str]


def table(proof: Proof) -> str:
    """Return the page in Markdown; the same for the same seed and versions."""
    parts = [*_head(proof), *_defects(proof), *_peers(proof), *_campaign(proof), *_known(proof), *_every(proof)]
    return "\n".join(parts) + "\n"


def grid(heads: Row, rows: Iterable[Row]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return ["", *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines), ""]


def _head(proof: Proof) -> Iterator[str]:
    problems = proof.problems()
    kinds = len({trial.defect.kind for trial in proof.trials})
    defects = len({trial.defect for trial in proof.trials})
    doubted = len({trial.defect for trial in proof.trials if trial.outcome is Outcome.DOUBTED})
    yield "# Selftest: can this harness fail?\n"
    yield (
        f"{defects} planted defects of {kinds} kinds, {len(proof.campaign.cells)} draws of right gradients, "
        f"seed {proof.request.seed}: "
        + ("everything holds." if not problems else f"**{len(problems)} things do not hold.**")
        + (f" Of {doubted} defects at ties it can only be said that they do not pass." if doubted else "")
    )
    versions = proof.campaign.header.versions
    yield "\nVersions: " + ", ".join(f"{name} {versions[name]}" for name in PACKAGES if versions.get(name)) + "."
    yield "Made by `gradharness selftest`" + (f" `--quick`, {QUICK}." if proof.request.quick else ".")
    yield from (f"\n* {problem}" for problem in problems)


# --------------------------------------------------------------------------- defects


def _defects(proof: Proof) -> Iterator[str]:
    yield "\n## Planted defects"
    rows = [
        (dtype, *(str(proof.count(outcome, dtype)) for outcome in Outcome), f"at most {most}")
        for dtype, most in UNSEEN.items()
    ]
    yield from grid(("dtype", *Outcome, "undetectable allowed"), rows)
    yield (
        "*Found*: a failing verdict of the right kind. *Undetectable*: it passes, and is smaller than the resolution ρ "
        "that the harness prints beside the pass. *Inconclusive*: at a tie it lies between the one-sided derivatives, "
        "is no known convention, and does not pass. *Missed*: anything else."
    )
    yield from _named(proof)


def _named(proof: Proof) -> Iterator[str]:
    """Yield how many messages name the operation that is wrong."""
    own = [trial for trial in proof.trials if trial.defect.operation and trial.dtype == TIGHT]
    told = [trial.named for trial in own if trial.named is not None]
    yield (
        f"\n{len(own)} defects are the wrong rule of one operation, in {TIGHT}; {len(told)} messages blame one, as a "
        "single sign, factor or missing path of it explains the whole gradient. "
        f"Named the operation: {sum(told)} of {len(told)}."
    )


def _peers(proof: Proof) -> Iterator[str]:
    """Yield who flags how many of the same defects."""
    yield "\n## The same defects shown to others"
    tight = [trial for trial in proof.trials if trial.dtype == TIGHT]
    rows: list[Row] = [("this harness", TIGHT, *_tally({trial.defect: _ours(trial) for trial in tight}))]
    for backend, checker in CHECKERS.items():
        said = {defect: word for defect, word in proof.peers.items() if defect.backend == backend}
        own = {trial.defect: _ours(trial) for trial in tight if trial.defect.backend == backend}
        rows.append((f"this harness, on {backend}", TIGHT, *_tally(own)))
        rows.append((f"`{checker}`", TIGHT, *(_tally(said) if said else ("not asked", "", "", "", ""))))
    for dtype in UNSEEN:
        rows.append(("allclose, 1e-5 and 1e-3", dtype, *_tally(_fixed(proof, dtype))))
    heads = ("checker", "dtype", "defects", "flagged", "passed", "hung, died or inconclusive")
    yield from grid((*heads, "of wrong numbers flagged"), rows)
    yield (
        f"gradcheck and check_grads (reverse mode) have their default tolerances; compute_gradient returns Jacobians "
        f"without a verdict, and {TOLERANCE:g} is what TensorFlow's own tests ask for. allclose compares with the "
        "gradient of another framework. They look at the gradient alone: that they pass a wrong value or a changed "
        "setting is no fault of theirs, and the last column counts the defects whose numbers alone are wrong. At a "
        "tie a difference quotient lies between the one-sided derivatives, so they flag most right gradients as well."
    )


def _ours(trial: Trial) -> str:
    return {Outcome.FOUND: FLAGGED, Outcome.DOUBTED: Outcome.DOUBTED.value}.get(trial.outcome, PASSED)


def _tally(said: Mapping[Defect, str]) -> tuple[str, ...]:
    """Return how many defects were shown, flagged, passed, and never answered; then how many wrong numbers flagged."""
    numeric = [word for defect, word in said.items() if defect.numeric]
    count = Counter(said.values())
    ended = len(said) - count[FLAGGED] - count[PASSED]  # a verdict that is none counts here
    return str(len(said)), _share([*said.values()]), str(count[PASSED]), str(ended), _share(numeric)


def _share(said: Sequence[str]) -> str:
    flagged = sum(word == FLAGGED for word in said)
    return f"{flagged} of {len(said)} ({flagged / len(said):.0%})" if said else ""


def _fixed(proof: Proof, dtype: str) -> dict[Defect, str]:
    honest = {(line.case, line.backend, line.dtype, line.point): line for line in proof.honest}
    own = (trial for trial in proof.trials if trial.dtype == dtype and trial.outcome is not Outcome.NOT_RUN)
    said = {trial.defect: by_allclose(trial.line, honest) for trial in own if trial.defect.operator == "grad"}
    return {defect: word for defect, word in said.items() if word}


# --------------------------------------------------------------------------- campaign


def _campaign(proof: Proof) -> Iterator[str]:
    yield "\n## False alarms"
    rows = []
    for dtype, (count, share) in proof.shares().items():
        asked = f"{PASSING[dtype]:.0%}" if dtype in PASSING else ""
        verdicts = _verdicts(line for line in proof.campaign.cells if line.dtype == dtype)
        classes = (str(count[cls]) for cls in Class)
        rows.append((dtype, str(count.total()), *classes, f"{share:.1%}", asked, verdicts))
    yield from grid(("dtype", "draws", *Class, "passes", "asked", "inconclusive verdicts"), rows)
    cases = len({line.case for line in proof.campaign.cells})
    variants = sorted({f"{line.backend} {line.variant}" for line in proof.campaign.cells})
    yield f"{cases} functions; {', '.join(variants)}. By kind of point:"
    yield from grid(("point", "draws", "pass", "inconclusive", "fail"), _scenes(proof.campaign.cells))


def _verdicts(lines: Iterable[CellLine]) -> str:
    count = Counter(line.verdict for line in lines if line.cls == Class.INCONCLUSIVE)
    return ", ".join(f"{word} {number}" for word, number in sorted(count.items()))


def _scenes(lines: Iterable[CellLine]) -> Iterator[Row]:
    found: dict[str, Counter[str]] = {}
    for line in lines:
        if not line.expected:
            found.setdefault(line.point.rstrip("0123456789"), Counter())[line.cls] += 1
    for scene, count in sorted(found.items()):
        yield scene, str(count.total()), *(str(count[cls]) for cls in Class)


def _known(proof: Proof) -> Iterator[str]:
    known = [line for line in proof.campaign.cells if line.expected]
    if known:
        yield "\n## Known inaccuracies of the frameworks, found again"
        first = ("" if line.first_op is None else f"`{line.first_op.words}`" for line in known)
        rows = [
            (line.id, line.verdict, f"{float(line.error):.2g}", op, line.expected)
            for line, op in zip(known, first, strict=True)
        ]
        yield from grid(("draw", "verdict", "error", "first operation that differs", "why"), rows)


# --------------------------------------------------------------------------- every defect


def _every(proof: Proof) -> Iterator[str]:
    yield "\n## Every defect"
    by_defect: dict[Defect, dict[str, Trial]] = {}
    for trial in proof.trials:
        by_defect.setdefault(trial.defect, {})[trial.dtype] = trial
    fixed = _fixed(proof, TIGHT)
    rows = (_row(defect, trials, proof.peers, fixed) for defect, trials in by_defect.items())
    yield from grid(
        ("defect", "function", "framework", "size", *UNSEEN, "own checker", "allclose"),
        rows,
    )


def _row(defect: Defect, trials: Mapping[str, Trial], peers: Mapping[Defect, str], fixed: Mapping[Defect, str]) -> Row:
    shown = [_cell(trials[dtype]) if dtype in trials else "" for dtype in UNSEEN]
    size = "" if defect.size is None else f"{defect.size:.0e}"
    return (
        defect.kind.replace("_", " "),
        defect.case,
        defect.backend,
        size,
        *shown,
        peers.get(defect, ""),
        fixed.get(defect, ""),
    )


def _cell(trial: Trial) -> str:
    if trial.outcome is Outcome.FOUND:
        return trial.line.verdict
    if trial.outcome is Outcome.UNDETECTABLE:
        return f"{trial.line.verdict}: below ρ = {trial.resolution:.1e}"
    if trial.outcome is Outcome.DOUBTED:
        return trial.line.verdict
    return f"**{trial.outcome}**: {trial.word}"
