"""The whole network: front-end, body (TCN or recurrent), and the beat, downbeat and tempo heads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from beattrack.network.front_end import FrontEnd
from beattrack.network.harmony_path import HarmonyPath, hold, spread
from beattrack.network.recurrent import Recurrent
from beattrack.network.settings import NetworkSettings
from beattrack.network.tcn import TCN


class Logits(NamedTuple):
    """Outputs of the heads before sigmoid and softmax."""

    beats: Tensor | None  # (batch, frames)
    downbeats: Tensor | None  # (batch, frames)
    tempo: Tensor | None  # (batch, bins)


class Heads(nn.Module):
    """Beats and downbeats of each frame, tempo of the whole input (Böck & Davies, ISMIR 2020).

    A network that decides about whole clips has the tempo head alone.
    """

    def __init__(
        self, channels: int, *, tempo_bins: int, sum_head: bool, dropout: float, clip_level: bool = False
    ) -> None:
        super().__init__()
        self.sum_head = sum_head
        self.dropout = nn.Dropout(dropout)
        self.frames = None if clip_level else nn.Conv1d(channels, 2, 1)
        self.tempo = nn.Linear(channels, tempo_bins) if tempo_bins else None

    def forward(self, stream: Tensor | None, skips: Tensor | None) -> Logits:
        """Map the outputs of the body, (batch, channels, frames), to logits; None gives none."""
        beats = downbeats = tempo = None
        if self.frames is not None and stream is not None:
            beats, downbeats = self.frames(self.dropout(stream)).unbind(dim=1)  # (batch, frames) each
            if self.sum_head:
                beats = beats + downbeats
        if self.tempo is not None and skips is not None:
            tempo = self.tempo(self.dropout(skips.mean(dim=2)))
        return Logits(beats, downbeats, tempo)


class BeatNetwork(nn.Module):
    """The network, from spectrogram and optional harmony view to logits.

    Inputs: (batch, frames, bands) and (batch, slow frames, bands) magnitudes, each divided by its own level
    (`network.input_level`). A harmony view that is missing or zero gives features of zero.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        self.front_end = FrontEnd(settings.front_end, frames_after=settings.frames_after)
        self.harmony = HarmonyPath(settings.harmony) if settings.harmony else None
        self.tcn = TCN(settings.tcn) if settings.tcn else None
        recurrent, channels = settings.recurrent, settings.feature_channels
        self.recurrent = Recurrent(recurrent, channels) if recurrent else None
        self.heads = Heads(
            settings.output_channels,
            tempo_bins=settings.tempo_bins,
            sum_head=settings.sum_head,
            dropout=settings.head_dropout,
            clip_level=settings.clip_level,
        )

    def forward(self, spectrogram: Tensor, harmony: Tensor | None = None) -> Logits:
        """Compute the logits of a batch of spectrograms and their harmony views."""
        features = self.front_end(self.front_end.pad(spectrogram))  # (batch, channels, frames)
        if self.harmony is not None:
            features = torch.cat([features, self._slow_features(features, harmony)], dim=1)
        logits: Logits = self.heads(*self.body(features))
        return logits

    def body(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """Compute what the heads read: the stream of features, and those that the tempo head averages.

        Args:
            features: shape (batch, channels, frames).

        Returns:
            Both of shape (batch, output channels, frames); the second may be None without a tempo head.
        """
        if self.tcn is not None:
            stream, skips = self.tcn(features)
            return stream, skips
        if self.recurrent is not None:
            features = self.recurrent(features)
        return features, features

    def _slow_features(self, features: Tensor, harmony: Tensor | None) -> Tensor:
        """Compute the harmony path's features at the front-end's frame rate: (batch, channels, frames)."""
        if self.harmony is None:
            raise RuntimeError("the network has no harmony path")
        settings, frames = self.harmony.settings, features.shape[2]
        if harmony is None or not harmony.shape[1]:
            return features.new_zeros(len(features), settings.channels, frames)
        if settings.delay is not None:
            return hold(self.harmony(harmony), settings.ratio, frames, delay=settings.delay)
        return spread(self.harmony(harmony), settings.ratio, frames)

    def features(self, padded: Tensor) -> Tensor:
        """Compute the front-end's features of a padded spectrogram, such as one block of a long recording."""
        out: Tensor = self.front_end(padded)
        return out

    def harmony_features(self, harmony: Tensor) -> Tensor:
        """Compute the features of a harmony view at its own frame rate: (batch, channels, slow frames)."""
        if self.harmony is None:
            raise RuntimeError("the network has no harmony path")
        out: Tensor = self.harmony(harmony)
        return out

    def probabilities(self, features: Tensor) -> tuple[Tensor, ...]:
        """Compute probabilities from features.

        Returns:
            Beats and downbeats, (batch, frames) each, unless the network decides about whole clips, and
            tempo, (batch, bins), if it has a tempo head.
        """
        return _probabilities(self.heads(*self.body(features)))

    def in_phases(self, features: Tensor, stream: Tensor, skips: Tensor | None) -> tuple[Tensor, ...]:
        """Compute the parts of a body that runs in phases, and its heads; see `network.body_graph`.

        Args:
            features: input of the shallow blocks, shape (batch, channels, frames).
            stream: input of the deep blocks.
            skips: input of the tempo head, if there is one.

        Returns:
            Outputs of the shallow blocks, then of the deep blocks and the heads, then tempo. The skip outputs
            are left out without a tempo head.
        """
        if self.tcn is None:
            raise RuntimeError("the body has no phases")
        shallow, deep = self.tcn.shallow(features), self.tcn.deep(stream)
        events = _probabilities(self.heads(deep[0], None))
        if skips is None:
            return shallow[0], *events
        outputs = (*shallow, *events, deep[1], *_probabilities(self.heads(None, skips)))
        return tuple(output for output in outputs if output is not None)

    def step(
        self, frame: Tensor, slow: Tensor | None, maps: Sequence[Tensor], pasts: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Compute the probabilities of a causal network for one more frame of a padded spectrogram.

        Args:
            frame: the frame, shape (batch, 1, bands).
            slow: features of the harmony path for the output, shape (batch, channels); None without a path.
            maps: see `FrontEnd.step`.
            pasts: see `TCN.step` or `Recurrent.step`.

        Returns:
            Beats and downbeats, (batch, 1) each, the inputs of the front-end's convolutions over time, and
            those that the TCN remembers or the states of the recurrent layers.
        """
        body = self.tcn or self.recurrent
        if body is None:
            raise RuntimeError("the network is not causal")
        features, map_inputs = self.front_end.step(frame, maps)
        both = [features.squeeze(2)] if slow is None else [features.squeeze(2), slow]
        stream, inputs = body.step(torch.cat(both, dim=1), pasts)
        logits = self.heads(stream.unsqueeze(2), None)
        return torch.sigmoid(logits.beats), torch.sigmoid(logits.downbeats), *map_inputs, *inputs

    def parameter_count(self) -> int:
        """Return the number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.parameters())


def _probabilities(logits: Logits) -> tuple[Tensor, ...]:
    frames = [torch.sigmoid(x) for x in (logits.beats, logits.downbeats) if x is not None]
    return (*frames, *([] if logits.tempo is None else [torch.softmax(logits.tempo, dim=1)]))
