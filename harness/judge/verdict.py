"""The closed set of verdicts, in the order in which they are tried.

A verdict is a value with a sentence; nothing in the harness answers a question of agreement with a
bare boolean that a caller could forget.
"""

from __future__ import annotations

from enum import Enum, StrEnum

from harness.measurement import Trouble


class Class(StrEnum):
    """What a verdict means for the run."""

    PASS = "pass"
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"


class Verdict(Enum):
    """Word, number of its rule, class, and the sentence that explains it."""

    NO_TRUTH = ("NO-TRUTH", 0, Class.INCONCLUSIVE, "The exact gradient could not be established.")
    NOT_INSTALLED = ("NOT-INSTALLED", 1, Class.INCONCLUSIVE, "The backend is not installed here.")
    UNSUPPORTED = ("UNSUPPORTED", 1, Class.INCONCLUSIVE, "The backend has no way to say this case.")
    ERROR = ("ERROR", 1, Class.FAIL, "The backend raised an exception.")
    TIMEOUT = ("TIMEOUT", 1, Class.FAIL, "The backend did not answer within its time limit.")
    OUT_OF_MEMORY = ("OUT-OF-MEMORY", 1, Class.FAIL, "The backend went beyond its memory limit.")
    CRASHED = ("CRASHED", 1, Class.FAIL, "The backend's process died.")
    NOT_NATIVE = (
        "NOT-NATIVE",
        2,
        Class.FAIL,
        "The result is not the backend's own array: another library computed it.",
    )
    MUTATED = ("MUTATED", 3, Class.FAIL, "The call changed its inputs, a random state or a global setting.")
    NONDETERMINISTIC = ("NONDETERMINISTIC", 3, Class.FAIL, "Two calls with the same inputs gave different numbers.")
    STALE = ("STALE", 3, Class.FAIL, "At a second point the answer of the first came back.")
    DISCONNECTED = ("DISCONNECTED", 4, Class.FAIL, "No gradient came back for an input that the value depends on.")
    DEAD_LEAF = ("DEAD-LEAF", 4, Class.FAIL, "A gradient of zeros came back where the truth is not zero.")
    SHAPE = ("SHAPE", 5, Class.FAIL, "The gradient has another shape than its input.")
    DTYPE = ("DTYPE", 5, Class.FAIL, "The gradient came back in another dtype than the cell's.")
    UNDEFINED = ("UNDEFINED", 6, Class.INCONCLUSIVE, "The function or its derivative is not defined at this point.")
    NONFINITE_RANGE = ("NONFINITE-RANGE", 7, Class.INCONCLUSIVE, "An exact intermediate leaves the range of the dtype.")
    NONFINITE = ("NONFINITE", 7, Class.FAIL, "NaN or infinity came back where the truth is finite.")
    VALUE_MISMATCH = ("VALUE-MISMATCH", 8, Class.FAIL, "The value itself lies outside its tolerance.")
    SUBGRADIENT = ("SUBGRADIENT", 9, Class.PASS, "At a kink: the derivative is a convention, and this is one of them.")
    EXACT = ("EXACT", 10, Class.PASS, "Every entry is the truth rounded to the dtype, to the bit.")
    ILL_CONDITIONED = ("ILL-CONDITIONED", 11, Class.INCONCLUSIVE, "Within tolerance, but the tolerance could not tell.")
    AGREE = ("AGREE", 12, Class.PASS, "Every entry is within its tolerance.")
    BRANCH_ROUNDING = (
        "BRANCH-ROUNDING",
        13,
        Class.INCONCLUSIVE,
        "A decision within rounding of its threshold went the other way.",
    )
    KINK_ARTEFACT = ("KINK-ARTEFACT", 14, Class.INCONCLUSIVE, "At a kink: conventions combined to what no side has.")
    SUBGRADIENT_MIXED = (
        "SUBGRADIENT(mixed)",
        14,
        Class.INCONCLUSIVE,
        "At a kink: no uniform convention, but a choice at every tie that lies between the sides.",
    )
    SUSPECT = ("SUSPECT", 15, Class.INCONCLUSIVE, "Just outside the tolerance, but inside the worst-case bound.")
    DISAGREE = ("DISAGREE", 16, Class.FAIL, "An entry lies outside its tolerance.")
    UNDECIDED = ("UNDECIDED", 17, Class.INCONCLUSIVE, "The ports differ, and nothing says which of them is right.")
    NO_REFERENCE = ("NO-REFERENCE", 17, Class.INCONCLUSIVE, "Finite differences found no usable step.")

    def __init__(self, word: str, rule: int, cls: Class, sentence: str) -> None:
        self.word, self.rule, self.cls, self.sentence = word, rule, cls, sentence


OF_TROUBLE: dict[Trouble, Verdict] = {trouble: Verdict[trouble.name] for trouble in Trouble}
"""The verdict on a backend that gave no gradient."""
