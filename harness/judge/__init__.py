"""From a measurement and the truth to a verdict."""

from harness.judge.evidence import Evidence, Judgement, Scene
from harness.judge.judge import judge
from harness.judge.opinion import seconded
from harness.judge.verdict import OF_TROUBLE, Class, Verdict

__all__ = ["OF_TROUBLE", "Class", "Evidence", "Judgement", "Scene", "Verdict", "judge", "seconded"]
