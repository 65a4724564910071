"""Batches depend on the seed and their number alone."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

import torch

from beattrack.training.examples.data import Batches, Steps, TrainingData, draw_crops, make_batch
from beattrack.training.examples.sampling import Pool, Split
from tests.training_cases import example_split, small, song

SETTINGS = small(crop__frames=300)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return example_split(tmp_path_factory.mktemp("pack"), SETTINGS)


def test_a_batch_depends_on_seed_and_step_and_on_nothing_before(split: Split) -> None:
    first, again = Batches(split.training, SETTINGS), Batches(split.training, SETTINGS)
    first[0], first[1]
    one, other = first[7], again[7]
    assert one.keys() == {"spectrogram", "beats", "downbeats", "beat_weight", "downbeat_weight", "tempo"}
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert one["spectrogram"].shape == (4, 300, 73)
    assert not torch.equal(one["spectrogram"], first[8]["spectrogram"])
    reseeded = Batches(split.training, small(crop__frames=300, seed=2))
    assert not torch.equal(one["spectrogram"], reseeded[7]["spectrogram"])


def test_devices_share_the_batch_that_one_would_draw(split: Split) -> None:
    whole = Batches(split.training, SETTINGS)[3]
    parts = [Batches(split.training, SETTINGS, rank=rank, ranks=2)[3] for rank in range(2)]
    for name in whole:
        assert torch.equal(whole[name][0::2], parts[0][name])
        assert torch.equal(whole[name][1::2], parts[1][name])


def test_songs_without_a_chance_are_never_drawn() -> None:
    never = song(id="a", quantisation=None)  # of which no crop can be made
    pool = Pool(songs=(never, song(id="b")), datasets=("d", "d"), chances=np.array([0.0, 1.0]))
    assert len(draw_crops(pool, SETTINGS, seed=1, step=0)) == SETTINGS.batch
    pool = Pool(songs=pool.songs, datasets=pool.datasets, chances=np.array([1.0, 0.0]))
    with pytest.raises(AttributeError):
        draw_crops(pool, SETTINGS, seed=1, step=0)


def test_a_share_of_the_crops_has_no_pulse(split: Split) -> None:
    settings = small(crop__frames=300, crop__pulse_free_share=1.0)
    batch = make_batch(draw_crops(split.training, settings, 1, 0), settings.network)
    assert not batch["beats"].any()
    assert not batch["tempo"].any()
    assert batch["beat_weight"].all()


def test_steps_go_on_from_the_first_that_is_left() -> None:
    steps = Steps(3, 6)
    assert list(steps) == [3, 4, 5]
    assert not hasattr(steps, "__len__")  # with a length, Lightning would count what was done twice


def test_validation_batches_are_the_same_every_time_and_of_held_out_songs(split: Split) -> None:
    settings = small(crop__frames=300, validation__batches=2)
    one, other = (TrainingData(split, settings, workers=0).validation_batches() for _ in range(2))
    assert len(one) == 2
    assert torch.equal(one[1]["spectrogram"], other[1]["spectrogram"])
    swapped = Split(training=split.validation, validation=split.training)
    different = TrainingData(swapped, settings, workers=0).validation_batches()
    assert not torch.equal(one[1]["spectrogram"], different[1]["spectrogram"])
    spectrogram, harmony = TrainingData(split, settings, workers=0).sample(crops=8)
    assert spectrogram.shape == (8 * 300, 73)
    assert harmony is None
