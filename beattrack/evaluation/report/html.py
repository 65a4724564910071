"""HTML elements of the report; they escape the text that they are given."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

STYLE = """
:root { --ink: #1d2733; --soft: #5b6876; --line: #dfe5eb; --tint: #f4f7f9; --accent: #1f6f8b; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #fff; line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.75rem 0 .5rem; }
p { max-width: 72ch; margin: .4rem 0; }
.soft { color: var(--soft); }
.warn { background: #fff3cd; border-left: 4px solid #d39e00; padding: .6rem .9rem; max-width: none; }
.lead { font-size: 1.1rem; margin-top: 1rem; }
.cards { display: grid;
  grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: .75rem; margin: 1.5rem 0; }
.card { background: var(--tint); border-radius: 8px; padding: .8rem 1rem; }
.card b { display: block; font-size: 1.7rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card span { display: block; font-size: .85rem; color: var(--soft); }
figure { margin: 1rem 0; }
figure img { width: 100%; height: auto; display: block; }
figure.half img { max-width: 760px; }
figcaption { color: var(--soft); font-size: .9rem; max-width: 80ch; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .8rem .35rem 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); }
td.text, th.text { text-align: left; }
td.wrap { white-space: normal; min-width: 16rem; }
a { color: var(--accent); }
ul.lead { padding-left: 1.2rem; } ul.lead li { margin: .3rem 0; max-width: 76ch; }
.tag { display: inline-block; border-radius: 4px; padding: 0 .45rem; font-size: .85rem; color: #fff; }
details { margin: 1rem 0; }
summary { cursor: pointer; font-weight: 600; }
audio { width: 100%; max-width: 480px; display: block; margin: .25rem 0 1rem; }
.players { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 0 2rem; }
dt { font-weight: 600; margin-top: .5rem; } dd { margin: 0; max-width: 72ch; color: var(--soft); }
nav { font-size: .92rem; margin-bottom: 1.5rem; }
"""


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        html: content, already escaped.
        text: whether the cell is aligned to the left.
        wrap: whether lines may break.
    """

    html: str
    text: bool = False
    wrap: bool = False


def escape(text: object) -> str:
    """Return text that is safe inside an element or a quoted attribute."""
    return html.escape(str(text), quote=True)


def page(title: str, body: Sequence[str]) -> str:
    """Return a whole page; the parts of the body are HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def heading(text: str, level: int = 2) -> str:
    """Return a heading."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph, with a CSS class if `kind` is given."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def bullets(texts: Sequence[str], kind: str = "") -> str:
    """Return a bulleted list, with a CSS class if `kind` is given."""
    return f'<ul class="{kind}">' + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def link(text: str, target: str) -> str:
    """Return a link to a path relative to the page."""
    return f'<a href="{escape(quote(target))}">{escape(text)}</a>'


def image(source: str, description: str, caption: str = "", kind: str = "") -> str:
    """Return a picture with its caption."""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    address, text = escape(quote(source)), escape(description)
    return f'<figure class="{kind}"><img src="{address}" alt="{text}" loading="lazy">{below}</figure>'


def audio(source: str, label: str) -> str:
    """Return an audio player below its label."""
    player = f'<audio controls preload="none" src="{escape(quote(source))}"></audio>'
    return f"<div><div>{escape(label)}</div>{player}</div>"


def tag(text: str, colour: str) -> str:
    """Return a word on a coloured background."""
    return f'<span class="tag" style="background:{escape(colour)}">{escape(text)}</span>'


def cards(numbers: Sequence[tuple[str, str, str]]) -> str:
    """Return large numbers, each given as (number, label above it, small print below it)."""
    inner = "".join(
        f'<div class="card"><span>{escape(label)}</span><b>{escape(value)}</b>'
        f"<span>{escape(small)}</span></div>"
        for value, label, small in numbers
    )
    return f'<div class="cards">{inner}</div>'


def table(header: Sequence[Cell], rows: Sequence[Sequence[Cell]]) -> str:
    """Return a table that scrolls sideways on narrow screens."""
    head = "".join(_cell("th", cell) for cell in header)
    body = "\n".join("<tr>" + "".join(_cell("td", cell) for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table>\n<tr>{head}</tr>\n{body}\n</table></div>'


def details(summary: str, inner: str) -> str:
    """Return HTML that is hidden until its summary is clicked."""
    return f"<details><summary>{escape(summary)}</summary>\n{inner}\n</details>"


def definitions(pairs: Sequence[tuple[str, str]]) -> str:
    """Return a list of (term, definition)."""
    return (
        "<dl>" + "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in pairs) + "</dl>"
    )


def words(text: object, *, wrap: bool = False) -> Cell:
    """Return a cell of plain text, aligned to the left."""
    return Cell(escape(text), text=True, wrap=wrap)


def number(text: object) -> Cell:
    """Return a cell of a number, aligned to the right."""
    return Cell(escape(text))


def _cell(name: str, cell: Cell) -> str:
    kinds = " ".join(kind for kind, on in (("text", cell.text), ("wrap", cell.wrap)) if on)
    return f'<{name} class="{kinds}">{cell.html}</{name}>' if kinds else f"<{name}>{cell.html}</{name}>"
