"""Drum patterns of many styles, one character per sixteenth.

"X" is accented, "x" plain, "o" soft, "?" optional and "." silent. Patterns in FOUR are bars of 4/4, those in
THREE bars of 3/4, and those in COMPOUND two dotted quarters. Beats are those at which listeners tap:
half-time patterns are written at the slow tempo, with strong eighth-note or sixteenth-note hats.
"""

from __future__ import annotations

from dataclasses import dataclass, field

KICK, RIM, SNARE, CLAP, BRUSH = 36, 37, 38, 39, 40
CLOSED_HAT, PEDAL_HAT, OPEN_HAT, RIDE, BELL, CRASH, CHINA = 42, 44, 46, 51, 53, 49, 52
TOMS = (50, 48, 47, 45, 43, 41)
TAMBOURINE, COWBELL, SHAKER, CONGA_LOW, CONGA_HIGH, CLAVES, MARACAS = 54, 56, 70, 64, 63, 75, 70


@dataclass(frozen=True)
class Kit:
    """Drum patterns of a style: one of `kicks`, `snares` and `hats` each is played, and some of `extras`.

    Snares, hats and extras are pairs of drum and pattern.
    """

    kicks: tuple[str, ...]
    snares: tuple[tuple[int, str], ...]
    hats: tuple[tuple[int, str], ...]
    extras: tuple[tuple[int, str], ...] = field(default=())


_BACKBEAT = "....X.......X..."
_EIGHTHS = "x.x.x.x.x.x.x.x."
_ACCENTED = "X.o.X.o.X.o.X.o."
_OFFBEATS = "..X...X...X...X."
_SIXTEENTHS = "XoxoXoxoXoxoXoxo"
_QUARTERS = "x...x...x...x..."
_LEVEL = "xxxxxxxxxxxxxxxx"

FOUR: dict[str, Kit] = {
    "rock": Kit(
        (
            "x.......x.x.....",
            "x.....x.x.......",
            "x.x.....x.x.....",
            "x......xx.x.....",
            "x.......x.......",
            "x.....x...x.....",
            "x.......x.x...x.",
            "x.x...x.x.x...?.",
        ),
        ((SNARE, _BACKBEAT), (SNARE, "....X..o.o..X..?"), (SNARE, "....X.......X..o")),
        (
            (CLOSED_HAT, _EIGHTHS),
            (CLOSED_HAT, _ACCENTED),
            (RIDE, _EIGHTHS),
            (OPEN_HAT, _QUARTERS),
            (CRASH, _QUARTERS),
            (CLOSED_HAT, "o.X.o.X.o.X.o.X."),
            (CLOSED_HAT, _QUARTERS),
        ),
        ((TAMBOURINE, _BACKBEAT), (TAMBOURINE, "..x...x...x...x."), (COWBELL, _QUARTERS)),
    ),
    "slow rock": Kit(
        ("x.......x.......", "x.....x.x.......", "x.......x.x.....", "x.....x...x.....", "x..............."),
        ((SNARE, _BACKBEAT), (RIM, _BACKBEAT), (SNARE, "....X.......X...")),
        (
            (CLOSED_HAT, "X.X.X.X.X.X.X.X."),
            (CLOSED_HAT, _EIGHTHS),
            (RIDE, "X.X.X.X.X.X.X.X."),
            (CLOSED_HAT, _SIXTEENTHS),
            (OPEN_HAT, _EIGHTHS),
            (CLOSED_HAT, _LEVEL),
        ),
        ((TAMBOURINE, "..x...x...x...x."), (SHAKER, _LEVEL), (TAMBOURINE, _LEVEL)),
    ),
    "pop": Kit(
        (
            "x.......x.......",
            "x.....x.x.....x.",
            "x..x....x.......",
            "x.......x.x.....",
            "x...x...x...x...",
            "x.....xx..x.....",
            "x..x..x...x.....",
        ),
        ((SNARE, _BACKBEAT), (CLAP, _BACKBEAT), (SNARE, "....X.......X..?")),
        (
            (CLOSED_HAT, _EIGHTHS),
            (CLOSED_HAT, _SIXTEENTHS),
            (CLOSED_HAT, _OFFBEATS),
            (CLOSED_HAT, "xoxxxoxxxoxxxoxx"),
            (SHAKER, _SIXTEENTHS),
            (RIDE, _ACCENTED),
        ),
        ((TAMBOURINE, _BACKBEAT), (SHAKER, _EIGHTHS), (CLAP, "............x...")),
    ),
    "dance": Kit(
        ("X...X...X...X...", "X...X...X...X.x.", "X...X...X..xX..."),
        ((CLAP, _BACKBEAT), (SNARE, _BACKBEAT), (CLAP, "................"), (SNARE, "...............o")),
        (
            (OPEN_HAT, _OFFBEATS),
            (CLOSED_HAT, _SIXTEENTHS),
            (CLOSED_HAT, "o.X.o.X.o.X.o.X."),
            (CLOSED_HAT, "ooXoooXoooXoooXo"),
            (SHAKER, _LEVEL),
        ),
        ((RIDE, _QUARTERS), (RIM, "...x..x....x..x."), (CONGA_HIGH, "..x..x.x..x..x.x"), (CLAP, _BACKBEAT)),
    ),
    "disco": Kit(
        ("X...X...X...X...", "X...X...X...X..."),
        ((SNARE, _BACKBEAT), (CLAP, _BACKBEAT), (SNARE, "....X.......X..o")),
        ((OPEN_HAT, _OFFBEATS), (CLOSED_HAT, "xoXoxoXoxoXoxoXo"), (CLOSED_HAT, _SIXTEENTHS)),
        ((COWBELL, _EIGHTHS), (TAMBOURINE, _SIXTEENTHS), (CONGA_HIGH, "x.xx.x.xx.xx.x.x")),
    ),
    "hiphop": Kit(
        (
            "x.....x...x.....",
            "x..x......x.....",
            "x......x.xx.....",
            "x.......x.?.....",
            "x..x..x...x..x..",
            "x.........xx....",
            "xx.....x..x...?.",
        ),
        ((SNARE, _BACKBEAT), (CLAP, _BACKBEAT), (SNARE, "....X..o....X.o."), (RIM, _BACKBEAT)),
        (
            (CLOSED_HAT, _SIXTEENTHS),
            (CLOSED_HAT, _EIGHTHS),
            (CLOSED_HAT, _LEVEL),
            (CLOSED_HAT, "xxx.xxx.xxx.xxx."),
            (CLOSED_HAT, "x.xxx.x.x.xxx.xx"),
            (SHAKER, _LEVEL),
        ),
        ((OPEN_HAT, "......x.......x."), (COWBELL, "..x.....x..x...."), (TAMBOURINE, _LEVEL)),
    ),
    "trap": Kit(
        ("x.....x..x......", "x..x......x..x..", "x......x..x.....", "x.........x....."),
        ((CLAP, _BACKBEAT), (SNARE, _BACKBEAT)),
        ((CLOSED_HAT, _LEVEL), (CLOSED_HAT, "x.x.x.x.x.x.xxxx"), (CLOSED_HAT, "xxxxx.x.xxxxx.xx")),
        ((OPEN_HAT, "..........x....."), (RIM, "...x.....x....x."), (COWBELL, "x..x..x.x..x..x.")),
    ),
    "funk": Kit(
        ("x..x..x...x..x..", "x.x....x..x.....", "x......x..x..x..", "x..x......xx....", "x.x...x..xx....."),
        ((SNARE, "....X..o.o..X..o"), (SNARE, "....X..o....X.o."), (SNARE, "....X.......X...")),
        (
            (CLOSED_HAT, _SIXTEENTHS),
            (CLOSED_HAT, _LEVEL),
            (CLOSED_HAT, _ACCENTED),
            (RIDE, "x.xxx.x.x.xxx.x."),
        ),
        ((COWBELL, _QUARTERS), (CONGA_HIGH, "..xx..xo..xx..xo"), (TAMBOURINE, _BACKBEAT)),
    ),
    "soul": Kit(
        ("x.....x.x.....x.", "x.......x.x.....", "x.....x...x.....", "x..x....x..x...."),
        ((SNARE, "X...X...X...X..."), (SNARE, _BACKBEAT), (RIM, _BACKBEAT), (SNARE, "....X..o....X..?")),
        ((CLOSED_HAT, _EIGHTHS), (CLOSED_HAT, _ACCENTED), (CLOSED_HAT, _SIXTEENTHS), (RIDE, _EIGHTHS)),
        ((TAMBOURINE, _BACKBEAT), (TAMBOURINE, _EIGHTHS), (CONGA_HIGH, "..x..x....x.xx..")),
    ),
    "reggae": Kit(
        ("....X.......X...", "....X.......X...", "X...X...X...X...", "x.......X.......", "....X.......X.x."),
        ((RIM, _BACKBEAT), (SNARE, _BACKBEAT), (RIM, "....X..?..?.X...")),
        (
            (CLOSED_HAT, _EIGHTHS),
            (CLOSED_HAT, "o.X.o.X.o.X.o.X."),
            (CLOSED_HAT, _OFFBEATS),
            (CLOSED_HAT, "x.xxx.xxx.xxx.xx"),
            (CLOSED_HAT, _SIXTEENTHS),
        ),
        ((SHAKER, _LEVEL), (CONGA_HIGH, "..x...xx..x...x."), (COWBELL, "x..x..x.........")),
    ),
    "one drop": Kit(
        ("....X.......X...", "....X.......X...", "....X.......X.?."),
        ((RIM, _BACKBEAT), (SNARE, _BACKBEAT), (RIM, "....X..?....X...")),
        ((CLOSED_HAT, _EIGHTHS), (CLOSED_HAT, "o.X.o.X.o.X.o.X."), (CLOSED_HAT, "x.xxx.xxx.xxx.xx")),
        ((SHAKER, _LEVEL), (COWBELL, "x..x..x.........")),
    ),
    "steppers": Kit(
        ("X...X...X...X...",),
        ((RIM, _BACKBEAT), (SNARE, _BACKBEAT), (RIM, "....X..?..?.X..."), (SNARE, "........X.......")),
        ((CLOSED_HAT, _EIGHTHS), (CLOSED_HAT, _OFFBEATS), (CLOSED_HAT, _SIXTEENTHS)),
        ((CONGA_HIGH, "..x...xx..x...x."), (TAMBOURINE, "..x...x...x...x.")),
    ),
    "busy ballad": Kit(
        ("x.......x.......", "x.....x.x.......", "x.......x.x.....", "x..x......x.....", "x.............x."),
        ((SNARE, _BACKBEAT), (RIM, _BACKBEAT), (SNARE, "....X..o.o..X...")),
        (
            (CLOSED_HAT, _SIXTEENTHS),
            (CLOSED_HAT, _LEVEL),
            (CLOSED_HAT, "XxoxXxoxXxoxXxox"),
            (SHAKER, _LEVEL),
            (CLOSED_HAT, "x.xxx.xxx.xxx.xx"),
        ),
        ((TAMBOURINE, _BACKBEAT), (RIDE, _EIGHTHS), (SHAKER, _SIXTEENTHS)),
    ),
    "ska": Kit(
        ("x.......x.......", "X...X...X...X...", "....X.......X..."),
        ((SNARE, _BACKBEAT), (RIM, _BACKBEAT)),
        ((CLOSED_HAT, _OFFBEATS), (CLOSED_HAT, _EIGHTHS), (RIDE, _EIGHTHS), (OPEN_HAT, _OFFBEATS)),
        ((TAMBOURINE, _BACKBEAT),),
    ),
    "shuffle": Kit(
        ("x.......x.......", "x.....x.x.......", "x.......x.....x.", "X...x...X...x..."),
        ((SNARE, _BACKBEAT), (SNARE, "..o.X.o...o.X.o."), (RIM, _BACKBEAT)),
        ((CLOSED_HAT, _EIGHTHS), (RIDE, _EIGHTHS), (CLOSED_HAT, _ACCENTED), (RIDE, _QUARTERS)),
        ((TAMBOURINE, _BACKBEAT),),
    ),
    "swing": Kit(
        ("o...o...o...o...", "................", "o.....?...?.....", "o.......o......."),
        (
            (SNARE, "..?...?..?...??."),
            (RIM, "............x..."),
            (SNARE, "................"),
            (SNARE, "......?.......?."),
        ),
        (
            (RIDE, "x...X.x.x...X.x."),
            (RIDE, "x...X.x.x...X.?."),
            (CLOSED_HAT, "x...X.x.x...X.x."),
            (RIDE, _QUARTERS),
        ),
        ((PEDAL_HAT, "....x.......x..."), (PEDAL_HAT, "....X.......X..."), (PEDAL_HAT, "....x.......x...")),
    ),
    "brushes": Kit(
        ("o.......o.......", "................", "o..............."),
        ((BRUSH, "o.o.x.o.o.o.x.o."), (BRUSH, "o...x...o...x..."), (BRUSH, "ooooxoooooooxooo")),
        ((RIDE, "o...x.o.o...x.o."), (PEDAL_HAT, "....x.......x..."), (RIDE, "o...o...o...o...")),
        ((PEDAL_HAT, "....x.......x..."),),
    ),
    "bossa": Kit(
        ("x.....x.x.....x.", "x.......x.......", "x.....x.x......."),
        ((RIM, "x.....x.....x..."), (RIM, "x..x..x...x..x.."), (RIM, "..x...x...x.....")),
        ((CLOSED_HAT, _EIGHTHS), (CLOSED_HAT, _SIXTEENTHS), (SHAKER, _SIXTEENTHS), (RIDE, _EIGHTHS)),
        ((PEDAL_HAT, "....x.......x..."), (SHAKER, _LEVEL)),
    ),
    "latin": Kit(
        ("x.....x.x.....x.", "x...x...x...x...", "x.....x...x....."),
        ((RIM, "x..x...x..x.x..."), (CLAVES, "x..x..x...x.x..."), (SNARE, "...x..x....x..x.")),
        ((COWBELL, "x...x.x.x...x.x."), (COWBELL, _QUARTERS), (SHAKER, _SIXTEENTHS), (CLOSED_HAT, _EIGHTHS)),
        ((CONGA_HIGH, "x.o.x...x.o.X.X."), (CONGA_LOW, "............x.x."), (MARACAS, _EIGHTHS)),
    ),
    "train": Kit(
        ("x.......x.......", "x...x...x...x..."),
        ((BRUSH, "xoXoxoXoxoXoxoXo"), (SNARE, "o.X.o.X.o.X.o.X."), (BRUSH, "ooXoooXoooXoooXo")),
        ((CLOSED_HAT, _OFFBEATS), (CLOSED_HAT, "................"), (PEDAL_HAT, "..x...x...x...x.")),
        ((TAMBOURINE, _BACKBEAT), (SHAKER, _SIXTEENTHS)),
    ),
    "country": Kit(
        ("x.......x.......", "x.....x.x.......", "x.......x.x....."),
        ((SNARE, _BACKBEAT), (RIM, _BACKBEAT), (RIM, "..x...x...x...x.")),
        ((CLOSED_HAT, _EIGHTHS), (CLOSED_HAT, _QUARTERS), (CLOSED_HAT, _ACCENTED), (RIDE, _EIGHTHS)),
        ((TAMBOURINE, _BACKBEAT), (SHAKER, _EIGHTHS)),
    ),
    "metal": Kit(
        (
            "xxxxxxxxxxxxxxxx",
            "x.xxx.xxx.xxx.xx",
            "x..x..x.x..x..x.",
            "x.x.x.x.x.x.x.x.",
            "xx.xx.xx.xx.xx.x",
            "x...x.xxx...x.xx",
            "x.......x.......",
            "x.xx..x...xx..x.",
        ),
        ((SNARE, _BACKBEAT), (SNARE, _BACKBEAT), (SNARE, "....X.......X..x")),
        (
            (CHINA, _QUARTERS),
            (CRASH, _QUARTERS),
            (CLOSED_HAT, _EIGHTHS),
            (RIDE, _EIGHTHS),
            (OPEN_HAT, _EIGHTHS),
        ),
    ),
    "electro": Kit(
        ("X...X...X...X...", "x.....x...x.....", "x...x...x..xx...", "x..x..x.x..x..x."),
        ((SNARE, _BACKBEAT), (CLAP, _BACKBEAT)),
        ((CLOSED_HAT, _SIXTEENTHS), (CLOSED_HAT, _OFFBEATS), (CLOSED_HAT, _LEVEL), (OPEN_HAT, _OFFBEATS)),
        ((COWBELL, "x..x..x.x..x..x."), (CLAP, "...........xx...")),
    ),
    "reggaeton": Kit(
        ("X...X...X...X...", "X...X...X...X..."),
        ((SNARE, "...x..x....x..x."), (RIM, "...x..x....x..x.")),
        ((CLOSED_HAT, _EIGHTHS), (SHAKER, _SIXTEENTHS), (CLOSED_HAT, _OFFBEATS)),
        ((COWBELL, _QUARTERS), (CONGA_HIGH, "..x..x.x..x..x.x")),
    ),
    "march": Kit(
        ("x.......x.......", "x...x...x...x..."),
        ((SNARE, "x.xxx.x.x.xxxxxx"), (SNARE, "X.ooX.ooX.ooX.oo"), (SNARE, "x...x.x.x...xxx.")),
        ((CRASH, "....x.......x..."), (CRASH, "................"), (CLOSED_HAT, "....x.......x...")),
    ),
    "percussion": Kit(
        ("................", "x.......x.......", "x..............."),
        ((RIM, "................"), (RIM, _BACKBEAT), (CLAP, _BACKBEAT)),
        (
            (SHAKER, _SIXTEENTHS),
            (SHAKER, _EIGHTHS),
            (TAMBOURINE, _BACKBEAT),
            (SHAKER, _LEVEL),
            (CONGA_HIGH, "x.xoxoxxx.xoxoxx"),
        ),
    ),
}

THREE: dict[str, Kit] = {
    "waltz": Kit(
        ("x...........", "x.......?...", "x.....?....."),
        ((SNARE, "....x...x..."), (RIM, "....x...x..."), (BRUSH, "....x...x..."), (SNARE, "........X...")),
        (
            (CLOSED_HAT, "x...x...x..."),
            (RIDE, "x...x...x..."),
            (CLOSED_HAT, "....x...x..."),
            (CLOSED_HAT, "x.x.x.x.x.x."),
        ),
        ((TAMBOURINE, "....x...x..."),),
    ),
    "rock waltz": Kit(
        ("x.....x.....", "x.........x.", "x...........", "x.....x...x.", "x...x......."),
        ((SNARE, "........X..."), (SNARE, "....X......."), (SNARE, "....X...X...")),
        (
            (CLOSED_HAT, "X.x.x.x.x.x."),
            (CLOSED_HAT, "xoxoxoxoxoxo"),
            (RIDE, "x.x.x.x.x.x."),
            (OPEN_HAT, "x...x...x..."),
        ),
        ((TAMBOURINE, "........x..."), (SHAKER, "xoxoxoxoxoxo")),
    ),
    "jazz waltz": Kit(
        ("o...........", "o.....?.....", "o...o...o..."),
        ((SNARE, "......?...?."), (RIM, "......x....."), (SNARE, "............")),
        ((RIDE, "x...x.x.x..."), (RIDE, "x...x.x.x.x."), (RIDE, "x...x...x...")),
        ((PEDAL_HAT, "....x......."), (PEDAL_HAT, "....x...x...")),
    ),
}

COMPOUND: dict[str, Kit] = {
    "slow": Kit(
        ("x...........", "x.........x.", "x...x.......", "x.........?."),
        ((SNARE, "......X....."), (RIM, "......X....."), (SNARE, "......X...o.")),
        (
            (CLOSED_HAT, "X.x.x.X.x.x."),
            (CLOSED_HAT, "x.x.x.x.x.x."),
            (RIDE, "X.x.x.X.x.x."),
            (RIDE, "x...x.x...x."),
            (CLOSED_HAT, "xxxxxxxxxxxx"),
        ),
        ((TAMBOURINE, "......x....."), (SHAKER, "x.x.x.x.x.x.")),
    ),
    "lively": Kit(
        ("x.....x.....", "x...x.x.....", "x.....x...x.", "x..........."),
        ((SNARE, "......x....."), (SNARE, "....o.x...o."), (RIM, "......x....."), (SNARE, "x...o.x...o.")),
        (
            (CLOSED_HAT, "x...x.x...x."),
            (TAMBOURINE, "X.x.x.X.x.x."),
            (CLOSED_HAT, "x.x.x.x.x.x."),
            (CONGA_LOW, "X.x.x.X.x.x."),
        ),
        ((TAMBOURINE, "......x....."),),
    ),
    "african": Kit(
        ("x.....x.....", "x...........", "x...x.x....."),
        ((RIM, "......x....."), (SNARE, "........x...")),
        (
            (COWBELL, "x...x...x.x."),
            (COWBELL, "x.x.x.xx.x.x"),
            (SHAKER, "x.x.x.x.x.x."),
            (CLOSED_HAT, "X.o.o.X.o.o."),
        ),
        ((CONGA_HIGH, "..x.x...x.x."), (CLAVES, "x...x...x...")),
    ),
}
