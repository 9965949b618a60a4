"""Ports without a definition: there is no truth, so each is held against the others and against its own values.

Every error bar is an estimate. A framework counts once, a tie is UNDECIDED and never a pass, and a NaN can only fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from harness.graph.node import Shape
from harness.judge import messages, panel_messages
from harness.judge.blind import could_not_tell
from harness.judge.compare import Comparison
from harness.judge.conduct import behaviour
from harness.judge.diagnose import FLOAT32_EXCESS, INACCURATE
from harness.judge.doubt import BAND
from harness.judge.evidence import Judgement
from harness.judge.held import apart, contradictions, explains
from harness.judge.port import Pair, Port, bar, pair
from harness.judge.verdict import OF_TROUBLE, Verdict
from harness.measurement import Failure

CONTRADICTS, ODD, ANOTHER = "contradicts its own values", "odd one out", "another function"


@dataclass(slots=True, kw_only=True, eq=False)
class Panel:
    """Ports of one function at one point in one dtype."""

    ports: Sequence[Port]
    shapes: Mapping[str, Shape]
    """Of the differentiated leaves."""
    dtype: str
    sound: list[Port] = field(default_factory=list)
    """The ports that have a vote: formed, finite, and not against their own values."""

    def judgements(self) -> list[Judgement]:
        """Return the verdict on each port, in their order."""
        formed = [_malformed(port, self.shapes, self.dtype) for port in self.ports]
        self.sound = [port for port, fault in zip(self.ports, formed, strict=True) if fault is None]
        faults = [fault or self._missing(port) or self._nonfinite(port) for port, fault in self._with(formed)]
        self.sound = [port for port, fault in self._with(faults) if fault is None]
        faults = [fault or self._contradicting(port) or self._blind(port) for port, fault in self._with(faults)]
        self.sound = [port for port, fault in self._with(faults) if fault is None]
        return [fault or self._compared(port) for port, fault in self._with(faults)]

    def _with(self, faults: Iterable[Judgement | None]) -> list[tuple[Port, Judgement | None]]:
        return list(zip(self.ports, faults, strict=True))

    # ------------------------------------------------------------------------- a port by itself

    def _missing(self, port: Port) -> Judgement | None:
        """Nothing came back for a leaf that another port, or the port's own values, say matters."""
        for path, shape in self.shapes.items():
            if port.measurement.partials.get(path) is None and self._matters(port, path, shape):
                return Judgement(
                    verdict=Verdict.DISCONNECTED, reason=messages.disconnected(path), against="other ports"
                )
        return None

    def _matters(self, port: Port, path: str, shape: Shape) -> bool:
        own = any(one.path == path and one.wrong.any() for one in port.own)
        others = (other for other in self.sound if other.framework != port.framework)
        return own or any(bool(np.any(np.abs(other.outputs(self.shapes)[path]) > bar(other, path))) for other in others)

    def _nonfinite(self, port: Port) -> Judgement | None:
        for path, values in port.outputs(self.shapes).items():
            strange = ~np.isfinite(values)
            if strange.any():
                known = self._finite_elsewhere(port, path, strange)
                verdict = Verdict.NONFINITE if known else Verdict.UNDEFINED
                at = tuple(int(k) for k in np.argwhere(strange)[0])
                said = panel_messages.nonfinite(path, at, float(values[at]), known)
                return Judgement(verdict=verdict, reason=said, against=known or "nothing finite")
        return None

    def _finite_elsewhere(self, port: Port, path: str, strange: NDArray[np.bool_]) -> str:
        """Return who has a finite number for such an entry: the port's own differences, or another port; else ""."""
        if any(one.path == path and bool(np.any(one.judged & strange)) for one in port.own):
            return "its own differences"
        for other in self.sound:
            values = other.outputs(self.shapes).get(path)
            if other.framework != port.framework and values is not None and np.isfinite(values[strange]).any():
                return other.name
        return ""

    def _contradicting(self, port: Port) -> Judgement | None:
        """The port's own values say otherwise; not blamed where a port of another framework says the same."""
        wrong = contradictions(port.own)
        if not wrong:
            return None
        same = [other.name for other in self._foreign(port) if not self.pair(port, other).differing]
        if same:
            said = panel_messages.agreed_against_values(wrong, same)
            return Judgement(verdict=Verdict.UNDECIDED, reason=said, leaves=port.own, against="its own differences")
        said = panel_messages.contradicts(wrong)
        return Judgement(
            verdict=Verdict.DISAGREE, reason=said, diagnosis=CONTRADICTS, leaves=port.own, against="its own differences"
        )

    def _blind(self, port: Port) -> Judgement | None:
        """A bar that allows anything agrees with anybody: such a port has no vote."""
        for path, values in port.outputs(self.shapes).items():
            leaf = apart(path, values, values, port.terms.get(path, {}))
            if not np.isfinite(leaf.tolerance).all() or (path and could_not_tell(leaf)):
                said = panel_messages.ill_conditioned(leaf)
                return Judgement(verdict=Verdict.ILL_CONDITIONED, reason=said, leaves=port.own, against="nothing")
        return None

    # ------------------------------------------------------------------------- ports side by side

    def _foreign(self, port: Port) -> list[Port]:
        return [other for other in self.sound if other.framework != port.framework]

    def pair(self, one: Port, other: Port) -> Pair:
        return pair(one, other, self.shapes)

    def camp(self, port: Port) -> list[Port]:
        """Return the sound ports that agree with a port, itself included."""
        return [other for other in self.sound if other is port or not self.pair(port, other).differing]

    def _compared(self, port: Port) -> Judgement:
        others = self._foreign(port)
        if not others:
            return self._alone(port)
        camp = self.camp(port)
        friends = [other for other in others if other in camp]
        foes = [other for other in self.sound if other not in camp]
        mine, strongest = _votes(camp), max((self.camp(foe) for foe in foes), key=_votes, default=[])
        if friends and mine > _votes(strongest):
            return self._agreeing(port, friends, foes)
        if not friends and _votes(strongest) > 1 and self._united(strongest, camp):
            return self._odd(port, strongest)
        nearest = self._nearest(port, [foe for foe in foes if foe in others] or foes)
        both = self.pair(port, nearest)
        said = panel_messages.tie(both.differing, nearest.name, camp=_names(camp), others=_names(foes))
        return Judgement(
            verdict=Verdict.UNDECIDED, reason=said, value=both.value, leaves=both.leaves, against=nearest.name
        )

    def _alone(self, port: Port) -> Judgement:
        """No port of another framework is left to compare with."""
        own = [one for one in port.own if one.judged.any()]
        said = panel_messages.alone(own, [other.name for other in self.ports if other.framework != port.framework])
        return Judgement(verdict=Verdict.UNDECIDED, reason=said, leaves=port.own, against="nothing")

    def _agreeing(self, port: Port, friends: list[Port], foes: list[Port]) -> Judgement:
        nearest = self._nearest(port, friends)
        both = self.pair(port, nearest)
        unsure = [leaf for leaf in both.leaves if could_not_tell(leaf)]
        if unsure:
            said = panel_messages.ill_conditioned(unsure[0])
            verdict, diagnosis = Verdict.ILL_CONDITIONED, ""
        else:
            said = panel_messages.agrees(both.leaves, nearest.name, _names(friends), _names(foes))
            verdict, diagnosis = Verdict.AGREE, "" if any(leaf.got.any() for leaf in both.leaves) else "zero"
        return Judgement(
            verdict=verdict,
            reason=said,
            diagnosis=diagnosis,
            value=both.value,
            leaves=both.leaves,
            against=nearest.name,
        )

    def _united(self, camp: list[Port], against: list[Port]) -> bool:
        """Return whether a camp's ports agree with one another, and none with the others."""
        return all(not self.pair(one, other).differing for one in camp for other in camp) and not any(
            one in camp or not self.pair(one, other).differing for one in against for other in camp
        )

    def _odd(self, port: Port, foes: list[Port]) -> Judgement:
        """One port against others of two frameworks at least, which agree."""
        nearest = self._nearest(port, [foe for foe in foes if foe.framework != port.framework])
        both = self.pair(port, nearest)
        value, names = both.value, _names(foes)
        confirmed = explains(port.own, both.differing)

        def found(verdict: Verdict, said: str, diagnosis: str = "") -> Judgement:
            return Judgement(
                verdict=verdict,
                reason=said,
                diagnosis=diagnosis,
                value=value,
                leaves=both.leaves,
                against=nearest.name,
            )

        if value is not None and value.wrong.any() and float(value.excess) > BAND:
            said = panel_messages.odd_value(value, nearest.name, names, confirmed=confirmed)
            return found(Verdict.VALUE_MISMATCH, said, self._kind(value))
        if max(float(np.max(one.excess[one.wrong])) for one in both.differing) <= BAND:
            return found(Verdict.UNDECIDED, panel_messages.near(both.differing, nearest.name, names))
        if not any(self._usable(other, both.differing) for other in (port, *foes)):
            return found(Verdict.UNDECIDED, panel_messages.kink(both.differing, nearest.name, names))
        said = panel_messages.odd(both.differing, nearest.name, names, confirmed=confirmed)
        return found(Verdict.DISAGREE, said, ODD)

    def _kind(self, value: Comparison) -> str:
        excess = float(value.excess)
        if excess <= INACCURATE:
            return "inaccurate"
        return "precision leak" if self.dtype == "float64" and excess <= FLOAT32_EXCESS else ANOTHER

    def _usable(self, port: Port, differing: Sequence[Comparison]) -> bool:
        """Return whether a port's own differences have a step at a differing entry, or none were asked for there."""
        own = {one.path: one for one in port.own}
        return any(
            leaf.path not in own or bool(np.any(own[leaf.path].judged & leaf.wrong)) for leaf in differing if leaf.path
        )

    def _nearest(self, port: Port, others: list[Port]) -> Port:
        """Return the port with the narrowest bars: it sees most."""

        def width(other: Port) -> float:
            return float(sum(np.linalg.norm(bar(other, path)) for path in self.shapes))

        return min(others, key=width)


def _malformed(port: Port, shapes: Mapping[str, Shape], dtype: str) -> Judgement | None:
    """Return the verdict on no measurement, on conduct, on another shape or dtype, or on no error bar."""
    failure = port.measurement.failure
    if failure is not None:
        return Judgement(verdict=OF_TROUBLE[failure.trouble], reason=failure.sentence, against="nothing")
    behaved = behaviour(port.measurement, dict.fromkeys(shapes, True))
    if behaved is not None:
        return replace(behaved, against="its own conduct")
    outputs = {"": port.measurement.value} if port.measurement.claims_value else {}
    for path, partial in (outputs | port.measurement.partials).items():
        wanted = shapes.get(path, ())
        if partial is None and path:
            continue
        if partial is None or partial.values.shape != wanted:
            got = None if partial is None else partial.values.shape
            return Judgement(verdict=Verdict.SHAPE, reason=messages.shape(path, got, wanted), against="its input")
        if partial.dtype != dtype:
            said = messages.dtype(path, partial.dtype, dtype)
            return Judgement(verdict=Verdict.DTYPE, reason=said, against="the cell's dtype")
    if isinstance(port.box, Failure):
        said = panel_messages.no_bar(port.box.sentence)
        return Judgement(verdict=Verdict.UNDECIDED, reason=said, against="nothing")
    return None


def _votes(ports: Iterable[Port]) -> int:
    """Return how many frameworks speak: one counts once."""
    return len({port.framework for port in ports})


def _names(ports: Iterable[Port]) -> list[str]:
    return [port.name for port in ports]
