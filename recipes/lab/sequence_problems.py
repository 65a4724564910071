"""The copy-memory problem and the adding problem, two tests of memory.

Copy memory: 10 symbols from 1 to 8 come first, then blanks (0), then a delimiter (9) and 10 more of it. The
input has T + 20 steps: 10 symbols, T - 1 blanks, 11 delimiters. The network must put out blanks and, at the
last 10 steps, the symbols in their order. The loss is the cross-entropy over the 10 classes, averaged over
all steps. Without memory the best guess has a loss of 10 ln 8 / (T + 20).

Adding: T steps of a number drawn from [0, 1] and a marker, which is 1 at two steps and 0 elsewhere. At the
last step the network must put out the sum of the two marked numbers. The loss is the squared error. Without
memory the best guess is 1, with a loss of 1/6 = .1667, the variance of the sum. (Bai et al. print .1767.)

Bai, Kolter & Koltun, arXiv 1803.01271, section 4; Hochreiter & Schmidhuber 1997.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

SYMBOLS = 10  # to remember
KINDS = 8  # of symbols, 1 to 8
DELIMITER = 9
CLASSES = 10  # blank, symbols, delimiter

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Problem:
    """A test of memory.

    Attributes:
        name: name for tables and plots.
        inputs: features at each step.
        outputs: numbers that a network puts out at each step.
        batch: function of a number of sequences, T and a generator; returns the input, shape (sequences,
            steps, inputs), and what is asked for.
        loss: function of the network's outputs, shape (sequences, steps, outputs), and what is asked for.
        guess: loss of the best guess without memory, a function of T.
        solved: loss below which the problem counts as solved.
    """

    name: str
    inputs: int
    outputs: int
    batch: Callable[[int, int, torch.Generator], Batch]
    loss: Callable[[Tensor, Tensor], Tensor]
    guess: Callable[[int], float]
    solved: float


def copy_memory(sequences: int, blanks: int, generator: torch.Generator) -> Batch:
    """Draw sequences of the copy-memory problem.

    Args:
        sequences: number of sequences.
        blanks: T, the delay.
        generator: source of randomness.

    Returns:
        The input as one-hot vectors, shape (sequences, T + 20, 10), and the classes asked for, shape
        (sequences, T + 20).
    """
    symbols = torch.randint(1, KINDS + 1, (sequences, SYMBOLS), generator=generator)
    given = torch.zeros(sequences, blanks + 2 * SYMBOLS, dtype=torch.long)
    given[:, :SYMBOLS] = symbols
    given[:, -SYMBOLS - 1 :] = DELIMITER
    asked = torch.zeros_like(given)
    asked[:, -SYMBOLS:] = symbols
    return functional.one_hot(given, CLASSES).float(), asked


def adding(sequences: int, steps: int, generator: torch.Generator) -> Batch:
    """Draw sequences of the adding problem.

    Args:
        sequences: number of sequences.
        steps: T, the length of a sequence.
        generator: source of randomness.

    Returns:
        Numbers and markers, shape (sequences, T, 2), and the sums asked for, shape (sequences,).
    """
    numbers = torch.rand(sequences, steps, generator=generator)
    # The two largest of random numbers are two different steps, each pair as likely as any other.
    places = torch.rand(sequences, steps, generator=generator).topk(2, dim=1).indices
    markers = torch.zeros_like(numbers).scatter_(1, places, 1.0)
    return torch.stack([numbers, markers], dim=2), (numbers * markers).sum(dim=1)


def _copy_loss(outputs: Tensor, asked: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.transpose(1, 2), asked)


def _adding_loss(outputs: Tensor, asked: Tensor) -> Tensor:
    return functional.mse_loss(outputs[:, -1, 0], asked)


PROBLEMS = {
    "copy": Problem(
        "copy memory",
        CLASSES,
        CLASSES,
        copy_memory,
        _copy_loss,
        lambda blanks: SYMBOLS * math.log(KINDS) / (blanks + 2 * SYMBOLS),
        1e-4,
    ),
    "adding": Problem("adding", 2, 1, adding, _adding_loss, lambda steps: 1 / 6, 1e-3),
}
