from __future__ import annotations

from typing import Any

import pytest

from beattrack.training.folder.provenance import card_data, recipe, trained_on


def manifest(*data: tuple[str, str, float], **more: Any) -> dict[str, Any]:
    rows = [
        {"dataset": name, "source": source, "licence": "CC0", "hours": hours} for name, source, hours in data
    ]
    return {"data": rows, "command": "beattrack train", **more}


def test_what_a_run_started_from_counts_too() -> None:
    start = {
        "data": [{"name": "old", "hours": 5.0, "licence": "MIT", "source": "beattrack render"}],
        "trained_on_datasets": ["ballroom"],
        "recipe": "beattrack train --steps 5",
    }
    record = manifest(
        ("rendered:/x", "mma", 1.0), ("rendered:/y", "mma", 2.0), ("gtzan", "gtzan", 8.0), start=start
    )
    assert [(row["name"], row["hours"], row["source"]) for row in card_data(record)] == [
        ("gtzan", 8.0, "gtzan"),
        ("mma", 3.0, "beattrack render"),
        ("old", 5.0, "beattrack render"),
    ]
    assert trained_on(record) == ["ballroom", "gtzan", "rendered:x", "rendered:y"]
    assert recipe(record) == "beattrack train --steps 5; then beattrack train"


def test_scores_are_void_on_all_that_was_seen() -> None:
    packed = manifest(("pack:/x/charts", "beatsaber", 1.0), ("pack:/x/charts", "ballroom", 1.0))
    assert trained_on(packed) == ["ballroom", "beatsaber"]
    assert trained_on(manifest(("pack:/x/charts", "gtzan", 1.0))) == ["gtzan"]
    assert trained_on(
        manifest(("folder:/home/me/songs/", "folder", 1.0), ("gtzan-mini", "gtzan-mini", 1.0))
    ) == [
        "folder:songs",
        "gtzan-mini",
    ]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("beattrack train --run /home/me/runs/a --steps 5", "beattrack train --run a --steps 5"),
        ("beattrack train --dataset folder:~/music@2", "beattrack train --dataset folder:music@2"),
        (
            "beattrack train --dataset 'rendered:/my music/x'",
            "beattrack train --dataset 'rendered:my music/x'",
        ),
        ("beattrack train --config recipes/tcn.toml", "beattrack train --config recipes/tcn.toml"),
        ("beattrack train --run ../runs/a", "beattrack train --run ../runs/a"),
    ],
)
def test_paths_of_this_machine_stay_out_of_the_card(command: str, shown: str) -> None:
    assert recipe({"data": [], "command": command}) == shown
