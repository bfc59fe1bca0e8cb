"""How long audio files of many kinds are, and how long they are read as: the table of docs/audio-files.md.

    scripts/run python scripts/compare/compare_audio_files.py

Writes examples/speech.flac, made 10 s long, in all the ways that the programs ffmpeg, flac, lame, oggenc and opusenc
know and that some of these are installed for, and reads it back.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from audiovq.audio_io import flac
from audiovq.audio_io.reader import open_source
from latentmix.errors import InputError

SPEECH = Path(__file__).resolve().parents[2] / "examples" / "speech.flac"
SECONDS = 10
FFMPEG = "ffmpeg -v error -y -i a.wav"
# what it is, the programs it takes, how it is made, and how long it is in seconds
COMPRESSED = (
    ("A-law", "pcm_alaw"),
    ("mu-law", "pcm_mulaw"),
    ("IMA ADPCM", "adpcm_ima_wav"),
    ("Microsoft ADPCM", "adpcm_ms"),
    ("G.726", "g726 -ar 8000"),
)
# zeros where a file has so many bytes after a mark: the lengths that a recorder never came to fill in
PATCH = f"{sys.executable} -c \"import pathlib; p = next(pathlib.Path().glob('b.*')); d = bytearray(p.read_bytes());"
PATCH += "at = lambda m, o: slice(d.index(m) + o, d.index(m) + o + 4);"
PATCH += "set = lambda m, o, n: (d.__setitem__(at(m, o), bytes(n)), p.write_bytes(d)); set"
KILL = f"{PATCH}(b'RIFF', 4, 4); set(b'data', 4, 4)\""
# what it is, its suffix, and what ffmpeg is asked for
BY_FFMPEG = (
    ("Opus in CAF", "caf", "-ar 48000 -c:a libopus"),
    ("ALAC in CAF", "caf", "-c:a alac"),
    ("ALAC in MPEG-4", "m4a", "-c:a alac"),
    ("FLAC in MPEG-4", "mp4", "-c:a flac -strict -2"),
    ("AAC in MPEG-4, header first", "m4a", "-movflags +faststart"),
    ("MP3 in MPEG-4", "mp4", "-c:a libmp3lame"),
    ("MP3 in WAV", "wav", "-c:a libmp3lame"),
    ("WavPack, floating point", "wv", "-c:a wavpack -sample_fmt fltp"),
    ("AIFF-C, sowt", "aifc", "-c:a pcm_s16le -f aiff"),
    ("AIFF-C, fl32", "aifc", "-c:a pcm_f32be -f aiff"),
    ("AIFF-C, A-law", "aifc", "-c:a pcm_alaw -f aiff"),
    ("AIFF-C, ima4", "aifc", "-c:a adpcm_ima_qt -f aiff"),
    ("WAV with bext", "wav", "-write_bext 1 -metadata description=field"),
    ("WAV with LIST and ID3", "wav", "-metadata title=T -write_id3v2 1"),
    ("WAV, 24 bits, extensible, 5.1", "wav", "-ac 6 -c:a pcm_s24le"),
    ("FLAC in Matroska", "mka", "-c:a flac"),
    ("Vorbis in Matroska", "mka", "-c:a libvorbis"),
    ("Ogg Vorbis with a cover", "ogg", "-c:a libvorbis -metadata METADATA_BLOCK_PICTURE=$(printf %090000d 0)"),
    (".eac3", "eac3", "-ar 48000"),
    ("AAC, main profile", "aac", "-profile:a aac_main"),
    (".wma, version 1", "wma", "-c:a wmav1"),
    (".avi", "avi", "-c:a mp2 -ar 48000"),
    (".flv", "flv", "-c:a aac -ar 44100"),
    (".mpg", "mpg", "-c:a mp2 -ar 48000"),
    (".mts", "mts", "-c:a aac -ar 48000 -f mpegts"),
)
CASES = (
    ("WAV", "", "cp a.wav b.wav", 10),
    ("WAV through a pipe", "ffmpeg", f"{FFMPEG} -f wav - | cat > b.wav", 10),
    ("WAV of a recorder that was killed (data size 0)", "", "cp killed.wav b.wav", 10),
    *((f"WAV, {name}", "ffmpeg", f"{FFMPEG} -c:a {kind} b.wav", 10) for name, kind in COMPRESSED),
    *((f"WAV, {name}, data size 0", "ffmpeg", f"{FFMPEG} -c:a {kind} b.wav; {KILL}", 10) for name, kind in COMPRESSED),
    ("AU of a recorder that was killed", "ffmpeg", f"{FFMPEG} b.au; {PATCH}(b'.snd', 8, 4)\"", 10),
    ("WAV, two joined", "", "cat a.wav a.wav > b.wav", 20),
    ("FLAC, two joined", "flac", "flac -s a.wav -o c.flac; cat c.flac c.flac > b.flac", 20),
    ("RF64", "ffmpeg", f"{FFMPEG} -rf64 always b.wav", 10),
    ("W64", "ffmpeg", f"{FFMPEG} b.w64", 10),
    ("AIFF", "ffmpeg", f"{FFMPEG} b.aiff", 10),
    ("AU through a pipe", "ffmpeg", f"{FFMPEG} -f au - | cat > b.au", 10),
    ("CAF", "ffmpeg", f"{FFMPEG} b.caf", 10),
    ("CAF through a pipe", "ffmpeg", f"{FFMPEG} -f caf - | cat > b.caf", 10),
    ("FLAC", "flac", "flac -s a.wav -o b.flac", 10),
    ("FLAC of unknown length (ffmpeg, pipe)", "ffmpeg", f"{FFMPEG} -f flac - | cat > b.flac", 10),
    ("FLAC of unknown length (flac, pipe)", "", "cp unknown.flac b.flac", 10),
    ("FLAC in Ogg", "ffmpeg", f"{FFMPEG} -c:a flac b.oga", 10),
    ("Ogg Vorbis", "oggenc", "oggenc -Q a.wav -o b.ogg", 10),
    ("Ogg Vorbis, two chained", "oggenc", "oggenc -Q a.wav -o c.ogg; cat c.ogg c.ogg > b.ogg", 20),
    ("Opus", "opusenc", "opusenc --quiet a.wav b.opus", 10),
    ("Opus, three chained", "opusenc", "opusenc --quiet a.wav c.opus; cat c.opus c.opus c.opus > b.opus", 30),
    ("MP3, constant rate", "lame", "lame --quiet -b 64 a.wav b.mp3", 10),
    ("MP3, variable rate", "lame", "lame --quiet -V2 a.wav b.mp3", 10),
    ("MP3, variable rate, no header", "lame", "lame --quiet -V2 -t a.wav b.mp3", 10),
    ("MP3, constant rate, no header", "lame", "lame --quiet -b 64 -t a.wav b.mp3", 10),
    ("MP3, two joined", "lame", "lame --quiet -V2 a.wav c.mp3; cat c.mp3 c.mp3 > b.mp3", 20),
    ("MP3, two joined, tagged", "lame", "lame --quiet -V2 --add-id3v2 --tt T a.wav c.mp3; cat c.mp3 c.mp3 > b.mp3", 20),
    ("MP3, two joined, no header", "lame", "lame --quiet -V2 -t a.wav c.mp3; cat c.mp3 c.mp3 > b.mp3", 20),
    ("MP2", "ffmpeg", f"{FFMPEG} b.mp2", 10),
    *((f".{s}", "ffmpeg", f"{FFMPEG} b.{s}", 10) for s in "m4a mp4 aac webm mka wma ac3 wv tta spx".split()),
    *((name, "ffmpeg", f"{FFMPEG} {options} b.{suffix}", 10) for name, suffix, options in BY_FFMPEG),
    ("MP3, MPEG-2, 22.05 kHz", "lame", "lame --quiet -V4 --resample 22.05 a.wav b.mp3", 10),
    ("MP3, MPEG-2.5, 8 kHz", "lame", "lame --quiet -V4 --resample 8 a.wav b.mp3", 10),
    ("MP3, free format", "lame", "lame --quiet --freeformat -b 200 a.wav b.mp3", 10),
    ("MP3 with ID3 tags of two versions", "lame", "lame --quiet -V4 --tt T --add-id3v2 a.wav b.mp3", 10),
    ("W64, 24 bits", "ffmpeg", f"{FFMPEG} -c:a pcm_s24le b.w64", 10),
    ("RF64, 32-bit floating point", "ffmpeg", f"{FFMPEG} -c:a pcm_f32le -rf64 always b.wav", 10),
)


def main() -> None:
    print("| file | length | read as | by |\n|---|---|---|---|")
    for name, program, command, seconds in CASES:
        if program and shutil.which(program) is None:
            print(f"| {name} | {seconds} s | {program} is not installed | |")
            continue
        with tempfile.TemporaryDirectory() as folder:
            write_originals(Path(folder))
            made = subprocess.run(command, shell=True, cwd=folder, stderr=subprocess.DEVNULL)
            (path,) = Path(folder).glob("b.*") if made.returncode == 0 else (None,)
            print(f"| {name} | {seconds} s | {reading(path) if path else f'{program} cannot write it |'} |")


def write_originals(folder: Path) -> None:
    """The recording as it is, of a recorder that was killed, and as FLAC that does not say how long it is."""
    samples, rate = soundfile.read(SPEECH, dtype="int16")
    samples = np.resize(samples, SECONDS * rate)
    soundfile.write(folder / "a.wav", samples, rate)
    soundfile.write(folder / "unknown.flac", samples, rate)
    data = (folder / "unknown.flac").read_bytes()
    (folder / "unknown.flac").write_bytes(flac.with_length(data[:64], 0) + data[64:])
    killed = bytearray((folder / "a.wav").read_bytes())
    killed[4:8] = killed[40:44] = bytes(4)
    (folder / "killed.wav").write_bytes(killed)


def reading(path: Path) -> str:
    try:
        with open_source(path) as source:
            samples = sum(block.shape[1] for block in source.blocks)
    except InputError as error:
        return f"{error} |"
    by = "ffmpeg" if source.samples is None else "libsndfile"
    return f"{samples / source.sample_rate:.4f} s | {by}"


if __name__ == "__main__":
    main()
