"""Audio files whose headers say less than they hold, or nothing: their lengths are exact, or what is wrong is said."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from odd_audio import SECONDS, SPEECH, encoded, is_speech, read, run, tool
from synthetic_speech import RATE

from audiovq.audio_io import ffmpeg, flac, kinds, mpeg, ogg
from latentmix.errors import InputError
from latentmix.files import find_files

# MP3


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Of variable rate, loud at first: an estimate from the first frames is far too short."""
    path = tmp_path_factory.mktemp("mp3") / "a.mp3"
    noise = 0.5 * np.random.default_rng(0).standard_normal(RATE).clip(-1, 1)
    quiet = np.zeros(9 * RATE)
    return encoded(path, np.concatenate([noise, quiet, SPEECH]), bitrate_mode="VARIABLE", compression_level=0.1)


@pytest.mark.parametrize("before", [b"", bytes(3000), b"\x5a" * 5000])
@pytest.mark.parametrize("after", [b"", bytes(4000)])
def test_mp3_with_something_before_and_after_it(before: bytes, after: bytes, mp3: bytes, tmp_path: Path) -> None:
    """As what is cut out of a stream; libsndfile guesses its length by the first frames."""
    frames = [data for _, data in sorted((at, mp3[at : at + f.size]) for at, f in mpeg.find_frames(mp3))]
    sound = b"".join(each for each in frames if b"Info" not in each[:64] and b"Xing" not in each[:64])
    (tmp_path / "a.mp3").write_bytes(before + sound + after)
    (tmp_path / "b.mp3").write_bytes(sound)
    x, source = read(tmp_path / "a.mp3")
    assert x.shape == read(tmp_path / "b.mp3")[0].shape and not source.notices


@pytest.mark.parametrize("mode", ["VARIABLE", "AVERAGE", "CONSTANT"])
def test_mp3_is_the_same_read_in_blocks(mode: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its frames lean on bytes of frames before: a decoder that begins anew at each block has not got them."""
    rng, rate = np.random.default_rng(1), 48_000
    levels = np.repeat(10.0 ** -rng.uniform(0.0, 5.0, 80), rate // 10)  # a tenth of a second each
    path = tmp_path / "a.mp3"
    sound = (0.1 * levels * rng.standard_normal(len(levels))).clip(-1.0, 1.0)
    soundfile.write(path, sound, rate, format="MP3", bitrate_mode=mode, compression_level=0.9)
    whole, _ = soundfile.read(path, dtype="float32")
    capfd.readouterr()
    samples, source = read(path)
    start = len(whole) - samples.shape[1]  # without a header that says so libsndfile keeps what decoding adds in front
    assert start in (0, 529)
    np.testing.assert_allclose(samples[0], whole[start:], atol=1e-6)
    assert not source.notices and not capfd.readouterr().err  # the C library has its own words for it


def headless(data: bytes) -> bytes:
    """An MP3 file without its first frame, which has no sound."""
    offset, frame = next(mpeg.find_frames(data))
    assert data[offset + frame.side :][:4] in mpeg.TAGS
    return data[offset + frame.size :]


def test_an_mp3_of_variable_rate_without_a_header_is_read_to_its_end(mp3: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(headless(mp3))
    assert soundfile.info(path).frames < 12 * RATE  # what libsndfile takes it for
    samples, source = read(path)
    assert source.samples == samples.shape[1]
    assert 0 <= samples.shape[1] - 13 * RATE <= 2 * 1152
    assert is_speech(samples[0, 10 * RATE :], SPEECH)


@pytest.mark.parametrize("heads", [(True, True), (False, False), (True, False), (False, True)])
def test_joined_mp3s_are_read_one_after_the_other(mp3: bytes, heads: tuple[bool, bool], tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10)
    path.write_bytes(b"".join(tag + (mp3 if has_head else headless(mp3)) for has_head in heads) + b"TAG" + bytes(125))
    samples, source = read(path)
    assert source.samples == samples.shape[1]
    exact = 26 * RATE if all(heads) else None
    assert samples.shape[1] == exact or (exact is None and 0 <= samples.shape[1] - 26 * RATE <= 4 * 1152)
    assert is_speech(samples[0, -3 * RATE - 4800 :], SPEECH)


def test_joined_mp3s_of_other_rates_and_channels_become_one(tmp_path: Path) -> None:
    one = encoded(tmp_path / "a.mp3")
    two = encoded(tmp_path / "b.mp3", np.repeat(np.stack([SPEECH] * 2, 1), 2, 0), 2 * RATE)
    (tmp_path / "c.mp3").write_bytes(one + two)
    samples, source = read(tmp_path / "c.mp3")
    assert (source.sample_rate, source.channels) == (RATE, 1)
    assert source.samples == samples.shape[1] == 2 * SECONDS * RATE
    assert is_speech(samples[0, SECONDS * RATE :], SPEECH)


@pytest.mark.parametrize("has_head", [True, False])
@pytest.mark.parametrize("damage", [b"\x5a" * 300, bytes(3000)])
def test_damage_in_an_mp3_is_passed_over_and_told(
    mp3: bytes, damage: bytes, has_head: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """libmpg123 prints its own lines about it, and ends for good where a thousand bytes are none of a frame."""
    whole = mp3 if has_head else headless(mp3)
    at = next(at for at, _ in mpeg.find_frames(whole) if at > len(whole) // 2)
    (tmp_path / "a.mp3").write_bytes(whole[:at] + damage + whole[at:])
    (tmp_path / "whole.mp3").write_bytes(whole)
    expected = read(tmp_path / "whole.mp3")[0]
    printed = capfd.readouterr().err  # of a frame whose bits libmpg123 counts otherwise than LAME
    samples, source = read(tmp_path / "a.mp3")
    np.testing.assert_array_equal(samples, expected)
    assert source.notices == [f"damaged: {len(damage)} bytes between its frames are none of MP3 and are left out"]
    assert capfd.readouterr().err == printed


def test_what_follows_an_mp3_is_neither_read_nor_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one = encoded(tmp_path / "one.mp3")
    (tmp_path / "a.mp3").write_bytes(one + b"TAG" + bytes(125) + b"\x5a" * 50_000)
    samples, source = read(tmp_path / "a.mp3")
    assert samples.shape[1] == SECONDS * RATE and not source.notices and capfd.readouterr().err == ""


def test_an_ordinary_mp3_is_left_to_libsndfile(mp3: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(mp3)
    samples, source = read(tmp_path / "a.mp3")
    expected, _ = soundfile.read(tmp_path / "a.mp3", dtype="float32")
    assert source.samples == 13 * RATE and np.abs(samples[0] - expected.clip(-1, 1)).max() < 1e-6


# Ogg


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_every_link_of_a_chain_is_read(subtype: str, tmp_path: Path) -> None:
    one = encoded(tmp_path / "a.ogg", format="OGG", subtype=subtype)
    two = encoded(tmp_path / "b.ogg", SPEECH[::-1], format="OGG", subtype=subtype)
    (tmp_path / "c.ogg").write_bytes(one + two + one)
    samples, source = read(tmp_path / "c.ogg")
    assert source.samples == samples.shape[1] == 3 * SECONDS * RATE
    thirds = samples[0].reshape(3, -1)
    assert is_speech(thirds[0], SPEECH) and is_speech(thirds[1], SPEECH[::-1]) and is_speech(thirds[2], SPEECH)


# FLAC


def without_length(data: bytes) -> bytes:
    return flac.with_length(data[:64], 0) + data[64:]


@pytest.mark.parametrize("samples", [SPEECH, SPEECH[:12345], np.stack([SPEECH, -SPEECH[::-1]], 1), SPEECH[:100]])
@pytest.mark.parametrize("ending", [b"", b"TAG" + bytes(125)])
def test_flac_of_unknown_length_is_read_to_its_end(samples: np.ndarray, ending: bytes, tmp_path: Path) -> None:
    whole = encoded(tmp_path / "a.flac", samples)
    (tmp_path / "b.flac").write_bytes(without_length(whole) + ending)
    found, source = read(tmp_path / "b.flac")
    expected, _ = read(tmp_path / "a.flac")
    assert source.samples == len(samples) and np.array_equal(found, expected)


def test_flac_of_unknown_length_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    whole = encoded(tmp_path / "a.flac", SPEECH)
    (tmp_path / "b.flac").write_bytes(without_length(whole)[:-200])
    found, _ = read(tmp_path / "b.flac")
    expected, _ = read(tmp_path / "a.flac")
    assert 0 < found.shape[1] < len(SPEECH) and np.array_equal(found, expected[:, : found.shape[1]])


# WAV


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("riff", [0, 36])
def test_wav_of_a_recorder_that_was_killed_is_read_to_its_end(subtype: str, riff: int, tmp_path: Path) -> None:
    data = bytearray(encoded(tmp_path / "a.wav", SPEECH, subtype=subtype))
    at = data.index(b"data") + 4
    expected, _ = read(tmp_path / "a.wav")
    data[at : at + 4], data[4:8] = bytes(4), (riff and at - 4).to_bytes(4, "little")
    (tmp_path / "b.wav").write_bytes(
        data[: at + 4 + expected.shape[1] * soundfile.info(tmp_path / "a.wav").channels * 8]
    )
    found, source = read(tmp_path / "b.wav")
    assert source.samples == found.shape[1] and np.abs(found[:, : expected.shape[1]] - expected).max() < 1e-6


def test_wav_without_samples_and_something_after_them_has_none(tmp_path: Path) -> None:
    note = b"LIST" + (4).to_bytes(4, "little") + b"INFO"
    header = bytearray(encoded(tmp_path / "a.wav", SPEECH[:1])[:44])
    header[40:44], header[4:8] = bytes(4), (36 + len(note)).to_bytes(4, "little")
    (tmp_path / "b.wav").write_bytes(header + note)
    with pytest.raises(InputError, match="found 0 samples"):
        read(tmp_path / "b.wav")


@pytest.mark.parametrize("kind", ["killed", "trailing chunk", "a few bytes"])
def test_sound_beyond_the_end_that_a_header_tells_of_is_told(kind: str, tmp_path: Path) -> None:
    """As of a recorder that comes back to its header now and then, and is killed."""
    data = encoded(tmp_path / "a.wav", subtype="PCM_16")
    half = len(SPEECH) // 2 * 2
    extra = {"killed": data[44 + half :], "trailing chunk": b"LIST" + struct.pack("<I", half) + bytes(half)}
    (tmp_path / "a.wav").write_bytes(
        data[:40] + struct.pack("<I", half) + data[44 : 44 + half] + extra.get(kind, b"end")
    )
    x, source = read(tmp_path / "a.wav")
    assert x.shape[1] == half // 2
    seconds = (len(SPEECH) - half // 2) / RATE
    assert source.notices == (
        [f"{seconds:.2f} s beyond the end that its header tells of are left out"] * (kind == "killed")
    )


# what libsndfile does not know


@pytest.mark.parametrize("suffix", ["m4a", "webm", "mka", "aac", "wma", "wv", "tta", "mp4"])
def test_ffmpeg_reads_what_libsndfile_does_not(suffix: str, tmp_path: Path) -> None:
    tool("ffmpeg")
    soundfile.write(tmp_path / "a.wav", SPEECH, RATE)
    run(f"ffmpeg -v error -i a.wav -- -a.{suffix}", tmp_path)  # a name that looks like an option
    samples, source = read(tmp_path / f"-a.{suffix}")
    seconds = samples.shape[1] / source.sample_rate
    assert abs(seconds - SECONDS) < 0.15
    assert source.sample_rate != RATE or is_speech(samples[0], SPEECH)


@pytest.mark.parametrize(
    ("options", "late"),
    [
        ("-c:a libopus", 0),
        ("-c:a aac", 0),
        ("-c:a libvorbis", 0),
        ("-c:a aac -movflags frag_keyframe+empty_moov", 0.05),
    ],
)
def test_mpeg_4_ends_where_its_header_says(options: str, late: float, tmp_path: Path) -> None:
    """Not with what fills up the last packet; where the header does not say, nothing is cut."""
    tool("ffmpeg")
    soundfile.write(tmp_path / "a.wav", SPEECH, RATE)
    run(f"ffmpeg -v error -i a.wav -ar 48000 {options} b.mp4", tmp_path)
    samples, source = read(tmp_path / "b.mp4")
    assert 0 <= samples.shape[1] / source.sample_rate - SECONDS <= late


def test_a_header_that_is_far_off_cuts_nothing() -> None:
    blocks = [np.full((2, 300), value, np.float32) for value in range(10)]
    whole = np.concatenate(blocks, 1)
    for seconds, length in ((3.0, 3000), (2.95, 2950), (2.899, 3000), (0.1, 3000), (4.0, 3000), (2.9, 2900)):
        made = np.concatenate(list(ffmpeg.without_filling(blocks, seconds, 1000)), 1)
        assert np.array_equal(made, whole[:, :length])


def test_aac_with_a_tag_in_front_is_read(tmp_path: Path) -> None:
    """As what is cut out of streams has it."""
    tool("ffmpeg")
    soundfile.write(tmp_path / "a.wav", SPEECH, RATE)
    run("ffmpeg -v error -i a.wav -c:a aac b.aac", tmp_path)
    aac = (tmp_path / "b.aac").read_bytes()
    (tmp_path / "c.aac").write_bytes(b"ID3\x04\0\0\0\0\x01\x02" + bytes(130) + aac)
    assert np.array_equal(read(tmp_path / "c.aac")[0], read(tmp_path / "b.aac")[0])


@pytest.mark.parametrize("channels", [3, 4, 6])
def test_which_channel_is_which_is_not_guessed_otherwise_by_ffmpeg(channels: int, tmp_path: Path) -> None:
    tool("ffmpeg")
    gains = np.array([1, 0.5, 0.2, 0.1, 0.7, 0.3])[:channels]
    soundfile.write(tmp_path / "a.wav", SPEECH[:, None] * gains, RATE)
    run("ffmpeg -v error -guess_layout_max 0 -i a.wav -c:a pcm_s16le b.mka", tmp_path)
    (whole, a), (same, b) = read(tmp_path / "a.wav"), read(tmp_path / "b.mka")
    assert np.array_equal(whole, same) and a.layout == b.layout


def remuxed(folder: Path, packet: float) -> Path:
    """Opus of packets so many ms long from WebM, whose times are whole milliseconds."""
    soundfile.write(folder / "a.wav", SPEECH, RATE)
    run(f"ffmpeg -v error -i a.wav -c:a libopus -frame_duration {packet} a.webm", folder)
    run("ffmpeg -v error -i a.webm -c copy a.opus", folder)
    return folder / "a.opus"


@pytest.mark.parametrize("packet", [2.5, 20])
def test_remuxed_opus_is_read_to_its_end(packet: float, tmp_path: Path) -> None:
    """libsndfile 1.2.2 stops in mid-file where a page ends before its packets (findings/webm_remuxed…)."""
    tool("ffmpeg")
    path = remuxed(tmp_path, packet)
    assert ogg.ends_early(path.read_bytes()) == (packet == 2.5)
    x, source = read(path)
    assert x.shape[1] / source.sample_rate == pytest.approx(SECONDS, abs=0.03)
    assert is_speech(x[0, :: source.sample_rate // RATE], SPEECH)


def test_without_ffmpeg_remuxed_opus_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool("ffmpeg")
    path = remuxed(tmp_path, 2.5)
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: False)
    with pytest.raises(InputError, match=r"a\.opus: .*pages of Opus that end before their packets.*install it"):
        read(path)


def test_opus_of_high_rates_is_read_to_its_end(tmp_path: Path) -> None:
    """libsndfile 1.2.2 says of the last packet of some valid files, here of 510 kbit/s, that it is malformed."""
    tool("ffmpeg")
    run("ffmpeg -v error -f lavfi -i anoisesrc=d=3:r=48000:a=.1 -ac 2 -c:a libopus -vbr off -b:a 510k a.opus", tmp_path)
    x, source = read(tmp_path / "a.opus")
    assert x.shape == (2, SECONDS * source.sample_rate) and np.abs(x[:, -900:]).max() > 0.001 and not source.notices


def test_opus_that_is_damaged_is_not_taken_for_whole(tmp_path: Path) -> None:
    data = bytearray(encoded(tmp_path / "a.opus", format="OGG", subtype="OPUS"))
    data[len(data) // 2 : len(data) // 2 + 300] = bytes(300)
    (tmp_path / "a.opus").write_bytes(data)
    try:
        assert "damaged" in " ".join(read(tmp_path / "a.opus")[1].notices)
    except InputError as error:
        assert "to its end" in str(error)


def test_without_ffmpeg_its_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: False)
    with pytest.raises(InputError, match=r"a\.m4a: .*found MPEG-4, which takes the program ffmpeg .*install it"):
        read(tmp_path / "a.m4a")


def test_a_damaged_file_that_only_ffmpeg_reads_is_refused_in_one_line(tmp_path: Path) -> None:
    tool("ffmpeg")
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    with pytest.raises(InputError, match=r"a\.m4a: ") as caught:
        read(tmp_path / "a.m4a")
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_of_which_ffmpeg_has_much_to_say_is_not_waited_for(tmp_path: Path) -> None:
    """It says a line of each damaged frame, here more than the 64 kB that a pipe holds."""
    tool("ffmpeg")
    run("ffmpeg -v error -f lavfi -i sine=d=150:sample_rate=16000 -c:a aac -b:a 64k a.aac", tmp_path)
    data, start, random = bytearray((tmp_path / "a.aac").read_bytes()), 0, np.random.default_rng(1)
    while start + 7 < len(data):  # of each frame all but its header
        end = start + (((data[start + 3] & 3) << 11) | (data[start + 4] << 3) | (data[start + 5] >> 5))
        data[start + 9 : end] = random.bytes(end - start - 9)
        start = end
    (tmp_path / "a.aac").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.aac: .*to its end"):
        read(tmp_path / "a.aac")


def test_a_film_without_sound_is_said_to_have_none(tmp_path: Path) -> None:
    tool("ffmpeg")
    run("ffmpeg -v error -f lavfi -i testsrc=d=0.2:s=64x64 -c:v mpeg4 a.mp4", tmp_path)
    with pytest.raises(InputError, match=r"a\.mp4: .*MPEG-4, .*there is no sound in it$"):
        read(tmp_path / "a.mp4")


@pytest.mark.parametrize("between", [b"", b"LIST\x04\0\0\0INFO"])
def test_of_a_wav_with_samples_in_two_chunks_the_first_are_read_and_the_others_told(
    between: bytes, tmp_path: Path
) -> None:
    """There should be one. sox reads the first, ffmpeg the last, libsndfile none."""
    data = encoded(tmp_path / "a.wav")
    more = between + b"data" + struct.pack("<I", RATE) + data[-RATE:]
    (tmp_path / "a.wav").write_bytes(data[:4] + struct.pack("<I", len(data) + len(more) - 8) + data[8:] + more)
    x, source = read(tmp_path / "a.wav")
    assert x.shape == (1, len(SPEECH)) and is_speech(x[0], SPEECH)
    assert source.notices == ["0.50 s beyond the end that its header tells of are left out"]


def test_a_playlist_is_not_followed(tmp_path: Path) -> None:
    """ffmpeg reads many things, some of which read others; by name only what a file's first bytes are."""
    soundfile.write(tmp_path / "a.wav", SPEECH, RATE)
    (tmp_path / "list.m4a").write_text(f"ffconcat version 1.0\nfile '{tmp_path / 'a.wav'}'\n")
    with pytest.raises(InputError, match="expected audio"):
        read(tmp_path / "list.m4a")


# the same by the programs that people use


@pytest.mark.parametrize(
    ("program", "command", "name", "seconds", "late"),
    [
        ("lame", "lame --quiet -V2 -t a.wav b.mp3", "b.mp3", 3, 2304),
        ("lame", "lame --quiet -V2 a.wav b.mp3; cat b.mp3 b.mp3 > c.mp3", "c.mp3", 6, 0),
        ("ffmpeg", "ffmpeg -v error -i a.wav -f flac - | cat > b.flac", "b.flac", 3, 0),
        ("flac", "cat a.wav | flac -s - -c | cat > b.flac", "b.flac", 3, 0),
        ("flac", "tail -c +45 a.wav | flac -s --force-raw-format --endian little --sign signed --channels 1 --bps 16 "
         "--sample-rate 16000 -c - | cat > b.flac", "b.flac", 3, 0),
        ("opusenc", "opusenc --quiet a.wav b.opus; cat b.opus b.opus > c.opus", "c.opus", 6, 0),
        ("ffmpeg", "ffmpeg -v error -i a.wav -f wav - | cat > b.wav", "b.wav", 3, 0),
        ("ffmpeg", "ffmpeg -v error -i a.wav -f caf - | cat > b.caf", "b.caf", 3, 0),
    ],
)  # fmt: skip
def test_what_programs_write_into_pipes(
    program: str, command: str, name: str, seconds: int, late: int, tmp_path: Path
) -> None:
    tool(program)
    soundfile.write(tmp_path / "a.wav", SPEECH, RATE)
    run(command, tmp_path)
    samples, source = read(tmp_path / name)
    assert source.samples in (None, samples.shape[1])
    assert 0 <= samples.shape[1] - seconds * RATE <= late


# folders


def test_what_folders_hold_is_taken_or_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "in"
    (folder / "below").mkdir(parents=True)
    wave = encoded(tmp_path / "a.wav")
    for name in ("a.wav", "b.BWF", "below/c.wave", ".hidden.wav", "noend", "d.wav.bak"):
        (folder / name).write_bytes(wave)
    soundfile.write(folder / "e.sph", SPEECH, RATE, format="NIST", subtype="PCM_16")
    soundfile.write(folder / "f.mpx", SPEECH, RATE, format="MP3")
    (folder / "g.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    (folder / "picture.heic").write_bytes(b"\0\0\0\x20ftypheic" + bytes(100))
    (folder / "notes.txt").write_text("a.wav: me")
    (folder / "zeros").write_bytes(bytes(10_000))
    os.symlink(folder, folder / "again")
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: False)
    taken = kinds.readable_suffixes()
    found = [name for _, name in find_files(str(folder), taken)]
    assert sorted(found) == ["a.wav", "b.BWF", os.path.join("below", "c.wave"), "e.sph"]
    without_ffmpeg, odd = kinds.left_out(str(folder), taken)
    assert [os.path.basename(path) for path in without_ffmpeg] == ["g.m4a"]
    assert sorted(os.path.basename(path) for path in odd) == ["d.wav.bak", "f.mpx", "noend"]
    assert kinds.left_out(str(folder / "noend"), taken) == ([], [])
