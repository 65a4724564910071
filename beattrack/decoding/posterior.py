"""Posterior probabilities of a recording, whose sounding parts are decoded separately."""

from __future__ import annotations

from beattrack.activations import Activations
from beattrack.decoding.anchors import Anchors
from beattrack.decoding.dbn import DBNDecoder
from beattrack.decoding.dbn.posterior import Posterior, join_posteriors
from beattrack.decoding.parts import cut_part, sounding_parts


def recording_posterior(
    activations: Activations, decoder: DBNDecoder, anchors: Anchors | None = None, *, evidence: float = 1.0
) -> Posterior:
    """Compute the posterior probabilities of a recording.

    Args:
        activations: activations of the recording.
        decoder: the decoder.
        anchors: known beats; None for none.
        evidence: weight of the activations; see `DBNDecoder.posterior`.

    Raises:
        SettingsError: if no beats meet the anchors.
    """
    bars, frames = activations.downbeats is not None, len(activations.beats)
    parts = sounding_parts(activations, anchors)
    if not parts:
        return Posterior.empty(frames, float(activations.fps), bars=bars)
    found = []
    for part in parts:
        sounding, inside = cut_part(activations, part, anchors)
        found.append(
            decoder.posterior(sounding, inside, start=part.start / activations.fps, evidence=evidence)
        )
    return join_posteriors(found, [part.start for part in parts], frames, bars=bars)
