"""Construction of decoders by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args

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


def decoder_with(name: DecoderName, options: Mapping[str, Any]) -> Decoder:
    """Return a decoder with some of its settings changed.

    Args:
        name: name of the decoder.
        options: the settings to change, by name.

    Raises:
        SettingsError: if the decoder is unknown, or an option is unknown to it or out of range.
    """
    checks.choice(get_args(DecoderName))("decoder", name)
    kind = PeakSettings if name == "peaks" else DBNSettings
    known = {item.name for item in dataclasses.fields(kind)}
    for option in options:
        if option not in known:
            raise SettingsError(
                f"the {name} decoder has no option {option}; choose from {', '.join(sorted(known))}"
            )
    make = DBNSettings.madmom if name == "madmom" else kind
    return make_decoder(name, make(**options))


def decoder_of(decoder: DecoderName | Decoder, options: Mapping[str, Any]) -> Decoder:
    """Return a decoder object itself, or the decoder of a name with some of its settings changed.

    Args:
        decoder: name of a decoder, or a decoder object.
        options: the settings to change, by name; none with a decoder object.

    Raises:
        SettingsError: if it is no decoder, or if an option does not apply to it or is out of range.
    """
    if isinstance(decoder, str):
        return decoder_with(decoder, options)
    if not (callable(decoder) and hasattr(decoder, "name") and hasattr(decoder, "settings")):
        raise SettingsError(f"decoder must be a decoder or its name, not {checks.shown(decoder)}")
    if options:
        raise SettingsError(
            f"{', '.join(options)} cannot be combined with a decoder object; "
            "pass settings to that decoder, or choose a decoder by name"
        )
    return decoder
