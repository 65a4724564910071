"""Write tests/golden/decoder.npz: activations and the beats that madmom 0.16.1 decodes from them.

    python recipes/decoder_goldens.py

Needs the extra `madmom`. Activations are stored as whole numbers q for the values ((q + 1/2) / 256)^2, so
that the tests use exactly the same values as madmom.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.decoding.dbn import DBNSettings
from beattrack.decoding.dbn.observation import active_frames, beat_classes
from beattrack.decoding.madmom import MadmomDecoder, madmom_processor, observations

TARGET = Path(__file__).parents[1] / "tests" / "golden" / "decoder.npz"

# (settings, frames per second, whether downbeats are tracked, precision, seconds)
CASES: list[tuple[dict[str, Any], float, bool, str, float]] = [
    ({}, 100, False, "float64", 15),
    ({"num_tempi": 60}, 100, True, "float64", 15),
    ({}, 100, True, "float32", 12),
    ({}, 100, False, "float32", 12),
    ({"num_tempi": 60}, 100, True, "float32", 25),
    ({"correct": False}, 100, False, "float64", 8),
    ({"correct": False}, 100, True, "float64", 8),
    ({"threshold": 0.4}, 100, False, "float64", 10),
    ({"threshold": 0.4}, 100, True, "float64", 10),
    ({"threshold": 0.0}, 100, True, "float32", 10),
    ({"min_bpm": 40.0, "max_bpm": 240.0}, 100, False, "float64", 12),
    ({"min_bpm": 40.0, "max_bpm": 240.0}, 50, True, "float64", 15),
    ({"num_tempi": 20}, 100, False, "float64", 12),
    ({"transition_lambda": 20.0}, 100, True, "float64", 10),
    ({"transition_lambda": 400.0}, 100, False, "float64", 10),
    ({"observation_lambda": 6}, 100, False, "float64", 10),
    ({"observation_lambda": 8}, 100, True, "float64", 10),
    ({"beats_per_bar": (2, 3, 4, 5)}, 50, True, "float64", 15),
    ({"beats_per_bar": (4,)}, 100, True, "float64", 10),
    ({"min_bpm": (90.0, 60.0), "max_bpm": (200.0, 150.0)}, 100, True, "float64", 12),
    ({}, 86.1328125, True, "float64", 12),
    ({}, 100, False, "float64", 1.3),
    ({}, 100, True, "float64", 0.4),
    ({}, 100, True, "float64", 0.01),
]


def main() -> None:
    """Decode all cases and write the file."""
    arrays: dict[str, NDArray[Any]] = {}
    descriptions = []
    for index, (options, fps, bars, precision, seconds) in enumerate(CASES):
        codes = random_codes(np.random.default_rng(index), seconds, fps, bars=bars, noisy=index % 4 == 3)
        activations = to_activations(codes, fps, precision)
        settings = DBNSettings.madmom(**options)
        decoding = MadmomDecoder(settings)(activations)
        arrays[f"{index}/codes"] = codes
        arrays[f"{index}/times"] = decoding.times
        if decoding.positions is not None:
            arrays[f"{index}/positions"] = decoding.positions.astype(np.uint8)
        descriptions.append(
            {
                "options": options,
                "fps": fps,
                "precision": precision,
                "log_probability": log_probability(settings, activations),
            }
        )
    np.savez_compressed(TARGET, cases=np.array(json.dumps(descriptions)), **arrays)
    print(f"{TARGET}: {len(CASES)} cases, {TARGET.stat().st_size} bytes")


def random_codes(
    random: np.random.Generator, seconds: float, fps: float, *, bars: bool, noisy: bool
) -> NDArray[np.uint8]:
    """Return codes of beats and, if `bars`, downbeats, (frames, 1 or 2); only noise if `noisy`."""
    frames = round(seconds * fps)
    codes = random.integers(0, 256 if noisy else 40, (frames, 2))
    codes[:, 1] //= 2
    interval, metre = fps * random.uniform(0.33, 0.9), int(random.integers(3, 5))
    for number, start in enumerate(np.arange(random.uniform(0, interval), frames, interval)):
        frame = min(frames - 1, max(0, round(start + random.normal() * 0.8)))
        for offset, height in ((-1, 120), (0, 235), (1, 150)):
            if not noisy and 0 <= frame + offset < frames and random.random() > 0.08:
                codes[frame + offset] = height, height - 20 if number % metre == 0 else height // 4
    return codes[:, : 2 if bars else 1].astype(np.uint8)


def to_activations(codes: NDArray[np.uint8], fps: float, precision: str) -> Activations:
    """Return the activations of codes. The values are exact in both precisions."""
    values = (((codes + 0.5) / 256) ** 2).astype(precision)
    return Activations(values[:, 0], values[:, 1] if values.shape[1] == 2 else None, fps)


def log_probability(settings: DBNSettings, activations: Activations) -> float | None:
    """Return the log probability of madmom's best path; None if no activation reaches the threshold."""
    classes = beat_classes(activations)
    classes = classes[:, active_frames(classes, settings.threshold)]
    if not classes.any():
        return None
    bars = activations.downbeats is not None
    processor = madmom_processor(settings, activations.fps, bars)
    models = processor.hmms if bars else [processor.hmm]
    with np.errstate(
        divide="ignore"
    ):  # the probability of a plain beat is 0 if that of a downbeat is as high
        return max(float(model.viterbi(observations(classes))[1]) for model in models)


if __name__ == "__main__":
    main()
