"""Click tracks: a recording with a click on every beat, to hear whether the beats are right."""

from beattrack.sonify.clicks import MODES, ClickSettings, ClickTrack, Mode
from beattrack.sonify.mixing import CONTAINERS, write_click_track

__all__ = ["CONTAINERS", "MODES", "ClickSettings", "ClickTrack", "Mode", "write_click_track"]
