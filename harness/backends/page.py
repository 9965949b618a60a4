"""The phrasebooks side by side: how each framework says each function of `xp`, as a page of Markdown.

`python -m harness.backends.page` writes it to reports/phrasebook.md; a test holds the page against what is emitted.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from harness.backends.jax_grad import BOOK as JAX
from harness.backends.numpy_book import BOOK as NUMPY
from harness.backends.phrasebook import Phrasebook
from harness.backends.sympy_book import PHRASES as SYMPY
from harness.backends.tf_tape import BOOK as TENSORFLOW
from harness.backends.torch_autograd import BOOK as TORCH
from harness.graph.build import Builder
from harness.graph.emit import emit
from harness.graph.node import Graph, Kind, Shape
from harness.graph.surface import spoken
from harness.xp.array import Array, wrap
from harness.xp.complexes import Complex
from harness.xp.namespace import make_namespace

PATH = Path("reports/phrasebook.md")
BOOKS = (TENSORFLOW, TORCH, JAX, NUMPY)
LONGEST = 160
"""Characters of a definition that are still shown."""

LEAVES: dict[str, tuple[Shape, Kind]] = {
    "x": ((2, 3), "real"),
    "y": ((2, 3), "real"),
    "v": ((3,), "real"),
    "a": ((3, 3), "real"),
    "image": ((8, 9, 9, 3), "real"),
    "kernel": ((3, 3, 3, 4), "real"),
    "i": ((4,), "int"),
    "k": ((2, 1), "int"),
    "c": ((2, 3), "bool"),
    "d": ((2, 3), "bool"),
}
"""Shape and kind of the names in the calls."""

UNARY = (
    "abs acos asin atan cos cosh exp expm1 log log1p negative reciprocal sign sin sinh sqrt square tan tanh "
    "stop_gradient special.erf special.erfc special.logit"
)
BINARY = (
    "add subtract multiply divide maximum minimum atan2 hypot logaddexp special.xlogy "
    "greater greater_equal less less_equal equal not_equal"
)

CALLS: dict[str, list[str]] = {
    "Elementwise": [
        *(f"xp.{name}(x)" for name in UNARY.split()),
        *(f"xp.{name}(x, y)" for name in BINARY.split()),
        "xp.pow(x, 3)",
        "xp.pow(x, y)",
        "xp.clip(x, -1, 1)",
        "xp.where(c, x, y)",
        "xp.logical_and(c, d)",
        "xp.logical_or(c, d)",
        "xp.logical_not(c)",
    ],
    "Shapes and places": [
        "xp.reshape(x, (3, 2))",
        "xp.permute_dims(image, (0, 3, 1, 2))",
        "xp.matrix_transpose(x)",
        "xp.expand_dims(x, axis=1)",
        "xp.squeeze(x[:1], axis=0)",
        "xp.broadcast_to(v, (2, 3))",
        "xp.concat([x, y], axis=1)",
        "xp.stack([x, y], axis=1)",
        "xp.unstack(x, axis=0)[1]",
        "xp.flip(x, axis=1)",
        "xp.roll(x, 1, axis=1)",
        "xp.sort(x, descending=True)",
        "xp.take(x, i, axis=1)",
        "xp.take_along_axis(x, k, axis=1)",
    ],
    "Literals": [
        "xp.zeros((2, 3)) + x",
        "xp.ones((2, 3)) + x",
        "xp.full((2, 3), 0.5) + x",
        "xp.zeros_like(x) + y",
        "xp.ones_like(x) + y",
        "xp.full_like(x, 0.5) + y",
        "xp.eye(3) + a",
    ],
    "Reductions": [
        *(f"xp.{name}(x, axis=1)" for name in "sum mean prod max min cumulative_sum".split()),
        *(f"xp.{name}(x, axis=1, correction={n})" for name in ("var", "std") for n in (0, 1)),
        "xp.sum(x)",
    ],
    "Linear algebra": [
        "xp.matmul(a, a)",
        "xp.linalg.matmul(a, v)",
        "xp.vecdot(x, y)",
        "xp.linalg.vecdot(x, y, axis=-2)",
        "xp.tensordot(x, a, axes=1)",
        "xp.linalg.tensordot(x, y, axes=((0, 1), (0, 1)))",
        "xp.linalg.matrix_transpose(x)",
        "xp.linalg.vector_norm(x, axis=1)",
        "xp.linalg.diagonal(a, offset=1)",
        "xp.linalg.trace(a)",
        *(f"xp.linalg.{name}(a)" for name in ("cholesky", "inv", "det")),
        "xp.linalg.slogdet(a).logabsdet",
        "xp.linalg.slogdet(a).sign",
        "xp.linalg.solve(a, v)",
    ],
    "Complex values": [
        "xp.complex(x, y)",
        *(f"xp.{name}(xp.complex(x, y))" for name in "real imag conj abs exp sum".split()),
        *(f"xp.complex(x, y) {sign} xp.complex(y, x)" for sign in "+-*/"),
        "-xp.complex(x, y)",
        "2 * xp.complex(x, y)",
        "x * xp.complex(x, y)",
        "xp.complex(a, a) @ xp.complex(v, v)",
        "xp.complex(x, y) @ xp.complex(a, a)",
        "xp.complex(x, y)[0]",
    ],
    "Networks": [
        *(f"xp.nn.{name}(x)" for name in ("relu", "sigmoid", "softplus", "silu")),
        "xp.nn.leaky_relu(x, negative_slope=0.2)",
        "xp.nn.elu(x, alpha=1.0)",
        'xp.nn.gelu(x, approximate="none")',
        'xp.nn.gelu(x, approximate="tanh")',
        *(f"xp.nn.{name}(x, axis=1)" for name in ("softmax", "log_softmax", "logsumexp")),
        "xp.nn.one_hot(i, 3)",
        'xp.nn.conv2d(image, kernel, strides=1, padding="SAME")',
        "xp.nn.conv2d(image, kernel, strides=2, padding=((1, 0), (1, 0)))",
        "xp.nn.avg_pool2d(image, window=2, strides=2)",
        "xp.nn.max_pool2d(image, window=2, strides=2)",
        "xp.nn.layer_norm(x, v, v, axis=-1, eps=1e-5)",
    ],
}
"""What is shown, by heading: a call of every public function."""

HEAD = """# The phrasebook

How each framework says what a case says. Every cell is the source that runs, for x and y of shape (2, 3), a of (3, 3),
v of (3,), integers i and k, booleans c and d, images of (8, 9, 9, 3) and a kernel of (3, 3, 3, 4). *Italic* is a
definition in other operations, where the framework has no call of its own or where it does not fit. NumPy is what
finite differences evaluate. SymPy differentiates scalar by scalar; what is empty there is written by its definition.
A complex value that is a definition here is its two real parts, stacked.
"""


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for heading, calls in CALLS.items():
        names = [book.name for book in BOOKS]
        parts.append(f"\n## {heading}\n\n| `xp` | {' | '.join(names)} | SymPy |\n|{'---|' * (len(names) + 2)}\n")
        parts += [f"| {' | '.join(row(call))} |\n" for call in calls]
    return "".join([*parts, "\n## Functions of several lines\n", *map(helpers, BOOKS)])


def row(call: str) -> list[str]:
    """Return the cells of one call."""
    graph = traced(call)
    return [code(call), *(said(graph, book) for book in BOOKS), symbolic(graph)]


def traced(call: str) -> Graph:
    """Return the graph of one call."""
    builder = Builder()
    used = {node.id for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Name)} & LEAVES.keys()
    arrays = {name: wrap(builder.input(name, *LEAVES[name], param=LEAVES[name][1] == "real")) for name in sorted(used)}
    result = eval(call, {"xp": make_namespace(builder), **arrays})
    assert isinstance(result, Array | Complex), call
    return builder.freeze(result._ref if isinstance(result, Array) else result._pair)


def said(graph: Graph, book: Phrasebook) -> str:
    """Return how a framework says it: one expression, a short definition, or how long it is."""
    source = emit(graph, book, dtype="float64", variant="eager").body
    body = re.search(r"^def cost\(.*\):\n((?:    .*\n)+)", source, flags=re.MULTILINE)
    assert body is not None
    lines = [line.strip().removeprefix("return ") for line in body[1].splitlines()]
    if spoken(graph, book) is graph and len(lines) == 1:
        return code(lines[0])
    shown = "; ".join(map(code, lines))
    return f"*{shown}*" if len(shown) <= LONGEST else f"*its definition, {len(lines)} lines*"


def symbolic(graph: Graph) -> str:
    """Return how SymPy says one entry, where it is one operation."""
    node = graph.nodes[graph.outputs[0]]
    names = [graph.nodes[k].attrs.get("path", graph.nodes[k].attrs.get("value")) for k in node.args]
    single = node.op in SYMPY and all(graph.nodes[k].op in ("input", "constant") for k in node.args)
    return code(SYMPY[node.op].format(*names, **node.attrs)) if single else ""


def helpers(book: Phrasebook) -> str:
    """Return the functions that a framework's expressions call."""
    return "".join(f"\n{book.name}:\n\n```python\n{lines}```\n" for lines in book.helpers.values())


def code(text: str) -> str:
    """Return text as code in a cell of a table."""
    return f"`{text}`".replace("|", "\\|")


if __name__ == "__main__":
    PATH.write_text(page(), encoding="utf-8")
