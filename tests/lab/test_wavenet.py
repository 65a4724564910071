from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import wavenet
from experiments import read_table
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from wavenet_corpus import (
    BPM,
    SAMPLE_RATE,
    SILENCE,
    Corpus,
    expand,
    first_order_bits,
    make_corpus,
    mu_law,
    piece,
    unigram_bits,
)
from wavenet_network import (
    Cache,
    WaveNet,
    bits,
    draw,
    generate,
    generate_naively,
    random_numbers,
    wavenet_settings,
)
from wavenet_training import Plan, train

import beattrack
from beattrack.network.settings import TCNSettings
from beattrack.network.tcn import TCN

TINY = Plan(
    stacks=1, longest=8, pieces=2, steps=40, channels=8, hidden=16, batch=2, crop=400, learning_rate=0.03
)
SHORT = replace(TINY, steps=4)


def small_network(*, stacks: int = 2, dtype: torch.dtype = torch.float64) -> WaveNet:
    torch.manual_seed(0)
    settings = wavenet_settings(channels=6, dilations=(1, 2, 4, 8), stacks=stacks)
    network = WaveNet(settings, hidden=8).to(dtype).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 2  # so that the past makes a difference
    return network


def test_the_corpus_is_music_at_its_tempo() -> None:
    samples = piece(np.random.default_rng(3), bars=5)
    assert len(samples) == 5 * 4 * 60 / BPM * SAMPLE_RATE
    beats = beattrack.track(samples, SAMPLE_RATE, threads=1)
    assert beats.bpm == pytest.approx(BPM, abs=1)
    assert np.allclose(beats.times[:20], np.arange(20) * 60 / BPM, atol=0.03)


def test_a_larger_corpus_begins_with_the_smaller_one() -> None:
    small, large = (make_corpus(pieces=n, held_out=1, bars=1, seed=5) for n in (2, 3))
    assert np.array_equal(small.training, large.training[:2])
    assert np.array_equal(small.held_out, large.held_out)
    assert not np.array_equal(small.training[0], small.training[1])
    assert not np.array_equal(small.training[0], small.held_out[0])


@given(st.floats(-1, 1))
def test_mu_law_errs_by_less_than_one_step(sample: float) -> None:
    heard = expand(mu_law(np.array([sample])))[0]
    # Steps grow with the level: about ln(256) / 127 of it, and 1 / 255 of that at 0.
    assert abs(heard - sample) <= 0.5 * np.log(256) / 127 * (abs(sample) + 1 / 255) * 1.05


def test_mu_law_has_silence_in_the_middle() -> None:
    assert mu_law(np.array([-1.0, 0.0, 1.0])).tolist() == [1, SILENCE, 255]
    classes = np.arange(1, 256)
    assert np.array_equal(mu_law(expand(classes)), classes)
    assert (np.diff(expand(classes)) > 0).all()


def test_baselines_know_what_they_are_given() -> None:
    one = np.random.default_rng(0).integers(0, 256, (2, 60000)).astype(np.uint8)
    noise = Corpus(one, one[::-1, ::-1])
    assert unigram_bits(noise) == pytest.approx(8, abs=0.02)
    two = np.tile(np.array([7, 9], np.uint8), (2, 5000))
    alternating = Corpus(two, two)
    assert unigram_bits(alternating) == pytest.approx(1, abs=0.05)
    assert first_order_bits(alternating) < 0.01


def test_cached_generation_equals_the_naive_one() -> None:
    network = small_network()
    uniforms = random_numbers(300, 3, seed=1)
    sounds = generate(network, uniforms)
    assert sounds.shape == (3, 300)
    assert 5 * network.receptive_field < 300
    assert torch.equal(sounds, generate_naively(network, uniforms))
    assert len(sounds.unique()) > 50
    assert not torch.equal(sounds, generate(network, random_numbers(300, 3, seed=2)))


def test_the_naive_generation_can_go_on_from_a_past() -> None:
    network = small_network()
    uniforms = random_numbers(200, 2, seed=1)
    sounds = generate(network, uniforms)
    assert torch.equal(generate_naively(network, uniforms[150:], sounds[:, :150]), sounds[:, 150:])


def test_cached_generation_equals_the_naive_one_at_full_depth() -> None:
    torch.manual_seed(0)
    network = wavenet.FULL.plans["1x512"].network().double().eval()
    uniforms = random_numbers(network.receptive_field + 20, 1, seed=1)
    sounds = generate(network, uniforms)
    expected = generate_naively(network, uniforms[-20:], sounds[:, :-20])
    assert torch.equal(sounds[:, -20:], expected)


@pytest.mark.parametrize(
    "settings",
    [
        TCNSettings(channels=4, kernel=3, dilations=(1, 3), causal=True, dropout=0.0),
        TCNSettings(
            channels=4,
            kernel=2,
            dilations=(1, 2),
            stacks=2,
            convolutions=2,
            causal=True,
            parallel_pair=False,
            dropout=0.0,
        ),
    ],
    ids=["parallel pair", "two convolutions"],
)
def test_the_cache_serves_any_causal_tcn(settings: TCNSettings) -> None:
    torch.manual_seed(0)
    tcn = TCN(settings).double().eval()
    features = torch.randn(2, 4, 40, dtype=torch.float64)
    cache = Cache(settings, 2, torch.float64)
    outputs = []
    with torch.no_grad():
        for frame in features.unbind(2):
            output, inputs = tcn.step(frame, cache.pasts())
            cache.store(inputs)
            outputs.append(output)
        expected, _ = tcn(features)
    assert torch.allclose(torch.stack(outputs, 2), expected, atol=1e-12)


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 255))
def test_a_certain_class_is_drawn_whatever_the_random_number(uniform: float, certain: int) -> None:
    logits = torch.full((1, 256), -1e4)
    logits[0, certain] = 0.0
    assert draw(logits, torch.tensor([max(uniform, 1e-12)], dtype=torch.float64)).tolist() == [certain]


def test_classes_are_drawn_as_often_as_they_are_probable() -> None:
    logits = torch.full((1, 256), -30.0)
    logits[0, [10, 20, 30]] = torch.tensor([0.2, 0.3, 0.5]).log()
    uniforms = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    counts = torch.bincount(draw(logits.expand(1000, -1), uniforms), minlength=256)
    assert counts[[10, 20, 30]].tolist() == pytest.approx([200, 300, 500], abs=1)


@pytest.mark.parametrize("stretch", [37, 400, 5000])
def test_bits_are_those_of_all_samples_but_the_first(stretch: int) -> None:
    network = small_network()
    pieces = torch.randint(256, (2, 400), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        nats = functional.cross_entropy(network(pieces[:, :-1]), pieces[:, 1:])
    assert bits(network, pieces, stretch=stretch) == pytest.approx(float(nats) / np.log(2), abs=1e-5)


def test_training_lowers_the_loss() -> None:
    music = (100 + torch.arange(2000) % 20).repeat(2, 1)  # 20 classes, each determined by the one before
    _, losses = train(TINY, music, seed=0, bfloat16=False)
    assert losses[0] > 7.5
    assert losses[-1] < 2 < np.log2(20)


def test_training_can_be_repeated() -> None:
    music = torch.randint(256, (1, 2000), generator=torch.Generator().manual_seed(0))
    (one, losses), (other, repeated) = (train(SHORT, music, seed=0, bfloat16=False) for _ in range(2))
    assert losses == repeated
    assert all(torch.equal(*pair) for pair in zip(one.parameters(), other.parameters(), strict=True))
    assert train(SHORT, music, seed=1, bfloat16=False)[1] != losses


def test_the_experiment_writes_its_table_plot_and_sounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = wavenet.Size(plans={"a": SHORT, "b": replace(SHORT, stacks=2)}, sounds=2, seconds=0.2, naive=30)
    monkeypatch.setattr(wavenet, "BARS", 1)
    wavenet.run(size, tmp_path, seed=0)
    rows = {row["model"]: row for row in read_table(tmp_path / "wavenet.csv")}
    assert list(rows) == ["uniform", "unigram", "first order", "corpus", "a", "b"]
    costs = {name: float(row["bits"]) for name, row in rows.items() if row["bits"]}
    assert costs["uniform"] == 8 > costs["unigram"] > costs["first order"]
    for name, field in (("a", 16), ("b", 31)):
        assert int(rows[name]["receptive_field_samples"]) == field
        assert rows[name]["equal"] == rows[name]["compared"] == "30"
        samples, rate = soundfile.read(tmp_path / f"wavenet-{name}.flac")
        assert (len(samples), rate) == (1600, SAMPLE_RATE)
    assert (tmp_path / "wavenet.png").stat().st_size > 10_000
    assert soundfile.info(tmp_path / "wavenet-corpus.flac").samplerate == SAMPLE_RATE

    def never(*arguments: object, **options: object) -> tuple[WaveNet, list[float]]:
        raise AssertionError("trained again")

    before = (tmp_path / "wavenet-a.flac").read_bytes()
    monkeypatch.setattr(wavenet, "train", never)
    wavenet.run(size, tmp_path, seed=0)
    assert (tmp_path / "wavenet-a.flac").read_bytes() == before
    with pytest.raises(AssertionError, match="trained again"):
        wavenet.run(size, tmp_path, seed=1)


def test_the_network_does_not_see_the_sample_that_it_predicts() -> None:
    network = small_network()
    classes: Tensor = torch.randint(256, (1, 80), generator=torch.Generator().manual_seed(0))
    changed = classes.clone()
    changed[0, 40] = (changed[0, 40] + 100) % 256
    with torch.no_grad():
        difference = (network(classes) - network(changed)).abs().amax(dim=(0, 1))
    assert difference[:40].max() == 0
    assert difference[40] > 0
    assert difference[40 + network.receptive_field - 1] > 0
    assert difference[40 + network.receptive_field :].max() == 0
