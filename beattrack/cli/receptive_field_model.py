"""What `beattrack receptive-field --model` prints: the receptive field of each stage of a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from beattrack.network.gradient_check import ModelGradient
    from beattrack.network.inference import Network
    from beattrack.network.model import BeatNetwork
    from beattrack.network.model_settings import ModelSettings
    from beattrack.network.receptive_field import Gradient, Stage

    Measured = tuple[str, ModelGradient]

DISTANCES = (0.1, 0.5, 1, 2, 5, 10, 20, 60)  # seconds


def describe_model(
    name: str, *, check: bool, recording: str | None, plot: Path | None
) -> tuple[dict[str, Any], str]:
    """Return the JSON object and the text about a model, after drawing its gradient.

    Args:
        name: name of a shipped model, or path of a model file.
        check: measure the gradients too.
        recording: audio file to measure on besides noise.
        plot: picture to write.

    Raises:
        BeattrackError: if the model or the recording cannot be read.
    """
    from beattrack.network.inference import load_network
    from beattrack.network.receptive_field import model_stages
    from beattrack.registry import find

    model = find(name)
    inference = load_network(model.path)
    settings = inference.settings
    if settings.network.body_reach is None:
        return _describe_unlimited(model.name, settings, check=check)
    stages = model_stages(settings)
    record: dict[str, Any] = {"model": model.name, "stages": [_stage_record(stage) for stage in stages]}
    lines = _stage_lines(model.name, settings, stages)
    if check:
        from beattrack.network.torch_engine import load_torch

        network, _ = load_torch(model.path)
        # First, because a recording may be unreadable, and noise takes longer.
        heard = [] if recording is None else [_on_recording(recording, inference, network)]
        measured = [*_on_noise(model.name, network, settings), *heard]
        record["check"] = _check_record(network, settings, *(gradients for _, gradients in measured[:2]))
        text = _check_lines(record["check"])
        record["gradient"] = [_share_record(where, gradients, settings) for where, gradients in measured]
        lines += ["", *text, "", *_share_lines(measured, settings)]
        if plot is not None:
            from beattrack.plot.receptive_field import write_gradient_plot

            write_gradient_plot(_curves(measured, settings), plot)
    return record, "\n".join(lines)


def _describe_unlimited(name: str, settings: ModelSettings, *, check: bool) -> tuple[dict[str, Any], str]:
    """Return the JSON object and the text about a recurrent network."""
    if check:
        raise click.UsageError(
            f"--check compares the gradient with a receptive field, and that of {name}, a recurrent network, "
            "has no limit"
        )
    network = settings.network
    directions = "all earlier frames" if network.causal else "all earlier and later frames"
    text = (
        f"{name}: no limit; {'' if network.causal else 'not '}causal\n"
        f"A recurrent network ({network.body}) reads {directions}, but has to remember them in "
        f"{network.output_channels} cells per layer."
    )
    return {"model": name, "frames": None, "causal": network.causal}, text


def _stage_record(stage: Stage) -> dict[str, Any]:
    field = stage.field
    return {
        "name": stage.name,
        "fps": stage.fps,
        "frames": field.frames,
        "before": field.before,
        "after": field.after,
        "seconds": field.frames / stage.fps,
        "seconds_before": field.before / stage.fps,
        "seconds_after": field.after / stage.fps,
    }


def _stage_lines(name: str, settings: ModelSettings, stages: Sequence[Stage]) -> list[str]:
    whole = stages[2]
    windows = f"{1000 * settings.spectrogram.frame_size / settings.spectrogram.sample_rate:.0f} ms of sound"
    if settings.harmony is not None:
        slow = 1000 * settings.harmony.frame_size / settings.harmony.sample_rate
        windows += f", one of the harmony view {slow:.0f} ms"
    causal = f"{'' if settings.network.causal else 'not '}causal"
    clip = ["The tempo head averages all of the recording."] * settings.network.clip_level
    lines = [
        f"{name}: {whole.field.frames} frames of the spectrogram, {whole.field.frames / whole.fps:.2f} s; "
        f"{causal}",
        f"A frame of the spectrogram spans {windows}.",
        *clip,
        "",
        f"{'':20}{'frames/s':>9}{'frames':>8}{'before':>8}{'after':>8}{'seconds':>10}{'before':>9}{'after':>9}",
    ]
    for stage in stages:
        field, fps = stage.field, stage.fps
        lines.append(
            f"{stage.name:20}{fps:>9g}{field.frames:>8}{field.before:>8}{field.after:>8}"
            f"{field.frames / fps:>10.2f}{field.before / fps:>9.2f}{field.after / fps:>9.2f}"
        )
    return lines


def _on_noise(name: str, network: BeatNetwork, settings: ModelSettings) -> list[Measured]:
    """Return where and what was measured: the gradients with new weights and with those of the model."""
    from beattrack.network.gradient_check import measure_model, with_new_weights

    networks = {"new weights, noise": with_new_weights(settings.network), f"{name}, noise": network}
    return [(where, measure_model(one, settings)) for where, one in networks.items()]


def _check_record(
    network: BeatNetwork, settings: ModelSettings, untrained: ModelGradient, trained: ModelGradient
) -> dict[str, Any]:
    """Compare the measured receptive field of each stage with the calculated one."""
    from beattrack.network.gradient_check import weighted_stages
    from beattrack.network.receptive_field import model_stages

    rows = []
    stages, used_stages = model_stages(settings), weighted_stages(network, settings)
    for stage, used, new, own in zip(stages, used_stages, untrained.stages, trained.stages, strict=True):
        pairs = ((new, stage), (own, used))
        rows.append(
            {
                "name": stage.name,
                "new_weights": _frames(new),
                "formula": stage.field.frames,
                "weights": _frames(own),
                "formula_without_zero_taps": used.field.frames,
                "agrees": all(not had.is_zero and had.field == due.field for had, due in pairs),
            }
        )
    return {"agrees": all(row["agrees"] for row in rows), "stages": rows}


def _frames(gradient: Gradient) -> int:
    return 0 if gradient.is_zero else gradient.field.frames


def _check_lines(record: dict[str, Any]) -> list[str]:
    columns = ("new_weights", "formula", "weights", "formula_without_zero_taps")
    heads = ("new weights", "formula", "model's weights", "formula without zero taps")
    widths = (13, 9, 17, 27)
    lines = [
        "Frames at which one output has a gradient, measured on noise:",
        " " * 20 + "".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True)),
    ]
    for row in record["stages"]:
        cells = (f"{row[column]:>{width}}" for column, width in zip(columns, widths, strict=True))
        lines.append(f"{row['name']:20}" + "".join(cells))
    return [*lines, f"The gradient is {'' if record['agrees'] else 'not '}as calculated."]


def _inputs(gradients: ModelGradient, settings: ModelSettings) -> list[tuple[str, float, Gradient]]:
    """Return name, frames per second and gradient of each input that the output depends on."""
    views = [("spectrogram", float(settings.spectrogram.fps), gradients.spectrogram)]
    if gradients.harmony is not None and not gradients.harmony.is_zero:
        views.append(("harmony view", settings.slow_fps, gradients.harmony))
    return views


def _shares(gradient: Gradient, fps: float) -> list[float]:
    return [gradient.share_within(round(seconds * fps)) for seconds in DISTANCES]


def _share_record(where: str, gradients: ModelGradient, settings: ModelSettings) -> dict[str, Any]:
    return {
        "measured": where,
        "seconds": list(DISTANCES),
        **{
            view.replace(" ", "_"): _shares(gradient, fps)
            for view, fps, gradient in _inputs(gradients, settings)
        },
    }


def _share_lines(measured: Sequence[Measured], settings: ModelSettings) -> list[str]:
    lines = ["Share of the gradient within so many seconds of the output, in %:"]
    rows = [
        (f"{where}: {view}", _shares(gradient, fps))
        for where, view, fps, gradient in _curves(measured, settings)
    ]
    width = max(len(label) for label, _ in rows) + 1
    lines.append(" " * width + "".join(f"{seconds:>6g}" for seconds in DISTANCES))
    lines += [
        f"{label:{width}}" + "".join(f"{100 * share:>6.0f}" for share in shares) for label, shares in rows
    ]
    return lines


def _curves(measured: Sequence[Measured], settings: ModelSettings) -> list[tuple[str, str, float, Gradient]]:
    """Return where, input, frames per second and gradient of everything that was measured."""
    return [
        (where, *measured_input)
        for where, gradients in measured
        for measured_input in _inputs(gradients, settings)
    ]


def _on_recording(path: str, inference: Network, network: BeatNetwork) -> Measured:
    """Return where and what was measured: the gradient at a beat near the middle of a recording."""
    from beattrack.network.gradient_check import measure_recording

    spectrogram, harmony = _views(path, inference.settings)
    nothing = click.ClickException(f"{path}: there is no beat near its middle; use another recording")
    if not len(spectrogram):
        raise nothing
    activations = inference.compute([spectrogram], [] if harmony is None else [harmony])
    middle, around = len(spectrogram) // 2, round(activations.fps)
    nearby = activations.beats[max(middle - around, 0) : middle + around]
    if not nearby.any():
        raise nothing
    output = max(middle - around, 0) + int(nearby.argmax())
    measured = measure_recording(network, inference.settings, spectrogram, harmony, output)
    return f"{Path(path).name} at {output / activations.fps:.2f} s", measured


def _views(path: str, settings: ModelSettings) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return the spectrogram of a recording, and its harmony view if the network reads one."""
    import numpy as np

    from beattrack.audio import read_blocks
    from beattrack.harmony import Harmony
    from beattrack.spectrogram import Spectrogram

    spectrogram = Spectrogram(settings.spectrogram)
    samples = read_blocks(path, sample_rate=settings.spectrogram.sample_rate)
    nothing = np.empty((0, settings.spectrogram.bands), np.float32)
    if settings.harmony is None:
        return np.concatenate([nothing, *spectrogram.blocks(samples)]), None
    harmony = Harmony(settings.harmony).accumulator()
    return np.concatenate([nothing, *spectrogram.blocks(harmony.tap(samples))]), harmony.frames()
