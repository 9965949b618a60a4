"""A page of HTML read for the tests: its elements, its links, and all that could make a browser ask for a file."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(("meta", "link", "br", "input", "wbr", "img", "hr"))
ASKS = frozenset(("src", "srcset", "data", "poster", "action", "formaction", "background", "xlink:href"))
APART = frozenset(("td", "th", "li", "p", "small", "dt", "dd"))
"""Elements whose text stands apart from what follows."""


@dataclass
class Element:
    """A start tag, with the text inside it up to its end tag."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """What a page holds, and every start tag without its end tag."""

    source: str
    elements: list[Element] = field(default_factory=list)
    unclosed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[Element] = []
        self.feed(self.source)
        self.close()
        self.unclosed += [element.tag for element in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop().tag != tag:
            self.unclosed.append(tag)
        if tag in APART:
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Return the elements of this tag that have these attributes; `class_` is one of the classes."""
        wanted = attributes.pop("class_", "")
        return [
            element
            for element in self.elements
            if element.tag == tag
            and attributes.items() <= element.attributes.items()
            and (not wanted or wanted in element.attributes.get("class", "").split())
        ]

    @property
    def text(self) -> str:
        """The words of the page, white space as one blank."""
        return " ".join(self.all("body")[0].text.split())

    def requests(self) -> list[str]:
        """Return everything that a browser would fetch or run beside the page itself."""
        found = []
        for element in self.elements:
            found += [value for name, value in element.attributes.items() if name in ASKS]
            found += [f"{name}={value}" for name, value in element.attributes.items() if name.startswith("on")]
            found += [element.attributes["style"]] if "style" in element.attributes else []
            href = element.attributes.get("href", "#")
            found += [] if href.startswith("#") or (element.tag, href) == ("link", "data:,") else [href]
            found += re.findall(r"url\(.*?\)|@import.*?;", element.text) if element.tag == "style" else []
        return found

    def dead_links(self) -> list[str]:
        """Return the links into the page that lead nowhere."""
        ids = {element.attributes["id"] for element in self.elements if "id" in element.attributes}
        links = [element.attributes["href"] for element in self.all("a")]
        return [link for link in links if link.removeprefix("#") not in ids]

    def twice(self) -> list[str]:
        """Return the ids that are given more than once."""
        counted = Counter(element.attributes["id"] for element in self.elements if "id" in element.attributes)
        return [name for name, count in counted.items() if count > 1]
