"""One function and a doubt: `check` and `assert_agree`, in a script or a notebook."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.agreement import Agreement as Agreement
from harness.agreement import Disagreement as Disagreement
from harness.backends import BACKENDS, BY_HAND
from harness.calling import asks_for_namespace, flatten, misfit, nest, parameter_names, takes_by_name
from harness.declare import Case, DeclarationError, Input, data, param, text_of
from harness.domains.precision import PRECISIONS
from harness.inputs import check_paths
from harness.points import Point, PointError, as_fractions
from harness.run.plan import Selection, SelectionError, checked, plan
from harness.spelling import OWN, add, check_names, port
from harness.told import shown

WIDEST = "float64"
"""In which NumPy computes."""

Function = Callable[..., Any]
OPTIONS = ("reference", "backward", "backends", "dtypes")
"""The arguments of `check` that are no inputs."""
ELSEWHERE = ("points", "profile", "seed", "timeout", "memory", "variants", "variant", "operators", "operator", "strict")
"""What `gradharness run` or `case` asks for, and `check` does not."""
Ports = Mapping[str, Function]
"""Backend → the same function in that framework."""


def check(
    function: Function | Case | Ports,
    /,
    *,
    reference: Function | Case | None = None,
    backward: Function | None = None,
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = ("float64",),
    **inputs: Any,
) -> Agreement:
    """Return what every installed backend says of the gradient of `function` at `inputs`, judged by the truth.

    A number or list is differentiated; an integer or boolean array, or `data(…)`, is a constant. A first
    parameter named xp, or as a framework is usually named, gets the namespace. A dictionary of ports is judged by
    `reference`, their definition in xp. `backward` is a gradient by hand: a function of the inputs that returns the
    partials. Raises DeclarationError or PointError for what does not fit.

    The function runs in this process: one that hangs, crashes or calls `os._exit` takes the script with it. Where that
    may be, declare it in a file for `gradharness run`, which contains it.
    """
    from harness.run.execute import Order, execute
    from harness.run.lab import Inline

    case = _spelt(function, reference, backward, inputs)
    chosen, wanted = _names("backends", backends, (*BACKENDS, *BY_HAND)), _names("dtypes", dtypes, PRECISIONS)
    if backward is not None and WIDEST not in wanted:
        raise DeclarationError(f"a gradient by hand is judged in {WIDEST} alone; name it among the dtypes")
    if chosen and backward is not None:
        chosen = tuple(dict.fromkeys((*chosen, OWN)))
    selection = Selection(backends=chosen, dtypes=wanted)
    _check_planned(case, selection)
    run = execute(Order(cases=(case,), selection=selection, command="harness.check"), Inline(guest=True))
    return Agreement(run=run, named=chosen)


def assert_agree(function: Function | Case | Ports, /, **asked: Any) -> Agreement:
    """Return what `check` returns where it is `.ok`; else raise Disagreement with the full message.

    What could not be judged is no agreement: at each point and dtype some framework passes, if there is one that can
    say the function, else SymPy or finite differences. Of what was written by hand, a port or a gradient, each must
    pass where its framework is installed: that the others are right says nothing of it.
    """
    agreement = check(function, **asked)
    if not agreement.ok:
        raise Disagreement(agreement.complaint)
    return agreement


def _spelt(
    function: Function | Case | Ports,
    reference: Function | Case | None,
    backward: Function | None,
    inputs: Mapping[str, Any],
) -> Case:
    """Return the case of a definition, with its ports and the gradient by hand among its spellings."""
    ports = function if isinstance(function, Mapping) else {}
    definition = reference if isinstance(function, Mapping) else function
    _check_functions(function, reference, backward)
    _check_options(function, reference, inputs)
    if isinstance(definition, Case) and inputs:
        raise DeclarationError(
            f"{definition.id} has inputs and points of its own; leave {', '.join(inputs)} out, or give its function"
        )
    made = definition if isinstance(definition, Case) else case_of(definition, inputs)
    case = replace(made, natives=list(made.natives))
    for backend, one in ports.items():
        add(case.natives, port(one, backend, owner=case.id, inputs=case.inputs), case.id)
    if backward is not None:
        case.backward(backward)
    return case


def _check_functions(
    function: Function | Case | Ports, reference: Function | Case | None, backward: Function | None
) -> None:
    """Raise DeclarationError where something is no function, or there are no ports to compare with a reference."""
    if isinstance(function, Mapping) and not function:
        raise DeclarationError("there are no ports; give them as {'torch': f, 'jax': g}")
    if reference is not None and not isinstance(function, Mapping):
        raise DeclarationError("reference=… is the definition of ports; give them as {'torch': f, 'jax': g}")
    ports = {f"the port of {key}": one for key, one in function.items()} if isinstance(function, Mapping) else {}
    given: dict[str, Any] = {**ports} or {"what is to be checked": function}
    given |= {name: one for name, one in (("reference", reference), ("backward", backward)) if one is not None}
    for what, one in given.items():
        if not isinstance(one, Case) and not callable(one):
            raise DeclarationError(f"{what} is {shown(one)}, which is no function; write lambda w: w**2")


def _check_planned(case: Case, selection: Selection) -> None:
    """Raise DeclarationError where a backend that was named has nothing to be judged."""
    there = {cell.backend for cell in plan((case,), selection)}
    for name in selection.backends:
        if name not in there:
            by_hand = "; backward=… is what it would be" if name in BY_HAND else ""
            raise DeclarationError(
                f"{case.id} has no gradient on {name} in {' or '.join(selection.dtypes)}{by_hand}; name others"
            )


def _names(option: str, given: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return the names that an option gives, each once. Raises DeclarationError."""
    some = None if isinstance(given, str) or not isinstance(given, Iterable) else tuple(given)
    if some is None or not all(isinstance(name, str) for name in some):
        example = given if isinstance(given, str) else next(iter(known))
        raise DeclarationError(f"{option}={shown(given)} is no list of names; write {option}=({shown(example)},)")
    if not some and option == "dtypes":
        raise DeclarationError("dtypes=() names no dtype; leave it out for float64")
    try:
        return checked(tuple(dict.fromkeys(some)), known, option.removesuffix("s"))
    except SelectionError as error:
        raise DeclarationError(str(error)) from None


def case_of(function: Function | None, inputs: Mapping[str, Any]) -> Case:
    """Return the case that a bare function and its inputs stand for, with one point labelled `here`.

    Without a function it is the case of ports that have no definition.
    """
    identity = f"check.{_name(function)}"
    check_paths(inputs, identity)
    given = flatten(inputs)
    leaves = {path: _input(value, f"{identity}, input {path}") for path, value in given.items()}
    values = {path: value for path, value in given.items() if leaves[path].param}
    if function is not None:
        _check_signature(function, list(nest(given)), identity)
    if not values:
        raise DeclarationError(f"{identity} has no param() to differentiate: data and arrays of integers are constants")
    made = Case(
        id=identity,
        function=function,
        inputs=leaves,
        points=(Point(label="here", values=values),),
        title="" if function is None else (inspect.getdoc(function) or "").split("\n", 1)[0].strip(),
        file=getattr(getattr(function, "__code__", None), "co_filename", ""),
        line=getattr(getattr(function, "__code__", None), "co_firstlineno", 0),
        definition="" if function is None else text_of(function),
    )
    made.check()
    return made


def _check_signature(function: Function, names: Sequence[str], identity: str) -> None:
    """Raise DeclarationError where the function cannot be called with inputs of these names."""
    before = parameter_names(function)[:1] if asks_for_namespace(function) else []
    wrong = misfit(function, names, reserved=OPTIONS)
    if wrong:
        raise DeclarationError(f"{identity} {wrong}")
    check_names(function, names, identity, first="".join(before))


def _check_options(function: Function | Case | Ports, reference: Function | Case | None, names: Iterable[str]) -> None:
    """Raise DeclarationError where what is given as an input is an option that is misspelt, or another command's.

    An input may be called so where a function has such a parameter.
    """
    several = [*function.values(), reference] if isinstance(function, Mapping) else [function]
    functions = [one.function if isinstance(one, Case) else one for one in several if one is not None]
    for name in names:
        if any(takes_by_name(one, [name], after=0) or name in parameter_names(one) for one in functions if one):
            continue
        near = difflib.get_close_matches(name, OPTIONS, n=1, cutoff=0.85)
        if near or name in ELSEWHERE:
            meant = f"did you mean {near[0]}?" if near else "it belongs to `case` or `gradharness run`."
            raise DeclarationError(f"check has no option {name}; {meant} Its options are {', '.join(OPTIONS)}")


def _input(value: Any, what: str) -> Input:
    """Return the input that a value stands for. Raises PointError or DeclarationError where it is no array."""
    if isinstance(value, Input):
        if value.value is None:
            raise DeclarationError(f"{what} has no number; write it itself, w=3.0 or x=data([1.0, 2.0])")
        return value
    try:
        array = np.asarray(value)
    except Exception:  # rows of different lengths, or an object that does what it likes
        as_fractions(value, (), what)
        raise PointError(f"{what}: {shown(value)} makes no array; write lists of numbers") from None
    constant = isinstance(value, np.ndarray) and array.dtype.kind in "iub"
    return data(array) if constant else param(shape=array.shape)


def _name(function: Function | None) -> str:
    """Return the function's name where it has one that is safe in an id."""
    if function is None:
        return "ports"
    name = getattr(function, "__name__", "")
    return name.lower() if name.isidentifier() else "function"
