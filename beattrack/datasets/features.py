"""A cache of quantised spectrograms and harmony views, so that each audio file is analysed only once.

The key of an entry is made of the settings and the content of the audio file. So an entry remains valid if
the file is moved, and is not used if the file or a setting changes. Entries are written whole or not at all,
and are memory-mapped; several processes can share a cache.
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
HEADER_BYTES = 128  # size of the header of an .npy file
ENVIRONMENT = "BEATTRACK_CACHE"
# From the rounding noise of 16-bit audio to 50 dB; a full-scale square wave reaches 49 dB.
QUANTISATION = Quantisation(step_db=0.5, floor_db=-77.5)

SPARE_FILES = 256  # other files that a process has open, such as the pipes to its workers

ProgressCallback = Callable[[int, int], None]


class StoredLevels(np.ndarray[Any, np.dtype[np.uint8]]):
    """Memory-mapped levels. A pickle holds only the path, so that worker processes map the file as well."""

    path: str | None = None  # None in slices and copies, which are pickled by value

    @classmethod
    def open(cls, path: str, bands: int) -> StoredLevels:
        """Map the levels of an entry, (frames, bands).

        Raises:
            ValueError: if the file holds no levels with so many bands.
            OSError: if the file cannot be read.
        """
        with Path(path).open("rb") as file:
            header = file.read(HEADER_BYTES)
            frames = (os.fstat(file.fileno()).st_size - HEADER_BYTES) // bands
        # Damaged headers make NumPy's own reader fail in many different ways.
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
    """Features of one recording.

    Attributes:
        levels: quantised spectrogram, shape (frames, bands).
        harmony: quantised harmony view, shape (slow frames, bands).
        notes: warnings about its audio.
    """

    levels: NDArray[np.uint8]
    harmony: NDArray[np.uint8]
    notes: tuple[str, ...] = ()


FeaturesOrReason: TypeAlias = Features | str  # features, or why there are none
Failure: TypeAlias = str | OSError  # why a file could not be analysed, or the cache not written


@dataclass(frozen=True, kw_only=True)
class FeatureCache:
    """A folder of features.

    Attributes:
        folder: the folder.
        settings: settings of the spectrogram.
        harmony: settings of the harmony view.
        quantisation: quantisation of both.
    """

    folder: Path
    settings: SpectrogramSettings = field(default_factory=SpectrogramSettings)
    harmony: HarmonySettings = field(default_factory=HarmonySettings)
    quantisation: Quantisation = QUANTISATION

    def key(self, content: str) -> str:
        """Return the name of the entry for an audio file whose SHA-256 is `content`."""
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
        """Read the entry of an audio file.

        Returns:
            The features, memory-mapped; None if there is no entry or it is damaged.

        Raises:
            OSError: if the audio file cannot be read.
        """
        path = self._entry(content_hash(audio, self.folder))
        try:
            levels = StoredLevels.open(str(path), self.settings.bands)
            harmony = StoredLevels.open(str(_slow(path)), self.harmony.bands)
        except (OSError, ValueError):
            return None
        return Features(levels, harmony, _read_notes(path))

    def compute(self, audio: Path) -> None:
        """Compute the features of an audio file and write them to the cache.

        Raises:
            AudioError: if the file cannot be decoded or is silent.
            OSError: if the entry cannot be written.
        """
        path = self._entry(content_hash(audio, self.folder))
        features = analyse(audio, self.settings, self.harmony, self.quantisation)
        path.parent.mkdir(parents=True, exist_ok=True)
        # The levels are written last, because an entry is complete once it has them.
        if features.notes:
            atomic_write_text(path.with_suffix(".txt"), "".join(f"{note}\n" for note in features.notes))
        _store(_slow(path), features.harmony)
        _store(path, features.levels)

    def collect(
        self, files: Sequence[Path], *, jobs: int = 1, progress: ProgressCallback | None = None
    ) -> list[FeaturesOrReason]:
        """Read the features of all files, and compute those that are missing.

        If a process dies, for instance because memory runs out, only the features of one file are lost.

        Args:
            files: audio files.
            jobs: number of processes.
            progress: called with the number of files done and the number of all files.

        Returns:
            Features of each file, or the reason why there are none.

        Raises:
            DatasetError: if the cache cannot be written.
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
        return [outcome or "its features have disappeared from the cache" for outcome in outcomes]

    def _look_up(self, audio: Path, *, mapped: bool) -> FeaturesOrReason | None:
        try:
            found = self.find(audio)
        except OSError as error:
            return f"cannot be read ({error.strerror})"
        if found is None or mapped:
            return found
        return Features(np.array(found.levels), np.array(found.harmony), found.notes)

    def _compute_all(self, files: Sequence[Path], jobs: int) -> Iterator[tuple[int, Failure | None]]:
        """Yield index and failure, if any, of each file when it is finished."""
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
            f"{self.folder}: features cannot be written here ({error.strerror}); choose another folder with "
            f"--cache or ${ENVIRONMENT}"
        )

    def _entry(self, content: str) -> Path:
        key = self.key(content)
        return self.folder / "features" / key[:2] / f"{key}.npy"


def cache_folder(given: Path | None = None) -> Path:
    """Return the folder of the cache: `given`, else $BEATTRACK_CACHE, else the system's cache folder."""
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
    """Return the file of an entry's harmony view."""
    return entry.with_suffix(".h.npy")


def _store(path: Path, levels: NDArray[np.uint8]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(_header(*levels.shape))
        file.write(levels.tobytes())


def analyse(
    audio: Path, settings: SpectrogramSettings, harmony: HarmonySettings, quantisation: Quantisation
) -> Features:
    """Compute the features of an audio file.

    Args:
        audio: audio file.
        settings: settings of the spectrogram.
        harmony: settings of the harmony view.
        quantisation: quantisation of both.

    Returns:
        The features, with the warnings of the decoder as notes.

    Raises:
        AudioError: if the file cannot be decoded or is silent.
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
    """Return the SHA-256 of a file, stored in the cache by path, size and modification time.

    Args:
        audio: audio file.
        folder: folder of the cache.

    Raises:
        OSError: if the audio file cannot be read.
    """
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
    with suppress(OSError):  # the stored hash only saves time; `collect` reports an unwritable cache
        note.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_text(note, content)
    return content


def _header(frames: int, bands: int) -> bytes:
    """Return the header of an .npy file of (frames, bands) levels."""
    buffer = io.BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": (frames, bands)}
    np.lib.format.write_array_header_1_0(buffer, described)
    return buffer.getvalue()


def _worker(cache: FeatureCache) -> Callable[[Path], Failure | None]:
    return partial(_computed, cache)


def _computed(cache: FeatureCache, audio: Path) -> Failure | None:
    """Compute the features of one file; return what went wrong, if anything."""
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
    """Raise the limit of open files, if necessary, so that `mapped` more files can be open.

    Returns:
        Whether so many files can be open.
    """
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
