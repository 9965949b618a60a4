"""Graphs of array operations: what a case is after it was traced.

Importing this room fills the two tables of operations.
"""

from harness.graph import arrangement, complexes, composites, linalg, networks, primitives
from harness.graph.node import Graph, Node

__all__ = ["Graph", "Node", "arrangement", "complexes", "composites", "linalg", "networks", "primitives"]
