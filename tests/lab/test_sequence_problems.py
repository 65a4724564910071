from __future__ import annotations

import math

import pytest
import torch
from sequence_problems import PROBLEMS, adding, copy_memory


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("blanks", [1, 2, 30])
def test_copy_memory_is_symbols_blanks_and_delimiters(blanks: int) -> None:
    given, asked = copy_memory(50, blanks, generator())
    assert given.shape == (50, blanks + 20, 10)
    assert asked.shape == (50, blanks + 20)
    assert (given.sum(dim=2) == 1).all()  # one-hot
    classes = given.argmax(dim=2)
    assert set(classes[:, :10].unique().tolist()) == set(range(1, 9))
    assert (classes[:, 10:-11] == 0).all()
    assert classes[:, 10:-11].shape[1] == blanks - 1
    assert (classes[:, -11:] == 9).all()
    assert (asked[:, :-10] == 0).all()
    assert torch.equal(asked[:, -10:], classes[:, :10])


@pytest.mark.parametrize("steps", [2, 40])
def test_adding_is_the_sum_of_two_marked_numbers(steps: int) -> None:
    given, asked = adding(200, steps, generator())
    assert given.shape == (200, steps, 2)
    assert asked.shape == (200,)
    numbers, markers = given.unbind(dim=2)
    assert ((numbers >= 0) & (numbers < 1)).all()
    assert set(markers.unique().tolist()) <= {0.0, 1.0}
    assert (markers.sum(dim=1) == 2).all()
    for row, sum_asked in zip(given.tolist(), asked.tolist(), strict=True):
        assert sum_asked == pytest.approx(sum(number for number, marker in row if marker == 1), abs=1e-6)


def test_every_step_is_marked_as_often_as_any_other() -> None:
    given, _ = adding(20_000, 10, generator())
    torch.testing.assert_close(given[:, :, 1].mean(dim=0), torch.full((10,), 0.2), atol=0.015, rtol=0)


def test_sequences_follow_the_generator() -> None:
    for problem in PROBLEMS.values():
        assert torch.equal(problem.batch(3, 9, generator(1))[0], problem.batch(3, 9, generator(1))[0])
        assert not torch.equal(problem.batch(3, 9, generator(1))[0], problem.batch(3, 9, generator(2))[0])


def test_guessing_without_memory_costs_what_the_problem_says() -> None:
    given, asked = copy_memory(100, 180, generator())
    at_end = torch.zeros_like(given)
    at_end[:, :-10, 0] = 30.0  # blanks are certain
    at_end[:, -10:, 1:9] = 30.0  # every symbol is as likely as any other
    assert PROBLEMS["copy"].loss(at_end, asked).item() == pytest.approx(PROBLEMS["copy"].guess(180), rel=1e-4)
    assert PROBLEMS["copy"].guess(180) == pytest.approx(10 * math.log(8) / 200)

    given, asked = adding(50_000, 5, generator())
    one = torch.ones(50_000, 5, 1)
    assert PROBLEMS["adding"].loss(one, asked).item() == pytest.approx(PROBLEMS["adding"].guess(5), rel=0.02)


def test_perfect_answers_cost_nothing() -> None:
    given, asked = copy_memory(5, 20, generator())
    right = torch.nn.functional.one_hot(asked, 10).float() * 100
    assert PROBLEMS["copy"].loss(right, asked).item() < 1e-6
    given, asked = adding(5, 20, generator())
    sums = (given[:, :, :1] * given[:, :, 1:]).cumsum(dim=1)  # what a network with perfect memory puts out
    assert PROBLEMS["adding"].loss(sums, asked).item() < 1e-12
