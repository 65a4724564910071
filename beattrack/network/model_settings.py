"""The settings stored in a model file, which fully determine how to compute the network's input."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass

from beattrack.errors import ModelError, SettingsError
from beattrack.harmony import HarmonySettings
from beattrack.network.settings import NetworkSettings
from beattrack.runtime import checks
from beattrack.runtime.records import from_dict
from beattrack.spectrogram import SpectrogramSettings

FORMAT = 1
METADATA_KEY = "beattrack"  # key of the settings, as JSON, in the metadata of an ONNX file


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Settings of one model.

    Attributes:
        spectrogram: settings of the spectrogram.
        network: settings of the network.
        harmony: settings of the harmony view; None if the network has no harmony path.

    Raises:
        SettingsError: if the settings do not fit each other.
    """

    spectrogram: SpectrogramSettings = SpectrogramSettings()
    network: NetworkSettings = NetworkSettings()
    harmony: HarmonySettings | None = None

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                "spectrogram": checks.instance(SpectrogramSettings),
                "network": checks.instance(NetworkSettings),
                "harmony": checks.optional(checks.instance(HarmonySettings)),
            },
        )
        if self.spectrogram.bands != self.network.front_end.bands:
            raise SettingsError(
                f"the spectrogram has {self.spectrogram.bands} bands "
                f"but the network reads {self.network.front_end.bands}"
            )
        if (self.harmony is None) != (self.network.harmony is None):
            raise SettingsError(
                "harmony settings are needed for a network with a harmony path, and allowed for no other"
            )
        if self.harmony and self.harmony.sample_rate != self.spectrogram.sample_rate:
            raise SettingsError(
                f"both views need one sample rate, not {self.spectrogram.sample_rate} and "
                f"{self.harmony.sample_rate} Hz"
            )
        if self.harmony and self.network.harmony and self.harmony.bands != self.network.harmony.bands:
            raise SettingsError(
                f"the harmony view has {self.harmony.bands} bands "
                f"but the network reads {self.network.harmony.bands}"
            )
        if self.network.harmony and self.spectrogram.fps != self.network.harmony.ratio * self.slow_fps:
            raise SettingsError(
                f"the spectrogram must have {self.network.harmony.ratio} frames per frame of the harmony "
                f"view, not {self.spectrogram.fps:g} and {self.slow_fps:g} per second"
            )

        self._check_delay()

    def _check_delay(self) -> None:
        """Raise SettingsError if a causal network would see more of the future in the harmony view."""
        path = self.network.harmony
        if self.harmony is None or path is None or path.delay is None:
            return
        ahead = (self.harmony.samples_after - self.spectrogram.frame_size // 2) / self.harmony.sample_rate
        least = math.ceil(ahead * self.spectrogram.fps) - self.network.frames_after
        if path.delay < least:
            raise SettingsError(f"harmony.delay must be at least {least} frames, not {path.delay}")

    @classmethod
    def of(cls, network: NetworkSettings) -> ModelSettings:
        """Return the settings of a model with this network and the input that training uses."""
        return cls(network=network, harmony=HarmonySettings() if network.harmony else None)

    @property
    def slow_fps(self) -> float:
        """Frames per second of the harmony view; 0 without one."""
        return self.harmony.fps if self.harmony else 0.0

    @property
    def receptive_field_seconds(self) -> float | None:
        """Duration of the input that one output frame sees; None if unlimited."""
        frames = self.network.receptive_field
        return None if frames is None else frames / self.spectrogram.fps

    def to_json(self) -> str:
        """Serialise for the metadata of a model file."""
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> ModelSettings:
        """Read settings written by `to_json`.

        Raises:
            ModelError: if the format is unknown, a field is unknown or missing, or a value is out of range.
        """
        try:
            data = json.loads(text)
            if data.pop("format", None) != FORMAT:
                raise ModelError("the model is from another version of beattrack; update beattrack")
            return from_dict(cls, data)
        except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError) as error:
            raise ModelError(f"the settings in the model cannot be read ({error})") from error


def read_settings(metadata: dict[str, str], name: str) -> ModelSettings:
    """Read the settings of a model.

    Args:
        metadata: metadata of an ONNX file.
        name: name of the file, for error messages.

    Raises:
        ModelError: if the metadata hold no valid settings.
    """
    if METADATA_KEY not in metadata:
        raise ModelError(f"{name}: is an ONNX model, but not a beattrack model")
    try:
        return ModelSettings.from_json(metadata[METADATA_KEY])
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error
