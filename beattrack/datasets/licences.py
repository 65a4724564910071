"""The known licences of datasets, one line each."""

from __future__ import annotations

_RHYTHM_SETS = "annotations CC BY-NC-SA 4.0 according to mirdata; the recordings are commercial: research use"
_GTZAN = "licence unknown (mirdata could not find one) and the recordings are commercial: research use"

# For other datasets, the text of mirdata is used.
LICENCES = {
    "gtzan": _GTZAN,
    "gtzan-mini": _GTZAN,
    "ballroom": _RHYTHM_SETS,
    "hainsworth": _RHYTHM_SETS,
    "simac": _RHYTHM_SETS,
    "cuidado": _RHYTHM_SETS,
    "beatles": "licence of the annotations unknown; the recordings are commercial: use your own copies",
    "brid": "CC BY-NC-SA 4.0",
    "candombe": "CC BY 4.0",
    "groove_midi": "CC BY 4.0",
    "guitarset": "MIT",
    "jtd": "annotations MIT; the recordings are commercial, on request",
    "filosax": "research use by those who signed its agreement",
    "rwc_classical": "research use by those who signed its pledge",
    "rwc_jazz": "research use by those who signed its pledge",
    "rwc_popular": "research use by those who signed its pledge",
}
OWN_DATA = "your own data (licence unknown)"


def licence_line(name: str, licence: str) -> str:
    """Return the line about its licence that is printed before a dataset is downloaded or used."""
    return f"{name}: {licence or 'licence unknown'}"
