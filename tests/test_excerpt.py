"""Excerpts: a function's text runs without its file, or says why it cannot."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.backends.excerpt import excerpt
from harness.backends.source_file import Missing
from harness.collect import load

FILE = '''"""A user's file."""

from __future__ import annotations

import math as m
import os.path
from harness import case, param
from math import *

try:
    import no_such_module
except ImportError:
    no_such_module = None

LEVEL = 2
LEVEL += 1
TABLE = [0, 0]
TABLE[1] = LEVEL
UNUSED = case
if LEVEL > 2:
    def chosen(x: Unknown) -> Unknown:
        return x + LEVEL


class Rule:
    """Like a function with a gradient of its own."""

    level = LEVEL

    def __init__(self, function):
        self.function, self.reverse = function, None
        self.__name__, self.__wrapped__ = function.__name__, function

    def set(self, reverse):
        self.reverse = reverse

    def __call__(self, x):
        return self.reverse(self.function(x))


def twice(function):
    return lambda x: 2 * function(x)


def constants(x):
    return x + LEVEL + TABLE[1] + m.floor(2.5) + Rule.level


def recursive(x):
    return 1 if x < 1 else x * recursive(x - 1)


def through(x):
    return sum(chosen(k) for k in range(int(x))) + floor(2.5) + (0 if no_such_module is None else 1)


def local(x):
    UNUSED = x
    case = [m for m in range(3)]
    return UNUSED + len(case) + len(os.path.join("a", "b"))


@twice
def decorated(x):
    return x + LEVEL


@Rule
def ruled(x):
    return x + 1


def reverse(y):
    return -y


ruled.set(reverse)


@case(w=param(), points=[dict(w=3.0)])
def square(xp, w):
    return w**2


@square.native("torch")
@twice
def native(x):
    return x + 1


@square.native("torch", spelling="uses another")
def uses_another(x):
    return native(x) + 1


@square.backward
def by_hand(x):
    return constants(x)


def outer():
    def inner(x):
        text = """
    kept"""
        return x + LEVEL + len(text)

    return inner


nested = outer()
first, second, third = lambda x: x + 1, lambda x: x + LEVEL, lambda x: (lambda y: y + m.ceil(0.5))(x)
pair = {"a": lambda x: m.ceil(x), "b": lambda x: m.floor(x)}
ceiling, flooring = pair["a"], pair["b"]
six, seven, eight = lambda x: 6.0, lambda x, k=lambda: 6.0: 7.0, lambda *x: (8.0, None)


def closing(k):
    return lambda x: x + k


closed = closing(3)
builtin = math_floor = m.floor


def of_the_harness(x):
    return param


def of_a_case(x):
    return square.id


def unbound(x):
    return x + never_bound_anywhere
'''
ALONE = (
    "constants recursive through local ruled uses_another by_hand nested first second third ceiling flooring"
).split()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "users.py"
    file.write_text(FILE)
    return load(file)


def run(text: str, name: str) -> Callable[..., Any]:
    scope: dict[str, Any] = {"__name__": "program"}
    exec(compile(text, "<program>", "exec"), scope)
    found: Callable[..., Any] = scope[name]
    return found


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("renamed", [False, True])
def test_the_text_gives_the_same_numbers(module: ModuleType, name: str, renamed: bool) -> None:
    function, called = getattr(module, name), "another" if renamed else name
    found = excerpt({called: function})
    text = found.future + found.text
    assert "harness" not in text
    assert "UNUSED = case" not in text
    assert called in found.names
    assert [run(text, called)(x) for x in (0.5, 3.0)] == [function(x) for x in (0.5, 3.0)]


def test_only_what_is_used_comes_along(module: ModuleType) -> None:
    text = excerpt({"constants": module.constants}).text
    assert [line for line in text.splitlines() if line and not line.startswith((" ", "class", "def"))] == [
        "import math as m",
        "LEVEL = 2",
        "LEVEL += 1",
        "TABLE = [0, 0]",
        "TABLE[1] = LEVEL",
    ]
    assert excerpt({"first": module.first}).text == "first = lambda x: x + 1\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("six", "six = lambda x: 6.0\n"),
        ("seven", "seven = lambda x, k=lambda: 6.0: 7.0\n"),
        ("eight", "eight = lambda *x: (8.0, None)\n"),
    ],
)
def test_a_lambda_that_is_a_constant_is_told_from_its_neighbours(module: ModuleType, name: str, text: str) -> None:
    assert excerpt({name: getattr(module, name)}).text == text


def test_lines_that_stand_above_are_not_said_again(module: ModuleType) -> None:
    assert "import math as m" not in excerpt({"constants": module.constants}, ["import math as m"]).text


def test_functions_come_together(module: ModuleType) -> None:
    found = excerpt({"constants": module.constants, "layout_w": module.second})
    assert found.text.count("LEVEL = 2") == 1
    assert run(found.future + found.text, "layout_w")(1) == 4
    assert {"constants", "layout_w", "LEVEL"} <= found.names
    assert {"LEVEL", "m", "TABLE"} <= found.used


MISSING = {
    "closed": "it closes over k",
    "decorated": "it closes over function",
    "builtin": "it is not written in Python",
    "of_the_harness": "it uses param, which is of gradharness",
    "of_a_case": "it uses case, which is of gradharness",
}


@pytest.mark.parametrize("name", MISSING)
def test_what_cannot_stand_alone_says_why(module: ModuleType, name: str) -> None:
    with pytest.raises(Missing, match=MISSING[name]):
        excerpt({"native": getattr(module, name)})


def test_what_is_written_elsewhere_says_why(module: ModuleType) -> None:
    with pytest.raises(Missing, match="its layouts are written in another file"):
        excerpt({"native": module.constants, "layout_w": run})
    with pytest.raises(Missing, match="its text is not to be had"):
        excerpt({"native": run("def f(x):\n    return x\n", "f")})
    with pytest.raises(Missing, match="not written in Python"):
        excerpt({"native": partial(module.constants)})


def test_a_name_that_nothing_binds_is_missed(tmp_path: Path) -> None:
    file = tmp_path / "unbound.py"
    file.write_text("def unbound(x):\n    return x + never_bound_anywhere\n")
    with pytest.raises(Missing, match="never_bound_anywhere is not bound in its file"):
        excerpt({"unbound": load(file).unbound})


def test_a_module_beside_the_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "beside_me.py").write_text("ONE = 1\n")
    file = tmp_path / "answers" / "user.py"
    file.write_text("import beside_me\n\n\ndef f(x):\n    return x + beside_me.ONE\n")
    text = excerpt({"f": load(file).f}).text
    assert text.startswith('import sys\nsys.path.insert(0, "answers")  # beside_me.py\nimport beside_me\n')
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "beside_me")
    assert run(text, "f")(1) == 2


def test_a_file_that_changed_since_is_not_believed(module: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "users.py").write_text("\n\n" + FILE)
    import linecache

    linecache.checkcache(str(tmp_path / "users.py"))
    with pytest.raises(Missing, match="its text has changed"):
        excerpt({"constants": module.constants})
