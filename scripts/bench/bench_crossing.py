"""Measure melodies that have the rhythm of one tune and the pitches of another.

    scripts/run python scripts/bench/bench_crossing.py --train TRAIN_FOLDER --dev DEV_FOLDER

Windows and likelihood are those of bench_melody.py. `onsets kept` is the share of the rhythm's onsets that are there,
`onsets added` those that are not its own; `contour` the correlation of pitches with those of the tune that gives them,
at the notes that are made and in every step (a slow rhythm has no notes for what a quick tune does meanwhile);
`likelihood gap` nats a step by which the melody is less likely than the mean of both tunes, by a 5-gram of intervals;
`as likely as tunes` the share of melodies that are likelier than the least likely twentieth of the tunes. The other way
round is the same measure: each tune gives its rhythm once, and its pitches once.
Rows: of two latents joined, live at the corner of the pad whose sides are rhythm and pitch, as decoded, as put together
before it is encoded, without the critic's choice; for comparison the middle of both tunes, which is neither, and the
rhythm with its notes' pitches of the other tune in an order of chance.
"""

from __future__ import annotations

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from latentmix.cli import run_script
from midi_vae import InputError, Melody, MelodyVAE
from midi_vae import crossing as crossings
from midi_vae.evaluation import IntervalModel
from midi_vae.music.melody import ONSET, tidy
from realtime.engine.decoder import Decoder
from realtime.engine.explorer import charted
from realtime.music.mixer import Mixer
from scripts.melody_windows import Count, Dev, Model, Train, windows

CONSOLE = Console()


def figures(made: np.ndarray, rhythm: np.ndarray, pitch: np.ndarray, likelihood: IntervalModel) -> dict[str, float]:
    """Of melodies (N, 32) against those that gave rhythm and pitches."""
    made = np.stack([tidy(row) for row in made])
    here, there = made >= ONSET, rhythm >= ONSET
    at_notes: list[float] = []
    in_steps: list[float] = []
    for row, source in zip(made, pitch, strict=True):
        if (row >= ONSET).any():
            ours, theirs = (crossings.to_lines(Melody(each))[0].astype(float) for each in (row, source))
            for found, places in ((at_notes, row >= ONSET), (in_steps, slice(None))):
                if min(ours[places].std(), theirs[places].std()) > 0:
                    found.append(float(np.corrcoef(ours[places], theirs[places])[0, 1]))
    nats = [[likelihood.nats_a_step(row) for row in rows] for rows in (made, rhythm, pitch)]
    least = float(np.quantile(nats[1], 0.95))
    return {
        "onsets kept": float((here & there).sum() / there.sum()),
        "onsets added": float((here & ~there).sum() / there.sum()),
        "contour at the notes": float(np.mean(at_notes)),
        "contour in every step": float(np.mean(in_steps)),
        "likelihood gap": float(np.mean(nats[0]) - (np.mean(nats[1]) + np.mean(nats[2])) / 2),
        "as likely as tunes": float((np.array(nats[0]) <= least).mean()),
    }


def live(decoder: Decoder, rhythm: Melody, pitch: Melody) -> np.ndarray:
    """What a live mixer plays where the puck stands at the first's rhythm and the second's pitches; (32,) tokens."""
    mixer = Mixer(decoder, [rhythm, pitch])
    mixer.move({"axes": "rhythm-pitch", "x": 0.0, "y": 1.0})
    assert mixer.plane is not None
    mixer.charts = {mixer.plane: charted(mixer, mixer.plane)}
    return mixer.melody().tokens


def shuffled(notes: np.ndarray, seed: int = 0) -> np.ndarray:
    """Melodies (N, 32) with the pitches of each in an order of chance."""
    rng, out = np.random.default_rng(seed), notes.copy()
    for row in out:
        row[row >= ONSET] = rng.permutation(row[row >= ONSET])
    return out


def main(
    train: Train,
    dev: Dev,
    model: Model = "melody_2bar",
    count: Count = 108,
) -> None:
    """Measure melodies that have the rhythm of one tune and the pitches of another."""
    torch.set_num_threads(1)
    try:
        vae = MelodyVAE.from_pretrained(model)
        likelihood = IntervalModel().fit(windows(train, 4000))
        rhythm = windows(dev, count)
    except InputError as error:
        CONSOLE.print(str(error), highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    pitch = np.roll(rhythm, -1, 0)
    pairs = [(Melody(a), Melody(b)) for a, b in zip(rhythm, pitch, strict=True)]
    notes = np.concatenate([crossings.crossed_windows(vae, a, b) for a, b in pairs])
    z = vae.encode_windows(rhythm)
    plain = np.where(rhythm >= ONSET, np.stack([crossings.to_lines(b)[0] for _, b in pairs]) + ONSET, rhythm)
    decoder = Decoder(vae, 0)
    others = z.roll(-1, 0)
    joined = torch.cat([vae.join(z[i : i + 1], others[i : i + 1]) for i in range(len(z))])
    rows = {
        "joined": vae.decode_windows(joined),
        "live": np.stack([live(decoder, a, b) for a, b in pairs]),
        "decoded": vae.decode_windows(vae.encode_windows(notes)),
        "as notes": notes,
        "without the critic": plain,
        "middle of both": vae.decode_windows(torch.lerp(z, others, 0.5)),
        "in an order of chance": shuffled(notes),
    }
    found = {name: figures(made, rhythm, pitch, likelihood) for name, made in rows.items()}
    table = Table("figure", *found)
    for name in next(iter(found.values())):
        table.add_row(name, *[f"{row[name]:.3f}" for row in found.values()])
    CONSOLE.print(table)


if __name__ == "__main__":
    run_script(main)
