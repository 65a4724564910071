"""The harmony view of a stream, frame by frame."""

from __future__ import annotations

from beattrack.fourier import Float32
from beattrack.harmony import Harmony
from beattrack.streaming.frames import StreamingFrames


class StreamingHarmony(StreamingFrames):
    """Compute each frame of the harmony view as soon as its last sample is there.

    With the default settings that is 0.19 s after the time of the frame: half a window, and 2 ms for the
    filter of the decimation. The frames are those of `Harmony` but for rounding, whatever the chunks.

    Args:
        harmony: the view to compute.
    """

    def __init__(self, harmony: Harmony) -> None:
        self._harmony = harmony
        self._work = harmony.workspace(1)
        longest = max(stop - start for start, stop in map(harmony.reach, range(64)))
        super().__init__(harmony.settings.bands, longest)

    def _reach(self, frame: int) -> tuple[int, int]:
        return self._harmony.reach(frame)

    def _compute(self, samples: Float32, frame: int) -> Float32:
        return self._harmony.analyse_frame(self._work, samples, frame)
