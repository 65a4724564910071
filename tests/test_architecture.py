"""Imports inside the package go one way, by the list of layers in docs/architecture.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
LAYERS = [row.split(", ") for row in re.findall(r"^    ([a-z, ]+?)  +\S", PAGE, re.MULTILINE)]
RANKS = {room: len(LAYERS) - number for number, rooms in enumerate(LAYERS) for room in rooms}
MODULES = {
    path: path.relative_to(ROOT / "beattrack").parts[0].removesuffix(".py")
    for path in sorted((ROOT / "beattrack").rglob("*.py"))
}
AS_A_TYPE_ONLY = {("formats", "result")}


def imported(module: Path, *, types: bool) -> Iterator[str]:
    """Everything a module imports, anywhere in it; without `types` not what only a type checker sees."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    hidden = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not types
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and node not in hidden:
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node not in hidden:
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def test_the_page_lists_every_room() -> None:
    assert set(RANKS) == set(MODULES.values()) - {"__init__", "__main__"}


def test_imports_lead_to_lower_layers() -> None:
    for module, room in MODULES.items():
        if room in ("__init__", "__main__"):
            continue
        for name in imported(module, types=True):
            assert not name.startswith("."), f"{module}: {name} is a relative import"
            package, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if package != "beattrack" or other == room:
                continue
            as_a_type = (room, other) in AS_A_TYPE_ONLY and name not in imported(module, types=False)
            assert as_a_type or RANKS.get(other, 99) < RANKS[room], f"{room} imports {name} in {module}"


def test_the_page_names_files_that_exist() -> None:
    for name in re.findall(r"`(beattrack/[\w/.]+|(?:cli|runtime|tests)/[\w/.]+)`", PAGE):
        assert (ROOT / name).exists() or (ROOT / "beattrack" / name).exists(), name
