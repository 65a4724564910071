from __future__ import annotations

import numpy as np
import pytest

from beattrack.activations import Activations
from beattrack.decoding.base import Decoder, Decoding, probabilities
from beattrack.decoding.dbn import DBNDecoder, DBNSettings
from beattrack.decoding.make import make_decoder
from beattrack.decoding.peaks import PeakDecoder, PeakSettings
from beattrack.errors import SettingsError


@pytest.mark.parametrize("name", ["dbn", "peaks"])
def test_decoders_are_made_by_name(name: str) -> None:
    decoder: Decoder = make_decoder(name)  # type: ignore[arg-type]
    assert decoder.name == name
    assert isinstance(decoder, DBNDecoder if name == "dbn" else PeakDecoder)
    found = decoder(Activations(np.zeros(100, np.float32), np.zeros(100, np.float32), 100.0))
    assert isinstance(found, Decoding)
    assert len(found.times) == 0


def test_settings_are_passed_on() -> None:
    dbn, peaks = DBNSettings(min_bpm=70.0), PeakSettings(threshold=0.3)
    assert make_decoder("dbn", dbn).settings is dbn
    assert make_decoder("peaks", peaks).settings is peaks


@pytest.mark.parametrize(("name", "settings"), [("dbn", PeakSettings()), ("peaks", DBNSettings())])
def test_settings_of_another_decoder_are_refused(name: str, settings: DBNSettings | PeakSettings) -> None:
    with pytest.raises(SettingsError, match=type(settings).__name__):
        make_decoder(name, settings)  # type: ignore[arg-type]


def test_unknown_decoder_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="dbn, madmom, peaks"):
        make_decoder("crf")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.longdouble, np.float64),
    ],
)
def test_probabilities_are_clipped_in_their_precision(
    given: type[np.floating], kept: type[np.floating]
) -> None:
    values = np.array([np.nan, -np.inf, -1, 0, 0.5, 1, 2, np.inf], given)
    clean = probabilities(values)
    assert clean.dtype == kept
    np.testing.assert_array_equal(clean, [0, 0, 0, 0, 0.5, 1, 1, 1])
    assert np.isnan(values[0])
