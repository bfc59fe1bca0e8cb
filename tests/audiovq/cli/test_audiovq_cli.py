"""The command `audiovq`: every command on real files, with a small model of random weights."""

from __future__ import annotations

import json
import multiprocessing
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from fork_server import ForkedProgram, run_forked
from typer.testing import CliRunner, Result

from audiovq import Codec
from audiovq.audio_io import ffmpeg
from audiovq.audio_io.reader import open_source
from audiovq.audio_io.wav import pack_header
from audiovq.cli import app as cli
from audiovq.cli import jobs
from audiovq.cli.paths import Pair
from audiovq.codec.interpolation import WholeRecording, mixed_codes, read_whole
from audiovq.entropy.network import EntropyNetwork
from audiovq.model.prior import CodePrior, CodePriorConfig
from audiovq.model.vqvae import VQVAE, VQVAEConfig
from latentmix.files import replacing

ROOT = Path(__file__).resolve().parents[3]
SPEECH = ROOT / "examples" / "speech.flac"
RATE = 16_000
SMALL = VQVAEConfig(
    encoder_width=32,
    decoder_width=32,
    encoder_dilations=(1, 2),
    decoder_dilations=(1, 2),
    latent_size=8,
    codebooks=5,
    codes=64,
)


def make_model(folder: Path, seed: int) -> str:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = VQVAE(SMALL)
        for name, tensor in made.state_dict().items():
            if name.endswith("codebook"):  # the rest starts with random weights anyway
                torch.nn.init.normal_(tensor)
        made.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_model(tmp_path_factory.mktemp("model"), 3)


def run(*arguments: object, data: bytes | None = None) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments], input=data)


def figures(*arguments: object) -> dict:
    """What a command says with --json."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


def refused(*arguments: object, status: int = 1) -> str:
    """The one line that a command says when it refuses."""
    result = run(*arguments)
    assert result.exit_code == status, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("audiovq: ")]
    assert status == 2 or (len(lines) == 1 == len(result.stderr.splitlines())), result.stderr
    return result.stderr.strip()


def process(*arguments: object) -> list[str]:
    return [sys.executable, "-c", "from audiovq.cli import main; main()", *map(str, arguments)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


def noise(seconds: float, rate: int = RATE, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.3, 0.3, (round(seconds * rate), channels))


def write(path: Path, seconds: float = 0.5, rate: int = RATE, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise(seconds, rate, channels), rate)
    return path


def compressed(path: Path, model: str, **given: object) -> Path:
    audio = write(path.with_suffix(".wav"), **given)
    figures("compress", audio, "-o", path, "--model", model, "--kbps", 0.9)
    audio.unlink()
    return path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# one file


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_the_example_there_and_back(tmp_path: Path, model: str, suffix: str):
    avq, back = tmp_path / "a.avq", tmp_path / f"a.{suffix}"
    made = figures("compress", SPEECH, "-o", avq, "--model", model, "--kbps", 0.6)["files"][0]
    info = soundfile.info(SPEECH)
    assert made["bytes"] == avq.stat().st_size and made["codebooks"] == 2 and made["output"] == str(avq)
    assert made["kbps"] == pytest.approx(made["bytes"] * 8 / 1000 / info.duration, abs=1e-3) and made["kbps"] < 0.7
    decoded = figures("decompress", avq, "-o", back, "--model", model)["files"][0]
    assert decoded["samples"] == soundfile.info(back).frames == info.frames and decoded["damage"] is None
    assert soundfile.info(back).samplerate == info.samplerate and names(tmp_path) == sorted(["a.avq", back.name])


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (192_000, 1), (16_000, 8)])
def test_rates_and_channels(tmp_path: Path, model: str, rate: int, channels: int):
    audio = write(tmp_path / "a.wav", 0.3, rate, channels)
    for keep, count in (("mix", 1), ("keep", channels)):
        figures(
            "compress", audio, "-o", tmp_path / "a.avq", "--model", model, "--channels", keep, "--kbps", 1.2, "--force"
        )
        figures("decompress", tmp_path / "a.avq", "-o", tmp_path / "b.wav", "--model", model, "--force")
        back = soundfile.info(tmp_path / "b.wav")
        assert (back.frames, back.samplerate, back.channels) == (round(0.3 * rate), rate, count)
    figures("decompress", tmp_path / "a.avq", "-o", tmp_path / "b.wav", "--model", model, "--rate", 16_000, "--force")
    assert soundfile.info(tmp_path / "b.wav").frames == 4800


@pytest.mark.parametrize("samples", [1, 319, 320, 321])
def test_the_shortest_and_the_most_silent(tmp_path: Path, model: str, samples: int):
    soundfile.write(tmp_path / "a.wav", np.zeros(samples), RATE)
    figures("compress", tmp_path / "a.wav", "-o", tmp_path / "a.avq", "--model", model)
    figures("decompress", tmp_path / "a.avq", "-o", tmp_path / "b.wav", "--model", model)
    assert soundfile.info(tmp_path / "b.wav").frames == samples


def test_a_part(tmp_path: Path, model: str):
    avq = compressed(tmp_path / "a.avq", model, seconds=3)
    figures("decompress", avq, "-o", tmp_path / "whole.wav", "--model", model)
    figures("decompress", avq, "-o", tmp_path / "part.wav", "--model", model, "--start", 1.5, "--seconds", 0.25)
    assert soundfile.info(tmp_path / "whole.wav").frames == 3 * RATE
    assert soundfile.info(tmp_path / "part.wav").frames == RATE // 4
    assert "expected audio from 9 s on" in refused(
        "decompress", avq, "-o", tmp_path / "x.wav", "--start", 9, "--model", model
    )


def test_info(tmp_path: Path, model: str):
    avq = compressed(tmp_path / "a.avq", model, seconds=2.5, rate=44_100)
    said = figures("info", avq)
    assert said["seconds"] == 2.5 and said["samples"] == 110_250 and said["original_rate"] == 44_100
    assert said["bytes"] == avq.stat().st_size and said["kbps"] == pytest.approx(said["bytes"] * 8 / 2500, abs=1e-3)
    assert (said["codebooks"], said["codes"], said["code_rate"], said["chunks"]) == (3, 64, 50, 3)
    assert said["mean_codebooks"] == 3
    assert said["damaged_chunks"] == [] and said["cut_off"] is False and said["damage"] is None
    result = run("info", avq)
    assert result.exit_code == 0 and "2.50 s, 110250 samples" in result.stdout and "44100 Hz" in result.stdout


def test_tokens(tmp_path: Path, model: str):
    audio = write(tmp_path / "a.wav", 1.3)
    figures("compress", audio, "-o", tmp_path / "a.avq", "--model", model, "--kbps", 0.9)
    result = run("tokens", tmp_path / "a.avq", "-o", tmp_path / "codes.npy", "--model", model)
    assert result.exit_code == 0 and "3 x 67 codes" in result.stdout
    codes = np.load(tmp_path / "codes.npy")
    samples, _ = soundfile.read(audio, dtype="float32")
    expected = Codec.from_pretrained(model).encode(samples[None], RATE, kbps=0.9)
    assert codes.dtype == np.int16 and np.array_equal(codes, expected)
    write(audio, 0.2, channels=2)
    stereo = ("-o", tmp_path / "b.avq", "--channels", "keep", "--kbps", 0.3)
    figures("compress", audio, *stereo, "--model", model)
    tokens = ("tokens", tmp_path / "b.avq", "-o", tmp_path / "codes.npy", "--model", model)
    assert "codes.npy: will be replaced" in run(*tokens).stderr
    assert np.load(tmp_path / "codes.npy").shape == (2, 1, 12)


def test_tokens_of_a_folder_have_as_many_codebooks_everywhere(tmp_path: Path, model: str):
    recordings, codes = tmp_path / "in", tmp_path / "codes"
    (recordings / "deep").mkdir(parents=True)
    write(recordings / "a.wav", 1.3)
    write(recordings / "deep" / "b.flac", 0.7)
    figures("compress", recordings / "a.wav", "-o", recordings / "c.avq", "--model", model, "--kbps", 1.5)
    result = run("tokens", recordings, "-o", codes, "--codebooks", 4, "--model", model)
    assert result.exit_code == 0 and result.stdout.startswith("3 files: ")
    assert names(codes) == ["a.npy", "c.npy", "deep/b.npy"]
    codec = Codec.from_pretrained(model)
    for name, made in (("a.wav", "a.npy"), ("deep/b.flac", "deep/b.npy")):
        samples, _ = soundfile.read(recordings / name, dtype="float32")
        found = np.load(codes / made)
        assert found.dtype == np.int16 and np.array_equal(found, codec.encode(samples[None], RATE, kbps=1.2))
    compressed_too = np.load(codes / "c.npy")
    assert compressed_too.shape == (4, 67) and compressed_too.min() >= 0


def test_tokens_of_a_recording_are_those_of_its_compressed_file(tmp_path: Path, model: str):
    audio = write(tmp_path / "a.wav", 0.9)
    figures("compress", audio, "-o", tmp_path / "a.avq", "--model", model, "--kbps", 0.9)
    for path, name in ((audio, "x.npy"), (tmp_path / "a.avq", "y.npy")):
        result = run("tokens", path, "-o", tmp_path / name, "--codebooks", 3, "--model", model)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "x.npy").read_bytes() == (tmp_path / "y.npy").read_bytes()


def test_tokens_without_holes_refuse_what_has_some(tmp_path: Path, model: str):
    avq = compressed(tmp_path / "a.avq", model, seconds=4)
    most = figures("info", avq)["codebooks"]
    said = refused("tokens", avq, "-o", tmp_path / "x.npy", "--codebooks", most + 1, "--model", model)
    assert f"{avq}: expected {most + 1} codebooks in every chunk, found {most}; give the recording itself" in said
    said = refused("tokens", tmp_path, "-o", tmp_path / "x", "--codebooks", 6, "--model", model)
    assert "--codebooks 6: expected at most 5, which" in said
    corrupt(avq, avq.stat().st_size // 2)
    said = refused("tokens", avq, "-o", tmp_path / "x.npy", "--codebooks", 1, "--model", model)
    assert "expected a whole file, for --codebooks leaves no holes; found that 1 of 5 chunks are damaged" in said
    assert names(tmp_path) == ["a.avq"]


def test_codes_become_sound_again(tmp_path: Path, model: str):
    codec, generator = Codec.from_pretrained(model), np.random.default_rng(0)
    one, two = generator.integers(0, 64, (3, 130)), generator.integers(0, 64, (2, 5, 70)).astype(np.uint8)
    (tmp_path / "codes").mkdir()
    np.save(tmp_path / "codes" / "one.npy", one)
    np.save(tmp_path / "codes" / "two.npy", two)
    result = run("detokenize", tmp_path / "codes", "-o", tmp_path / "sounds", "--model", model)
    assert result.exit_code == 0 and result.stdout.startswith("2 files: ")
    for name, codes in (("one", one), ("two", two)):
        found, rate = soundfile.read(tmp_path / "sounds" / f"{name}.wav", always_2d=True)
        assert rate == RATE
        np.testing.assert_allclose(found.T, codec.decode(codes).clamp(-1, 1), atol=1e-3)
    said = figures("detokenize", tmp_path / "codes" / "one.npy", "-o", tmp_path / "one.flac", "--model", model)["files"]
    assert said[0]["samples"] == soundfile.info(tmp_path / "one.flac").frames == 130 * 320 - codec.model.delay


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((3, 5)), r"expected integers of shape \(Q, N\) or \(C, Q, N\), found float64 \(3, 5\)"),
        (np.zeros(9, int), r"found int64 \(9,\)"),
        (np.zeros((70, 3), int), r"expected \(Q, N\) with Q of 1 to 5 codebooks, found \(70, 3\), the other way round"),
        (np.zeros((3, 0), int), "of 1 to 5 codebooks"),
        (np.full((2, 9), 64), "codes of 0 to 63, or -1 but in the first codebook, found 64 in codebook 0 of frame 0"),
        (np.repeat([[0], [-2]], 2000, 1), "found -2 in codebook 1 of frame 0"),
        (np.full((1, 2), -1), "found -1 in codebook 0"),
        (np.array([{}], object), "expected a NumPy file of codes, found"),
        (b"no codes in here", "expected a NumPy file of codes, found"),
        (b"", "expected a NumPy file of codes, found"),
        (
            b"\x93NUMPY\x01\x00\x46\x00{'descr': '<i8', 'fortran_order': False, 'shape': (3, 99999999999)}",
            "expected a N",
        ),
        (None, "codes.npy: cannot read the file"),
    ],
)
def test_what_is_no_codes_is_refused(tmp_path: Path, model: str, content: np.ndarray | bytes | None, message: str):
    path = tmp_path / "codes.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content, allow_pickle=True)
    said = refused("detokenize", path, "-o", tmp_path / "x.wav", "--model", model)
    assert re.search(message, said), said
    assert not (tmp_path / "x.wav").exists()


def test_entropy_coding_is_on_where_a_coder_is_there(tmp_path: Path, model: str):
    coded = shutil.copytree(model, tmp_path / "coded")
    audio = tmp_path / "a.wav"
    soundfile.write(audio, 0.3 * np.sin(np.arange(3 * RATE) / 7), RATE)
    samples = soundfile.read(audio, dtype="float32")[0][None]
    plain, three = (Codec.from_pretrained(model).encode(samples, RATE, kbps).numpy() for kbps in (None, 0.9))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = EntropyNetwork(SMALL.codebooks, SMALL.codes, features=16, hidden=8, rank=4)
        counts = torch.stack([torch.bincount(torch.from_numpy(row.astype(int)), minlength=64) for row in plain])
        counts[:3] += torch.stack([torch.bincount(torch.from_numpy(row.astype(int)), minlength=64) for row in three])
        network.start_from((counts + 0.5) / (counts + 0.5).sum(1, keepdim=True), torch.randn(5, 64, 8))
    network.freeze().save(coded)
    for folder, name in ((model, "plain.avq"), (coded, "coded.avq")):
        figures("compress", audio, "-o", tmp_path / name, "--model", folder)
    said = figures("info", tmp_path / "coded.avq")
    assert said["saved_by_entropy_coding"] > 0.1 and said["entropy_coder"] and said["damage"] is None
    assert figures("info", tmp_path / "plain.avq")["saved_by_entropy_coding"] == 0
    for name in ("plain", "coded"):
        figures("decompress", tmp_path / f"{name}.avq", "-o", tmp_path / f"{name}.wav", "--model", coded)
        run("tokens", tmp_path / f"{name}.avq", "-o", tmp_path / f"{name}.npy", "--model", coded)
        assert np.array_equal(np.load(tmp_path / f"{name}.npy"), plain)
    assert (tmp_path / "plain.wav").read_bytes() == (tmp_path / "coded.wav").read_bytes()
    figures("compress", audio, "-o", tmp_path / "more.avq", "--model", coded, "--kbps", 0.6)
    said = figures("info", tmp_path / "more.avq")
    assert said["codebooks"] == 3 and 2 < said["mean_codebooks"] < 3 and said["kbps"] <= 0.6
    assert "up to 3, on average 2." in " ".join(run("info", tmp_path / "more.avq").stdout.split())
    run("tokens", tmp_path / "more.avq", "-o", tmp_path / "more.npy", "--model", coded)
    more = np.load(tmp_path / "more.npy")
    assert np.array_equal(more, np.where(more < 0, -1, three)) and (more[:2] >= 0).all() and (more[2] < 0).any()
    for command, out in (("decompress", "x.wav"), ("tokens", "x.npy")):
        said = refused(command, tmp_path / "coded.avq", "-o", tmp_path / out, "--model", model)
        assert "expected the entropy coder" in said and "found none" in said


# new audio


@pytest.fixture(scope="session")
def creative(model: str) -> str:
    """The model with a prior of random weights beside it."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        prior = CodePrior(CodePriorConfig(SMALL.codebooks, SMALL.codes, width=16, dilations=(1, 2), rank=8))
    prior.save_pretrained(model, half=True)
    return model


def test_sample_can_be_had_again(tmp_path: Path, creative: str):
    for name in ("a", "b"):
        arguments = ("sample", "-n", 2, "--seconds", 0.5, "--seed", 7, "-o", tmp_path / name, "--model", creative)
        said = figures(*arguments)
        assert said["seed"] == 7 and [each["seconds"] for each in said["files"]] == [0.5, 0.5]
    a, b = ([path.read_bytes() for path in sorted((tmp_path / name).iterdir())] for name in ("a", "b"))
    assert names(tmp_path / "a") == ["sample-01.wav", "sample-02.wav"] and a == b and a[0] != a[1]
    assert soundfile.info(tmp_path / "a" / "sample-01.wav").frames == RATE // 2
    assert figures("sample", "-o", tmp_path / "c.ogg", "--model", creative, "--seconds", 0.2)["seed"] >= 0


@pytest.mark.parametrize("kind", ["wav", "avq"])
def test_continue_begins_with_the_recording(tmp_path: Path, creative: str, kind: str):
    path = tmp_path / f"a.{kind}"
    if kind == "avq":
        compressed(path, creative, seconds=1)
    else:
        write(path, 1, 8_000, 2)
    arguments = ("--seconds", 2, "--seed", 1, "--model", creative)
    figures("continue", path, "-o", tmp_path / "long.wav", *arguments)
    figures("continue", path, "-o", tmp_path / "new.wav", "--only-new", *arguments)
    assert soundfile.info(tmp_path / "long.wav").frames == 3 * RATE
    assert soundfile.info(tmp_path / "new.wav").frames == 2 * RATE


def whole(path: Path, codec: Codec) -> np.ndarray:
    with open_source(path) as source:
        return read_whole(source, codec).samples


def test_mix_goes_from_one_to_the_other(tmp_path: Path, model: str):
    a, b = write(tmp_path / "a.wav", 0.4), tmp_path / "b.flac"
    soundfile.write(b, np.sin(np.arange(8000) / 9), RATE)
    figures("mix", a, b, "--steps", 3, "--separate", "-o", tmp_path / "steps", "--model", model)
    assert names(tmp_path / "steps") == [f"step-0{i}.wav" for i in (1, 2, 3)]
    figures("mix", a, b, "--steps", 3, "-o", tmp_path / "mix.wav", "--model", model)
    assert soundfile.info(tmp_path / "mix.wav").frames == 3 * 8000  # to the end of the last step
    assert {soundfile.info(each).frames for each in (tmp_path / "steps").iterdir()} == {8000}
    codec = Codec.from_pretrained(model)
    first, second = (np.pad(whole(path, codec), ((0, 0), (0, n))) for path, n in ((a, 1600), (b, 0)))
    codes = list(mixed_codes(codec, WholeRecording(first, 0, ()), WholeRecording(second, 0, ()), 5))
    ends = [next(codec.encode_chunks([each], 1, codec.codebooks))[0, :, :25] for each in (first, second)]
    assert len(codes) == 5 and np.array_equal(codes[0][:, :25], ends[0]) and np.array_equal(codes[4][:, :25], ends[1])
    assert 0 < (codes[2] != codes[0]).mean() and 0 < (codes[2] != codes[4]).mean()


def test_new_audio_that_cannot_be_made(tmp_path: Path, model: str):
    empty = make_model(tmp_path / "bare", 6)
    assert "prior.json" in refused("sample", "-o", tmp_path / "a.wav", "--model", empty)
    assert "expected a folder for 3 files" in refused("sample", "-n", 3, "-o", tmp_path / "a.wav", "--model", model)
    assert "ends in .wav, .flac or .ogg" in refused("sample", "-o", tmp_path / "a.mp3", "--model", model)
    a = write(tmp_path / "a.wav")
    assert "none.wav: cannot read" in refused("mix", a, "none.wav", "-o", tmp_path / "m.wav", "--model", model)
    refused("mix", a, a, "--steps", 1, "-o", tmp_path / "m.wav", status=2)
    refused("sample", "-o", tmp_path / "b.wav", "--temperature", -1, status=2)
    assert names(tmp_path) == ["a.wav", "bare/config.json", "bare/model.safetensors"]


# damage


def corrupt(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x40
    path.write_bytes(data)


def test_damage_is_told_and_the_rest_is_there(tmp_path: Path, model: str):
    avq = compressed(tmp_path / "a.avq", model, seconds=4)
    corrupt(avq, avq.stat().st_size // 2)
    result = run("decompress", avq, "-o", tmp_path / "a.wav", "--model", model)
    assert result.exit_code == 1 and soundfile.info(tmp_path / "a.wav").frames == 4 * RATE
    assert result.stderr.strip().startswith(f"audiovq: {avq}: 1 of 5 chunks are damaged (")
    said = json.loads(run("info", avq, "--json").stdout)
    assert len(said["damaged_chunks"]) == 1 and run("info", avq).exit_code == 1
    assert run("tokens", avq, "-o", tmp_path / "codes.npy", "--model", model).exit_code == 1
    assert (np.load(tmp_path / "codes.npy") == -1).sum() == 3 * 50


def test_a_cut_off_file_gives_what_was_there(tmp_path: Path, model: str):
    avq = compressed(tmp_path / "a.avq", model, seconds=4)
    avq.write_bytes(avq.read_bytes()[: avq.stat().st_size // 2])
    result = run("decompress", avq, "-o", tmp_path / "a.wav", "--model", model)
    assert result.exit_code == 1 and "the end is missing" in result.stderr
    assert RATE // 2 < soundfile.info(tmp_path / "a.wav").frames < 3 * RATE
    avq.write_bytes(avq.read_bytes()[:40])
    assert "found none: the end is missing" in refused("decompress", avq, "-o", tmp_path / "b.wav", "--model", model)
    assert not (tmp_path / "b.wav").exists()


def test_other_weights_and_newer_versions_are_refused_by_name(tmp_path: Path, model: str):
    avq = compressed(tmp_path / "a.avq", model)
    other = make_model(tmp_path / "other", 4)
    said = refused("decompress", avq, "-o", tmp_path / "a.wav", "--model", other)
    assert f"{avq}: expected a file made with the weights of other" in said and "--model" in said
    data = bytearray(avq.read_bytes())
    data[4] += 1
    avq.write_bytes(data)
    for command in (("decompress", avq, "-o", tmp_path / "a.wav", "--model", model), ("info", avq)):
        assert f"{avq}: expected .avq version 2 to 4, found version 5" in refused(*command)
    assert names(tmp_path) == ["a.avq", "other/config.json", "other/model.safetensors"]


# what a user gets wrong


def test_usage_errors_have_status_2(tmp_path: Path, model: str):
    audio = write(tmp_path / "a.wav")
    for arguments in (
        ("compress", audio),
        ("compress", audio, "-o", "x.avq", "--kbps", 0),
        ("compress", audio, "-o", "x.avq", "--channels", "both"),
        ("compress", audio, "-o", "-", "--json", "--model", model),
        ("decompress", "a.avq", "-o", "x.wav", "--rate", 5),
        ("decompress", "a.avq", "-o", "x.wav", "--start", -1),
        ("decompress", "a.avq", "-o", "x.wav", "--start", "inf"),
        ("sample", "-o", "x.wav", "--seconds", "nan"),
        ("nonsense",),
    ):
        refused(*arguments, status=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compress", "none.wav", "-o", "x.avq"), "none.wav: cannot read the file: No such file"),
        (("compress", "text.wav", "-o", "x.avq"), "text.wav: expected audio"),
        (("compress", "empty.wav", "-o", "x.avq"), "empty.wav: expected audio, found 0 samples"),
        (("compress", "nan.wav", "-o", "x.avq"), "nan.wav: expected samples between -1 and 1, found nan at 0.006 s"),
        (("compress", "a.wav", "-o", "a.wav"), "expected another name than that of a file that is read"),
        (("compress", "a.wav", "-o", "a.wav/x.avq"), "a.wav/x.avq: cannot write the file: Not a directory"),
        (("compress", "a.wav", "-o", "no/x.avq"), "no/x.avq: cannot write the file: No such file or directory"),
        (("compress", "a.wav", "-o", "a.wav/"), "cannot make the folder"),
        (("compress", "a.wav", "-o", "/proc/x.avq"), "cannot write the file"),
        (("compress", "a.wav", "-o", "/dev/null"), "something other than a file"),
        (("compress", "a.wav", "text.wav", "-o", "-"), "expected one file for a pipe"),
        (("compress", "nothing", "-o", "out"), "nothing: expected files that end in .*, found none"),
        (("compress", "a.wav", "-o", "x.avq", "--kbps", "6"), "expected a rate above 0 and up to 1.5 kbit/s, found 6"),
        (
            ("compress", "a.wav", "-o", "x.avq", "--kbps", "24"),
            "expected a rate above 0 and up to 1.5 kbit/s, found 24",
        ),
        (
            ("compress", "a.wav", "-o", "x.mp3"),
            "x.mp3: expected a name that ends in .avq, or a folder, found that of a",
        ),
        (("compress", "a.wav", "-o", "x.M4A"), "x.M4A: expected a name that ends in .avq"),
        (("compress", "a.wav", "-o", "x.avq", "--model", "none"), "none: expected a bundled model"),
        (("decompress", "a.wav", "-o", "x.wav"), "a.wav: expected an .avq file, found a file that starts with b'RIFF"),
        (("decompress", "none.avq", "-o", "x.wav"), "none.avq: cannot read the file"),
        (("decompress", "nothing/", "-o", "x"), "expected files that end in .avq"),
        (("decompress", "a.wav", "-o", "x.mp3"), "x.mp3: expected a name that ends in .wav, .flac or .ogg"),
        (("info", "a.wav"), "a.wav: expected an .avq file"),
        (("info", "nothing"), "nothing: cannot read the file: Is a directory"),
        (("tokens", "text.wav", "-o", "x.npy"), "text.wav: expected audio"),
        (("tokens", "nothing", "-o", "x"), "nothing: expected files that end in .*, found none"),
        (("tokens", "a.wav", "-o", "x.wav"), "x.wav: expected a name that ends in .npy"),
        (("detokenize", "a.wav", "-o", "x.wav"), "a.wav: expected a NumPy file of codes"),
        (("tokens", "a.wav", "-o", "x.txt"), "x.txt: expected a name that ends in .npy"),
    ],
)
def test_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, arguments: tuple[str, ...], message: str
):
    monkeypatch.chdir(tmp_path)
    write(Path("a.wav"), 0.05)
    Path("text.wav").write_text("no sound in here")
    soundfile.write("empty.wav", np.zeros(0), RATE)
    soundfile.write("nan.wav", np.where(np.arange(400) == 100, np.nan, 0.0), RATE, subtype="FLOAT")
    Path("nothing").mkdir()
    if arguments[0] in ("compress", "decompress", "tokens", "detokenize") and "--model" not in arguments:
        arguments = (*arguments, "--model", model)
    before = names(tmp_path)
    said = refused(*arguments)
    assert re.search(message, said), said
    assert names(tmp_path) == before


def test_verbose_shows_the_traceback(tmp_path: Path, model: str):
    result = run("compress", tmp_path / "none.wav", "-o", tmp_path / "x.avq", "--model", model, "--verbose")
    assert result.exit_code == 1 and "Traceback" in result.stderr


# folders


def test_a_folder_goes_on_after_a_bad_file(tmp_path: Path, model: str):
    recordings, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.wav", "deep/er/b.flac", "same.wav", "same.ogg"):
        write(recordings / name, 0.2)
    (recordings / "bad.wav").write_text("no sound")
    (recordings / "notes.txt").write_text("not meant")
    result = run("compress", recordings, "-o", out, "--model", model, "--json")
    said = json.loads(result.stdout)
    assert result.exit_code == 1 and len(said["files"]) == 4
    assert [each["input"] for each in said["failed"]] == [str(recordings / "bad.wav")]
    assert "1 of 5 files could not be done" in result.stderr and "bad.wav: expected audio" in result.stderr
    assert names(out) == ["a.avq", "deep/er/b.avq", "same.ogg.avq", "same.wav.avq"]
    back = figures("decompress", out, "-o", tmp_path / "back", "--model", model, "--format", "flac")
    assert len(back["files"]) == 4 and back["failed"] == []
    assert "deep/er/b.flac" in names(tmp_path / "back") and back["seconds"] == pytest.approx(0.8)


def test_several_files_on_several_cores(tmp_path: Path, model: str):
    files = [write(tmp_path / f"{i}.wav", 0.3 + i / 10) for i in range(4)]
    (tmp_path / "bad.wav").write_text("no sound")
    arguments = (*files[:2], tmp_path / "bad.wav", *files[2:], "-o")
    result = run("compress", *arguments, tmp_path / "many", "--model", model, "--jobs", 2, "--json")
    said = json.loads(result.stdout)
    assert result.exit_code == 1 and [each["input"] for each in said["files"]] == [str(file) for file in files]
    assert len(said["failed"]) == 1
    run("compress", *arguments, tmp_path / "one", "--model", model, "--jobs", 1)
    assert names(tmp_path / "many") == names(tmp_path / "one") == [f"{i}.avq" for i in range(4)]
    for name in names(tmp_path / "one"):
        assert (tmp_path / "many" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_linked_folders_are_followed_once(tmp_path: Path, model: str):
    write(tmp_path / "elsewhere" / "b.wav")
    write(tmp_path / "in" / "a.wave.wav").rename(tmp_path / "in" / "a.wave")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in")
    said = figures("compress", tmp_path / "in", "-o", tmp_path / "out", "--model", model, "--kbps", 0.9)
    assert len(said["files"]) == 2 and names(tmp_path / "out") == ["a.avq", "linked/b.avq"]


@pytest.mark.parametrize("installed", [True, False])
def test_what_ffmpeg_reads_is_taken_from_folders_or_named(
    tmp_path: Path, model: str, installed: bool, monkeypatch: pytest.MonkeyPatch
):
    write(tmp_path / "in" / "a.wav")
    (tmp_path / "in" / "b.m4a").write_bytes(b"damaged")
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: installed)
    result = run("compress", tmp_path / "in", "-o", tmp_path / "out", "--model", model, "--kbps", 0.9)
    assert names(tmp_path / "out") == ["a.avq"]
    assert result.exit_code == (1 if installed else 0)
    expected = "b.m4a: expected audio" if installed else f"not installed: {tmp_path / 'in' / 'b.m4a'}"
    assert expected in result.stderr


def test_what_was_changed_is_said(tmp_path: Path, model: str):
    loud = 2.0 * noise(0.5)
    soundfile.write(tmp_path / "a.wav", 4 * np.concatenate([loud, -loud], 1), RATE, subtype="FLOAT")
    result = run("compress", tmp_path / "a.wav", "-o", tmp_path / "a.avq", "--model", model, "--kbps", 0.9)
    assert result.exit_code == 0
    clipped, turned = result.stderr.splitlines()
    assert "samples above full scale, by up to 7." in clipped
    assert "channel 2 is turned round; --channels keep keeps each" in turned
    said = figures("compress", tmp_path / "a.wav", "-o", tmp_path / "b.avq", "--model", model)
    assert len(said["files"][0]["notices"]) == 2


@pytest.mark.parametrize("command", ["compress", "sample"])
def test_one_thread_a_file(tmp_path: Path, model: str, creative: str, command: str):
    """With more, they wait for each other wherever others want the cores too."""
    audio = write(tmp_path / "a.wav")
    script = (
        "import atexit, sys; from audiovq.cli import main; sys.argv[1:] = sys.argv[1:];"
        "atexit.register(lambda: print('threads', sys.modules['torch'].get_num_threads())); main()"
    )
    arguments = {
        "compress": ["compress", audio, "-o", tmp_path / "a.avq", "--model", model, "--kbps", "0.9", "--force"],
        "sample": ["sample", "-o", tmp_path / "b.wav", "--model", creative, "--seconds", "0.2", "--force"],
    }[command]
    clean = {name: value for name, value in environment().items() if not name.endswith("_NUM_THREADS")}
    for asked, threads in (({}, 1), ({"OMP_NUM_THREADS": "2"}, 2)):
        done = subprocess.run(
            [sys.executable, "-c", script, *map(str, arguments)],
            capture_output=True,
            text=True,
            env=clean | asked,
            check=True,
        )
        assert done.stdout.splitlines()[-1] == f"threads {threads}"


def test_files_that_are_there_are_replaced_and_that_is_said(tmp_path: Path, model: str):
    talks, made = tmp_path / "talks", tmp_path / "made"
    talks.mkdir()
    for name in "abc":
        write(talks / f"{name}.wav", 0.2)
    folder = ("compress", talks, "-o", made, "--model", model)
    figures(*folder)
    (made / "a.avq").write_bytes(b"mine")
    (made / "c.avq").unlink()
    assert f"{made / 'a.avq'} and 1 more: will be replaced" in run(*folder).stderr
    assert len(list(made.iterdir())) == 3 and (made / "a.avq").read_bytes() != b"mine"
    assert "replaced" not in run(*folder, "--force").stderr


def test_at_a_terminal_one_is_asked_first(tmp_path: Path, model: str):
    audio, made = write(tmp_path / "a.wav", 0.2), tmp_path / "a.avq"
    made.write_bytes(b"mine")
    for answer, status in ((b"n\n", 1), (b"y\n", 0)):
        master, slave = pty.openpty()
        with ForkedProgram(
            process("compress", audio, "-o", made, "--model", model), stdin=slave, stderr=slave, stdout=subprocess.PIPE
        ) as asked:
            os.close(slave)
            said = b""
            while b"Replace?" not in said:
                said += os.read(master, 1024)
            assert str(made).encode() in said.replace(b"\r\n", b"")
            os.write(master, answer)
            assert asked.wait() == status
            os.close(master)
        assert (made.read_bytes() == b"mine") == bool(status)


def test_two_files_of_one_name(tmp_path: Path, model: str):
    files = [write(tmp_path / folder / "a.wav", 0.1) for folder in ("x", "y")]
    said = refused("compress", *files, "-o", tmp_path / "out", "--model", model)
    assert "expected a name for every file, found two" in said


# pipes and signals, in processes of their own


def test_a_pipe_from_audio_to_audio(tmp_path: Path, model: str):
    audio = write(tmp_path / "a.wav", 1.2, 44_100, 2)
    command = process("compress", "-", "-o", "-", "--model", model, "--channels", "keep", "--kbps", "0.9")
    compress = run_forked(command, audio.read_bytes(), env=environment())
    figures("compress", audio, "-o", tmp_path / "a.avq", "--model", model, "--channels", "keep", "--kbps", "0.9")
    assert compress.stdout == (tmp_path / "a.avq").read_bytes()
    decompress = run_forked(process("decompress", "-", "-o", "-", "--model", model), compress.stdout, env=environment())
    assert compress.returncode == decompress.returncode == 0
    figures("decompress", tmp_path / "a.avq", "-o", tmp_path / "b.wav", "--model", model)
    piped, filed = (np.frombuffer(each[44:], "<i2") for each in (decompress.stdout, (tmp_path / "b.wav").read_bytes()))
    assert len(piped) == len(filed) == 2 * 52_920
    # another process may add up in another order, which the last bit of 16 sees
    assert np.abs(piped.astype(int) - filed).max() <= 1


def test_sound_comes_out_while_more_is_on_its_way(model: str):
    """A second of codes is written a tenth of a second after that second of sound is there."""
    chunk = noise(2)[: int(1.1 * RATE), 0]
    command = process("compress", "-", "-o", "-", "--model", model)
    with ForkedProgram(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as running:
        running.stdin.write(pack_header(RATE, 1, None) + (chunk * 32767).astype("<i2").tobytes())
        running.stdin.flush()
        got = os.read(running.stdout.fileno(), 1000)  # would wait for ever
        assert len(got) >= 30
        running.stdin.close()
        running.stdout.read()
    assert running.returncode == 0


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing(tmp_path: Path, model: str, stop: signal.Signals):
    out = tmp_path / "out"
    out.mkdir()
    command = process("compress", "-", "-o", out / "a.avq", "--model", model)
    with ForkedProgram(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as running:
        running.stdin.write(pack_header(RATE, 1, None) + (noise(3)[:, 0] * 32767).astype("<i2").tobytes())
        running.stdin.flush()
        while not any(path.stat().st_size for path in out.iterdir()):
            assert running.poll() is None, running.stderr.read()
            time.sleep(0.02)
        running.send_signal(stop)
        said = running.stderr.read().decode()
    assert said == "audiovq: stopped; nothing is left half-written\n" and running.returncode == 130
    assert not list(out.iterdir())


def test_ctrl_c_stops_all_cores(tmp_path: Path, model: str):
    for i in range(3):
        write(tmp_path / "in" / f"{i}.wav", 600, 8_000)
    out = tmp_path / "out"
    command = process("compress", tmp_path / "in", "-o", out, "--model", model, "--jobs", 2)
    with ForkedProgram(command, stderr=subprocess.PIPE, env=environment(), start_new_session=True) as running:
        while not (out.exists() and any(path.stat().st_size for path in out.iterdir())):
            assert running.poll() is None, running.stderr.read()
            time.sleep(0.02)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does
        said = running.stderr.read().decode()
    assert said == "audiovq: stopped; nothing is left half-written\n" and running.returncode == 130
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def stopped_twice(folder: Path) -> None:
    """A worker that is told to stop anew as soon as it clears away, which the pool does when another has ended."""

    def stop_then(path: str) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        unlink(path)

    def work(codec: Any, pair: Pair, progress: Any) -> dict[str, Any]:
        with replacing(pair.output):
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        return {}

    unlink, os.unlink = os.unlink, stop_then
    jobs._codec.append(None)
    jobs._work_in_process(work, Pair("in.wav", str(folder / "out.avq")))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_a_worker_that_is_told_twice_to_stop_clears_away_what_is_half_written(tmp_path: Path):
    process = multiprocessing.get_context("fork").Process(target=stopped_twice, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 1 and not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what was started")
def test_ctrl_c_while_workers_are_still_importing(tmp_path: Path):
    """What was begun before the options are read says nothing of it."""
    write(tmp_path / "in" / "a.wav", 1)
    command = [
        str(Path(sys.executable).with_name("audiovq")),
        "corpus",
        "encode",
        tmp_path / "in",
        "-o",
        tmp_path / "out",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment(), start_new_session=True) as running:
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        while not any(b"libtorch" in Path(f"/proc/{each}/maps").read_bytes() for each in children.read_text().split()):
            assert running.poll() is None, running.stderr.read()
        os.killpg(running.pid, signal.SIGINT)
        said = running.stderr.read().decode()
    assert said == "audiovq: stopped; nothing is left half-written\n" and running.returncode == 130


def test_a_full_disk_behind_standard_output(tmp_path: Path, model: str):
    audio = write(tmp_path / "a.wav", 1)
    with open("/dev/full", "wb") as full:
        done = run_forked(process("compress", audio, "-o", "-", "--model", model), stdout=full, env=environment())
    assert done.returncode == 1
    assert done.stderr.decode() == "audiovq: standard output: cannot write: No space left on device\n"


def test_the_same_codes_with_any_number_of_threads(tmp_path: Path, model: str):
    """Two machines' settings decode the same file to the same codes."""
    avq = compressed(tmp_path / "a.avq", model, seconds=2)
    before, found = torch.get_num_threads(), []
    try:
        for threads, half in ((1, False), (2, False), (2, True)):
            torch.set_num_threads(threads)
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                run("tokens", avq, "-o", tmp_path / "codes.npy", "--model", model)
            found.append(np.load(tmp_path / "codes.npy"))
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


def test_help_and_info_do_not_wait_for_torch():
    code = "import sys; from audiovq.cli import app, inspection, report; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True)
