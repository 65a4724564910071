"""A page to look at, listen to and correct the beats of a recording: one HTML file that needs nothing else.

`sound` encodes the recording and computes the peaks of its waveform, `picture` draws its spectrogram, and
`document` joins them with the beats, the activations and the program in `static/`.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from beattrack.activations import ON_FRAME
from beattrack.audio import Excerpt
from beattrack.page.document import render
from beattrack.page.picture import tiles
from beattrack.page.sound import encode
from beattrack.runtime.files import atomic_path

if TYPE_CHECKING:
    from beattrack.activations import Activations
    from beattrack.result import Beats

__all__ = ["write_page"]


def write_page(
    source: str | os.PathLike[str],
    beats: Beats,
    activations: Activations,
    path: str | os.PathLike[str],
    *,
    track: int | None = None,
    excerpt: Excerpt | None = None,
) -> None:
    """Write a page with which to look at, listen to and correct beats, whole or not at all.

    Args:
        source: the recording, a file that can be read twice.
        beats: its beats.
        activations: its activations.
        path: file to write.
        track: which audio track of the file, counted from 1; None is the default one.
        excerpt: part of the recording that the page shows; None for all of it.

    Raises:
        AudioError: if the recording cannot be read again.
        OSError: if the page cannot be written.
    """
    part = Excerpt() if excerpt is None else excerpt
    # The first frame of the activations is then at the start of the sound.
    part = Excerpt(math.floor(part.start * activations.fps + ON_FRAME) / activations.fps, part.end)
    sound = encode(source, track=track, excerpt=part)
    pictures = tiles(source, track=track, excerpt=part)
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(render(sound, pictures, beats, activations, part))
