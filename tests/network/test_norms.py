from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from beattrack.network.norms import (  # noqa: E402
    ChannelNorm,
    fold_weight_norm,
    folded_names,
    normalise_weight,
    output_norm,
    set_weight,
)


def weight_normed() -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv1d(3, 4, 5, dilation=2, padding=4), nn.ELU(), nn.Conv1d(4, 2, 1))
    normalise_weight(network[0])
    return network


def test_weight_norm_begins_with_the_weights_that_were_there() -> None:
    torch.manual_seed(0)
    plain = nn.Conv1d(3, 4, 5)
    normed = copy.deepcopy(plain)
    normalise_weight(normed)
    torch.testing.assert_close(normed.weight, plain.weight)


def test_folding_changes_no_output_and_no_copy() -> None:
    network, features = weight_normed(), torch.randn(2, 3, 30)
    folded = copy.deepcopy(network)
    assert folded_names(folded) == {"0.weight"}
    fold_weight_norm(folded)
    assert folded_names(folded) == set()
    assert set(folded.state_dict()) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    torch.testing.assert_close(folded(features), network(features))
    assert folded_names(network) == {"0.weight"}


def test_a_weight_is_set_with_and_without_norm() -> None:
    network = weight_normed()
    weights = [torch.randn(4, 3, 5), torch.randn(2, 4, 1)]
    for convolution, weight in zip((network[0], network[2]), weights, strict=True):
        set_weight(convolution, weight)
        torch.testing.assert_close(convolution.weight, weight)
    network(torch.randn(1, 3, 20)).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_layer_norm_sees_single_frames() -> None:
    norm, features = ChannelNorm(6), torch.randn(2, 6, 9) * 3 + 1
    normed = norm(features)
    torch.testing.assert_close(normed.mean(dim=1), torch.zeros(2, 9), atol=1e-5, rtol=0)
    torch.testing.assert_close(normed.var(dim=1, correction=0), torch.ones(2, 9), atol=1e-3, rtol=0)
    for frame in range(9):
        torch.testing.assert_close(norm(features[:, :, frame]), normed[:, :, frame])


def test_only_batch_and_layer_norm_change_the_output() -> None:
    assert isinstance(output_norm("batch", 3), nn.BatchNorm1d)
    assert isinstance(output_norm("layer", 3), ChannelNorm)
    assert isinstance(output_norm("weight", 3), nn.Identity)
    assert isinstance(output_norm("none", 3), nn.Identity)
