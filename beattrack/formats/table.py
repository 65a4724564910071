"""The output formats and what reads them."""

from __future__ import annotations

from typing import NamedTuple

from beattrack.formats.options import UNITS


class FormatInfo(NamedTuple):
    """One output format.

    Attributes:
        writer: module in `beattrack.formats` and class in it.
        suffix: of its files.
        sentence: what a file holds.
        tool: a program that reads it.
        units: units that its times can have.
        takes: other fields of `WriteOptions` that apply to it.
        shared_suffix: whether files of other kinds have the suffix too, so that it does not tell the format.
        binary: whether a file is not text.
    """

    writer: str
    suffix: str
    sentence: str
    tool: str
    units: tuple[str, ...] = ("seconds",)
    takes: tuple[str, ...] = ()
    shared_suffix: bool = False
    binary: bool = False

    @property
    def has_options(self) -> bool:
        """Whether its writer is made with `WriteOptions`."""
        return len(self.units) > 1 or bool(self.takes)


FORMAT_TABLE: dict[str, FormatInfo] = {
    "beats": FormatInfo(
        "beats:BeatsWriter",
        ".beats",
        "Lines of time and position in the bar under a header of comments.",
        "mir_eval, NumPy, Sonic Visualiser",
        units=UNITS,
    ),
    "json": FormatInfo(
        "json:JsonWriter",
        ".json",
        "One object with beats, tempo, metre, confidence and settings.",
        "any program",
    ),
    "csv": FormatInfo(
        "csv:CsvWriter",
        ".csv",
        "A table of time, position and confidence with a header.",
        "spreadsheets, pandas",
        units=UNITS,
    ),
    "audacity": FormatInfo(
        "audacity:AudacityWriter", ".txt", "A label track with bar and beat.", "Audacity", shared_suffix=True
    ),
    "sv": FormatInfo(
        "sonic_visualiser:SvlWriter",
        ".svl",
        "A layer of time instants with bar and beat.",
        "Sonic Visualiser",
        takes=("rate",),
    ),
    "sv-csv": FormatInfo(
        "sonic_visualiser:SvCsvWriter",
        ".sv.csv",
        "The same as a table without a header.",
        "Sonic Visualiser",
        units=UNITS,
    ),
    "jams": FormatInfo(
        "jams:JamsWriter",
        ".jams",
        "Annotations of beats and tempo with versions and settings.",
        "jams, mirdata",
    ),
    "midi": FormatInfo(
        "midi:MidiWriter",
        ".mid",
        "A tempo map, time signatures and a click; the grid of a DAW falls on the beats.",
        "any DAW",
        binary=True,
        takes=("tolerance",),
    ),
    "rekordbox": FormatInfo(
        "rekordbox:RekordboxWriter",
        ".xml",
        "A collection of one track with its beat grid.",
        "rekordbox",
        shared_suffix=True,
        takes=("tolerance",),
    ),
    "reaper": FormatInfo(
        "reaper:ReaperWriter",
        ".rpp",
        "A project with tempo envelope, time signatures and markers.",
        "REAPER",
        takes=("tolerance",),
    ),
    "dawproject": FormatInfo(
        "dawproject:DawProjectWriter",
        ".dawproject",
        "A project with tempo, time signatures and markers.",
        "Bitwig Studio, Cubase, Studio One",
        binary=True,
        takes=("tolerance",),
    ),
    "osu": FormatInfo(
        "osu:OsuWriter",
        ".osu",
        "A beatmap with timing points alone.",
        "osu!",
        takes=("tolerance",),
    ),
    "stepmania": FormatInfo(
        "stepmania:StepManiaWriter",
        ".sm",
        "A simfile with offset and tempi alone.",
        "StepMania, ArrowVortex",
        takes=("tolerance",),
    ),
    "chart": FormatInfo(
        "chart:ChartWriter",
        ".chart",
        "A chart with the sync track alone.",
        "Clone Hero, Moonscraper",
        takes=("tolerance",),
    ),
    "edl": FormatInfo(
        "video:EdlWriter", ".edl", "A marker at each beat, by timecode.", "DaVinci Resolve", takes=("fps",)
    ),
    "fcpxml": FormatInfo(
        "video:FcpxmlWriter",
        ".fcpxml",
        "A project with a marker at each beat.",
        "Final Cut Pro, DaVinci Resolve",
        takes=("fps",),
    ),
}
