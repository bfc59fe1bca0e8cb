"""What the commands write stays what it is: the bytes of a fixed list of commands, written down.

MIDI, sessions, plain text and sizes are compared by their SHA-256. Codes come out of networks in floating point, whose
last bits differ from one processor to another, so of codes 99 % must be equal; sound is compared by its level in pieces
of 50 ms. `python tests/test_golden.py FOLDER` writes `golden/` anew, by way of FOLDER: only where a change is meant.
"""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
import soundfile

GOLDEN = Path(__file__).resolve().parent / "golden"
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PLAN = "bar, position, density\n1, 0, 0\n5, 1, 1\n9, 0.25, 0\n"
LIVELY, LYRICAL, WALTZ, JIG = (str(EXAMPLES / f"{name}.mid") for name in ("lively", "lyrical", "waltz", "jig"))

COMMANDS = {
    "mix.mid": f"midi-vae mix {LIVELY} {LYRICAL} --steps 5 -o OUT",
    "grid.mid": f"midi-vae mix {LIVELY} {LYRICAL} {WALTZ} {JIG} --grid 3x3 -o OUT",
    "blend.mid": f"midi-vae mix {LIVELY} {JIG} {WALTZ} --weights 2,1,1 --attribute density=+1 --key auto -o OUT",
    "vary.mid": f"midi-vae vary {LIVELY} --amount 0.3 -n 3 --seed 4 -o OUT",
    "sample.mid": "midi-vae sample -n 4 --temperature 0.8 --seed 1 -o OUT",
    "mix.wav": f"midi-vae mix {LIVELY} {LYRICAL} --steps 3 -o MIX --wav OUT",
    "play.mid": f"livemix play {LIVELY} {LYRICAL} --plan PLAN --render OUT",
    "play.wav": f"livemix play {LIVELY} {LYRICAL} --plan PLAN --render OUT",
    "speech-1.avq": "audiovq compress SPEECH --kbps 1 -o OUT",
    "speech-1.5.avq": "audiovq compress SPEECH --kbps 1.5 -o OUT",
    "speech-3.avq": "audiovq compress SPEECH --kbps 3 -o OUT",
    "speech.wav": "audiovq decompress GOLDEN/speech-1.5.avq -o OUT",
    "speech.npy": "audiovq tokens GOLDEN/speech-3.avq -o OUT",
}


def run(command: str, folder: Path, out: Path) -> None:
    """One command, in this process, as the entry point that the package declares."""
    (folder / "plan.csv").write_text(PLAN, encoding="utf-8")
    speech = folder / "speech.flac"
    if not speech.exists():
        samples, rate = soundfile.read(EXAMPLES / "speech.flac", dtype="int16")
        soundfile.write(speech, samples[: 4 * rate], rate)
    places = {"OUT": out, "MIX": folder / "x.mid", "PLAN": folder / "plan.csv", "SPEECH": speech}
    words = [str(places.get(word, word)).replace("GOLDEN", str(GOLDEN)) for word in command.split()]
    (main,) = (entry.load() for entry in entry_points(group="console_scripts", name=words[0]))
    before, sys.argv = sys.argv, words
    try:
        main()
    except SystemExit as end:
        assert not end.code, f"{command}: exit status {end.code}"
    finally:
        sys.argv = before


def level(path: Path) -> np.ndarray:
    """Root mean square of each 50 ms of a sound file."""
    samples, rate = soundfile.read(path, always_2d=True)
    mono, piece = samples.mean(1), rate // 20
    return np.sqrt(np.square(mono[: len(mono) // piece * piece]).reshape(-1, piece).mean(1))


def session() -> bytes:
    """The session file of a fresh page."""
    from midi_vae.vae import MelodyVAE
    from realtime.web.opening import opening_melodies
    from realtime.web.wire import PlacedMelody, Session

    model = MelodyVAE.from_pretrained("melody_2bar")
    melodies = opening_melodies()
    rows = zip(melodies, _places(model, melodies), (0, 1, 2, 3), strict=True)
    placed = [PlacedMelody.of(melody, melody.name, place, hue) for melody, place, hue in rows]
    made = Session.of(placed, {"position": 0.25, "density": 1.0})
    return json.dumps(made.to_json(), indent=1).encode()


def _places(model, melodies):
    from realtime.engine.decoder import Decoder
    from realtime.music.mixer import Mixer

    return tuple(Mixer(Decoder(model, 0), melodies).places)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def known() -> dict:
    return json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name in COMMANDS if name.endswith(".mid")])
def test_midi_is_the_same_to_the_byte(name, known, tmp_path):
    run(COMMANDS[name], tmp_path, tmp_path / name)
    assert sha((tmp_path / name).read_bytes()) == known[name]


@pytest.mark.parametrize("name", [name for name in COMMANDS if name.endswith(".wav")])
def test_sound_is_the_same(name, known, tmp_path):
    run(COMMANDS[name], tmp_path, tmp_path / name)
    found = level(tmp_path / name)
    np.testing.assert_allclose(found, known[name], rtol=0.02, atol=2e-4)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name.endswith(".avq")])
def test_codes_are_the_same(name, tmp_path):
    run(COMMANDS[name], tmp_path, tmp_path / name)
    for path in (tmp_path / name, GOLDEN / name):
        run(f"audiovq tokens {path} -o OUT", tmp_path, tmp_path / f"{path.parent.name}.npy")
    found, wanted = (np.load(tmp_path / f"{folder}.npy") for folder in (tmp_path.name, GOLDEN.name))
    assert found.shape == wanted.shape
    in_both = (found >= 0) & (wanted >= 0)
    assert (found == wanted)[in_both].mean() > 0.99 and in_both.sum() > 0.95 * (wanted >= 0).sum()


def test_a_file_of_before_is_read(tmp_path):
    """Of version 2 of the format, by an encoder that has learned more since; the codebooks are the same."""
    run("audiovq decompress GOLDEN/old-speech-1.5.avq -o OUT", tmp_path, tmp_path / "old.wav")
    samples, rate = soundfile.read(EXAMPLES / "speech.flac")
    soundfile.write(tmp_path / "origin.wav", samples[: 4 * rate], rate)
    found, origin = level(tmp_path / "old.wav"), level(tmp_path / "origin.wav")
    assert found.shape == origin.shape
    assert np.corrcoef(found, origin)[0, 1] > 0.9
    assert abs(20.0 * np.log10(np.linalg.norm(found) / np.linalg.norm(origin))) < 3.0


def test_codes_of_a_file_are_the_same_to_the_bit(known, tmp_path):
    run(COMMANDS["speech.npy"], tmp_path, tmp_path / "speech.npy")
    assert sha(np.load(tmp_path / "speech.npy").tobytes()) == known["speech.npy"]


def test_a_session_is_the_same_to_the_byte(known):
    assert sha(session()) == known["session.json"]


def write() -> None:
    known: dict[str, object] = {}
    folder = Path(sys.argv[1])
    for name, command in COMMANDS.items():
        out = GOLDEN / name if name.endswith(".avq") else folder / name
        run(command, folder, out)
        if name.endswith(".mid"):
            known[name] = sha(out.read_bytes())
        elif name.endswith(".wav"):
            known[name] = [round(each, 5) for each in level(out).tolist()]
        elif name.endswith(".npy"):
            known[name] = sha(np.load(out).tobytes())
        print(name, sha(out.read_bytes()))
    known["session.json"] = sha(session())
    (GOLDEN / "golden.json").write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
