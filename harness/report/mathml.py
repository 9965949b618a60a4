"""MathML of a run file, let into the page only as the presentation elements that it may consist of."""

from __future__ import annotations

import re
from html.entities import html5
from xml.etree import ElementTree

from markupsafe import Markup

from harness.report.format import visible

ELEMENTS = frozenset(
    (
        *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mstyle"),
        *("msup", "msub", "msubsup", "mover", "munder", "munderover"),
        *("mfrac", "msqrt", "mroot", "mtable", "mtr", "mtd"),
    )
)

INVISIBLE = "\u2061\u2062\u2063\u2064"
"""Function application, times, separator, plus: signs of mathematics that show nothing and move nothing."""

_ENTITY = re.compile(r"&([A-Za-z]+;)")
_XML = frozenset(("amp;", "lt;", "gt;", "quot;", "apos;"))


def formula(mathml: str) -> Markup | None:
    """Return the formula without attributes; None where it is empty or holds anything but mathematics."""
    try:
        root = ElementTree.fromstring(_whole(_ENTITY.sub(_letter, mathml)))
    except ElementTree.ParseError:
        return None
    if not len(root) or any(_tag(element) not in ELEMENTS for element in root.iter()):
        return None
    return _written(root)


def _whole(mathml: str) -> str:
    """Return the text as one `math` element."""
    return mathml if mathml.lstrip().startswith("<math") else f"<math>{mathml}</math>"


def _tag(element: ElementTree.Element) -> str:
    """Return the element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def _letter(found: re.Match[str]) -> str:
    """Return the character of a named entity that XML does not know."""
    name = found[1]
    return found[0] if name in _XML else html5.get(name, found[0])


def _written(element: ElementTree.Element) -> Markup:
    """Return the element as markup; joining escapes its text."""
    inner = Markup("").join([visible(element.text or "", keep=INVISIBLE), *map(_child, element)])
    return Markup("<{0}>{1}</{0}>").format(_tag(element), inner)


def _child(element: ElementTree.Element) -> Markup:
    """Return the element and the text behind it."""
    return _written(element) + visible(element.tail or "", keep=INVISIBLE)
