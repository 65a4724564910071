from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.network.causal_input import CausalInput
from beattrack.network.input_level import QUIET, over_running_level
from beattrack.network.model_settings import ModelSettings
from beattrack.network.settings import HarmonyPathSettings, NetworkSettings, TCNSettings

SETTINGS = ModelSettings.of(
    NetworkSettings(
        tcn=TCNSettings(channels=48, causal=True), harmony=HarmonyPathSettings(delay=17), tempo_bins=0
    )
)


def views(frames: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    spectrogram = rng.exponential(size=(frames, 73)).astype(np.float32)
    return spectrogram, rng.exponential(size=(frames // 10, 73)).astype(np.float32)


@given(cuts=st.lists(st.integers(0, 300), max_size=5))
def test_grouping_does_not_matter(cuts: list[int]) -> None:
    spectrogram, harmony = views()
    whole, grouped = CausalInput(SETTINGS), CausalInput(SETTINGS)
    expected = whole.spectrogram(spectrogram), whole.harmony(harmony)
    parts, slow, done = [], [], 0
    for part in np.split(spectrogram, sorted(cuts)):
        parts.append(grouped.spectrogram(part))
        heard = sum(map(len, parts))
        slow.append(grouped.harmony(harmony[done : heard // 10]))
        done = heard // 10
    assert np.array_equal(np.concatenate(parts), expected[0])
    assert np.array_equal(np.concatenate(slow), expected[1])


def test_both_views_are_divided_by_their_own_levels() -> None:
    spectrogram, harmony = views()
    causal = CausalInput(SETTINGS)
    assert np.array_equal(causal.spectrogram(spectrogram), over_running_level(spectrogram, 100))
    np.testing.assert_allclose(causal.harmony(harmony), over_running_level(harmony, 10), rtol=1e-6)


def test_rounding_noise_is_no_harmony() -> None:
    spectrogram, harmony = views()
    causal = CausalInput(SETTINGS)
    causal.spectrogram(spectrogram)
    harmony[:20] *= QUIET / 100
    normalised = causal.harmony(harmony)
    assert not normalised[:20].any()
    assert normalised[20:].mean() == pytest.approx(1, rel=0.3)
