"""Fit the entropy coder and the prior to the codes of a trained codec.

    scripts/run python scripts/train_codes.py WEIGHTS_FOLDER SPEECH_FOLDER --dev DEV_FOLDER --run runs/codes

Writes `entropy.*` and `prior.*` into WEIGHTS_FOLDER, beside the codec that they go with. The codes of the recordings
are kept in RUN; the state is written there every --save-every steps and when the run is interrupted, and the same
command goes on from it and ends at the same weights, on the CPU bit for bit. SPEECH_FOLDER and DEV_FOLDER may each be a
corpus of `audiovq corpus encode` instead, here or in object storage, which is read shard by shard as it is needed.
Figures are printed for DEV: bits of a code for each number of codebooks, and the bytes that files shrink by.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch import Tensor, nn

from audiovq.audio_io.mono import find_recordings
from audiovq.audio_io.reader import open_source
from audiovq.codec.codec import Codec
from audiovq.codec.corpus import KIND
from audiovq.codec.generation import quiet_codes
from audiovq.entropy.coder import EntropyModel
from audiovq.entropy.network import EntropyNetwork
from audiovq.model.prior import CodePrior, CodePriorConfig
from audiovq.model.quantizers import codebook_figures
from audiovq.training.codes_dataset import Codes, CodeSource, StreamedCodes
from latentmix.cli import grouped, run_script
from latentmix.errors import InputError
from latentmix.files import make_folder, replacing
from latentmix.read_once import Found, Tell, open_corpus, read_once
from latentmix.run_state import RunState
from latentmix.shares import Accumulate, Shares
from latentmix.training import CONSOLE, RunOptions, TrainingRun, in_one_line, warm_up_cosine

WARM_UP = 100  # steps
CLIP = 1.0  # greatest norm of the gradient
VOICE = 128  # features of the voice in a new prior
MISHEARD = 0.2  # of the codes of the past, at most
HEARD = 150_000  # frames that are decoded to find out which codes are silence


def misheard(codes: Tensor, generator: torch.Generator) -> Tensor:
    """Codes (B, Q, N), up to MISHEARD of which, another share in each example, are those of other frames of it."""
    share = MISHEARD * torch.rand(len(codes), 1, 1, generator=generator)
    others = torch.randint(codes.shape[2], codes.shape, generator=generator)
    return torch.where(torch.rand(codes.shape, generator=generator) < share, codes.gather(2, others), codes)


@dataclass(frozen=True)
class Phase:
    """One optimisation."""

    name: str
    network: nn.Module
    loss: Callable[[Any, torch.Generator, int], Tensor]  # of the network as Fabric has it, and the share's number
    after: Callable[[], None]
    steps: int
    learning_rate: float
    weight_decay: float


def open_codes(fabric: Any, codec: Codec, address: str, kept: Path, hours: float, seed: int) -> Codes | StreamedCodes:
    """A corpus as it is, or the codes of a folder's recordings."""
    corpus = open_corpus(fabric, address, KIND, kept)
    return StreamedCodes(corpus, codec, seed) if corpus else read_folder(fabric, codec, Path(address), kept, hours)


def read_folder(fabric: Any, codec: Codec, folder: Path, kept: Path, hours: float) -> Codes:
    """The codes of a folder's recordings, kept in a file that belongs to this codec and folder."""
    name = hashlib.sha256(f"{codec.model.fingerprint.hex()} {folder.resolve()} {hours}".encode()).hexdigest()[:12]
    path = kept.with_name(f"codes-{name}.npz")

    def read(tell: Tell) -> Found:
        files = find_recordings(folder)
        found, refused, left = [], [], hours * 3600.0
        for done, index in enumerate(np.random.default_rng(0).permutation(len(files)), start=1):
            if left > 0.0:
                try:
                    with open_source(files[index]) as source:
                        samples = np.concatenate(list(source.blocks), 1)
                    found.append(codec.encode(torch.from_numpy(samples), source.sample_rate).numpy())
                    left -= samples.shape[1] / source.sample_rate
                except InputError as error:
                    refused.append(str(error))
            tell(done, len(files), "encoding")
        if not found:
            raise InputError(f"{folder}: expected audio files, found none that can be read")
        made = Codes.of_recordings(found, codec.codes, codec.chunk_frames)
        with replacing(path) as file:
            np.savez(file, codes=made.codes, starts=made.starts)
        return Found(f"codes of {hours - left / 3600.0:.2f} hours from {len(found)} files", refused)

    read_once(fabric, folder, kept, path.is_file, read)
    with np.load(path, allow_pickle=False) as file:
        return Codes(file["codes"], file["starts"], codec.codes, codec.chunk_frames)


def some_codebooks(batch: int, codebooks: int, generator: torch.Generator) -> Tensor:
    """All codebooks for half of the examples, any number for the others; (batch,)."""
    number = torch.randint(1, codebooks + 1, (batch,), generator=generator)
    return torch.where(torch.rand(batch, generator=generator) < 0.5, number, codebooks)


def train(run: TrainingRun, shares: Shares, number: int, phase: Phase, seed: int) -> bool:
    """One phase, from where the state is to its end; whether there was anything to do.

    Raises:
        KeyboardInterrupt: the run was stopped; the state is saved.
    """
    optimizer = torch.optim.AdamW(
        phase.network.parameters(), phase.learning_rate, betas=(0.9, 0.98), weight_decay=phase.weight_decay
    )
    run.state.restore(phase.name, optimizer)
    phase.network.train()
    module, optimizer = shares.fabric.setup(phase.network, optimizer)

    def make(generator: torch.Generator, share: int) -> dict[str, Tensor]:
        return {"loss": phase.loss(module, generator, share)}

    def advance(step: int) -> dict[str, Tensor]:
        for group in optimizer.param_groups:
            group["lr"] = phase.learning_rate * warm_up_cosine(step, phase.steps, WARM_UP)
        optimizer.zero_grad(set_to_none=True)
        parts = shares.backward(module, (seed, number, step), make)
        shares.fabric.clip_gradients(module, optimizer, max_norm=CLIP)
        optimizer.step()
        phase.after()
        return parts

    def figures(parts: Mapping[str, Tensor]) -> dict[str, float]:
        return {"bits a code": parts["loss"].item()}

    return run.train(phase.name, phase.steps, {phase.name: optimizer}, advance, figures)


def show_usage(dev: Codes) -> None:
    figures = codebook_figures(torch.from_numpy(dev.codes.astype(np.int64)), dev.size)
    CONSOLE.print("usage %", *(f"{100 * f.usage:.1f}" for f in figures), highlight=False)
    CONSOLE.print("perplexity", *(f"{f.perplexity:.0f}" for f in figures), highlight=False)


def show_entropy(network: EntropyNetwork, dev: Codes, folder: Path) -> None:
    """Freeze, measure on whole chunks, and keep what saves."""
    model = network.eval().freeze()
    chunks = [r[:, i : i + dev.chunk] for r in dev.recordings() for i in range(0, r.shape[1], dev.chunk)]
    raw_bits = math.log2(dev.size)
    saved = 0.0
    for q in range(1, model.codebooks + 1):
        number = sum(c[:q].size for c in chunks)
        bits = sum(model.bits(c[:q]) for c in chunks) / number
        size = sum(len(model.encode(c[:q])) for c in chunks)
        raw = sum(-(-int(c[:q].size * math.ceil(raw_bits)) // 8) for c in chunks)
        with torch.inference_mode():
            kept = torch.tensor([q])
            exact = sum(float(network(torch.from_numpy(c[None].astype(np.int64)), kept).sum()) for c in chunks) / number
        saved = 1.0 - size / raw
        CONSOLE.print(
            f"entropy coder, {q} codebooks: {bits:.3f} bits a code (in floating point {exact:.3f}), "
            f"{100.0 * saved:.1f} % of the bytes saved",
            highlight=False,
        )
    if saved > 0.0:
        model.save(folder, codebook_bits=round(raw_bits, 3))


@torch.inference_mode()
def show_prior(prior: CodePrior, quiet: tuple[int, ...], dev: Codes, folder: Path) -> None:
    prior.eval().config = dataclasses.replace(prior.config, quiet=quiet)
    bits = [prior.bits(torch.from_numpy(r.astype(np.int64))) for r in dev.recordings()]
    each = torch.cat(bits, 1).mean(1)
    text = ", ".join(f"{float(b):.3f}" for b in each)
    total = 100.0 * (1.0 - float(each.mean()) / math.log2(dev.size))
    CONSOLE.print(f"prior: {float(each.mean()):.3f} bits a code ({text}), {total:.1f} % below raw", highlight=False)
    prior.save_pretrained(folder, half=True, bits_a_code=round(float(each.mean()), 3))


def begin(start_from: Path | None, codec: Codec, codes: CodeSource, width: int) -> tuple[EntropyNetwork, CodePrior]:
    """Networks that know how often each code occurs, or, from a folder of weights, what those knew."""
    if start_from and (start_from / "entropy.json").is_file():
        return EntropyNetwork.thawed(EntropyModel.load(start_from)), CodePrior.from_pretrained(start_from)
    q, k = codec.codebooks, codec.codes
    network, prior = EntropyNetwork(q, k), CodePrior(CodePriorConfig(q, k, width, voice=VOICE))
    network.start_from(codes.shares(), codec.model.quantizer.codebooks())
    prior.start_from(codes.shares(), codec.model.quantizer.codebooks())
    return network, prior


def main(
    weights: Annotated[Path, typer.Argument(help="folder of a trained codec; the results go there")],
    data: Annotated[str, typer.Argument(help="folder of audio to learn from, or a corpus of its codes")],
    dev: Annotated[str, typer.Option(help="folder of audio, or a corpus, for the figures")],
    run: Annotated[Path, typer.Option("--run", "--out", help="folder of the run; torchrun takes --run for its own")],
    start_from: Annotated[
        Path | None, typer.Option(help="a run for an earlier state of the same codec, or the folder of its weights")
    ] = None,
    entropy_steps: Annotated[int, typer.Option(min=0)] = 3000,
    prior_steps: Annotated[int, typer.Option(min=0)] = 4000,
    batch: Annotated[int, typer.Option(min=1, help="chunks in a step of the entropy coder")] = 24,
    prior_batch: Annotated[int, typer.Option(min=1, help="pieces in a step of the prior")] = 8,
    prior_frames: Annotated[int, typer.Option(min=2, help="of such a piece")] = 400,
    width: Annotated[int, typer.Option(min=1, help="of the prior")] = CodePriorConfig.width,
    hours: Annotated[float, typer.Option(min=0.0, help="of audio at most")] = 1000.0,
    dropout: Annotated[float, typer.Option(min=0.0, max=0.9)] = 0.1,
    save_every: Annotated[int, typer.Option(min=1)] = 500,
    accumulate: Accumulate = 1,
    *,
    running: RunOptions,
) -> None:
    """Fit entropy coder and prior, or go on with a run that was stopped."""
    with in_one_line("train_codes", ValueError):
        fabric = running.launch("ddp_find_unused_parameters_true")
        make_folder(run)
        codec = Codec.from_pretrained(weights)
        codes = open_codes(fabric, codec, str(data), run / "train", hours, running.seed)
        held_out = open_codes(fabric, codec, str(dev), run / "dev", hours, running.seed)
        held_out = held_out.in_memory() if isinstance(held_out, StreamedCodes) else held_out
        network, prior = begin(start_from, codec, codes, width)
        state = RunState.in_folder(run, {"entropy": network, "prior": prior}, ("entropy", "prior"))
        if start_from and not state.path.is_file() and (start_from / state.path.name).is_file():
            state.begin_with(start_from / state.path.name)

    def entropy_loss(module: Any, generator: torch.Generator, share: int) -> Tensor:
        kept = some_codebooks(batch, codec.codebooks, generator)
        pieces = codes.draw(batch, codes.chunk, generator, share)
        bits = module(fabric.to_device(pieces), fabric.to_device(kept), dropout)
        return bits.sum() / (int(kept.sum()) * codes.chunk)

    def prior_loss(module: Any, generator: torch.Generator, share: int) -> Tensor:
        pieces = codes.draw(prior_batch, prior_frames, generator, share)
        heard = fabric.to_device(misheard(pieces, generator))
        return module(fabric.to_device(pieces), None, dropout, heard).sum() / pieces.numel()

    if fabric.is_global_zero:
        show_usage(held_out)
    with in_one_line("train_codes", state=state.path):
        loop, divided = TrainingRun(state, save_every, fabric, show_every=20), Shares(fabric, accumulate)
        entropy = Phase("entropy", network, entropy_loss, network.limit, entropy_steps, 3e-3, 1e-3)
        train(loop, divided, 0, entropy, running.seed)
        if entropy_steps and fabric.is_global_zero:
            show_entropy(network, held_out, weights)
        fabric.barrier()
        fitted = Phase("prior", prior, prior_loss, lambda: None, prior_steps, 1e-3, 0.02)
        train(loop, divided, 1, fitted, running.seed)
        if prior_steps and fabric.is_global_zero:
            show_prior(prior, quiet_codes(codec, codes.some(HEARD)), held_out, weights)


if __name__ == "__main__":
    run_script(grouped(main))
