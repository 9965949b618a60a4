"""Global state that a call must leave as it was: looked at before, compared after, put back."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, NamedTuple

from harness.conduct import Change, Conduct
from harness.told import fitting

UNKNOWN, GONE = object(), object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A global setting, by its getter and its setter."""

    name: str
    get: Callable[[], Any]
    """Returns a copy that can be compared by `==`; one that raises, as in another version, is not watched."""
    put: Callable[[Any], object] | None = None
    """None: it cannot be put back."""
    shown: Callable[[Any], str] = repr
    imports: bool = False
    """An import may change it as well: a call during which something was imported is not blamed for it."""


class Space(NamedTuple):
    """A module or class whose functions are not to be replaced."""

    name: str
    members: Any


class Watched(NamedTuple):
    """What is watched: settings, random states, and what may have its functions replaced."""

    settings: Sequence[Setting]
    random: Sequence[Setting] = ()
    spaces: Sequence[Space] = ()

    def plus(self, other: Watched) -> Watched:
        """Return both."""
        return Watched((*self.settings, *other.settings), (*self.random, *other.random), (*self.spaces, *other.spaces))


@dataclass(slots=True, eq=False)
class Custody:
    """The state as it was found.

    Settings and functions are put back after every call. Random states are put back at the end only: a call that draws
    is to draw other numbers the second time.
    """

    watched: Watched
    traced: bool = False
    """The function's own lines run when it is traced, before any call, and perhaps not again."""
    changes: dict[str, Change] = field(default_factory=dict)
    moved: tuple[str, ...] = ()
    """The random states that the calls after the first moved on: to seed afresh in every call moves nothing on."""
    lasting: bool = False
    _loaded: int = field(init=False)
    _settings: list[Any] = field(init=False)
    _random: list[Any] = field(init=False)
    _later: list[Any] | None = None
    _members: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self._loaded = len(sys.modules)
        self._settings = [_of(setting) for setting in self.watched.settings]
        self._random = [_of(setting) for setting in self.watched.random]
        self._members = [_functions(space) for space in self.watched.spaces]

    def inspect(self) -> None:
        """Note what the call before has changed, and put it back."""
        loaded = len(sys.modules)
        imported, self._loaded = loaded > self._loaded, loaded
        for k, setting in enumerate(self.watched.settings):
            if setting.imports and imported:
                self._settings[k] = _of(setting)
            self._compare(setting, self._settings[k])
        for space, before in zip(self.watched.spaces, self._members, strict=True):
            self._unpatch(space, before, imported)
        state = [_of(setting) for setting in self.watched.random]
        if self._later is None:
            self._later = self._random if self.traced and not imported else state
        found = zip(self.watched.random, self._later, state, strict=True)
        self.moved = tuple(setting.name for setting, before, after in found if before != after)

    def end(self) -> None:
        """Put everything back, whatever happened."""
        self.inspect()
        for setting, before in zip(self.watched.random, self._random, strict=True):
            self._put(setting, before)

    def seen(self, conduct: Conduct) -> Conduct:
        """Return the conduct with what was changed."""
        return replace(conduct, settings=tuple(self.changes.values()), random=self.moved, lasting=self.lasting)

    def _compare(self, setting: Setting, before: Any) -> None:
        after = _of(setting)
        if before is UNKNOWN or after == before:
            return
        for change in _changes(setting, before, after):
            self.changes.setdefault(change.what, change)
        self._put(setting, before)

    def _put(self, setting: Setting, before: Any) -> None:
        if before is UNKNOWN or _of(setting) == before:
            return
        with contextlib.suppress(Exception):
            if setting.put is not None:
                setting.put(before)
        self.lasting |= _of(setting) != before

    def _unpatch(self, space: Space, before: dict[str, Any], imported: bool) -> None:
        """An import may wrap a function: torch._dynamo, which torch loads itself, wraps torch.manual_seed."""
        for name, old, new in _replaced(space, before):
            if imported and getattr(new, "__wrapped__", GONE) is old:
                before[name] = new
                continue
            what = f"{space.name}.{name}"
            self.changes.setdefault(what, Change(what=what, before=_called(old), after=_called(new)))
            with contextlib.suppress(Exception):
                delattr(space.members, name) if old is GONE else setattr(space.members, name, old)
            self.lasting |= vars(space.members).get(name, GONE) is not old


@contextlib.contextmanager
def kept(watched: Watched) -> Iterator[None]:
    """Return a context at whose end everything is as it was."""
    custody = Custody(watched)
    try:
        yield
    finally:
        custody.end()


def _of(setting: Setting) -> Any:
    try:
        return setting.get()
    except Exception:
        return UNKNOWN


def _changes(setting: Setting, before: Any, after: Any) -> Iterator[Change]:
    """Yield the change of a setting; of a dictionary, one for every key."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        yield Change(what=setting.name, before=_shown(setting, before), after=_shown(setting, after))
        return
    for key in [*before, *(after.keys() - before.keys())]:
        old, new = before.get(key), after.get(key)
        if old != new:
            yield Change(what=f"{setting.name}[{key!r}]", before=_shown(setting, old), after=_shown(setting, new))


def _shown(setting: Setting, value: Any) -> str:
    return "not to be read" if value is UNKNOWN else fitting(setting.shown(value), 60)


def _functions(space: Space) -> dict[str, Any]:
    """Return the members by name; modules are left out, which are loaded when they are first used."""
    return {name: member for name, member in vars(space.members).items() if not isinstance(member, ModuleType)}


def _replaced(space: Space, before: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return name, old and new of the public members that changed; what is new hides nothing, unless in a class."""
    now = vars(space.members)
    changed = [(name, old, now.get(name, GONE)) for name, old in before.items() if now.get(name, GONE) is not old]
    if isinstance(space.members, type) and len(now) > len(before):
        inherited = (name for name in now.keys() - before.keys() if _hides(space.members, name))
        changed += [(name, GONE, now[name]) for name in inherited]
    return [one for one in changed if _public(one[0]) and not isinstance(one[2], ModuleType)]


def _hides(cls: type, name: str) -> bool:
    return any(name in vars(base) for base in cls.__mro__[1:])


def _public(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def _called(member: Any) -> str:
    """Return what a function or class is called."""
    if member is GONE:
        return "what it inherits"
    name, module = getattr(member, "__qualname__", ""), getattr(member, "__module__", "")
    return fitting(f"{module}.{name}".lstrip(".") if isinstance(name, str) and name else repr(member), 60)
