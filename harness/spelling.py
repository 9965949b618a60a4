"""Spellings: further ways to say a case, each a user's function for one backend."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from harness.calling import (
    asks_for_namespace,
    late_namespace,
    nest,
    only_in_order,
    parameter_names,
    takes_by_name,
    takes_the_rest,
)
from harness.told import fitting

DEFINITION = "xp"
"""The spelling of the case's own definition."""
OWN = "numpy"
"""The backend of a gradient that somebody wrote by hand: nothing is differentiated there."""
UNNAMED = "backward"
"""What a gradient written by hand is called where it is a lambda, which has no name."""
MODULES = {"tensorflow": "tf", "torch": "torch", "jax": "jax", OWN: "np"}
"""Backends that have spellings → how their users call the module."""
FRAMEWORKS = tuple(name for name in MODULES if name != OWN)
"""Backends whose own words users write."""

Function = Callable[..., Any]
Layout = Callable[[Any], Any]


class DeclarationError(Exception):
    """A case or spelling that cannot be planned; the text says which, why and what to write."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spelling:
    """A user's function that stands for a case on one backend."""

    backend: str
    name: str
    """As in ids: lower-case letters, digits and underscores."""
    written: str
    """As the user wrote it: torch.nn.Linear."""
    function: Function
    module: str = ""
    """What is passed first: tf, torch, jax, jnp or np; "" where the function takes arrays only."""
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    """Leaf path → permutation or reshape into the layout that the function asks for."""

    @property
    def place(self) -> tuple[str, int]:
        """File and line of the function; ("", 0) where it has none."""
        code = code_of(self.function)
        return ("", 0) if code is None else (code.co_filename, code.co_firstlineno)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NativeCall:
    """Which spelling a task means: by its address, which travels, and the function itself, which does not."""

    file: str
    case: str
    backend: str
    name: str
    live: Spelling | None = None
    """None in another process, until the file is collected there."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _travelled, (self.file, self.case, self.backend, self.name)


def _travelled(file: str, case: str, backend: str, name: str) -> NativeCall:
    return NativeCall(file=file, case=case, backend=backend, name=name)


def code_of(function: Function) -> CodeType | None:
    """Return the code of a function, inside whatever wraps it; None where it is not written in Python."""
    inner = inspect.unwrap(getattr(function, "python_function", function))  # TensorFlow's own name for it
    return getattr(inner, "__code__", None)


def native(
    function: Function,
    backend: str,
    *,
    owner: str,
    inputs: Collection[str],
    spelling: str = "",
    layouts: Mapping[str, Layout],
) -> Spelling:
    """Return a framework's spelling of case `owner`, whose leaves are `inputs`. Raises DeclarationError.

    The module comes first, unless the first parameter is an input.
    """
    for path in layouts:
        if path not in inputs:
            raise DeclarationError(f"{owner}: a layout for {path!r}, which is no input; {_meant(path, inputs)}")
    first = next(iter(parameter_names(function)), "")
    arrays_only = first in {path.split(".")[0] for path in inputs}
    made = _made(function, backend, owner, spelling, "" if arrays_only else _module(backend, first), layouts)
    check_names(function, inputs, f"{owner}: the spelling {made.written} on {backend}", first=made.module)
    return made


def port(function: Function, backend: str, *, owner: str, inputs: Collection[str]) -> Spelling:
    """Return a spelling that is called as `check` calls functions: the module first only where it is asked for.

    Raises DeclarationError.
    """
    check_backend(backend, owner)
    made = _made(function, backend, owner, "", _asked(function, backend), {})
    check_names(function, inputs, f"{owner}: the port of {backend}", first=made.module)
    return made


def own_gradient(function: Function, *, owner: str, inputs: Collection[str]) -> Spelling:
    """Return the spelling of a gradient that is written by hand, in plain Python or NumPy. Raises DeclarationError."""
    made = _made(function, OWN, owner, "", _asked(function, OWN), {}, nameless=UNNAMED)
    called = "" if made.written == UNNAMED else f" {made.written}"
    check_names(function, inputs, f"{owner}: the backward{called}", first=made.module)
    return made


def check_names(function: Function, inputs: Iterable[str], what: str, *, first: str = "") -> None:
    """Raise DeclarationError where some inputs are named as parameters and others are not.

    They would be given in order, and mixed up. Where none is named so, that is what is meant; so it is where the
    parameters are the first inputs and `*rest` takes the others. `first` is what is passed before them.
    """
    names, before = list(nest(dict.fromkeys(inputs))), [first] if first else []
    parameters = parameter_names(function)
    taken = parameters[len(before) :]
    late = late_namespace(function, [*before, *names])
    if late:
        raise DeclarationError(f"{what} takes {listed(parameters)}: what it computes with comes first; {late}")
    if _in_order(function, names, what, after=len(before)):
        return
    if set(names).isdisjoint(taken) or takes_by_name(function, names, after=len(before)):
        return
    if takes_the_rest(function) and names[: len(taken)] == taken:
        return
    lost = next(name for name in names if name not in taken)
    hint = f"no parameter is named {fitting(lost)}; give the inputs and the parameters the same names"
    if lost in parameters:
        hint = f"a first parameter named {lost} gets the module; rename that input"
    given = listed([*before, *names])
    raise DeclarationError(
        f"{what} takes {listed(parameters)}, is given {given}: some of one name and some not; {hint}"
    )


def _in_order(function: Function, names: list[str], what: str, *, after: int) -> bool:
    """Return whether inputs that are named as parameters before a `/` come in their order. Raises DeclarationError."""
    if only_in_order(function, after=after).isdisjoint(names):
        return False
    try:
        inspect.signature(function).bind(*[None] * after, *names)
        fits = parameter_names(function)[after:][: len(names)] == names or takes_the_rest(function)
    except TypeError:
        fits = False
    if not fits:
        raise DeclarationError(
            f"{what} takes what stands before its / in order alone, and is given {listed(names)}; leave the / out"
        )
    return True


def listed(names: Iterable[str]) -> str:
    """Return the names as a sentence has them."""
    return fitting(", ".join(names)) or "nothing"


def check_backend(backend: str, owner: str) -> None:
    """Raise DeclarationError where users write nothing for a backend."""
    if callable(backend):
        raise DeclarationError(
            f"{owner}: a spelling names its framework; write @{owner.rpartition('.')[2]}.native('torch') above it"
        )
    if backend not in FRAMEWORKS:
        hand = " A gradient written by hand in NumPy is @case.backward." if backend == OWN else ""
        raise DeclarationError(
            f"{owner}: spellings are not written for {backend!r}; {_meant(backend, FRAMEWORKS)}.{hand}"
        )


def check_brackets(given: Collection[Any]) -> None:
    """Raise DeclarationError where `@case` stands above a function without brackets, which gives it that function."""
    if given:
        raise DeclarationError(
            "the inputs stand in brackets; write @case(w=param(), points=[dict(w=3.0)]) above the def"
        )


def check_bare(given: Sequence[Any], options: Collection[str], owner: str) -> Any:
    """Return the one function that is given. Raises DeclarationError where `@case.backward` is written otherwise."""
    if len(given) == 1 and callable(given[0]) and not options:
        return given[0]
    raise DeclarationError(
        f"{owner}: a gradient by hand is one function, without options; "
        f"write @{owner.rpartition('.')[2]}.backward without brackets above the def"
    )


def _meant(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0)
    return f"did you mean {near[0]}? There are {', '.join(known)}"


def _asked(function: Function, backend: str) -> str:
    return _module(backend, parameter_names(function)[0]) if asks_for_namespace(function) else ""


def _module(backend: str, first: str) -> str:
    """Return the module that is passed; JAX's users mean one of two."""
    return "jnp" if backend == "jax" and first in ("jnp", "np", "xp") else MODULES[backend]


def _made(
    function: Function,
    backend: str,
    owner: str,
    spelling: str,
    module: str,
    layouts: Mapping[str, Layout],
    *,
    nameless: str = "port",
) -> Spelling:
    """Return a spelling by the name that it is given, or that its function has; a lambda is called `nameless`."""
    written = spelling or getattr(function, "__name__", "").replace("<lambda>", nameless) or type(function).__name__
    name = re.sub(r"[^a-z0-9_]+", "_", written.lower()).strip("_")
    if not name or name == DEFINITION:
        raise DeclarationError(
            f"{owner}: {written!r} cannot name a spelling; write spelling='…' with letters or digits"
        )
    return Spelling(
        backend=backend, name=name, written=written, function=function, module=module, layouts=dict(layouts)
    )


def add(spellings: list[Spelling], new: Spelling, owner: str) -> None:
    """Add a spelling; one that is declared again, by reloading its file or in a notebook, takes the old one's place.

    Raises DeclarationError where its name is taken.
    """
    for known in [known for known in spellings if (known.backend, known.name) == (new.backend, new.name)]:
        if not _again(known, new):
            place = ":".join(map(str, known.place))
            advice = "give one a name of its own by def" if new.backend == OWN else "rename one, or write spelling='…'"
            raise DeclarationError(
                f"{owner}: two spellings on {new.backend} are named {new.name}, one at {place}; {advice}"
            )
        spellings.remove(known)
    spellings.append(new)


def _again(known: Spelling, new: Spelling) -> bool:
    """Return whether a declaration is the known one once more: its line ran again, or another file took its place."""
    if known.place[0] != new.place[0]:
        return True
    return known.place[1] == new.place[1] and code_of(known.function) is not code_of(new.function)
