from __future__ import annotations

import pytest

from beattrack.errors import SettingsError
from beattrack.network.settings import FrontEndSettings, HarmonyPathSettings, NetworkSettings, TCNSettings


def test_published_network_sees_16381_frames() -> None:
    assert NetworkSettings().receptive_field == 16381


def test_doubling_the_dilations_doubles_the_receptive_field() -> None:
    single = TCNSettings(dilations=(1, 2, 4), parallel_pair=False, kernel=3)
    doubled = TCNSettings(dilations=(2, 4, 8), parallel_pair=False, kernel=3)
    assert single.receptive_field == 1 + 2 * 7
    assert doubled.receptive_field - 1 == 2 * (single.receptive_field - 1)


def test_a_causal_kernel_may_be_even() -> None:
    assert TCNSettings(kernel=2, causal=True).receptive_field == 1 + 2 * 2047


@pytest.mark.parametrize(
    ("kind", "wrong", "reason"),
    [
        (FrontEndSettings, {"time_kernels": (3, 1)}, "the same length"),
        (FrontEndSettings, {"time_kernels": (3, 2, 3)}, "odd"),
        (FrontEndSettings, {"bands": 110}, "reduce 110 bands to 1"),
        (FrontEndSettings, {"dropout": 1.0}, "below 1"),
        (TCNSettings, {"channels": 0}, "channels"),
        (TCNSettings, {"kernel": 4}, "odd unless the network is causal"),
        (TCNSettings, {"dilations": ()}, "dilations"),
        (TCNSettings, {"dilations": (1, 0)}, "dilations"),
        (TCNSettings, {"activation": "swish"}, "activation"),
        (TCNSettings, {"dropout_kind": "none"}, "dropout_kind"),
        (TCNSettings, {"dropout": -0.1}, "at least 0"),
        (TCNSettings, {"stacks": 0}, "stacks must be a positive whole number"),
        (TCNSettings, {"convolutions": 1.5}, "convolutions"),
        (TCNSettings, {"norm": "group"}, "norm must be one of none, batch, layer, weight"),
        (TCNSettings, {"output": "skip"}, "output must be one of residual, skips, wavenet"),
        (TCNSettings, {"mix_1x1": False}, "needs mix_1x1, which joins them"),
        (NetworkSettings, {"tcn": TCNSettings(channels=16)}, "as many channels as"),
        (NetworkSettings, {"tempo_bins": -1}, "tempo_bins"),
        (NetworkSettings, {"tcn": TCNSettings(skip_sum=False)}, "skip"),
        (NetworkSettings, {"tcn": TCNSettings(causal=True)}, "cannot have a tempo head"),
        (NetworkSettings, {"look_ahead": 1}, "look_ahead is a setting of causal networks"),
        (NetworkSettings, {"tcn": TCNSettings(causal=True), "tempo_bins": 0, "look_ahead": -1}, "at least 0"),
        (HarmonyPathSettings, {"delay": -1}, "delay"),
        (
            NetworkSettings,
            {"tcn": TCNSettings(channels=48), "harmony": HarmonyPathSettings(delay=16)},
            "needs a harmony path with a delay",
        ),
    ],
)
def test_impossible_settings_are_refused(kind: type, wrong: dict[str, object], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        kind(**wrong)


def test_taps_of_a_block_look_back_by_multiples_of_its_dilations() -> None:
    assert TCNSettings(kernel=3).tap_distances(4) == (8, 4, 16, 8)
    assert TCNSettings(kernel=3, parallel_pair=False).tap_distances(4) == (8, 4)


def test_stacks_and_convolutions_multiply_the_receptive_field() -> None:
    single = TCNSettings(dilations=(1, 2, 4), parallel_pair=False, kernel=3)
    deep = TCNSettings(dilations=(1, 2, 4), parallel_pair=False, kernel=3, stacks=3, convolutions=2)
    assert deep.receptive_field - 1 == 6 * (single.receptive_field - 1)
    assert deep.block_dilations == (1, 2, 4) * 3


def test_later_convolutions_of_a_block_have_memories_of_their_own() -> None:
    single = TCNSettings(kernel=2, dilations=(1, 3), stacks=2, causal=True, parallel_pair=False)
    assert single.memories == ((1,), (3,), (1,), (3,))
    pairs = TCNSettings(kernel=3, dilations=(2,), convolutions=3, causal=True)
    assert pairs.memories == ((4, 2, 8, 4), (4, 2), (4, 2), (8, 4), (8, 4))
