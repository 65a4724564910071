"""Pictures of a recording: spectrogram, activations, beats, bars and tempo along the time."""

from beattrack.plot.settings import PICTURES, PlotSettings
from beattrack.plot.write import require_matplotlib, write_plot

__all__ = ["PICTURES", "PlotSettings", "require_matplotlib", "write_plot"]
