"""The second path of the front-end: what the slow view of the sound says about harmony.

Bars begin where chords change, which the short windows of the first view cannot resolve. This path reads
ten frames a second of semitone bands (`beattrack.harmony`) and joins its channels to those of the
front-end.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from beattrack.network.settings import HarmonyPathSettings

NOVELTY_SCALE = 4.0  # cosine distances of neighbouring bars are mostly below 0.5
LEAST_NORM = 1e-3  # of the bands of a stretch; silence is at no distance from anything


class HarmonyPath(nn.Module):
    """Learned convolutions beside explicit novelty, mixed to `channels` features a slow frame.

    Input: (batch, slow frames, bands) magnitudes over the level of the recording, 0 or more; a view of
    zeros, as of a song for which none was computed, gives zeros. Output: (batch, channels, slow frames);
    `spread` brings it to the rate of the spectrogram.

    Novelty at a frame is the cosine distance between the mean bands of the stretch before it and of that
    after it, for several lengths and for bass and harmony apart (after Foote, "Automatic Audio Segmentation
    Using a Measure of Audio Novelty", ICME 2000). It knows neither timbre nor key, so it carries over from
    rendered music to recordings.
    """

    band_mean: Tensor
    band_scale: Tensor

    def __init__(self, settings: HarmonyPathSettings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("band_mean", torch.zeros(settings.bands))
        self.register_buffer("band_scale", torch.ones(settings.bands))
        first, second = settings.convolutions
        kernel = settings.kernel
        self.convolutions = nn.ModuleList()
        if settings.learned:
            self.convolutions.append(nn.Conv1d(settings.bands, first, kernel, padding=kernel // 2))
            self.convolutions.append(nn.Conv1d(first, second, kernel, padding=kernel - 1, dilation=2))
        self.dropout = nn.Dropout(settings.dropout)
        self.linear = nn.Conv1d(settings.mixed, settings.channels, 1)
        self.hidden = nn.Conv1d(settings.mixed, settings.hidden, 3, padding=1)
        self.output = nn.Conv1d(settings.hidden, settings.channels, 1)

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Set the mean and standard deviation of each compressed band, (bands,), from training data."""
        self.band_mean.copy_(mean)
        self.band_scale.copy_(1.0 / deviation.clamp(min=LEAST_NORM))

    def compress(self, harmony: Tensor) -> Tensor:
        """Compute ln(1 + log_scale x)."""
        return torch.log(1.0 + self.settings.log_scale * harmony)

    def forward(self, harmony: Tensor) -> Tensor:
        """Compute the features of each slow frame."""
        compressed = self.compress(harmony)  # (batch, slow frames, bands)
        present = (harmony.amax(dim=(1, 2), keepdim=True) > 0).to(harmony.dtype)  # (batch, 1, 1)
        parts = []
        if self.convolutions:
            maps = ((compressed - self.band_mean) * self.band_scale).transpose(1, 2)
            for convolution in self.convolutions:
                maps = functional.elu(convolution(maps))
            parts.append(self.dropout(maps))
        if self.settings.novelty:
            parts.append(NOVELTY_SCALE * self.novelty(compressed.transpose(1, 2)) - 1.0)
        mixed = torch.cat(parts, dim=1)  # (batch, mixed, slow frames)
        features: Tensor = self.output(functional.elu(self.hidden(mixed))) + self.linear(mixed)
        return features * present  # (batch, channels, slow frames)

    def novelty(self, compressed: Tensor) -> Tensor:
        """Compute the distances in (batch, bands, slow frames): (batch, 2 x lags, slow frames), bass
        first."""
        distances = []
        for low, high in (self.settings.bass, self.settings.harmony):
            bands = compressed[:, low:high]
            centred = bands - bands.mean(dim=1, keepdim=True)
            distances += [_distance(centred, lag) for lag in self.settings.lags]
        return torch.stack(distances, dim=1)


def _distance(bands: Tensor, lag: int) -> Tensor:
    """Distance, (batch, frames), of the `lag` frames before each frame to those from it on."""
    frames = bands.shape[2]
    padded = functional.pad(bands, (lag, lag), mode="replicate")
    means = functional.avg_pool1d(padded, lag, 1)  # (batch, bands, frames + lag + 1)
    past, coming = means[:, :, :frames], means[:, :, lag : lag + frames]
    product = (past * coming).sum(dim=1)
    norms = (past.square().sum(dim=1) * coming.square().sum(dim=1)).sqrt()
    return 1.0 - product / norms.clamp(min=LEAST_NORM)


def spread(slow: Tensor, ratio: int, frames: int) -> Tensor:
    """Bring (batch, channels, slow frames) to `frames` frames, `ratio` times as many a second.

    Slow frame i lies at frame ratio x i; between two of them the values run straight, after the last they
    stay.
    """
    following = torch.cat([slow[:, :, 1:], slow[:, :, -1:]], dim=2)
    weight = torch.arange(ratio, device=slow.device, dtype=slow.dtype) / ratio
    lines = (
        slow[..., None] * (1 - weight) + following[..., None] * weight
    )  # (batch, channels, slow frames, ratio)
    fast = lines.flatten(2)
    missing = frames - fast.shape[2]
    if missing > 0:
        fast = torch.cat([fast, fast[:, :, -1:].expand(-1, -1, missing)], dim=2)
    return fast[:, :, :frames]
