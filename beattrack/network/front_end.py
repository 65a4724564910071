"""The convolutional front-end: from a spectrogram to one feature vector per frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from beattrack.network.settings import FrontEndSettings


class FrontEnd(nn.Module):
    """Compress and standardise a spectrogram and reduce its bands to `channels` features per frame.

    Input: (batch, frames, bands) non-negative magnitudes, divided by the level of the recording.
    Output: (batch, channels, frames - receptive_field + 1), or one frame for every `stride` of these. The
    convolutions use no padding in time; `pad` adds the frames that they remove, `frames_after` of them at the
    end.

    Böck & Davies, "Deconstruct, Analyse, Reconstruct: How to Improve Tempo, Beat, and Downbeat Estimation",
    ISMIR 2020.
    """

    band_mean: Tensor
    band_scale: Tensor

    def __init__(self, settings: FrontEndSettings, *, frames_after: int) -> None:
        super().__init__()
        self.settings = settings
        self.frames_after = frames_after
        self.register_buffer("band_mean", torch.zeros(settings.bands))
        self.register_buffer("band_scale", torch.ones(settings.bands))
        inputs = [1] + [settings.channels] * (len(settings.pools) - 1)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels, settings.channels, (time, frequency))
            for channels, time, frequency in zip(
                inputs, settings.time_kernels, settings.frequency_kernels, strict=True
            )
        )
        self.dropout = nn.Dropout(settings.dropout)

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Set the mean and standard deviation of the compressed bands, (bands,) each."""
        self.band_mean.copy_(mean)
        self.band_scale.copy_(1.0 / deviation)

    def compress(self, spectrogram: Tensor) -> Tensor:
        """Compute ln(1 + log_scale * x)."""
        return torch.log(1.0 + self.settings.log_scale * spectrogram)

    def pad(self, spectrogram: Tensor) -> Tensor:
        """Repeat the first and last frames so that the convolutions keep the number of frames."""
        before = self.settings.receptive_field - 1 - self.frames_after
        ends = (max(before, 0), self.frames_after)
        padded = functional.pad(spectrogram.transpose(1, 2), ends, mode="replicate")
        # With a long look-ahead, no output reads the first frames.
        return padded.transpose(1, 2)[:, max(-before, 0) :]

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Compute the features of a padded spectrogram."""
        maps = self._standardised(spectrogram)  # (batch, 1, frames, bands)
        pools = zip(self.settings.joins, self.settings.pools, strict=True)
        for convolution, pool in zip(self.convolutions, pools, strict=True):
            # ELU is monotonic, so pooling first gives the same result with a third of the exponentials.
            maps = functional.elu(functional.max_pool2d(convolution(maps), pool))
            # (batch, channels, frames, bands)
        features: Tensor = self.dropout(maps.squeeze(3))  # (batch, channels, frames)
        return features

    def step(self, frame: Tensor, pasts: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Compute the features for one more frame of a padded spectrogram.

        Args:
            frame: shape (batch, 1, bands).
            pasts: earlier input of each convolution over time; see `FrontEndSettings.past_maps`.

        Returns:
            Features, shape (batch, channels, 1), and the input of each convolution over time at this frame.
        """
        maps, inputs, earlier = self._standardised(frame), [], list(pasts)
        settings = self.settings
        for convolution, kernel, pool in zip(
            self.convolutions, settings.time_kernels, settings.pools, strict=True
        ):
            if kernel > 1:
                inputs.append(maps)
                maps = torch.cat([earlier.pop(0), maps], dim=2)
            maps = functional.elu(functional.max_pool2d(convolution(maps), (1, pool)))
        return self.dropout(maps.squeeze(3)), inputs

    def _standardised(self, spectrogram: Tensor) -> Tensor:
        """Return the compressed bands with mean 0 and deviation 1, (batch, 1, frames, bands)."""
        return ((self.compress(spectrogram) - self.band_mean) * self.band_scale).unsqueeze(1)
