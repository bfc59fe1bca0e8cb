"""How long a step of 1, 8 and 64 streams takes, of sounds and of melodies: on the CPU and, where there is one, a GPU.

    python scripts/bench/bench_sound_streams.py
    python scripts/bench/bench_sound_streams.py --streams 1,8 --steps 2000 --json

A step of sounds: each stream has a live input, whose frame of 10 ms is encoded, mixed half and half with a frame of a
recording, and decoded; all streams in one batch, one thread of the CPU, or a CUDA graph. A step of melodies: as many
latents are decoded to two bars each (`realtime.engine.decoder.Decoder`). From tensors on the CPU to arrays on the CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from audiovq.sound.fitting import read_recording
from audiovq.sound.model import Sound, SoundModel
from audiovq.sound.morph import blend, part
from midi_vae.vae import MelodyVAE
from realtime.engine.decoder import Decoder

WARM_UPS = 20


def sounds(model: SoundModel, streams: int, frame: Sound) -> Callable[[], object]:
    """A step of so many streams, each mixed with a frame (1, 1)."""
    device, of = model.octaves.device, frame.controls
    played = of.map(lambda each: each.to(device).expand(streams, *each.shape[1:]))
    other = Sound(played, frame.timbre.to(device).expand(streams, -1, -1))
    random = torch.Generator().manual_seed(0)
    states = [model.initial_encoder_state(streams), model.initial_decoder_state(streams)]

    def step() -> np.ndarray:
        x = 0.1 * torch.randn(streams, model.config.hop, generator=random)
        live, states[0] = model.encode_step(x.to(device), states[0])
        y, states[1] = model.decode_step(blend([live, other], (0.5, 0.5), sung=(1.0, 1.0)), states[1])
        return y.cpu().numpy()

    return step


def melodies(decoder: Decoder, streams: int) -> Callable[[], object]:
    """As many latents to melodies."""
    random = np.random.default_rng(0)
    return lambda: decoder.decode(random.normal(size=(streams, decoder.latent_size)).astype(np.float32))


def timed(step: Callable[[], object], steps: int) -> dict[str, float]:
    """Milliseconds."""
    for _ in range(WARM_UPS):
        step()
    took = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        took.append(1000 * (time.perf_counter() - start))
    return {"p50": float(np.median(took)), "p99": float(np.percentile(took, 99))}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recording", default="examples/reed.flac")
    parser.add_argument("--streams", default="1,8,64")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    frame = part(read_recording(SoundModel.from_pretrained(), args.recording).sound, 20, 21)
    found: list[dict[str, Any]] = []
    for device in ["cpu", *["cuda"] * torch.cuda.is_available()]:
        sound, melody = SoundModel.from_pretrained(device=device), Decoder(MelodyVAE.from_pretrained(device=device))
        for streams in map(int, args.streams.split(",")):
            steps = {"sounds": sounds(sound, streams, frame), "melodies": melodies(melody, streams)}
            for kind, step in steps.items():
                found.append({"device": device, "kind": kind, "streams": streams, **timed(step, args.steps)})
                if not args.json:
                    print(
                        "{device}, {streams} {kind}: p50 {p50:.2f} ms, p99 {p99:.2f} ms".format(**found[-1]), flush=True
                    )
    if args.json:
        print(json.dumps({"load": os.getloadavg()[0], "steps": found}))
    elif not torch.cuda.is_available():
        print(f"no GPU that torch can use: it was not measured; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
