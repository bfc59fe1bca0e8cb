"""A folder of recordings becomes labelled pieces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from synthetic_speech import RATE, hiss, vowel

from audiovq.dsp.pitch import frequency_at
from audiovq.model.vqvae import VQVAEConfig
from audiovq.training import dataset
from audiovq.training.dataset import MAX_GAIN, MIN_GAIN, NAMES, SpeechBatches, label, prepare
from latentmix.errors import InputError

CONFIG = VQVAEConfig()
PER_CODE = CONFIG.frames_per_code


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speech-like files at several rates, and some that cannot be used."""
    folder = tmp_path_factory.mktemp("speech")
    (folder / "deep").mkdir()
    soundfile.write(folder / "a.wav", vowel(120.0, 1.0), RATE)
    stereo = np.stack([np.repeat(vowel(200.0, 0.5), 2)] * 2, 1)  # as at 32 kHz, roughly
    soundfile.write(folder / "deep" / "b.flac", stereo, 2 * RATE)
    soundfile.write(folder / "c.wav", hiss(0.01), RATE)  # shorter than a code frame
    soundfile.write(folder / "d.wav", np.zeros(0, np.float32), RATE)
    (folder / "e.wav").write_bytes(b"RIFF")
    (folder / "notes.txt").write_text("not audio")
    return folder


@pytest.fixture(scope="module")
def kept(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = tmp_path_factory.mktemp("kept")
    progress: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "FILES_A_PROCESS", 1)  # in processes, though they are few
        prepared = prepare(folder, kept, CONFIG, lambda done, total: progress.append((done, total)))
    assert prepared.files == 3
    assert prepared.seconds == pytest.approx(1.5, abs=0.05)
    assert len(prepared.refused) == 2
    assert all("\n" not in line for line in prepared.refused)
    assert prepared.refused[0].startswith(f"{folder / 'd.wav'}: expected audio, found 0 samples")
    assert progress == [(n, 5) for n in range(1, 6)]
    return kept


def test_labels_of_a_vowel() -> None:
    x = vowel(150.0, 1.0)
    found = label(np.append(x, np.zeros(100, np.float32)), CONFIG)
    assert found.samples.dtype == np.int16
    assert len(found.samples) == RATE
    np.testing.assert_allclose(found.samples / 32767.0, x, atol=1e-4)
    assert found.bins.shape == found.voiced.shape == (100,)
    assert found.periodicity.shape == (100, CONFIG.bands)
    assert found.voiced[5:-5].all()
    pitch = frequency_at(torch.from_numpy(found.bins[5:-5].astype(np.float32)))
    torch.testing.assert_close(pitch, torch.full((90,), 150.0), rtol=0.02, atol=0)
    assert found.periodicity[5:-5, :8].min() > 0.8


def test_what_is_louder_than_full_scale_is_clipped() -> None:
    found = label(np.full(640, 1.5, np.float32), CONFIG)
    assert (found.samples == 32767).all()


@pytest.mark.parametrize("length", [0, 1, 319])
def test_less_than_a_code_frame_is_nothing(length: int) -> None:
    found = label(hiss(0.1)[:length], CONFIG)
    assert [len(part) for part in (found.samples, found.bins, found.voiced, found.periodicity)] == [0] * 4


def test_a_folder_is_labelled_and_kept(kept: Path) -> None:
    assert SpeechBatches.is_complete(kept)
    assert sorted(p.name for p in kept.iterdir()) == [f"{n}.npy" for n in sorted(NAMES)]
    data = SpeechBatches(kept, CONFIG).data
    assert len(data.samples) % CONFIG.hop == 0
    assert len(data.bins) == len(data.voiced) == len(data.periodicity) == len(data.samples) // CONFIG.frame
    (kept / "voiced.npy").rename(kept / "elsewhere")
    assert not SpeechBatches.is_complete(kept)
    (kept / "elsewhere").rename(kept / "voiced.npy")


def test_pieces_and_their_labels_belong_together(kept: Path) -> None:
    batches = SpeechBatches(kept, CONFIG)
    batch = batches.draw(20, 8, torch.Generator().manual_seed(0))
    assert batch.samples.shape == (20, 8 * CONFIG.hop)
    assert batch.bins.shape == batch.voiced.shape == (20, 8 * PER_CODE)
    assert batch.periodicity.shape == (20, 8 * PER_CODE, CONFIG.bands)
    assert all(t.dtype == torch.float32 for t in (batch.samples, batch.bins, batch.voiced, batch.periodicity))
    whole = batches.data.samples.astype(np.float32) / 32767.0
    rows = batches.data.bins.astype(np.float32)
    for x, bins in zip(batch.samples.numpy(), batch.bins.numpy(), strict=True):
        starts = [s for s in range(0, len(rows) - 16, PER_CODE) if np.array_equal(rows[s : s + 16], bins)]
        pieces = [whole[s * CONFIG.frame :][: len(x)] for s in starts]
        assert any(np.corrcoef(piece, x)[0, 1] > 0.9999 for piece in pieces)


def test_levels_are_random_and_within_bounds(kept: Path) -> None:
    batches = SpeechBatches(kept, CONFIG)
    levels = batches.draw(200, 8, torch.Generator().manual_seed(1)).samples.abs().amax(1)
    original = np.abs(batches.data.samples).max() / 32767.0
    assert levels.max() <= min(original * 10 ** (MAX_GAIN / 20), 1.0) * 1.001
    assert levels.max() / levels.min() > 10 ** ((MAX_GAIN - MIN_GAIN) / 20) / 4


def test_the_generator_decides(kept: Path) -> None:
    batches = SpeechBatches(kept, CONFIG)
    a, b, c = (batches.draw(4, 8, torch.Generator().manual_seed(s)).samples for s in (5, 5, 6))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_pieces_longer_than_the_data_are_all_of_it(kept: Path) -> None:
    batches = SpeechBatches(kept, CONFIG)
    batch = batches.draw(2, 10_000, torch.Generator().manual_seed(0))
    assert batch.samples.shape[1] == len(batches.data.samples)


def test_too_little_audio_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in" / "short.wav", hiss(0.5), RATE)
    with pytest.raises(
        InputError, match=r"in: expected at least a second of audio to train on, found 0\.50 s in 1 files"
    ):
        prepare(tmp_path / "in", tmp_path, CONFIG)
    assert not list(tmp_path.glob("*.npy"))
