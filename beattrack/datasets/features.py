"""A cache of quantised spectrograms, so that audio is analysed once for each setting of the front-end.

Both views of the sound are kept, the slow one in a file of its own.

An entry is found by the settings of the spectrogram and the content of the audio file, so that it stays right
when a file is moved, and is not used when the file or a setting changes. Entries are written whole or not at
all and opened memory-mapped; several processes may use one cache at once.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from beattrack.datasets.base import DatasetError
from beattrack.datasets.songs import Quantisation
from beattrack.errors import AudioError
from beattrack.harmony import Harmony, HarmonySettings
from beattrack.runtime.files import atomic_path, atomic_write_text, sha256_of
from beattrack.spectrogram import Spectrogram, SpectrogramSettings

FORMAT_VERSION = 1
HEADER_BYTES = 128  # of an .npy file
ENVIRONMENT = "BEATTRACK_CACHE"
# From the rounding noise of 16-bit audio to 50 dB: a square wave of full scale reaches 49 dB.
QUANTISATION = Quantisation(step_db=0.5, floor_db=-77.5)

SPARE_FILES = 256  # for everything else that a process opens, as the pipes to its workers

ProgressCallback = Callable[[int, int], None]


class StoredLevels(np.ndarray[Any, np.dtype[np.uint8]]):
    """Levels mapped from a file; a pickle holds the path alone, so that worker processes map it too."""

    path: str | None = None  # None in slices and copies, which are pickled by value

    @classmethod
    def open(cls, path: str, bands: int) -> StoredLevels:
        """Map the (frames, bands) levels of an entry; ValueError or OSError where there are none."""
        with Path(path).open("rb") as file:
            header = file.read(HEADER_BYTES)
            frames = (os.fstat(file.fileno()).st_size - HEADER_BYTES) // bands
        # NumPy's own reader takes headers for Python code, and fails in many ways where they are damaged.
        if frames < 1 or header != _header(frames, bands):
            raise ValueError("holds no levels")
        mapped = np.memmap(path, np.uint8, mode="r", offset=HEADER_BYTES, shape=(frames, bands))
        levels: StoredLevels = mapped.view(cls)
        levels.path = path
        return levels

    def __reduce__(self) -> Any:
        return super().__reduce__() if self.path is None else (StoredLevels.open, (self.path, self.shape[1]))


@dataclass(frozen=True, eq=False)
class Features:
    """Both views of one recording as (frames, bands) levels, and what was odd about its audio."""

    levels: NDArray[np.uint8]
    harmony: NDArray[np.uint8]
    notes: tuple[str, ...] = ()


# What became of a file: its features, or why it has none.
FeaturesOrReason: TypeAlias = Features | str
# Why a file could not be analysed, or what kept the cache from being written.
Failure: TypeAlias = str | OSError


@dataclass(frozen=True, kw_only=True)
class FeatureCache:
    """Folder of features, computed with `settings` and kept in steps of `quantisation`."""

    folder: Path
    settings: SpectrogramSettings = field(default_factory=SpectrogramSettings)
    harmony: HarmonySettings = field(default_factory=HarmonySettings)
    quantisation: Quantisation = QUANTISATION

    def key(self, content: str) -> str:
        """Name of the entry for a file of which `content` is the SHA-256."""
        described = {
            "format": FORMAT_VERSION,
            "spectrogram": self.settings.to_dict(),
            "harmony": asdict(self.harmony),
            "step_db": self.quantisation.step_db,
            "floor_db": self.quantisation.floor_db,
            "audio": content,
        }
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()

    def find(self, audio: Path) -> Features | None:
        """Open the entry of an audio file; None where there is none or it is damaged.

        Raises OSError where the audio file cannot be read.
        """
        path = self._entry(content_hash(audio, self.folder))
        try:
            levels = StoredLevels.open(str(path), self.settings.bands)
            harmony = StoredLevels.open(str(_slow(path)), self.harmony.bands)
        except (OSError, ValueError):
            return None
        return Features(levels, harmony, _read_notes(path))

    def compute(self, audio: Path) -> None:
        """Analyse an audio file and keep its features.

        Raises AudioError where it cannot be decoded or is silent, OSError where the entry cannot be written.
        """
        path = self._entry(content_hash(audio, self.folder))
        features = analyse(audio, self.settings, self.harmony, self.quantisation)
        path.parent.mkdir(parents=True, exist_ok=True)
        # The notes first: an entry is complete as soon as its levels are there.
        if features.notes:
            atomic_write_text(path.with_suffix(".txt"), "".join(f"{note}\n" for note in features.notes))
        _store(_slow(path), features.harmony)
        _store(path, features.levels)

    def collect(
        self, files: Sequence[Path], *, jobs: int = 1, progress: ProgressCallback | None = None
    ) -> list[FeaturesOrReason]:
        """Open the features of every file, computing in `jobs` processes those that are missing.

        progress: called with the number of files that are done and of all.
        The death of a process, as for want of memory, costs one file. Raises DatasetError where the cache
        cannot be written.
        """
        self._make()
        tell = progress or (lambda done, total: None)
        mapped = allow_open_files(2 * len(files))
        outcomes: list[FeaturesOrReason | None] = [self._look_up(file, mapped=mapped) for file in files]
        missing = [number for number, outcome in enumerate(outcomes) if outcome is None]
        done = len(files) - len(missing)
        tell(done, len(files))
        for number, problem in self._compute_all([files[number] for number in missing], jobs):
            if isinstance(problem, OSError):
                raise self._unwritable(problem)
            index = missing[number]
            outcomes[index] = problem or self._look_up(files[index], mapped=mapped)
            done += 1
            tell(done, len(files))
        return [outcome or "its features were lost from the cache" for outcome in outcomes]

    def _look_up(self, audio: Path, *, mapped: bool) -> FeaturesOrReason | None:
        try:
            found = self.find(audio)
        except OSError as error:
            return f"cannot be read ({error.strerror})"
        if found is None or mapped:
            return found
        return Features(np.array(found.levels), np.array(found.harmony), found.notes)

    def _compute_all(self, files: Sequence[Path], jobs: int) -> Iterator[tuple[int, Failure | None]]:
        """Index and failure, if any, of each file, as they are finished."""
        from beattrack.runtime import workers

        return workers.run(
            partial(_worker, self),
            files,
            processes=jobs,
            threads=1,
            died=lambda code: f"the process that analysed it ended with code {code}",
        )

    def _make(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> DatasetError:
        return DatasetError(
            f"{self.folder}: features cannot be kept here ({error.strerror}); name another folder with "
            f"--cache or ${ENVIRONMENT}"
        )

    def _entry(self, content: str) -> Path:
        key = self.key(content)
        return self.folder / "features" / key[:2] / f"{key}.npy"


def cache_folder(given: Path | None = None) -> Path:
    """Folder of the cache: the given one, else $BEATTRACK_CACHE, else the system's place for caches."""
    if given is not None:
        return given
    if chosen := os.environ.get(ENVIRONMENT):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or "~/AppData/Local").expanduser() / "beattrack" / "cache"
    if sys.platform == "darwin":
        return Path("~/Library/Caches/beattrack").expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "beattrack"


def _slow(entry: Path) -> Path:
    """The file of the slow view of an entry."""
    return entry.with_suffix(".h.npy")


def _store(path: Path, levels: NDArray[np.uint8]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(_header(*levels.shape))
        file.write(levels.tobytes())


def analyse(
    audio: Path, settings: SpectrogramSettings, harmony: HarmonySettings, quantisation: Quantisation
) -> Features:
    """Compute both views of an audio file, as the tracker does, and note what its decoder warned of.

    Raises AudioError if the file cannot be decoded or holds nothing but silence.
    """
    from beattrack.audio import AudioWarning, read_blocks

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", AudioWarning)
        slow_view = Harmony(harmony).accumulator()
        blocks = Spectrogram(settings).blocks(
            slow_view.tap(read_blocks(audio, sample_rate=settings.sample_rate))
        )
        empty = np.empty((0, settings.bands), np.uint8)
        levels = np.concatenate([empty, *(quantisation.levels(block) for block in blocks)])
    if not levels.any():
        raise AudioError(f"{audio}: holds {'only silence' if len(levels) else 'no samples'}")
    notes = tuple(str(warning.message) for warning in caught)
    return Features(levels, quantisation.levels(slow_view.frames()), notes)


def content_hash(audio: Path, folder: Path) -> str:
    """SHA-256 of a file, remembered in the cache `folder` by the file's path, size and time of change."""
    status = audio.stat()
    state = f"{audio.resolve()}\n{status.st_size}\n{status.st_mtime_ns}"
    note = folder / "hashes" / f"{hashlib.sha256(state.encode(errors='surrogateescape')).hexdigest()}.txt"
    try:
        known = note.read_text(encoding="ascii")
    except (OSError, ValueError):
        known = ""
    if len(known) == 64:
        return known
    content = sha256_of(audio)
    with suppress(OSError):  # it only saves time; that the cache cannot be written is said elsewhere
        note.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_text(note, content)
    return content


def _header(frames: int, bands: int) -> bytes:
    """What an .npy file of so many levels begins with."""
    buffer = io.BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": (frames, bands)}
    np.lib.format.write_array_header_1_0(buffer, described)
    return buffer.getvalue()


def _worker(cache: FeatureCache) -> Callable[[Path], Failure | None]:
    return partial(_computed, cache)


def _computed(cache: FeatureCache, audio: Path) -> Failure | None:
    """Compute the features of one file; what went wrong where that is impossible."""
    try:
        cache.compute(audio)
    except AudioError as error:
        return str(error).removeprefix(f"{audio}: ")
    except OSError as error:
        return error
    return None


def _read_notes(entry: Path) -> tuple[str, ...]:
    try:
        return tuple(entry.with_suffix(".txt").read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return ()


def allow_open_files(mapped: int) -> bool:
    """Make sure that so many more files may be open, as each mapped entry is; False where they may not."""
    if sys.platform == "win32":
        return True
    import resource

    try:
        already = len(os.listdir("/dev/fd"))
    except OSError:
        already = 0
    wanted = already + mapped + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or wanted <= soft:
        return True
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return False
    return True
