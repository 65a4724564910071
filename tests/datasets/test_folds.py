from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest

from beattrack.datasets import DatasetError
from beattrack.datasets.folds import GENRES, gtzan_folds, gtzan_groups, gtzan_partition

IDS = tuple(gtzan_groups())


def test_every_excerpt_has_a_group() -> None:
    assert len(IDS) == 1000
    assert {track_id.split("_")[1] for track_id in IDS} == set(GENRES)
    assert all(gtzan_groups().values())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gtzan_blues_00000", "gtzan_blues_00011"),
        ("gtzan_metal_00058", "gtzan_rock_00016"),  # Queen, in two genres
        ("gtzan_hiphop_00039", "gtzan_reggae_00000"),  # joined by a duet
        ("gtzan_jazz_00033", "gtzan_jazz_00051"),  # a replica
        ("gtzan_metal_00004", "gtzan_metal_00013"),  # a replica
    ],
)
def test_one_artist_is_one_group(one: str, other: str) -> None:
    groups = gtzan_groups()
    assert groups[one] == groups[other]


def test_other_artists_are_other_groups() -> None:
    groups = gtzan_groups()
    assert groups["gtzan_blues_00011"] != groups["gtzan_blues_00012"]
    # Who cannot be identified is grouped with nobody.
    assert groups["gtzan_jazz_00047"] == "gtzan_jazz_00047"
    assert groups["gtzan_jazz_00047"] != groups["gtzan_jazz_00048"]


def test_the_published_partition_has_its_published_sizes() -> None:
    sides = gtzan_partition(IDS)
    assert Counter(sides.values()) == {"train": 443, "valid": 197, "test": 290}
    assert sides["gtzan_blues_00029"] == "train"
    assert "gtzan_jazz_00033" not in sides  # replicas are left out of it
    assert gtzan_partition(["gtzan_rock_00015", "somebody_else"]) == {"gtzan_rock_00015": "test"}


def test_the_published_partition_parts_only_duettists() -> None:
    """The partition was made with the artists of the same index: an error in either would show here."""
    groups, sides = gtzan_groups(), gtzan_partition(IDS)
    members = {side: {groups[i] for i in sides if sides[i] == side} for side in ("train", "valid", "test")}
    parted = {group for one, other in combinations(members.values(), 2) for group in one & other}
    assert parted == {
        "Aretha Franklin",
        "Barbra Streisand",
        "Lauryn Hill",
        'singer of "I\'ll Be Watching You"',
    }


@pytest.mark.parametrize("k", [2, 5, 8, 10])
def test_folds_keep_artists_together_and_sizes_alike(k: int) -> None:
    folds, groups = gtzan_folds(IDS, k), gtzan_groups()
    assert set(folds.values()) == set(range(k))
    assert all(len({folds[i] for i in IDS if groups[i] == group}) == 1 for group in set(groups.values()))
    sizes = Counter(folds.values())
    assert max(sizes.values()) <= 1.2 * 1000 / k


def test_a_fold_does_not_depend_on_the_others_asked_for() -> None:
    some = IDS[::7]
    assert gtzan_folds(some, 8) == {track_id: gtzan_folds(IDS, 8)[track_id] for track_id in some}


@pytest.mark.parametrize("k", [-1, 0, 1, 101])
def test_a_wrong_number_of_folds_is_refused(k: int) -> None:
    with pytest.raises(DatasetError, match="2 to 100"):
        gtzan_folds(IDS, k)


def test_what_is_no_excerpt_is_refused_by_name() -> None:
    with pytest.raises(DatasetError, match="polka"):
        gtzan_folds(["gtzan_polka_00000"], 8)
