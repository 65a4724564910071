"""Draw the two pictures of docs/streaming.md, with the numbers of the code.

python docs/streaming_pictures.py
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from beattrack.network.model_settings import ModelSettings  # noqa: E402
from beattrack.streaming.resampling import StreamingResampler  # noqa: E402
from beattrack.streaming.views import StreamingViews  # noqa: E402

LOOK_AHEAD = 2  # frames, of tcn-causal
INK, GREY, BLUE, ORANGE, PALE = "#24292f", "#8b949e", "#2f6fb0", "#d9822b", "#dbe7f3"
FONT = 'font-family="sans-serif" font-size="13"'


def text(x: float, y: float, words: str, colour: str = INK, anchor: str = "start") -> str:
    """Return a line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{words}</text>'


def line(
    x1: float, y1: float, x2: float, y2: float, colour: str = GREY, width: float = 1.0, dash: str = ""
) -> str:
    """Return a straight line."""
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    where = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {where} stroke="{colour}" stroke-width="{width}"{dashes}/>'


def box(x: float, y: float, width: float, height: float, colour: str) -> str:
    """Return a filled rectangle."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2" fill="{colour}"/>'


def picture(width: int, height: int, parts: list[str]) -> str:
    """Return the whole picture."""
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    body = "\n".join([f'<rect width="{width}" height="{height}" fill="white"/>', *parts])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {FONT}>\n{body}\n</svg>\n'


def steps() -> list[tuple[str, float, str]]:
    """Return what each step waits for, in ms, in the order of a sound's way."""
    settings = ModelSettings()
    fps = settings.spectrogram.fps
    window = 1e3 * StreamingViews(settings).delay
    resampler = 1e3 * StreamingResampler(44100, settings.spectrogram.sample_rate).delay
    return [
        ("half a window of the spectrogram", window, BLUE),
        (f"look-ahead of the network, {LOOK_AHEAD} frames", 1e3 * LOOK_AHEAD / fps, BLUE),
        ("filter of the resampler (from 44.1 kHz)", resampler, BLUE),
        ("until the frame ends: 0 to 10, on average", 1e3 / fps / 2, ORANGE),
        ("until the chunk ends: 0 to 10, on average", 5.0, ORANGE),
        ("computing", 2.0, ORANGE),
    ]


def latency() -> str:
    """Return the picture of where each millisecond comes from."""
    left, scale, top, row = 300, 6.0, 54, 30
    rows = steps()
    total = sum(took for _, took, _ in rows)
    bottom = top + row * len(rows)
    parts = [text(left, 22, "a sound"), line(left, 28, left, bottom + 8, INK, 1.5)]
    for tick in range(0, 71, 10):
        x = left + scale * tick
        parts += [line(x, top - 8, x, bottom, "#e4e8ec"), text(x, bottom + 24, f"{tick}", GREY, "middle")]
    start = 0.0
    for number, (name, took, colour) in enumerate(rows):
        y = top + row * number
        x = left + scale * start
        parts += [
            text(left - 12, y + 14, name, anchor="end"),
            box(x, y, scale * took, 18, colour),
            text(x + scale * took + 18, y + 14, f"{took:.1f}".removesuffix(".0"), GREY),
        ]
        start += took
    end = left + scale * total
    parts += [
        line(end, 28, end, bottom + 8, INK, 1.5),
        text(end, 22, f"its activation, {total:.0f} ms later", anchor="middle"),
        text(left + scale * 70 + 16, bottom + 24, "ms", GREY),
    ]
    return picture(780, bottom + 40, parts)


def causality() -> str:
    """Return the picture of a stack of dilated causal convolutions."""
    left, step, top, row, frames = 150, 34, 52, 52, 16
    layers = ["input", "dilation 1", "dilation 2", "dilation 4"]
    bottom = top + row * (len(layers) - 1)

    def place(frame: int, layer: int) -> tuple[float, float]:
        return left + step * frame, bottom - row * layer

    now = 10
    seen: list[set[int]] = [set() for _ in layers]
    seen[-1] = {now}
    parts = []
    for layer in range(len(layers) - 1, 0, -1):
        dilation = 2 ** (layer - 1)
        for frame in sorted(seen[layer]):
            for tap in range(2):
                before = frame - tap * dilation
                seen[layer - 1].add(before)
                parts.append(line(*place(frame, layer), *place(before, layer - 1), BLUE, 1.5))
    for layer, name in enumerate(layers):
        y = place(0, layer)[1]
        parts.append(text(left - 24, y + 4, name, anchor="end"))
        for frame in range(frames):
            x = place(frame, layer)[0]
            later = frame > now
            colour = BLUE if frame in seen[layer] else "white"
            edge = "#c8ced4" if later else BLUE
            parts.append(
                f'<circle cx="{x}" cy="{y}" r="7" fill="{colour}" stroke="{edge}" stroke-width="1.5"/>'
            )
    x = place(now, 0)[0] + step / 2
    parts += [
        line(x, top - 28, x, bottom + 16, ORANGE, 1.5, "5 4"),
        text(x - 8, top - 20, "now", ORANGE, "end"),
        text(x + 8, top - 20, "not there yet", GREY),
        text(
            place(min(seen[0]), 0)[0],
            bottom + 32,
            "receptive field: 8 frames, all of them past or present",
            BLUE,
        ),
    ]
    return picture(780, bottom + 46, parts)


def main() -> None:
    """Write both pictures beside this script."""
    (HERE / "streaming_latency.svg").write_text(latency(), encoding="utf-8")
    (HERE / "streaming_causality.svg").write_text(causality(), encoding="utf-8")


if __name__ == "__main__":
    main()
