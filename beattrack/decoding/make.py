"""Construction of decoders by name."""

from __future__ import annotations

from typing import get_args

from beattrack.decoding.base import Decoder, DecoderName
from beattrack.decoding.dbn import DBNDecoder, DBNSettings
from beattrack.decoding.madmom import MadmomDecoder
from beattrack.decoding.peaks import PeakDecoder, PeakSettings
from beattrack.errors import SettingsError
from beattrack.runtime import checks


def make_decoder(name: DecoderName, settings: DBNSettings | PeakSettings | None = None) -> Decoder:
    """Return a decoder.

    Args:
        name: name of the decoder.
        settings: `PeakSettings` for peaks, else `DBNSettings`; None takes the defaults of the decoder.

    Raises:
        SettingsError: if the name is unknown or the settings are those of another decoder.
        MissingExtraError: if the decoder is madmom's and madmom cannot be imported.
    """
    checks.choice(get_args(DecoderName))("decoder", name)
    if name == "peaks":
        if settings is None or isinstance(settings, PeakSettings):
            return PeakDecoder(settings)
    elif settings is None or isinstance(settings, DBNSettings):
        return DBNDecoder(settings) if name == "dbn" else MadmomDecoder(settings)
    kind = "PeakSettings" if name == "peaks" else "DBNSettings"
    raise SettingsError(f"the settings of the decoder {name!r} must be {kind}, not {checks.shown(settings)}")
