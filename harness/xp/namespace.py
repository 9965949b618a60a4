"""The namespace that a case is written in, for one trace.

Semantics are the array API standard's, 2024.12 (data-apis.org/array-api), with its `linalg`, plus `nn` and `special`.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import math
from collections.abc import Callable
from typing import Any, NoReturn

from harness.graph.build import Builder
from harness.told import fitting, message
from harness.xp import complexes, elementwise, linalg, nn, order, reduce, shape
from harness.xp.array import REAL, matmul
from harness.xp.creation import Creation
from harness.xp.hints import NAMES, NOT_OFFERED
from harness.xp.refusal import NoSuchName, Refused, refuse

Table = dict[str, Any]


class Namespace:
    """Named functions; a name that is not there is refused with the nearest one."""

    def __init__(self, name: str, table: Table) -> None:
        self._name = name
        for key, value in table.items():
            setattr(self, key, _guarded(f"{name}.{key}", value) if callable(value) else value)

    def __getattr__(self, key: str) -> NoReturn:
        if key.startswith("__"):
            raise AttributeError(key)
        if self._name == "xp" and NAMES.get(key, key) in NOT_OFFERED:
            absent = f"xp.{key} is not offered here, though the array API standard has it"
            raise refuse(absent, NOT_OFFERED[NAMES.get(key, key)], NoSuchName)
        raise refuse(
            f"{self._name}.{key} does not exist", _advice(key, [k for k in vars(self) if k[0] != "_"]), NoSuchName
        )

    def __repr__(self) -> str:
        return f"<namespace {self._name}>"


def _advice(key: str, known: list[str]) -> str:
    known_as = NAMES.get(key)
    if known_as == "data":
        return "Declare the numbers as an input: name=data(array)"
    if known_as is not None:
        return f"Write xp.{known_as}"
    near = difflib.get_close_matches(key, known, n=1, cutoff=_slip(key))
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(known))}"


def _slip(key: str) -> float:
    """Return how alike two names are that differ by one wrong letter; a short one has more to lose by it."""
    return min(0.8, max(0.6, (len(key) - 1) / len(key)))


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a wrong call turned into a refusal that shows the right one."""

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Refused:
            raise
        except (TypeError, ValueError, IndexError) as error:
            raise refuse(f"{name}: {fitting(message(error))}", f"The call is {name}{_signature(function)}") from None

    return guarded


def _signature(function: Callable[..., Any]) -> str:
    parameters = inspect.signature(function).parameters.values()
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    return str(inspect.Signature(bare)).replace("indices_", "indices").replace("condition_", "condition")


def functions(creation: Creation) -> Table:
    """Return the functions of the main namespace."""
    table: Table = {name: elementwise.unary(name) for name in elementwise.UNARY}
    table |= {name: elementwise.binary(name) for name in elementwise.BINARY}
    table |= {name: elementwise.comparison(name) for name in elementwise.SIGNS}
    table |= {name: elementwise.logical(name) for name in ("logical_and", "logical_or", "logical_not")}
    table |= {name: reduce.reduction(name) for name in ("sum", "mean", "max", "min", "prod")}
    table |= {name: reduce.spread(name) for name in ("var", "std")}
    for module, names in (
        (elementwise, "where clip pow reciprocal"),
        (
            shape,
            "reshape permute_dims matrix_transpose expand_dims squeeze broadcast_to concat stack unstack take "
            "take_along_axis",
        ),
        (order, "flip roll sort cumulative_sum"),
        (linalg, "vecdot tensordot"),
        (complexes, "conj real imag"),
        (creation, "zeros ones full eye zeros_like ones_like full_like"),
    ):
        table |= {name: getattr(module, name) for name in names.split()}
    table |= {"matmul": matmul, "complex": complexes.complex_}
    table |= {name: complexes.also_complex(name, table[name]) for name in complexes.OF_COMPLEX}
    return table | {"pi": math.pi, "e": math.e, "inf": math.inf, "newaxis": None, "float": REAL}


def networks() -> Table:
    """Return the functions of `xp.nn`."""
    table: Table = {name: elementwise.unary(name, f"nn.{name}") for name in ("relu", "sigmoid", "softplus", "silu")}
    table |= {name: nn.along_axis(name) for name in ("softmax", "log_softmax")}
    table |= {name: nn.pooling(name) for name in ("avg_pool2d", "max_pool2d")}
    table |= {name: getattr(nn, name) for name in "leaky_relu elu gelu one_hot conv2d layer_norm".split()}
    return table | {"logsumexp": reduce.reduction("logsumexp", "nn.logsumexp")}


def special() -> Table:
    """Return the functions of `xp.special`."""
    table: Table = {name: elementwise.unary(name, f"special.{name}") for name in ("erf", "erfc", "logit")}
    return table | {"xlogy": elementwise.binary("xlogy", "special.xlogy")}


def matrices() -> Table:
    """Return the functions of `xp.linalg`; the standard has the products here too."""
    names = "cholesky solve inv det slogdet diagonal trace vector_norm vecdot tensordot"
    table: Table = {name: getattr(linalg, name) for name in names.split()}
    products = complexes.also_complex("matmul", matmul)
    return table | {"matmul": products, "matrix_transpose": shape.matrix_transpose}


def make_namespace(builder: Builder) -> Namespace:
    """Return the `xp` of one trace."""
    rooms = {"nn": networks(), "special": special(), "linalg": matrices()}
    table = functions(Creation(builder)) | {room: Namespace(f"xp.{room}", names) for room, names in rooms.items()}
    return Namespace("xp", table)
