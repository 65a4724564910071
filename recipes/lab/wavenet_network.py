"""A small WaveNet on the TCN of beattrack, and generation with and without cached inputs.

Van den Oord et al., "WaveNet: a generative model for raw audio", arXiv 1609.03499; Paine et al., "Fast
WaveNet Generation Algorithm", arXiv 1611.09482.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from wavenet_corpus import CLASSES, SILENCE

from beattrack.network.settings import TCNSettings
from beattrack.network.tcn import TCN


def wavenet_settings(*, channels: int, dilations: tuple[int, ...], stacks: int) -> TCNSettings:
    """Return the settings of the TCN: causal, gated, residual, two taps per convolution.

    Args:
        channels: channels of the residual stream and of the gates.
        dilations: dilations of a stack; 1, 2, 4, ..., 512 in the paper.
        stacks: repetitions of these dilations.
    """
    return TCNSettings(
        channels=channels,
        kernel=2,
        dilations=dilations,
        stacks=stacks,
        causal=True,
        gated=True,
        parallel_pair=False,
        residual_1x1=False,
        activation="relu",
        dropout=0.0,
        skip_sum=False,
        output="skips",
    )


class WaveNet(nn.Module):
    """The distribution of each sample, given the samples before it.

    Input: classes of samples, (batch, samples). Output: logits of the class of the sample after each of them,
    (batch, classes, samples).
    """

    def __init__(self, settings: TCNSettings, *, hidden: int) -> None:
        """Make a network with random weights.

        Args:
            settings: settings of the TCN.
            hidden: channels between the two convolutions after the sum of skip outputs.
        """
        super().__init__()
        self.settings, channels = settings, settings.channels
        # The same as a 1x1 convolution of one-hot vectors, without computing with 255 zeros.
        self.embedding = nn.Embedding(CLASSES, channels)
        self.tcn = TCN(settings)
        self.head = nn.Sequential(
            nn.ReLU(), nn.Conv1d(channels, hidden, 1), nn.ReLU(), nn.Conv1d(hidden, CLASSES, 1)
        )

    @property
    def receptive_field(self) -> int:
        """Samples that the distribution of the next one depends on."""
        return self.settings.receptive_field

    def forward(self, classes: Tensor) -> Tensor:
        """Compute the logits at all samples at once."""
        skips, _ = self.tcn(self.embedding(classes).transpose(1, 2))  # (batch, channels, samples)
        logits: Tensor = self.head(skips)
        return logits

    def step(self, classes: Tensor, pasts: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Compute the logits at one sample.

        Args:
            classes: the sample, shape (batch,).
            pasts: earlier inputs of each block; see `TCN.step`.

        Returns:
            Logits, (batch, classes), and the inputs of the blocks, (batch, channels) each.
        """
        skips, inputs = self.tcn.step(self.embedding(classes), pasts)
        logits: Tensor = self.head(skips[:, :, None])[:, :, 0]
        return logits, inputs


class Cache:
    """What a TCN must remember to run sample by sample: one ring per block, all in one tensor."""

    def __init__(self, settings: TCNSettings, batch: int, dtype: torch.dtype = torch.float32) -> None:
        """Make a cache for a batch of sounds that have not begun: all inputs are 0."""
        distances = [torch.tensor(taps) for taps in settings.memories]
        self._taps = [len(far) for far in distances]
        lengths = torch.tensor([int(far.max()) for far in distances])
        self._starts = torch.cumsum(lengths, 0) - lengths  # (blocks,)
        self._lengths = lengths
        self._distances = torch.cat(distances)  # (taps of all blocks,)
        self._block_of_tap = torch.repeat_interleave(torch.arange(len(distances)), torch.tensor(self._taps))
        self._inputs = torch.zeros(int(lengths.sum()), batch, settings.channels, dtype=dtype)
        self._time = 0

    def pasts(self) -> list[Tensor]:
        """Return what the taps of each block read at the current sample, (batch, taps, channels)."""
        block = self._block_of_tap
        places = self._starts[block] + (self._time - self._distances) % self._lengths[block]
        read = self._inputs[places].transpose(0, 1)  # (batch, taps of all blocks, channels)
        return list(torch.split(read, self._taps, dim=1))

    def store(self, inputs: Sequence[Tensor]) -> None:
        """Store the inputs of the blocks at the current sample, (batch, channels) each, and go on."""
        # The most distant tap has just been read from this place.
        self._inputs[self._starts + self._time % self._lengths] = torch.stack(list(inputs))
        self._time += 1


def draw(logits: Tensor, uniforms: Tensor) -> Tensor:
    """Draw classes by the inverse of the cumulative distribution.

    Args:
        logits: shape (batch, classes).
        uniforms: random numbers in 0..1, shape (batch,), float64.

    Returns:
        Classes, shape (batch,).
    """
    cumulative = logits.double().softmax(dim=1).cumsum(dim=1)
    below = cumulative < (uniforms * cumulative[:, -1])[:, None]
    return below.sum(dim=1).clamp(max=CLASSES - 1)


def random_numbers(samples: int, batch: int, *, seed: int) -> Tensor:
    """Return the random numbers of a generation, shape (samples, batch), float64, reproducible by seed."""
    return torch.rand(samples, batch, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@torch.inference_mode()
def generate(network: WaveNet, uniforms: Tensor) -> Tensor:
    """Generate sounds with cached inputs: every block computes each of its outputs once.

    Args:
        network: trained network.
        uniforms: random numbers, shape (samples, batch).

    Returns:
        Classes of shape (batch, samples). One sample of silence comes before them.
    """
    cache = Cache(network.settings, uniforms.shape[1], network.embedding.weight.dtype)
    classes = torch.full((uniforms.shape[1],), SILENCE)
    sounds = []
    for row in uniforms:
        logits, inputs = network.step(classes, cache.pasts())
        cache.store(inputs)
        classes = draw(logits, row)
        sounds.append(classes)
    return torch.stack(sounds, dim=1)


@torch.inference_mode()
def generate_naively(network: WaveNet, uniforms: Tensor, past: Tensor | None = None) -> Tensor:
    """Generate the same sounds as `generate` by computing the whole receptive field anew for each sample.

    Args:
        network: trained network.
        uniforms: random numbers, shape (samples, batch).
        past: classes before the first sample to generate, shape (batch, earlier samples); None for one sample
            of silence.

    Returns:
        Classes of shape (batch, samples).
    """
    if past is None:
        past = torch.full((uniforms.shape[1], 1), SILENCE)
    sounds = past
    for row in uniforms:
        logits = network(sounds[:, -network.receptive_field :])[:, :, -1]
        sounds = torch.cat([sounds, draw(logits, row)[:, None]], dim=1)
    return sounds[:, past.shape[1] :]


def bits(network: WaveNet, pieces: Tensor, *, stretch: int = 32768) -> float:
    """Compute the negative log-likelihood of music under the network.

    Args:
        network: trained network.
        pieces: classes, shape (pieces, samples).
        stretch: samples that are computed at once.

    Returns:
        Bits per sample, without the first one of each piece.
    """
    total = 0.0
    with torch.inference_mode():
        for start in range(1, pieces.shape[1], stretch):
            first = max(start - network.receptive_field, 0)
            part = pieces[:, first : start + stretch]
            logits = network(part[:, :-1])[:, :, start - 1 - first :].float()
            total += float(functional.cross_entropy(logits, part[:, start - first :], reduction="sum"))
    return total / (pieces[:, 1:].numel() * float(torch.log(torch.tensor(2.0))))
