"""WaveNet as a generator: a small network learns a corpus of drums and tones, and plays.

uv run --extra train --extra eval python recipes/lab/wavenet.py
uv run --extra train --extra eval python recipes/lab/wavenet.py --full

The folder of --out gets the table (wavenet.csv), the plot (wavenet.png), the sound of each network
(wavenet-NAME.flac) and a piece of the corpus (wavenet-corpus.flac). docs/lab/wavenet.md explains them.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import soundfile
import torch
from experiments import Row, experiment, save_plot, versions, write_table
from torch import Tensor
from wavenet_corpus import BPM, SAMPLE_RATE, Classes, expand, first_order_bits, make_corpus, unigram_bits
from wavenet_network import WaveNet, bits, generate, generate_naively, random_numbers
from wavenet_plot import Heard, draw
from wavenet_training import Plan, fast_bfloat16, train

import beattrack
from beattrack.runtime.files import atomic_path

LOG = logging.getLogger("wavenet")

BARS, HELD_OUT = 10, 3  # bars of a piece, pieces for evaluation
NEAR = 0.04  # share of the tempo, within which it is the same
WARM_UP = 20  # samples before the clock starts


@dataclass(frozen=True, kw_only=True)
class Size:
    """Size of the experiment.

    Attributes:
        plans: networks by name.
        sounds: sounds that each network generates, all at once.
        seconds: duration of each.
        naive: samples that are also generated without the cache.
    """

    plans: dict[str, Plan]
    sounds: int
    seconds: float
    naive: int


PLANS = {
    "1x512": Plan(stacks=1, longest=512, pieces=48, steps=600),
    "2x512": Plan(stacks=2, longest=512, pieces=48, steps=600),
    "2x2048": Plan(stacks=2, longest=2048, pieces=48, steps=600),
}
SMALL = Size(plans={"2x2048": PLANS["2x2048"]}, sounds=8, seconds=6.0, naive=60)
FULL = Size(plans=PLANS, sounds=8, seconds=6.0, naive=200)


@experiment
def main(full: bool, out: Path, seed: int) -> None:
    """Train a small WaveNet on drums and tones, and let it play."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run(FULL if full else SMALL, out, seed)


def run(size: Size, out: Path, seed: int) -> None:
    """Train the networks, generate their sounds, and write the table, the plot and the sounds.

    Args:
        size: size of the experiment.
        out: folder to write to.
        seed: seed of the corpus, the networks and the sounds.
    """
    pieces = max(plan.pieces for plan in size.plans.values())
    corpus = make_corpus(pieces=pieces, held_out=HELD_OUT, bars=BARS, seed=seed)
    samples = round(size.seconds * SAMPLE_RATE)
    costs = {"uniform": 8.0, "unigram": unigram_bits(corpus), "first order": first_order_bits(corpus)}
    rows: list[Row] = [{"model": model, "bits": cost} for model, cost in costs.items()]
    rows.append({"model": "corpus", **tempo_columns(corpus.held_out)})
    heard = [Heard("corpus", expand(corpus.held_out[0, :samples]), None)]
    write_sound(out / "wavenet-corpus.flac", corpus.held_out[0, :samples])
    for name, plan in size.plans.items():
        music = torch.from_numpy(corpus.training[: plan.pieces]).long()
        network, losses, cpu_seconds = trained(plan, music, out / f"wavenet-{name}.pt", seed)
        costs[name] = bits(network, torch.from_numpy(corpus.held_out).long())
        LOG.info("%s: %.3f bits per held-out sample", name, costs[name])
        uniforms = random_numbers(samples, size.sounds, seed=seed)
        sounds = generate(network, uniforms)
        write_sound(out / f"wavenet-{name}.flac", sounds[0].numpy())
        heard.append(Heard(name, expand(sounds[0].numpy()), losses))
        rows.append(
            {
                "model": name,
                "bits": costs[name],
                **tempo_columns(sounds.numpy()),
                "receptive_field_samples": network.receptive_field,
                "receptive_field_s": network.receptive_field / SAMPLE_RATE,
                "parameters": sum(parameter.numel() for parameter in network.parameters()),
                "pieces": plan.pieces,
                "steps": plan.steps,
                "training_cpu_s": cpu_seconds,
                **speed_columns(network, sounds[:1], uniforms[:, :1], size.naive),
                "seed": seed,
                **versions(),
            }
        )
    columns = list(rows[-1])
    write_table(out / "wavenet.csv", [{column: row.get(column, "") for column in columns} for row in rows])
    save_plot(draw(heard, costs), out / "wavenet.png")


def trained(plan: Plan, music: Tensor, path: Path, seed: int) -> tuple[WaveNet, list[float], float]:
    """Train a network, unless the file holds it already.

    Args:
        plan: the network and the length of the training.
        music: classes, shape (pieces, samples).
        path: file of the trained network.
        seed: seed of the weights and the crops.

    Returns:
        The network, its loss at each step in bits per sample, and the CPU time of the training in seconds.
    """
    made_by = {"plan": str(plan), "seed": seed}
    saved = torch.load(path) if path.exists() else {}
    if saved.get("made_by") != made_by:
        start = time.process_time()
        network, losses = train(plan, music, seed=seed, bfloat16=fast_bfloat16())
        cost = time.process_time() - start
        saved = {"made_by": made_by, "weights": network.state_dict(), "losses": losses, "cpu_seconds": cost}
        with atomic_path(path) as temporary:
            torch.save(saved, temporary)
    network = plan.network()
    network.load_state_dict(saved["weights"])
    return network.eval(), saved["losses"], saved["cpu_seconds"]


def tempo_columns(sounds: Classes) -> Row:
    """Track the tempo of sounds, shape (sounds, samples), and return what the table says about it."""
    tracker = beattrack.BeatTracker()
    tempi = [tracker.track(expand(sound), SAMPLE_RATE).bpm or 0.0 for sound in sounds]
    return {
        "sounds": len(tempi),
        "tempo_bpm": " ".join(f"{tempo:.0f}" for tempo in sorted(tempi)),
        "at_tempo": sum(abs(tempo / BPM - 1) < NEAR for tempo in tempi),
    }


def speed_columns(network: WaveNet, sounds: Tensor, uniforms: Tensor, count: int) -> Row:
    """Generate the end of a sound again, with and without the cache, and return what the table says about it.

    Args:
        network: network that generated the sound.
        sounds: the sound, shape (1, samples).
        uniforms: its random numbers, shape (samples, 1).
        count: samples to generate without the cache, and ten times as many with it.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # CPU time is then the time on an idle machine
    past, last = sounds[:, :-count], uniforms[-count:]
    generate(network, uniforms[:WARM_UP])
    generate_naively(network, last[:WARM_UP], past)
    start = time.process_time()
    generate(network, uniforms[: 10 * count])
    middle = time.process_time()
    naive_sounds = generate_naively(network, last, past)
    cached, naive = (middle - start) / (10 * count), (time.process_time() - middle) / count
    torch.set_num_threads(threads)
    return {
        "cached_ms": 1000 * cached,
        "naive_ms": 1000 * naive,
        "speed_ratio": naive / cached,
        "compared": count,
        "equal": int((naive_sounds == sounds[:, -count:]).sum()),
    }


def write_sound(path: Path, classes: Classes) -> None:
    """Write classes, shape (samples,), as a FLAC file of 16 bits."""
    with atomic_path(path) as temporary:
        soundfile.write(temporary, expand(classes), SAMPLE_RATE, format="FLAC", subtype="PCM_16")


if __name__ == "__main__":
    main()
