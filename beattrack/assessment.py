"""Calibrated confidence of a result."""

from __future__ import annotations

from dataclasses import replace

from beattrack.activations import Activations
from beattrack.decoding.anchors import Anchors
from beattrack.decoding.base import Decoder
from beattrack.decoding.dbn import DBNDecoder
from beattrack.errors import SettingsError
from beattrack.result import Beats


def check_confidence(decoder: Decoder) -> DBNDecoder:
    """Return a decoder that has calibrated confidence.

    Raises:
        SettingsError: if it is not the decoder `dbn`.
    """
    if not isinstance(decoder, DBNDecoder):
        raise SettingsError(
            f"the decoder {decoder.name!r} has no calibrated confidence; use the decoder 'dbn'"
        )
    return decoder


def with_confidence(
    beats: Beats, activations: Activations, decoder: Decoder, anchors: Anchors | None = None
) -> Beats:
    """Return beats with calibrated confidence.

    Args:
        beats: the beats.
        activations: activations that they were decoded from.
        decoder: decoder that they were decoded with.
        anchors: known beats; None for none.

    Raises:
        SettingsError: if the decoder has no calibrated confidence.
    """
    # Imported here, because few runs need them.
    from beattrack.confidence.assess import assess
    from beattrack.confidence.calibration import EVIDENCE
    from beattrack.decoding.posterior import recording_posterior

    posterior = recording_posterior(activations, check_confidence(decoder), anchors, evidence=EVIDENCE)
    confidence, certainty = assess(
        beats.times, beats.positions, beats.bpm, beats.metre, activations, posterior, anchors
    )
    return replace(beats, confidence=confidence, certainty=certainty)
