"""Reading the archives of symbolic music: into memory, so that no member can land where it should not."""

from __future__ import annotations

import lzma
import tarfile
from functools import lru_cache
from pathlib import Path

from beattrack.rendering.errors import RenderError

_MAX_MEMBER = 1 << 24
_MAX_TOTAL = 1 << 28


def archive_path(symbolic: Path | None, name: str) -> Path:
    """Path of the archive `name`; RenderError where the folder is not given or has no such file."""
    if symbolic is None:
        raise RenderError(f"The source {name!r} needs the folder of the symbolic archives (--symbolic).")
    path = symbolic / f"{name}.tar.xz"
    if not path.is_file():
        raise RenderError(f"{path}: there is no such archive, which the source {name!r} needs.")
    return path


@lru_cache(maxsize=4)
def read_archive(path: Path) -> dict[str, bytes]:
    """Contents of the regular files in an archive, by name inside it, in the order of names.

    Raises RenderError where it is damaged or unpacks to more than 256 MiB.
    """
    contents: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if not member.isfile() or member.size > _MAX_MEMBER:
                    continue
                total += member.size
                if total > _MAX_TOTAL:
                    raise RenderError(f"{path}: unpacks to more than 256 MiB, which no source needs.")
                file = archive.extractfile(member)
                contents[member.name] = file.read() if file is not None else b""
    except (OSError, EOFError, tarfile.TarError, lzma.LZMAError) as error:
        raise RenderError(f"{path}: cannot be read as an archive ({error}).") from error
    return dict(sorted(contents.items()))
