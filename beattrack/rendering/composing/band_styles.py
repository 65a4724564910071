"""All styles of generated bands."""

from __future__ import annotations

from beattrack.rendering.composing.band_style import BandStyle
from beattrack.rendering.composing.popular_styles import POPULAR
from beattrack.rendering.composing.traditional_styles import TRADITIONAL

STYLES: tuple[BandStyle, ...] = POPULAR + TRADITIONAL
