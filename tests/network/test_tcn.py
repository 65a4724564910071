"""Blocks with the options of other implementations equal references written from the papers' equations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from beattrack.network.settings import TCNSettings  # noqa: E402
from beattrack.network.tcn import TCN  # noqa: E402
from beattrack.training.settings import parse_override  # noqa: E402

PAGE = (Path(__file__).parents[2] / "docs" / "tcn.md").read_text(encoding="utf-8")
PLAIN = TCNSettings(
    channels=6, kernel=3, dilations=(1, 2, 4), causal=True, parallel_pair=False, residual_1x1=False
)
BAI = replace(
    PLAIN,
    kernel=2,
    convolutions=2,
    norm="weight",
    activation="relu",
    mix_1x1=False,
    activate_sum=True,
    skip_sum=False,
    dropout=0.2,
    dropout_kind="element",
)
KERAS = replace(BAI, kernel=3, norm="none", output="skips", stacks=2, dropout=0.0, dropout_kind="spatial")
WAVENET = replace(PLAIN, kernel=2, gated=True, activation="relu", output="wavenet", dropout=0.0)


def plain(settings: TCNSettings, inputs: int | None = None) -> TCN:
    """A TCN with random weights, in double precision and without dropout."""
    torch.manual_seed(3)
    tcn = TCN(settings, inputs=inputs).double().eval()
    with torch.no_grad():
        for name, parameter in tcn.named_parameters():
            if name.endswith(("original0", "norm.weight")):  # lengths, which begin as those of the directions
                parameter.copy_(torch.rand_like(parameter) + 0.5)
        for buffer in tcn.buffers():
            if buffer.is_floating_point():
                buffer.copy_(torch.rand_like(buffer) + 0.5)
    return tcn


def weights(tcn: TCN) -> dict[str, Tensor]:
    return {name: tensor.detach() for name, tensor in tcn.state_dict().items()}


def tap_sum(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    """F(t) = sum over i of f(i) x(t - d i), with zeros before the start (Bai et al., section 3.2)."""
    kernel, frames = weight.shape[2], x.shape[2]
    out = bias[None, :, None].expand(len(x), -1, frames).clone()
    for i in range(kernel):
        shift = dilation * i
        earlier = torch.zeros_like(x)
        if shift < frames:
            earlier[:, :, shift:] = x[:, :, : frames - shift]
        out += torch.einsum("oi,bit->bot", weight[:, :, kernel - 1 - i], earlier)
    return out


def weight_of(state: dict[str, Tensor], name: str) -> Tensor:
    """w = g v / ||v|| for each output (Salimans & Kingma, equation 2), or the plain weight."""
    if f"{name}.weight" in state:
        return state[f"{name}.weight"]
    length, direction = (state[f"{name}.parametrizations.weight.original{i}"] for i in (0, 1))
    return length * direction / direction.flatten(1).norm(dim=1)[:, None, None]


def bai_block(state: dict[str, Tensor], block: str, x: Tensor, dilation: int) -> tuple[Tensor, Tensor]:
    """o = ReLU(x + F(x)), with F two dilated convolutions, each with ReLU (Bai et al., figure 1b)."""
    inner = x
    for layer in ("branches.0.convolution", "deeper.0.0.convolution"):
        name = f"{block}.{layer}"
        inner = tap_sum(inner, weight_of(state, name), state[f"{name}.bias"], dilation).clamp(min=0)
    if f"{block}.residual.weight" in state:
        x = tap_sum(x, state[f"{block}.residual.weight"], state[f"{block}.residual.bias"], 1)
    return (x + inner).clamp(min=0), inner


def test_bai() -> None:
    tcn, x = plain(BAI, inputs=2), torch.randn(3, 2, 40, dtype=torch.float64)
    state, expected = weights(tcn), x
    for block, dilation in enumerate((1, 2, 4)):
        expected, _ = bai_block(state, f"blocks.{block}", expected, dilation)
    output, skips = tcn(x)
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-6)
    assert skips is None
    assert torch.equal(tcn.one_step(x), output[:, :, -1])
    assert "blocks.0.residual.weight" in state
    assert "blocks.1.residual.weight" not in state


def test_bai_pads_both_sides_and_chomps() -> None:
    tcn, x = plain(replace(BAI, dilations=(4,))), torch.randn(3, 6, 40, dtype=torch.float64)
    block = tcn.blocks[0]
    expected = x
    for layer in (block.branches[0], block.deeper[0][0]):
        convolution = layer.convolution
        both = functional.conv1d(expected, convolution.weight, convolution.bias, dilation=4, padding=4)
        expected = functional.relu(both[:, :, :-4])
    torch.testing.assert_close(tcn(x)[0], functional.relu(x + expected), rtol=0, atol=1e-6)


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_keras_tcn(norm: Any) -> None:
    """The output is the sum of what all blocks add to the residual stream."""
    tcn, x = plain(replace(KERAS, norm=norm), inputs=1), torch.randn(3, 1, 50, dtype=torch.float64)
    state, stream, total = weights(tcn), x, torch.zeros(3, 6, 50, dtype=torch.float64)
    for number, dilation in enumerate((1, 2, 4) * 2):
        block, inner = f"blocks.{number}", stream
        for layer in ("branches.0", "deeper.0.0"):
            name = f"{block}.{layer}"
            inner = tap_sum(
                inner, state[f"{name}.convolution.weight"], state[f"{name}.convolution.bias"], dilation
            )
            inner = normalised(state, f"{name}.norm", inner, norm).clamp(min=0)
        if number == 0:
            stream = tap_sum(stream, state[f"{block}.residual.weight"], state[f"{block}.residual.bias"], 1)
        stream, total = (stream + inner).clamp(min=0), total + inner
    torch.testing.assert_close(tcn(x)[0], total, rtol=0, atol=1e-6)
    assert tcn.settings.receptive_field == 1 + 2 * (3 - 1) * 2 * (1 + 2 + 4)  # keras-tcn's formula


def normalised(state: dict[str, Tensor], name: str, x: Tensor, norm: str) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) * scale + shift."""
    if norm == "none":
        return x
    if norm == "batch":
        mean, variance = (state[f"{name}.running_{what}"][:, None] for what in ("mean", "var"))
    else:
        mean, variance = x.mean(dim=1, keepdim=True), x.var(dim=1, correction=0, keepdim=True)
    scale, shift = state[f"{name}.weight"][:, None], state[f"{name}.bias"][:, None]
    return (x - mean) / (variance + 1e-5).sqrt() * scale + shift


def test_wavenet() -> None:
    """z = tanh(W_f * x) sigmoid(W_g * x), equation 2; blocks, skips and output as in figure 4."""
    tcn, x = plain(WAVENET), torch.randn(2, 6, 30, dtype=torch.float64)
    state, stream, total = weights(tcn), x, torch.zeros_like(x)
    for number, dilation in enumerate((1, 2, 4)):
        block = f"blocks.{number}"
        weight, bias = (state[f"{block}.branches.0.convolution.{what}"] for what in ("weight", "bias"))
        filtered = tap_sum(stream, weight[:6], bias[:6], dilation)
        gate = tap_sum(stream, weight[6:], bias[6:], dilation)
        mixed = tap_sum(
            filtered.tanh() * gate.sigmoid(), state[f"{block}.mix.weight"], state[f"{block}.mix.bias"], 1
        )
        stream, total = stream + mixed, total + mixed
    expected = tap_sum(total.clamp(min=0), state["post.weight"], state["post.bias"], 1).clamp(min=0)
    torch.testing.assert_close(tcn(x)[0], expected, rtol=0, atol=1e-6)


OPTIONS: dict[str, TCNSettings] = {
    "bai": BAI,
    "keras-tcn": KERAS,
    "keras-tcn, layer norm": replace(KERAS, norm="layer"),
    "keras-tcn, batch norm": replace(KERAS, norm="batch"),
    "wavenet": replace(WAVENET, stacks=2),
    "gated, two convolutions, layer norm": replace(WAVENET, convolutions=2, norm="layer"),
    "pairs of three convolutions": replace(
        PLAIN, parallel_pair=True, residual_1x1=True, convolutions=3, norm="batch", output="skips"
    ),
    "elu after the sum": replace(PLAIN, activate_sum=True, norm="weight"),
}


def stepped(tcn: TCN, x: Tensor) -> Tensor:
    """The output frame by frame, from memories that begin with zeros."""
    memories = tcn.settings.memories
    history: list[list[Tensor]] = [[] for _ in memories]
    outputs = []
    for t in range(x.shape[2]):
        pasts = []
        for i, distances in enumerate(memories):
            width = x.shape[1] if i == 0 else tcn.settings.channels
            silence = x.new_zeros(len(x), width)
            seen = [history[i][t - d] if d <= t else silence for d in distances]
            pasts.append(torch.stack(seen, dim=1))
        output, remembered = tcn.step(x[:, :, t], pasts)
        for past, new in zip(history, remembered, strict=True):
            past.append(new)
        outputs.append(output)
    return torch.stack(outputs, dim=2)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("inputs", [None, 1])
@torch.no_grad()
def test_steps_equal_the_whole(name: str, inputs: int | None) -> None:
    tcn = plain(OPTIONS[name], inputs)
    x = torch.randn(2, inputs or 6, 45, dtype=torch.float64)
    torch.testing.assert_close(stepped(tcn, x), tcn(x)[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("causal", [True, False])
def test_the_gradient_reaches_as_far_as_the_receptive_field(name: str, causal: bool) -> None:
    # ELU instead of ReLU, whose gradient is zero for half of its inputs.
    settings = replace(OPTIONS[name], causal=causal, kernel=3, activation="elu")
    tcn = plain(settings, inputs=2)
    reach = settings.receptive_field - 1
    x = torch.randn(1, 2, 2 * reach + 11, dtype=torch.float64, requires_grad=True)
    middle = reach + 5
    tcn(x)[0][0, :, middle].sum().backward()
    assert x.grad is not None
    reached = torch.nonzero(x.grad.abs().sum(dim=(0, 1)))[:, 0] - middle
    expected = (-reach, 0) if causal else (-reach // 2, reach // 2)
    assert (int(reached.min()), int(reached.max())) == expected


@pytest.mark.parametrize("name", OPTIONS)
def test_every_weight_is_used(name: str) -> None:
    tcn = TCN(OPTIONS[name], inputs=2).train()
    tcn(torch.randn(4, 2, 60))[0].square().mean().backward()
    for label, parameter in tcn.named_parameters():
        assert parameter.grad is not None, label


@pytest.mark.parametrize("name", OPTIONS)
def test_the_loss_falls(name: str) -> None:
    torch.manual_seed(0)
    tcn, head = TCN(replace(OPTIONS[name], dropout=0.0), inputs=1), nn.Linear(6, 1)
    optimiser = torch.optim.Adam([*tcn.parameters(), *head.parameters()], lr=0.01)
    x = torch.randn(8, 1, 40)
    target = x.sum(dim=(1, 2))[:, None] / 5
    losses = []
    for _ in range(40):
        loss = functional.mse_loss(head(tcn.one_step(x)), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_one_step_of_a_network_that_looks_ahead_is_in_the_middle() -> None:
    tcn, x = plain(replace(BAI, causal=False, kernel=3)), torch.randn(2, 6, 21, dtype=torch.float64)
    assert torch.equal(tcn.one_step(x), tcn(x)[0][:, :, 10])


@pytest.mark.parametrize(
    ("name", "expected"), [("Bai et al.", BAI), ("keras-tcn", KERAS), ("WaveNet", WAVENET)]
)
def test_the_tables_in_the_documentation_are_these_options(name: str, expected: TCNSettings) -> None:
    table = PAGE.split(f"# {name}\n[network.tcn]\n")[1].split("```")[0]
    options = dict(parse_override(line) for line in table.splitlines())
    here = {"channels": 6, "dilations": (1, 2, 4), "stacks": expected.stacks, "skip_sum": expected.skip_sum}
    assert TCNSettings(**options, **here) == expected


def test_the_example_in_the_documentation_runs() -> None:
    names: dict[str, Any] = {}
    exec(PAGE.split("```python\n")[1].split("```")[0], names)
    assert names["outputs"].shape == names["skips"].shape == (16, 30, 400)
    assert names["decision"].shape == (16, 30)
