"""XML as text: one element a line, attributes escaped."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'

_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


def element(name: str, attributes: Mapping[str, object], children: Sequence[str] = ()) -> str:
    """Return an element, its children indented by two spaces.

    Args:
        name: name of the element.
        attributes: values by name; those that are None are left out.
        children: elements as text.
    """
    given = [f' {key}="{escaped(str(value))}"' for key, value in attributes.items() if value is not None]
    start = f"<{name}{''.join(given)}"
    if not children:
        return f"{start}/>"
    inside = "\n".join(children).replace("\n", "\n  ")
    return f"{start}>\n  {inside}\n</{name}>"


def escaped(text: str) -> str:
    """Return text for an attribute or element, characters that XML cannot hold replaced by ?."""
    return "".join(_ESCAPES.get(character, character) for character in _FORBIDDEN.sub("?", text))


def decimal(number: float, digits: int) -> str:
    """Return a number with at most so many decimals, without an exponent."""
    text = f"{number:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def file_url(path: str, host: str = "") -> str:
    """Return the `file:` address of a path, made absolute."""
    absolute = os.path.abspath(path).replace(os.sep, "/")
    return f"file://{host}/{quote(absolute.lstrip('/'), safe='/:')}"


def title(path: str | None) -> str:
    """Return the name of a recording for a title: that of its file without folder and suffix."""
    return os.path.splitext(os.path.basename(path or ""))[0] or "beats"
