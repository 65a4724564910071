"""Reader of the archives of symbolic music. It reads into memory, so that no file is written anywhere."""

from __future__ import annotations

import lzma
import tarfile
from functools import lru_cache
from pathlib import Path

from beattrack.rendering.errors import RenderError

_MAX_MEMBER = 1 << 24
_MAX_TOTAL = 1 << 28


def archive_path(symbolic: Path | None, name: str) -> Path:
    """Return the path of the archive of a source.

    Args:
        symbolic: folder of the archives; None if not given.
        name: name of the source.

    Raises:
        RenderError: if there is no folder or no such file in it.
    """
    if symbolic is None:
        raise RenderError(f"the source {name!r} needs the folder of its archive; give it with --symbolic")
    path = symbolic / f"{name}.tar.xz"
    if not path.is_file():
        raise RenderError(f"{path}: there is no such file, but the source {name!r} needs it")
    return path


@lru_cache(maxsize=4)
def read_archive(path: Path) -> dict[str, bytes]:
    """Read the regular files in an archive.

    Args:
        path: a .tar.xz file.

    Returns:
        Contents by name in the archive, in the order of names.

    Raises:
        RenderError: if the archive is damaged or holds more than 256 MiB.
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
                    raise RenderError(f"{path}: holds more than 256 MiB")
                file = archive.extractfile(member)
                contents[member.name] = file.read() if file is not None else b""
    except (OSError, EOFError, tarfile.TarError, lzma.LZMAError) as error:
        raise RenderError(f"{path}: cannot be read as an archive ({error})") from error
    return dict(sorted(contents.items()))
