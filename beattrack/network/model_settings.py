"""The settings stored in a model file: they alone say how to compute the network's input."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from beattrack.errors import ModelError, SettingsError
from beattrack.harmony import HarmonySettings
from beattrack.network.settings import NetworkSettings
from beattrack.runtime import checks
from beattrack.runtime.records import from_dict
from beattrack.spectrogram import SpectrogramSettings

FORMAT = 1
METADATA_KEY = "beattrack"  # key of the settings, as JSON, among the metadata of an ONNX file


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Front-end and network of one model."""

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
                "settings of the slow view belong to a network with a harmony path, and to no other"
            )
        if self.harmony and self.network.harmony and self.harmony.bands != self.network.harmony.bands:
            raise SettingsError(
                f"the slow view has {self.harmony.bands} bands "
                f"but the network reads {self.network.harmony.bands}"
            )
        if self.network.harmony and self.spectrogram.fps != self.network.harmony.ratio * self.slow_fps:
            raise SettingsError(
                f"the spectrogram must have {self.network.harmony.ratio} frames for each of the slow view, "
                f"not {self.spectrogram.fps:g} and {self.slow_fps:g} a second"
            )

    @classmethod
    def of(cls, network: NetworkSettings) -> ModelSettings:
        """Return the settings of a model of this network, its input computed as training data are."""
        return cls(network=network, harmony=HarmonySettings() if network.harmony else None)

    @property
    def slow_fps(self) -> float:
        """Frames a second of the slow view, 0 without one."""
        return self.harmony.fps if self.harmony else 0.0

    @property
    def receptive_field_seconds(self) -> float:
        """How much music one output frame sees."""
        return self.network.receptive_field / self.spectrogram.fps

    def to_json(self) -> str:
        """Serialise for the metadata of a model file."""
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> ModelSettings:
        """Read what `to_json` wrote.

        Raises ModelError for another format, unknown or missing fields, and values out of range.
        """
        try:
            data = json.loads(text)
            if data.pop("format", None) != FORMAT:
                raise ModelError("the model was written by another version of beattrack")
            return from_dict(cls, data)
        except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError) as error:
            raise ModelError(f"the settings in the model cannot be read ({error})") from error


def read_settings(metadata: dict[str, str], name: str) -> ModelSettings:
    """Settings of a model from the metadata of its file; `name` is for the message of a ModelError."""
    if METADATA_KEY not in metadata:
        raise ModelError(f"{name}: is an ONNX model, but not one of beattrack")
    try:
        return ModelSettings.from_json(metadata[METADATA_KEY])
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error
