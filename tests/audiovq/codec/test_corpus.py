"""Codes of a corpus are those of the command line, file by file, whatever they are encoded together with."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from synthetic_speech import RATE, hiss, vowel
from typer.testing import CliRunner

from audiovq.cli import early
from audiovq.cli.app import app
from audiovq.codec import TO_ENCODE
from audiovq.codec import corpus as codec_corpus
from audiovq.codec.corpus import CodesMaker, CodesOfRecordings
from latentmix import processes
from latentmix.corpus.reading import Corpus


def write_recordings(folder: Path) -> list[Path]:
    """Of many lengths, rates and levels, one of them too long to be encoded with others."""
    folder.mkdir()
    for i in range(14):
        seconds = 0.05 + 0.37 * (i % 7) if i else 9.3
        sound = vowel(80 + 15 * i, seconds, "aiu"[i % 3]) + hiss(seconds, 0.01, i)
        sound *= 0.01 if i == 5 else 1.0  # quiet: it is made louder
        soundfile.write(folder / f"{i:02}.{'wav' if i % 2 else 'flac'}", sound, 44_100 if i == 3 else RATE)
    return sorted(folder.iterdir())


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.output


def test_codes_are_those_of_the_command_line(tmp_path: Path) -> None:
    recordings = write_recordings(tmp_path / "in")
    run("corpus", "encode", tmp_path / "in", "-o", tmp_path / "codes", "--jobs", 1, "--shard-items", 5)
    records = {record["id"]: record for record in Corpus(str(tmp_path / "codes"), "audiovq.codes")}
    assert len(records) == len(recordings)
    run("compress", tmp_path / "in", "-o", tmp_path / "avq", "--kbps", 3.5, "--jobs", 1, "--model", "speech_16k")
    for path in recordings:
        made = tmp_path / f"{path.stem}.npy"
        run("tokens", tmp_path / "avq" / f"{path.stem}.avq", "-o", made)
        assert np.array_equal(records[path.name]["codes"], np.load(made)), path.name
        assert records[path.name]["samples"] == soundfile.info(path).frames
        assert records[path.name]["sample_rate"] == soundfile.info(path).samplerate
    assert records["05.wav"]["gain"] > 0 == records["04.flac"]["gain"]


@pytest.mark.parametrize(("most", "threads"), [(1, 1), (150, 1), (5000, 1), (400, 2)])
def test_codes_do_not_depend_on_what_is_encoded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, threads: int
) -> None:
    files = [(path.name, str(path)) for path in write_recordings(tmp_path / "in")]
    maker = CodesOfRecordings("speech_16k").load("cpu")
    wanted = {name: maker.records([(name, path)])[0] for name, path in files}
    random.Random(most).shuffle(files)
    monkeypatch.setattr(codec_corpus, "CPU_FRAMES", most)
    torch.set_num_threads(threads)
    try:
        made = CodesMaker(maker.codec, CodesOfRecordings("speech_16k")).records(files)
    finally:
        torch.set_num_threads(1)
    for (name, _), record in zip(files, made, strict=True):
        one = wanted[name]
        assert not isinstance(record, str) and not isinstance(one, str)
        assert np.array_equal(record["codes"], one["codes"]), name


def test_workers_are_begun_before_the_options_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[str, ...]] = []
    monkeypatch.setattr(processes, "start_early", begun.append)
    encode = ["corpus", "encode", "in", "-o", "out"]
    for arguments in (["compress", "in"], [*encode, "--jobs", "1"], [*encode, "--ray=auto"], [*encode, "-h"]):
        early.begin(arguments)
        assert not begun, arguments
    early.begin(encode)
    assert begun == [TO_ENCODE]


def test_a_worker_imports_nothing_more_of_its_own(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", vowel(120, 0.4), RATE)
    code = (
        "import sys; from audiovq.codec import TO_ENCODE; [__import__(name) for name in TO_ENCODE];"
        "before = set(sys.modules); from audiovq.codec.corpus import CodesOfRecordings;"
        "CodesOfRecordings('speech_16k').load('cpu').records([('a', sys.argv[1])]); print(*{*sys.modules} - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.wav"], capture_output=True, text=True, check=True)
    assert not done.stdout.split()


def test_what_cannot_be_read_is_listed_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    soundfile.write(folder / "good.wav", vowel(120, 0.4), RATE)
    (folder / "bad.flac").write_bytes(b"noise" * 50)
    done = CliRunner().invoke(app, ["corpus", "encode", str(folder), "-o", str(tmp_path / "out"), "--jobs", "1"])
    assert done.exit_code == 1 and "1 items in 1 shards" in done.output
    assert "bad.flac: expected audio such as WAV, FLAC, Ogg or MP3, found something else" in done.output
    assert str(folder / "bad.flac") not in done.output
    again = CliRunner().invoke(app, ["corpus", "encode", str(folder), "-o", str(tmp_path / "out"), "--jobs", "1"])
    assert again.exit_code == 0 and "nothing new; 1 items in 1 shards" in again.output


def test_more_codebooks_than_there_are_is_a_line(tmp_path: Path) -> None:
    folder = write_recordings(tmp_path / "in")[0].parent
    done = CliRunner().invoke(
        app, ["corpus", "encode", str(folder), "-o", str(tmp_path / "out"), "--jobs", "1", "--codebooks", "9"]
    )
    assert done.exit_code == 1 and "--codebooks 9: expected at most 7, those of speech_16k" in done.output
