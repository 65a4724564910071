"""Making a decoder by its name."""

from __future__ import annotations

from typing import get_args

from beattrack.decoding.base import Decoder, DecoderName
from beattrack.decoding.dbn import DBNDecoder, DBNSettings
from beattrack.decoding.madmom import MadmomDecoder
from beattrack.decoding.peaks import PeakDecoder, PeakSettings
from beattrack.errors import SettingsError
from beattrack.runtime import checks


def make_decoder(name: DecoderName, settings: DBNSettings | PeakSettings | None = None) -> Decoder:
    """Make a decoder by its name, with its default settings where none are given.

    Raises SettingsError where the name is unknown or the settings are another decoder's.
    """
    checks.choice(get_args(DecoderName))("decoder", name)
    if name == "peaks":
        if settings is None or isinstance(settings, PeakSettings):
            return PeakDecoder(settings)
    elif settings is None or isinstance(settings, DBNSettings):
        return DBNDecoder(settings) if name == "dbn" else MadmomDecoder(settings)
    kind = "PeakSettings" if name == "peaks" else "DBNSettings"
    raise SettingsError(f"the settings of the decoder {name!r} must be {kind}, not {checks.shown(settings)}")
