"""The prior over codes: causal, the same in steps as at once, and able to learn what there is to learn."""

from __future__ import annotations

import dataclasses
import json
import math
import signal
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file
from torch import Tensor
from training_runs import saved, script_here
from typer.testing import CliRunner

from audiovq.audio_io.reader import open_source
from audiovq.cli.app import app
from audiovq.codec.codec import Codec
from audiovq.codec.corpus import KIND
from audiovq.codec.generation import quiet_codes
from audiovq.entropy.coder import EntropyModel
from audiovq.model.config import VQVAEConfig
from audiovq.model.prior import PAUSE, CodePrior, CodePriorConfig, draw
from audiovq.model.vqvae import VQVAE
from audiovq.training.codes_dataset import Codes, StreamedCodes
from latentmix.corpus.reading import Corpus
from latentmix.errors import InputError
from latentmix.run_state import RunState
from latentmix.shares import Shares
from latentmix.training import RunOptions, TrainingRun

ONE = RunOptions(device="cpu", threads=1)
SPEECH = Path(__file__).resolve().parents[3] / "examples" / "speech.flac"
CONFIG = CodePriorConfig(codebooks=2, codes=16, width=32, dilations=(1, 2), rank=8, voice=8)


def patterned(batch: int, n: int, seed: int) -> Tensor:
    """Codebook 0 counts up; codebook 1 is 0 or 1 more than it."""
    generator = torch.Generator().manual_seed(seed)
    first = (torch.randint(16, (batch, 1), generator=generator) + torch.arange(n)) % 16
    return torch.stack([first, (first + torch.randint(2, (batch, n), generator=generator)) % 16], 1)


@pytest.fixture(scope="module")
def prior() -> CodePrior:
    torch.manual_seed(0)
    prior = CodePrior(CONFIG).train()
    optimizer = torch.optim.AdamW(prior.parameters(), 1e-2)
    for step in range(150):
        loss = prior.loss(patterned(16, 20, step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return prior.eval()


def test_an_untrained_prior_knows_nothing():
    torch.manual_seed(1)
    assert float(CodePrior(CONFIG).bits(patterned(1, 50, 0)[0]).mean()) == pytest.approx(4.0, abs=0.3)


def test_it_learns_the_entropy_of_its_source(prior: CodePrior):
    bits = prior.bits(patterned(1, 200, 77)[0])
    assert bits.shape == (2, 200)
    assert bits[0, 1:].mean() < 0.1 and bits[1, 1:].mean() == pytest.approx(1.0, abs=0.15)
    assert prior.loss(patterned(1, 200, 77)).item() == pytest.approx(float(bits.mean()), rel=1e-4)


def test_it_looks_neither_ahead_nor_up(prior: CodePrior):
    codes = patterned(1, 12, 3)[0]
    for q, t in ((0, 5), (1, 5)):
        other = codes.clone()
        other[q, t] = (other[q, t] + 3) % 16
        changed = ~torch.isclose(prior.bits(codes), prior.bits(other), atol=1e-5)
        assert changed[q, t]
        assert not changed[:, :t].any() and not changed[:q, t].any()
        assert changed[:, t + 1 :].any()


@torch.inference_mode()
def test_steps_see_what_the_whole_sees(prior: CodePrior):
    codes = patterned(1, 20, 4)
    state = prior.start()
    for a, b in ((0, 1), (1, 4), (4, 13)):
        state = prior.listen(codes[:, :, a:b], state)
    context, _ = prior._context(state[0], state[1:])
    whole = prior.listen(codes[:, :, :13], prior.start())
    torch.testing.assert_close(context, prior._context(whole[0], whole[1:])[0])


def test_likelihood_and_step_agree(prior: CodePrior):
    """The share of draws of each code in one step is what the bits say."""
    codes = patterned(1, 8, 5)[0]
    state = [s.expand(2000, *s.shape[1:]) for s in prior.listen(codes[None], prior.start())]
    drawn, _ = prior.step(state, 1.0, torch.Generator().manual_seed(0))
    first = (codes[0, -1] + 1) % 16
    chosen = drawn[drawn[:, 0] == first]
    assert len(chosen) > 1800
    for code in (first, (first + 1) % 16):
        bits = prior.bits(torch.cat([codes, torch.stack([first, code])[:, None]], 1))[1, -1]
        assert (chosen[:, 1] == code).float().mean().item() == pytest.approx(2.0 ** -bits.item(), abs=0.05)


def test_samples_follow_the_pattern_and_the_seed(prior: CodePrior):
    codes = prior.sample(40, temperature=0.5, seed=3)
    assert codes.shape == (2, 40) and codes.dtype == torch.int16
    assert torch.equal(codes, prior.sample(40, temperature=0.5, seed=3))
    assert not torch.equal(codes, prior.sample(40, temperature=0.5, seed=4))
    assert ((codes[0, 1:] - codes[0, :-1]) % 16 == 1).float().mean() > 0.9


def test_a_recording_is_continued(prior: CodePrior):
    codes = patterned(1, 20, 6)[0].to(torch.int16)
    more = prior.continue_(codes, 5, temperature=0.0)
    assert more[0].tolist() == [(int(codes[0, -1]) + k) % 16 for k in range(1, 6)]
    assert prior.continue_(codes[:, :0], 3, seed=1).tolist() == prior.sample(3, seed=1).tolist()
    assert prior.sample(0).shape == (2, 0)


def test_a_continuation_keeps_the_voice_that_was_heard(prior: CodePrior):
    """However long it goes on, the mean over what was heard is that of the recording."""
    codes, generator = patterned(1, 20, 7)[0], torch.Generator().manual_seed(5)
    state = prior.listen(codes[None], prior.start())
    voice, expected = state[1].clone(), []
    for _ in range(12):
        frame, state = prior.step(state, 1.0, generator)
        state[1] = voice
        expected.append(frame[0].tolist())
    found = prior.following(codes, 1.0, seed=5)
    assert [next(found).tolist() for _ in range(12)] == expected


def test_fewer_codebooks_count_alone():
    prior, codes = CodePrior(CONFIG).eval(), patterned(2, 10, 1)
    bits = prior(codes, torch.tensor([1, 2]))
    assert not bits[0, 1].any() and bits[1].all()
    other = codes.clone()
    other[0, 1] = 0
    torch.testing.assert_close(prior(other, torch.tensor([1, 2])), bits)


def test_temperature_of_a_draw():
    generator = torch.Generator().manual_seed(0)

    def shares(temperature: float) -> list[float]:
        logits = torch.tensor([[0.5, 0.3, 0.12, 0.08]]).log().expand(8000, 4)
        found = draw(logits, temperature, generator)
        return (torch.bincount(found, minlength=4) / len(found)).tolist()

    # the entropy is 1.16 nats, and 0.3 has 1.20, 0.5 has 0.69, 0.12 has 2.12, 0.08 has 2.53: it is beyond TYPICAL
    assert shares(1.0) == pytest.approx([0.5 / 0.92, 0.3 / 0.92, 0.12 / 0.92, 0.0], abs=0.02)
    assert shares(0.25) == pytest.approx([0.0, 1.0, 0.0, 0.0])
    assert shares(0.6) == pytest.approx([0.5 / 0.8, 0.3 / 0.8, 0.0, 0.0], abs=0.02)
    assert shares(0.0) == [1.0, 0.0, 0.0, 0.0]
    roots = np.sqrt([0.5, 0.3, 0.12, 0.08])
    assert shares(2.0) == pytest.approx(roots / roots.sum(), abs=0.02)


def test_silence_ends_and_may_last_a_moment():
    prior = CodePrior(dataclasses.replace(CONFIG, quiet=(3, 5))).eval()
    with torch.no_grad():
        prior.target_bias[0, 3] = 50.0  # nothing else would ever come
    first = prior.sample(3 * PAUSE, temperature=0.5, seed=1)[0].tolist()
    lengths = [len(run) for run in "".join("q" if code == 3 else " " for code in first).split()]
    assert max(lengths) == PAUSE and sum(lengths) > 2 * PAUSE
    assert set(prior.sample(3, temperature=0.0)[0].tolist()) == {3}
    assert CodePrior(CONFIG).config.quiet == ()  # priors of before know of no silence


def test_the_share_of_silence_is_that_of_the_data_whatever_the_temperature():
    prior = CodePrior(dataclasses.replace(CONFIG, quiet=(3,))).eval()
    with torch.no_grad():
        prior.target[0].zero_()
        prior.target_bias[0, 3] = math.log(15.0)  # as likely as all others together, and the likeliest of all by far
    for temperature in (0.1, 1.0, 2.0):
        first = torch.cat([prior.sample(30, temperature, seed)[0] for seed in range(20)])
        assert (first == 3).float().mean().item() == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("quiet", [(16,), (-1,), tuple(range(16))])
def test_quiet_codes_are_some_of_the_codes(quiet: tuple[int, ...]):
    with pytest.raises(ValueError, match="quiet"):
        dataclasses.replace(CONFIG, quiet=quiet)


@pytest.mark.parametrize(
    "change",
    [
        {"dilations": ()},
        {"dilations": (1,) * 33},
        {"dilations": (True,)},
        {"dilations": (8192,)},
        {"width": 0},
        {"width": 1 << 40},
        {"rank": 1025},
        {"voice": -1},
        {"codebooks": 33},
    ],
)
def test_sizes_that_cannot_be_are_refused(change: dict[str, Any]):
    """Also as many blocks as a file likes to name: each of them is there before its weights are."""
    with pytest.raises(ValueError, match=next(iter(change))):
        dataclasses.replace(CONFIG, **change)


def test_silence_is_found_by_its_codes():
    codec = Codec.from_pretrained()
    with open_source(str(SPEECH)) as source:
        speech, rate = np.concatenate(list(source.blocks), 1)[0], source.sample_rate
    waveform = np.concatenate([speech, np.zeros(2 * rate, np.float32), speech[: 2 * rate]])
    codes = codec.encode(torch.from_numpy(waveform)[None], rate).numpy()
    quiet = quiet_codes(codec, codes)
    silent = codes[0, round(len(speech) / rate * 50) + 10 :][:80]
    assert np.isin(silent, quiet).all(), "rare ones too: what is left ends a silence"
    assert np.isin(codes[0, 50 : len(speech) * 50 // rate], quiet).mean() < 0.5
    assert set(range(codec.codes)) - set(codes[0].tolist()) <= set(quiet), "nobody knows how loud they are"


def test_saved_and_loaded(prior: CodePrior, tmp_path: Path):
    prior.save_pretrained(tmp_path, half=True)
    loaded, codes = CodePrior.from_pretrained(tmp_path), patterned(1, 30, 8)[0]
    assert loaded.config == CONFIG
    torch.testing.assert_close(loaded.bits(codes), prior.bits(codes), atol=0.05, rtol=0.02)  # kept as float16


def test_damaged_files_are_refused(prior: CodePrior, tmp_path: Path):
    with pytest.raises(InputError, match=r"expected a bundled model .* or a folder with prior\.json"):
        CodePrior.from_pretrained(tmp_path)
    prior.save_pretrained(tmp_path, half=True)
    text = (tmp_path / "prior.json").read_text()
    raw = json.loads(text)
    for entries in ({"width": 10**9}, {"dilations": []}, {"width": 33}, {"surplus": 1}):
        (tmp_path / "prior.json").write_text(json.dumps({**raw, "config": {**raw["config"], **entries}}))
        with pytest.raises(InputError, match="prior"):
            CodePrior.from_pretrained(tmp_path)
    (tmp_path / "prior.json").write_text(text)
    (tmp_path / "prior.safetensors").write_bytes(b"short")
    with pytest.raises(InputError, match=r"prior\.safetensors: expected"):
        CodePrior.from_pretrained(tmp_path)


@pytest.mark.parametrize("codes", [torch.zeros(3, 4, dtype=torch.int16), torch.zeros(2, 4), torch.full((2, 4), 16)])
def test_codes_of_another_kind_are_refused(prior: CodePrior, codes: Tensor):
    with pytest.raises(InputError, match="codes: expected"):
        prior.continue_(codes, 3)


def test_it_can_begin_with_what_is_known_of_the_codes():
    shares = torch.full((2, 16), 0.5 / 15)
    shares[:, 3] = 0.5
    torch.manual_seed(0)
    prior = CodePrior(CONFIG).eval()
    prior.start_from(shares, torch.randn(2, 16, 4))
    bits = prior.bits(torch.tensor([[3, 4], [3, 4]]))
    assert bits[:, 0].mean() < 2.0 and bits[:, 1].mean() > 3.5


# the script that trains it, and the entropy coder with it


@pytest.fixture
def script() -> Iterator[ModuleType]:
    with script_here("train_codes.py") as module:
        yield module


@pytest.fixture
def codec_and_speech(tmp_path: Path) -> tuple[Path, Path]:
    torch.manual_seed(0)
    sizes = {"encoder_width": 16, "decoder_width": 16, "latent_size": 8, "codebooks": 2, "codes": 16}
    model = VQVAE(VQVAEConfig(**sizes, encoder_dilations=(1,), decoder_dilations=(1,))).eval()
    samples = 0.3 * torch.randn(3, 40_000, generator=torch.Generator().manual_seed(0))
    latents, _ = model.latents(samples[:, : 124 * 320], model.initial_encoder_state(3))
    model.quantizer.initialise(latents.detach().transpose(1, 2), torch.Generator().manual_seed(0))
    (tmp_path / "codec").mkdir()
    (tmp_path / "speech").mkdir()
    model.save_pretrained(tmp_path / "codec")
    for i, row in enumerate(samples.numpy()):
        soundfile.write(tmp_path / "speech" / f"{i}.wav", np.clip(row, -1, 1), 16_000)
    (tmp_path / "speech" / "broken.wav").write_bytes(b"RIFF")
    return tmp_path / "codec", tmp_path / "speech"


def test_the_script_writes_what_a_codec_loads(script: ModuleType, codec_and_speech: tuple[Path, Path], tmp_path: Path):
    codec, speech = codec_and_speech
    again = {"weights": codec, "data": speech, "dev": speech, "run": tmp_path / "run"}
    small = {"batch": 4, "prior_batch": 2, "prior_frames": 20, "width": 16, "save_every": 2}
    both = {"entropy_steps": 6, "prior_steps": 4, "start_from": None, "hours": 1.0, "dropout": 0.1}
    script.main(**again, **small, **both, running=ONE)
    model, prior = EntropyModel.load(codec), CodePrior.from_pretrained(codec)
    assert (model.codebooks, model.codes) == (prior.config.codebooks, prior.config.codes) == (2, 16)
    assert len(list((tmp_path / "run").glob("codes-*.npz"))) == 1  # one folder, read once


def test_a_corpus_is_streamed_by_share_each_recording_once_an_epoch(
    script: ModuleType, codec_and_speech: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder, speech = codec_and_speech
    shards = ["--shard-items", "1", "--jobs", "1", "--model", str(folder)]
    done = CliRunner().invoke(app, ["corpus", "encode", str(speech), "-o", str(tmp_path / "codes"), *shards])
    assert done.exit_code == 1 and "3 items in 3 shards" in done.output  # one is broken
    corpus, codec = Corpus(str(tmp_path / "codes"), KIND), Codec.from_pretrained(folder)
    recordings = sorted(record["codes"].tobytes() for record in corpus)
    frames = corpus.read(corpus.shards[0])[0]["codes"].shape[1]

    def drawn(share: int, length: int) -> Tensor:
        made = StreamedCodes(corpus, codec, seed=1)
        return made.draw(1, length, torch.Generator().manual_seed(share), share)

    epoch = [drawn(share, frames) for share in (2, 0, 1)]  # in whatever process, in whatever order
    assert sorted(piece.numpy().astype(np.int16).tobytes() for piece in epoch) == recordings
    longer = drawn(0, frames + 5)
    assert torch.equal(longer[..., :frames], epoch[1]) and torch.equal(longer[..., frames:], epoch[2][..., :5])
    given = {"weights": folder, "data": str(tmp_path / "codes"), "dev": str(tmp_path / "codes")}
    small = {"batch": 2, "prior_batch": 2, "prior_frames": 20, "width": 16, "save_every": 2, "hours": 1.0}
    rest = {"entropy_steps": 2, "prior_steps": 2, "start_from": None, "dropout": 0.1, "running": ONE}
    script.main(**given, **small, **rest, run=tmp_path / "run")
    assert saved(tmp_path / "run") == {"entropy": 2, "prior": 2} and not list((tmp_path / "run").glob("*.npz"))
    with pytest.raises(SystemExit):
        script.main(**given | {"weights": "speech_16k"}, **small, **rest, run=tmp_path / "other")
    assert "codes: expected 7 codebooks of model " in capsys.readouterr().err


def test_a_stopped_run_goes_on_to_the_same_weights(script: ModuleType, tmp_path: Path):
    generator = np.random.default_rng(0)
    codes = Codes(generator.integers(0, 16, (2, 300)).astype(np.int16), np.array([0, 300]), 16, 20)

    def run(folder: Path, stops: list[int]) -> dict[str, Tensor]:
        folder.mkdir()
        while True:
            torch.manual_seed(0)
            prior = CodePrior(CONFIG)
            state = RunState(folder / "state.safetensors", {"prior": prior}, ("prior",))
            if state.path.is_file():
                state.load()
            step = stops.pop(0) if stops else 99

            def stop(state: RunState = state, step: int = step) -> None:
                if state.steps["prior"] + 1 == step:
                    signal.raise_signal(signal.SIGTERM)

            loss = lambda m, g, share: m(codes.draw(2, 20, g), None, 0.1).mean()  # noqa: E731
            phase = script.Phase("prior", prior, loss, stop, 5, 1e-2, 0.0)
            try:
                script.train(TrainingRun(state, 100), Shares(ONE.launch("auto")), 0, phase, 0)
                return load_file(state.path)
            except KeyboardInterrupt:
                assert state.steps["prior"] == step

    whole, stopped = run(tmp_path / "whole", []), run(tmp_path / "stopped", [2, 4])
    assert whole.keys() == stopped.keys() and all(torch.equal(t, stopped[name]) for name, t in whole.items())


def test_a_damaged_state_is_refused_in_one_line_and_a_finished_run_goes_on(
    script: ModuleType, codec_and_speech: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    codec, speech = codec_and_speech
    run = tmp_path / "run"
    again = {"weights": codec, "data": speech, "dev": speech, "run": run}
    small = {"batch": 2, "prior_batch": 2, "prior_frames": 20, "width": 16, "save_every": 9}
    rest = {"start_from": None, "hours": 1.0, "dropout": 0.1, "running": ONE}
    script.main(**again, **small, **rest, entropy_steps=1, prior_steps=1)
    script.main(**again, **small, **rest, entropy_steps=1, prior_steps=3)
    assert saved(run) == {"entropy": 1, "prior": 3}
    (run / "state.safetensors").write_bytes(b"damaged")
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        script.main(**again, **small, **rest, entropy_steps=1, prior_steps=3)
    assert end.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{run / 'state.safetensors'}: expected the state of a run" in line
