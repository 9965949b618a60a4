"""Defects in one step: an operation whose derivative somebody wrote by hand, and wrote wrongly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.selftest.defects import BACKENDS, Defect, Definition, Native
from harness.selftest.words import words

Rule = Callable[..., Any]
"""(vocabulary, adjoint, result, *operands) → adjoints of the operands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """A wrong rule of one operation, and the functions that use it."""

    kind: str
    op: str
    rule: Rule
    cases: tuple[str, ...]
    blame: str = ""
    """What a message that blames one operation must say; "": its name. An edge is told at either of its ends."""
    diagnosis: tuple[str, ...] = ()
    """Words one of which must stand in the diagnosis; empty: any."""
    verdicts: frozenset[str] = frozenset({"DISAGREE"})
    doubts: frozenset[str] = frozenset()

    def planted(self, backend: str, turn: int) -> Defect:
        """Return the slip on a framework, in the function whose turn it is."""
        return Defect(
            kind=self.kind,
            case=self.cases[turn % len(self.cases)],
            backend=backend,
            native=with_op(backend, self.op, ruled(self.rule)),
            verdicts=self.verdicts,
            diagnosis=self.diagnosis,
            doubts=self.doubts,
            operation=self.blame or f".*(the|every) {self.op} ",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A path that is cut: an operation without its derivative."""

    kind: str
    op: str
    cases: tuple[str, ...]
    blame: str
    """As that of a slip."""
    operand: int | None = None
    """Only this operand's path is cut; None: all."""
    verdicts: frozenset[str] = frozenset({"DISAGREE"})

    def planted(self, backend: str, turn: int) -> Defect:
        """Return the cut on a framework, in the function whose turn it is."""
        return Defect(
            kind=self.kind,
            case=self.cases[turn % len(self.cases)],
            backend=backend,
            native=with_op(backend, self.op, cut(self.operand)),
            verdicts=self.verdicts,
            numeric=self.verdicts == frozenset({"DISAGREE"}),
            operation=self.blame,
        )


def with_op(backend: str, op: str, remake: Callable[[Any, Any], Any]) -> Callable[[Definition], Native]:
    """Return what makes the native of a definition in which one operation is another: remake(vocabulary, operation)."""

    def make(definition: Definition) -> Native:
        def native(framework: Any, **leaves: Any) -> Any:
            f = words(backend, framework)
            place = f.nn if hasattr(f.nn, op) else f
            setattr(place, op, remake(f, getattr(place, op)))
            return definition(f, **leaves)

        return native

    return make


def ruled(rule: Rule) -> Callable[[Any, Any], Any]:
    """Return the remaking of an operation by a rule; what it is called with beside arrays is kept."""

    def remake(f: Any, operation: Any) -> Any:
        def called(*operands: Any, **options: Any) -> Any:
            def forward(*xs: Any) -> Any:
                return operation(*xs, **options)

            def backward(g: Any, y: Any, *xs: Any) -> Any:
                return rule(f, g, y, *xs, **options)

            return f.custom(forward, backward)(*operands)

        return called

    return remake


def cut(operand: int | None) -> Callable[[Any, Any], Any]:
    """Return the remaking of an operation that lets nothing back, or nothing to one operand."""

    def remake(f: Any, operation: Any) -> Any:
        def called(*operands: Any, **options: Any) -> Any:
            kept = [f.stop_gradient(x) if operand is None or k == operand else x for k, x in enumerate(operands)]
            return operation(*kept, **options)

        return called

    return remake


def _spread(f: Any, g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Return the adjoint of a reduction in the shape of its operand."""
    if axis is not None and not keepdims:
        shape = [1 if k == axis % len(x.shape) else int(n) for k, n in enumerate(x.shape)]
        g = f.reshape(g, tuple(shape))
    return g + 0 * x


def _count(x: Any, axis: Any) -> int:
    sizes = [int(n) for n in x.shape]
    total = 1
    for k, n in enumerate(sizes):
        total *= n if axis is None or k == axis % len(sizes) else 1
    return total


SPREAD, SHARES = ".*from (the sqrt|`spread`) ", ".*from (the softmax|the divide) "
"""A root that stands in a variable, and the last step of a softmax."""
FORGETS = "forgets the adjoint that it is given"


def _forgetful(op: str, rule: Rule, *cases: str) -> Slip:
    """Return the slip of a rule that returns its local derivative alone: the words and the operation must be told."""
    return Slip(
        kind=f"{op}_forgets_its_adjoint",
        op=op,
        rule=rule,
        cases=cases,
        blame=f"(the|.*every) ([a-z]+ of the )?{op} .*{FORGETS}",
        diagnosis=(FORGETS,),
    )


SLIPS: tuple[Slip, ...] = (
    Slip(kind="tanh_by_1_less_y", op="tanh", rule=lambda f, g, y, x: (g * (1 - y),), cases=("mlp", "elman")),
    Slip(kind="tanh_by_1_less_x2", op="tanh", rule=lambda f, g, y, x: (g * (1 - x * x),), cases=("mlp", "elman")),
    Slip(kind="tanh_by_1_plus_y2", op="tanh", rule=lambda f, g, y, x: (g * (1 + y * y),), cases=("embedding", "mlp")),
    Slip(kind="sin_by_minus_cos", op="sin", rule=lambda f, g, y, x: (-g * f.cos(x),), cases=("wave",)),
    Slip(kind="exp_by_x", op="exp", rule=lambda f, g, y, x: (g * x,), cases=("mixture",)),
    Slip(kind="log_by_1_over_x2", op="log", rule=lambda f, g, y, x: (g / (x * x),), cases=("mixture", "ratio")),
    Slip(
        kind="sqrt_without_half",
        op="sqrt",
        rule=lambda f, g, y, x: (g / y,),
        cases=("ratio", "layer_norm"),
        blame=SPREAD,
    ),
    Slip(
        kind="softplus_mirrored",
        op="softplus",
        rule=lambda f, g, y, x: (g * f.nn.sigmoid(-x),),
        cases=("logistic",),
    ),
    Slip(kind="relu_leaks", op="relu", rule=lambda f, g, y, x: (f.where(x > 0, g, 0.01 * g),), cases=("relu_net",)),
    Slip(
        kind="relu_straight_through",
        op="relu",
        rule=lambda f, g, y, x: (g * 1,),
        cases=("relu_net",),
        blame="the (relu|pick) ",
    ),
    Slip(
        kind="relu_guided",
        op="relu",
        rule=lambda f, g, y, x: (f.where(x > 0, f.maximum(g, 0 * g), 0 * g),),
        cases=("relu_net",),
    ),
    Slip(
        kind="mean_as_sum",
        op="mean",
        rule=lambda f, g, y, x, axis=None, keepdims=False: (_spread(f, g, x, axis, keepdims),),
        cases=("mlp", "logistic", "layer_norm"),
        blame="the (mean|divide) ",
    ),
    Slip(
        kind="sum_as_mean",
        op="sum",
        rule=lambda f, g, y, x, axis=None, keepdims=False: (_spread(f, g, x, axis, keepdims) / _count(x, axis),),
        cases=("wave", "softmax_regression", "bilinear"),
    ),
    Slip(
        kind="max_as_mean",
        op="max",
        rule=lambda f, g, y, x, axis=None, keepdims=False: (_spread(f, g, x, axis, keepdims) / _count(x, axis),),
        cases=("pool",),
    ),
    Slip(
        kind="bias_of_one_row", op="add", rule=lambda f, g, y, a, b: (g * 1, g[0]), cases=("mlp", "softmax_regression")
    ),
    Slip(
        kind="bias_as_mean",
        op="add",
        rule=lambda f, g, y, a, b: (g * 1, f.mean(g, axis=0)),
        cases=("softmax_regression", "relu_net"),
    ),
    Slip(
        kind="product_not_transposed",
        op="matmul",
        rule=lambda f, g, y, a, b: (f.matmul(g, b), f.matmul(f.matrix_transpose(a), g)),
        cases=("residual",),
    ),
    Slip(
        kind="softmax_diagonal_only",
        op="softmax",
        rule=lambda f, g, y, x, axis: (g * y * (1 - y),),
        cases=("attention", "softmax_regression"),
    ),
    Slip(
        kind="softmax_not_centred",
        op="softmax",
        rule=lambda f, g, y, x, axis: (g * y,),
        cases=("attention", "softmax_regression"),
        blame="the (softmax|divide .* from the sum) ",
    ),
    Slip(
        kind="quotient_without_minus",
        op="divide",
        rule=lambda f, g, y, a, b: (g / b, g * a / (b * b)),
        cases=("ratio",),
    ),
    Slip(
        kind="square_not_doubled",
        op="square",
        rule=lambda f, g, y, x: (g * x,),
        cases=("mlp", "bilinear", "pool"),
        blame="the (square|multiply) ",
    ),
    Slip(kind="sigmoid_by_y", op="sigmoid", rule=lambda f, g, y, x: (g * y,), cases=("residual",)),
    Slip(
        kind="sigmoid_slightly_off",
        op="sigmoid",
        rule=lambda f, g, y, x: (g * (y * (1 - y) + 1e-3),),
        cases=("residual",),
    ),
    Slip(
        kind="sin_forgets_its_adjoint",
        op="sin",
        rule=lambda f, g, y, x: (f.cos(x),),
        cases=("wave",),
        diagnosis=(FORGETS, "lacks its local derivative"),  # of w sin w: the product without its w is the same gradient
    ),
    _forgetful("tanh", lambda f, g, y, x: (1 - y * y,), "mlp", "elman", "embedding"),
    _forgetful("sqrt", lambda f, g, y, x: (0.5 / y,), "layer_norm"),
    _forgetful("sigmoid", lambda f, g, y, x: (y * (1 - y),), "residual"),
    _forgetful("relu", lambda f, g, y, x: (f.where(x > 0, 1 + 0 * g, 0 * g),), "relu_net"),
    _forgetful("add", lambda f, g, y, a, b: (1 + 0 * g, f.sum(1 + 0 * g, axis=0)), "logistic", "relu_net"),
)

NOTHING = frozenset({"DISCONNECTED", "DEAD-LEAF"})
"""Nothing comes back for a leaf; JAX says it by zeros."""

CUTS: tuple[Cut, ...] = (
    Cut(kind="spread_as_constant", op="sqrt", cases=("layer_norm",), blame=SPREAD),
    Cut(kind="shares_as_constants", op="softmax", cases=("attention",), verdicts=NOTHING, blame=SHARES),
    Cut(kind="one_path_of_the_sine", op="sin", cases=("wave",), blame=".*the sin "),
    Cut(kind="gate_cut", op="sigmoid", cases=("residual",), blame=".*the sigmoid "),
    Cut(kind="spread_cut", op="divide", operand=1, cases=("layer_norm",), blame="the divide .* from `spread` "),
    Cut(
        kind="denominator_cut",
        op="divide",
        operand=1,
        cases=("ratio",),
        verdicts=NOTHING,
        blame="the divide .* from `y` ",
    ),
    Cut(kind="state_forgotten", op="matmul", operand=0, cases=("elman",), blame="the matmul .* from the tanh "),
)


def planted() -> list[Defect]:
    """Return every slip and every cut on every framework."""
    steps: tuple[Slip | Cut, ...] = (*SLIPS, *CUTS)
    return [one.planted(backend, turn) for one in steps for turn, backend in enumerate(BACKENDS)]
