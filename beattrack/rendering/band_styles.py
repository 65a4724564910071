"""All styles of generated bands."""

from __future__ import annotations

from beattrack.rendering.band_style import BandStyle
from beattrack.rendering.popular_styles import POPULAR
from beattrack.rendering.traditional_styles import TRADITIONAL

STYLES: tuple[BandStyle, ...] = POPULAR + TRADITIONAL
