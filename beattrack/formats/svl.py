"""Parser of Sonic Visualiser layers (.svl) of time instants."""

from __future__ import annotations

from xml.etree import ElementTree

from beattrack.formats.positions import parse_positions
from beattrack.formats.sequence import BeatFileError, FoundBeats


def parse_svl(text: str) -> FoundBeats:
    """Read the beats of a Sonic Visualiser layer.

    Args:
        text: content of the file.

    Returns:
        The beats, with their labels read as positions.

    Raises:
        BeatFileError: if the file is not a layer of points in time, or holds several layers.
    """
    if "<!ENTITY" in text:
        raise BeatFileError("is not a layer of Sonic Visualiser (its XML declares entities)")
    try:
        # The declaration states the encoding of the file, but the text is already decoded.
        root = ElementTree.fromstring(text.partition("?>")[2] if text.startswith("<?xml") else text)
    except ElementTree.ParseError as error:
        raise BeatFileError(f"cannot be read as XML ({error})") from error
    models = [model for model in root.iter("model") if model.get("sampleRate")]
    sets = list(root.iter("dataset"))
    if not models or not sets:
        raise BeatFileError("is XML, but not a layer of Sonic Visualiser")
    if len(sets) > 1:
        raise BeatFileError(f"holds {len(sets)} layers; export the one with the beats")
    points = list(sets[0].iter("point"))
    rate = float(models[0].get("sampleRate", ""))
    if not rate > 0:
        raise BeatFileError(f"states a sample rate of {rate:g}")
    times = [float(point.get("frame", "nan")) / rate for point in points]
    positions, notes = parse_positions([point.get("label", "") for point in points]) if points else (None, ())
    return FoundBeats(times=times, positions=positions, notes=notes)
