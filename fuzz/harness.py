"""The common part of the fuzzing programs: libFuzzer calls the same targets as the tests, through atheris.

    python fuzz/fuzz_audio.py -max_total_time=240 corpus/

The arguments are those of libFuzzer. The small valid files of `tests/fuzz/seeds.py` are written to the corpus
folder.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(
    include=["beattrack", "tests.fuzz.targets", "soundfile", "numpy.lib", "json", "csv", "zipfile"]
):
    from tests.fuzz import seeds, targets


def fuzz(*names: str) -> None:
    """Run targets until an error or a limit; if there are several, the first byte of the data chooses one."""
    chosen: list[Callable[[bytes], bool]] = [getattr(targets, name) for name in names]
    # Running ffmpeg for each input would take too long.
    shutil.which = lambda *_, **__: None  # type: ignore[assignment]
    folders = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if folders and not Path(folders[0]).is_file():
        _plant(Path(folders[0]), names)

    def once(data: bytes) -> None:
        if len(chosen) == 1:
            chosen[0](data)
        elif data:
            chosen[data[0] % len(chosen)](data[1:])

    atheris.Setup(sys.argv, once)
    atheris.Fuzz()


def _plant(folder: Path, names: tuple[str, ...]) -> None:
    """Write the seeds of these targets, each after the byte that chooses its target."""
    all_seeds = {
        "audio": [seeds.sound(kind) for kind in seeds.SOUNDS],
        "beat_file": list(seeds.beat_files()),
        "result_record": [seeds.record(), seeds.settings(), seeds.card()],
        "activations": [seeds.saved_activations()],
        "numbers": [bytes(64), b"\x00\x00\x80\x3f" * 200],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        for count, data in enumerate(all_seeds[name]):
            choice = bytes([number]) if len(names) > 1 else b""
            (folder / f"seed-{name}-{count}").write_bytes(choice + data)
