"""A training run in a folder: start, resume and finish it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from beattrack.datasets.base import DatasetError
from beattrack.network.front_end import FrontEnd
from beattrack.network.harmony_path import HarmonyPath
from beattrack.network.model import BeatNetwork
from beattrack.runtime.files import atomic_write_text
from beattrack.training import ranks
from beattrack.training.callbacks import Abandoned, Interruption, Milestones
from beattrack.training.errors import TrainingError
from beattrack.training.examples.data import TrainingData
from beattrack.training.examples.sampling import Split
from beattrack.training.folder.checkpoints import BEST, LAST, is_finished, read_checkpoint
from beattrack.training.folder.lock import alone
from beattrack.training.folder.log import LOG
from beattrack.training.folder.manifest import MANIFEST, make_manifest, read_manifest, song_names
from beattrack.training.folder.metrics import METRICS, SONGS, read_metrics, write_metrics
from beattrack.training.machine import Machine, make_trainer, quiet_lightning
from beattrack.training.module import TrainingModule
from beattrack.training.progress import RunProgress
from beattrack.training.ranks import is_first_process
from beattrack.training.settings import SETTINGS, TrainingSettings, differences, read_settings
from beattrack.training.start import describe_start, load_start
from beattrack.training.unseen_taps import silence_unseen_taps
from beattrack.training.validation import Validation, decode_all
from beattrack.version import __version__


@dataclass(frozen=True)
class RunOutcome:
    """How training ended.

    Attributes:
        step: last step.
        finished: whether the run is finished.
        signal: number of the signal that interrupted it, if any.
    """

    step: int
    finished: bool
    signal: int | None = None


@dataclass(frozen=True)
class Shown:
    """Whether to print a line per epoch (`lines`) and a line that is overwritten (`live`)."""

    lines: bool
    live: bool


def check_folder(folder: Path, settings: TrainingSettings) -> bool:
    """Return whether a folder holds a checkpoint from which this run can resume.

    Raises:
        TrainingError: if the folder holds a run with other settings.
    """
    if not (folder / LAST).exists():
        return False
    if not (folder / SETTINGS).exists():
        raise TrainingError(
            f"{folder}: holds a checkpoint but no {SETTINGS}; choose another folder with --run"
        )
    changed = differences(settings, read_settings(folder / SETTINGS))
    if changed:
        name, ours, theirs = changed[0]
        raise TrainingError(
            f"{folder}: holds a run with other settings ({name} is {theirs!r} there, {ours!r} here); choose "
            "another folder with --run, or give the same settings to resume it"
        )
    return True


def train(
    folder: Path,
    split: Split,
    settings: TrainingSettings,
    *,
    machine: Machine | None = None,
    command: str = "",
    left_out: Sequence[str] = (),
    shown: bool = False,
    live: bool = False,
) -> RunOutcome:
    """Train until the last step, until the score stops improving, or until a signal arrives.

    The first signal ends training after the current step. If the folder holds a checkpoint of this run,
    training resumes from it.

    Args:
        folder: folder of the run; created if needed.
        split: songs to train and validate on.
        settings: settings of the run.
        machine: devices and processes; None for the defaults.
        command: command of the run, for the manifest.
        left_out: files that were left out, with reasons, for the manifest.
        shown: whether to print a line after each epoch.
        live: whether to draw a line that is overwritten.

    Returns:
        The last step, and how training ended.

    Raises:
        TrainingError: if the folder holds another run or is in use, no song is left to train or validate on,
            the loss becomes infinite or NaN, or another process of the run is lost.
        SettingsError: if the weights to start from do not fit the network.
        ModelError: if the weights to start from cannot be read.
        KeyboardInterrupt: if a second signal arrives before the step ends, or a signal arrives before or
            after training.
    """
    machine = machine or Machine()
    with alone(folder) if is_first_process() else nullcontext():
        return _train(folder, split, settings, machine, command, left_out, Shown(shown, live))


def _train(
    folder: Path,
    split: Split,
    settings: TrainingSettings,
    machine: Machine,
    command: str,
    left_out: Sequence[str],
    shown: Shown,
) -> RunOutcome:
    resuming = check_folder(folder, settings)
    check_split(split, settings)
    if resuming:
        check_songs(folder, split)
        checkpoint = read_checkpoint(folder / LAST)
    elif is_first_process():
        begin(folder, split, settings, command, left_out)
    if resuming and is_finished(checkpoint):
        outcome = RunOutcome(int(checkpoint["global_step"]), finished=True)
    else:
        with quiet_lightning():
            at = int(checkpoint["global_step"]) if resuming else None
            outcome = _fit(folder, split, settings, machine, at, shown)
    if outcome.finished and is_first_process():
        finish(folder, split, settings, "cuda" if machine.on_gpu and torch.cuda.is_available() else "cpu")
    return outcome


def check_split(split: Split, settings: TrainingSettings) -> None:
    """Check that a split can be trained on.

    Raises:
        TrainingError: if one side is empty, or a song does not have the bands that the network expects.
    """
    for purpose, pool in (("train", split.training), ("validate", split.validation)):
        if not pool.songs:
            raise TrainingError(
                f"no song is left to {purpose} on; give songs of at least two groups (titles, artists)"
            )
        bands = settings.network.front_end.bands
        for song in pool.songs:
            if song.levels.shape[1] != bands:
                raise TrainingError(
                    f"{song.source}/{song.id}: has {song.levels.shape[1]} bands, but network.front_end.bands "
                    f"is {bands}"
                )
            path = settings.network.harmony
            if path and song.harmony is not None and song.harmony.shape[1] != path.bands:
                raise TrainingError(
                    f"{song.source}/{song.id}: its harmony view has {song.harmony.shape[1]} bands, but "
                    f"network.harmony.bands is {path.bands}"
                )


def check_songs(folder: Path, split: Split) -> None:
    """Check that a run was started with the same songs.

    Raises:
        TrainingError: if it was started with other songs.
    """
    before = read_manifest(folder)
    for side, pool in (("training_songs", split.training), ("validation_songs", split.validation)):
        if before.get(side) != song_names(pool):
            raise TrainingError(
                f"{folder}: was started with other songs ({len(before.get(side, ()))} "
                f"{side.replace('_', ' ')} there, {len(pool.songs)} here); restore the data, or choose "
                f"another folder with --run"
            )


def begin(
    folder: Path, split: Split, settings: TrainingSettings, command: str, left_out: Sequence[str] = ()
) -> None:
    """Write the settings and manifest of a new run, and remove the files of one that has no checkpoint.

    Args:
        folder: folder of the run; created if needed.
        split: songs to train and validate on.
        settings: settings of the run.
        command: command of the run, for the manifest.
        left_out: files that were left out, with reasons, for the manifest.
    """
    start = describe_start(settings.start) if settings.start else None
    manifest = {**make_manifest(split, settings, command, start), "left_out": list(left_out)}
    folder.mkdir(parents=True, exist_ok=True)
    for name in (LOG, METRICS, SONGS, BEST):
        with suppress(FileNotFoundError):
            (folder / name).unlink()
    atomic_write_text(folder / SETTINGS, json.dumps(settings.to_dict(), indent=1) + "\n")
    atomic_write_text(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


def finish(folder: Path, split: Split, settings: TrainingSettings, device: str) -> None:
    """Write the scores of all held-out songs with the best weights, unless they exist.

    Args:
        folder: folder of the run.
        split: songs of the run.
        settings: settings of the run.
        device: torch device.
    """
    if "final" in read_metrics(folder):
        return
    checkpoint = read_checkpoint(folder / BEST)
    network = BeatNetwork(settings.network)
    network.load_state_dict(checkpoint["average"])
    report = decode_all(split.validation, network.eval(), device, step=int(checkpoint["global_step"]))
    write_metrics(folder, report, {})


def prepare_weights(module: TrainingModule, data: TrainingData, settings: TrainingSettings) -> None:
    """Set the initial weights: those of `settings.start`, or random ones that standardise the data."""
    if settings.start:
        module.network.load_state_dict(load_start(settings.start, module.network))
    else:
        spectrogram, harmony = data.sample()
        parts: list[FrontEnd | HarmonyPath | None] = [module.network.front_end, module.network.harmony]
        for part, view in zip(parts, (spectrogram, harmony), strict=True):
            if part is not None and view is not None:
                bands = part.compress(view)  # (frames, bands)
                part.standardise(bands.mean(dim=0), bands.std(dim=0))
    silence_unseen_taps(module.network, settings.crop.frames)
    module.set_weights(module.network.state_dict())


def _fit(
    folder: Path, split: Split, settings: TrainingSettings, machine: Machine, at: int | None, shown: Shown
) -> RunOutcome:
    """Train from the checkpoint of step `at`, or from the start if it is None."""
    torch.manual_seed(settings.seed)
    data = TrainingData(split, settings, workers=machine.drawing_processes())
    module = TrainingModule(settings)
    if at is None:
        prepare_weights(module, data, settings)
    audio = settings.batch * settings.crop.frames / split.training.songs[0].fps
    first = is_first_process()
    progress = RunProgress(steps=settings.steps, audio=audio, shown=shown.lines and first, live=shown.live)
    interruption = Interruption()
    milestones = Milestones(folder, settings, Validation(data, settings), interruption, progress)
    agreement = ranks.Agreement(_facts(settings, split, at))
    trainer = make_trainer(machine, settings, folder, [interruption, agreement, milestones])
    machine.set_up_torch(trainer.num_devices)
    data.workers = machine.drawing_processes(trainer.num_devices)
    checkpoint = None if at is None else folder / LAST
    sentence = partial(lost_sentence, folder)
    watch = ranks.ChildWatch(trainer, sentence)
    try:
        with interruption, watch:
            trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    except Abandoned as error:
        raise KeyboardInterrupt from error
    except SystemExit as error:  # Lightning's answer to Ctrl-C before the first step
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        raise
    except DatasetError as error:
        # If a loader process raised it, the message holds its traceback, of which this is the end.
        raise DatasetError(str(error).rstrip().rpartition("DatasetError: ")[2]) from error
    except RuntimeError as error:
        ranks.translate(error, watch, sentence)
        raise
    finally:
        data.end()
        progress.clear()
    return RunOutcome(trainer.global_step, milestones.finished, interruption.signal)


def lost_sentence(folder: Path, lost: str) -> str:
    """Return the message for a run that ends because a rank was lost; `lost` says which and how."""
    kept = "the last checkpoint is kept" if (folder / LAST).exists() else "no checkpoint was written yet"
    return f"{folder}: training stopped because {lost}; {kept}; run the same command to go on"


def _facts(settings: TrainingSettings, split: Split, at: int | None) -> dict[str, str]:
    """Return what must be equal on all ranks, by its name in a message."""
    songs = json.dumps([song_names(split.training), song_names(split.validation)])
    return {
        "version": __version__,
        "group of settings": json.dumps(settings.to_dict(), sort_keys=True),
        "list of songs": hashlib.sha256(songs.encode()).hexdigest(),
        "checkpoint": str(at),
    }
