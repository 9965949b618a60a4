"""The namespace that a case is written in, and the tracer that turns the case into a graph."""

from harness.xp.refusal import Refused
from harness.xp.trace import NotTraceable, trace

__all__ = ["NotTraceable", "Refused", "trace"]
