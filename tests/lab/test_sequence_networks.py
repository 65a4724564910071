from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from sequence_networks import Block, Shape, build, parameters, tcn_settings

KINDS = ["tcn", "lstm", "gru", "rnn"]


@pytest.mark.parametrize("kind", KINDS)
def test_networks_put_out_every_step_and_do_not_see_the_future(kind: str) -> None:
    network = build(kind, Shape(inputs=3, outputs=2, steps=40, channels=6), seed=0)
    features = torch.randn(4, 40, 3)
    changed = features.clone()
    changed[:, 25:] += 1.0
    with torch.no_grad():
        before, after = network(features), network(changed)
    assert before.shape == (4, 40, 2)
    torch.testing.assert_close(before[:, :25], after[:, :25])
    assert not torch.allclose(before[:, 25], after[:, 25])


@pytest.mark.parametrize("steps", [1, 2, 8, 11, 200, 220, 1020])
@pytest.mark.parametrize("block", ["single", "double"])
def test_the_tcn_sees_the_whole_sequence_and_has_no_block_too_many(steps: int, block: Block) -> None:
    settings = tcn_settings(Shape(inputs=1, outputs=1, steps=steps, block=block))
    assert settings.convolutions == (2 if block == "double" else 1)
    assert settings.causal
    assert settings.receptive_field >= 1.5 * steps
    one_less = replace(settings, dilations=settings.dilations[:-1] or (1,))
    assert one_less.receptive_field < 1.5 * steps or len(settings.dilations) == 1


@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize(
    "shape", [Shape(2, 1, 200), Shape(10, 10, 1020, block="single"), Shape(2, 1, 600, 24)]
)
def test_recurrent_networks_have_as_many_parameters_as_the_tcn(kind: str, shape: Shape) -> None:
    count = parameters(build(kind, shape, seed=0))
    assert count == pytest.approx(parameters(build("tcn", shape, seed=0)), rel=0.02)


def test_weights_follow_the_seed() -> None:
    state = torch.random.get_rng_state()
    shape = Shape(inputs=2, outputs=1, steps=20)
    one, same, other = (
        torch.cat([p.flatten() for p in build("lstm", shape, seed=s).parameters()]) for s in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_forget_gate_of_an_lstm_starts_open() -> None:
    network = build("lstm", Shape(inputs=2, outputs=1, steps=200), seed=0)
    size = network.cell.hidden_size
    biases = network.cell.bias_ih_l0 + network.cell.bias_hh_l0
    gates = [part.mean().item() for part in biases.split(size)]
    assert gates[1] == pytest.approx(1, abs=0.1)
    assert [gates[0], *gates[2:]] == pytest.approx([0, 0, 0], abs=0.1)
