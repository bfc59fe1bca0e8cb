"""A performance faster than real time: the mixer and the player on a clock that is turned by hand."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from latentmix.errors import InputError
from midi_vae.audio.drum_kit import WithKit
from midi_vae.audio.sound import SOUND_FORMATS
from midi_vae.cli.options import MIDI_SUFFIXES
from midi_vae.midi.score import DRUM_CHANNEL

from ..engine.drummer import Drummer, Drums
from ..engine.explorer import charted
from ..engine.moves import AT_ONCE, Presets, resolve, set_at_once
from ..engine.phrases import make_wanted
from ..engine.recorder import PlayedNote, Recorder, TempoChange, write_recording
from ..midi.ports import MemoryOut
from ..music.automation import Automation
from ..music.clock import VirtualClock
from ..music.mixer import Mixer
from ..music.parameters import Value
from ..music.shaping import as_pattern
from ..music.timbre_mixer import TimbreMixer
from ..player.loop import OfflinePlayer
from ..player.messages import PlayDrums, PlayerSetup, PlayPattern, Progress, Report
from ..player.player import STEPS_A_BEAT, make_player
from .sounding import write_sound

if TYPE_CHECKING:
    from ..audio.sound_instrument import SoundInstrument

MAX_STEPS = 1_000_000
JUST_BEFORE = 0.999  # of a step: then the automation is looked up for the next one


@dataclass(frozen=True)
class Performance:
    """What was played; see `recorder`. `shares` (M,) of the sounds that sing are from a time on, in seconds."""

    notes: list[PlayedNote]
    tempi: list[TempoChange]
    shares: list[tuple[float, np.ndarray]]


def perform(
    mixer: Mixer,
    automation: Automation,
    setup: PlayerSetup,
    presets: Presets = MappingProxyType({}),
    settings: Mapping[str, Value] = MappingProxyType({}),
    drums: Drums | None = None,
    sounds: int = 1,
) -> Performance:
    """Play an automation to its end; what it sets is heard at the next step, beat or bar, as on stage.

    The same mixer, automation, setup, presets and settings give the same notes.

    Args:
        presets: what the parameter `preset` recalls (`automation.read_presets`).
        settings: of parameters, to begin with.
        drums: play along, on channel 10.
        sounds: that sing it, 1 to 8.

    Raises:
        InputError: drums that cannot be mixed.
    """
    clock, recorder = VirtualClock(), Recorder(from_song_start=True, channel=setup.channel)

    def hear(report: Report) -> None:
        if isinstance(report, Progress) and report.events:
            recorder.add(report.events, report.tempo)

    player = OfflinePlayer(lambda tell: make_player([MemoryOut()], setup, tell, clock), hear, clock)
    for name in ("tempo", "follow", "velocity"):
        mixer.set(name, getattr(setup, name))
    mover = _Mover(mixer, presets, player, clock, drums, sounds)
    timeline, beats_a_bar = player.player.timeline, mixer.melody().steps_per_bar / STEPS_A_BEAT
    end = automation.end if automation.unit == "seconds" else math.inf  # of the clock; that of bars comes with a step
    said = automation.values_at(0.0)
    mover.move(settings)
    mover.move({"play": automation.end > 0.0, **said})
    for _ in range(MAX_STEPS):
        due = player.next_step_due()
        if due < math.inf:
            player.run_until(min(clock() + JUST_BEFORE * (due - clock()), end))
            at = automation.time(round(due, 6), _step_at(timeline.beat_at(due)) / STEPS_A_BEAT, beats_a_bar)
        else:  # nothing plays, until a row says so
            at = automation.next_time(clock())
            player.run_until(at)
        if at >= automation.end:
            break
        new = {name: value for name, value in automation.values_at(at).items() if said.get(name) != value}
        said |= new
        mover.move(new)
        if due < math.inf and (due := player.next_step_due()) < math.inf:
            player.run_until(due)
    if due < math.inf:
        player.run_until(min(due - 1e-6, end))
    player.close()
    return Performance(recorder.finished(), recorder.tempi, mover.shares)


def _step_at(beat: float) -> int:
    """The sixteenth that is played at a beat; a swung one comes up to half a sixteenth late.

    >>> [_step_at(beat) for beat in (1.0, 1.2499999, 1.25, 1.375)]
    [4, 5, 5, 5]
    """
    return math.floor(beat * STEPS_A_BEAT + 0.25)


class _Mover:
    """Moves parameters by the engine's rule (`engine.moves`), one after another instead of in threads."""

    def __init__(
        self,
        mixer: Mixer,
        presets: Presets,
        player: OfflinePlayer,
        clock: VirtualClock,
        drums: Drums | None,
        sounds: int,
    ) -> None:
        self._mixer, self._presets, self._player, self._clock = mixer, presets, player, clock
        self._version = 0
        self._drummer = None if drums is None else Drummer(drums, mixer, lambda new: player.command(PlayDrums(new)))
        if self._drummer is not None:
            self._drummer.prepare_at_once()
        self._timbre = TimbreMixer(mixer, sounds)
        self.shares = [(0.0, self._timbre.weights())]
        self._offer()
        self._renew_drums()

    def move(self, values: Mapping[str, Value]) -> None:
        """Move parameters, and play another melody if there is one."""
        mixed: dict[str, Value] = {}
        for name, wanted in values.items():
            for each, value in resolve(self._mixer, self._presets, name, wanted, self._mixer.values.__getitem__):
                if each in AT_ONCE:
                    command = set_at_once(self._mixer, each, value, self._clock())
                    if command is not None:
                        self._player.command(command)
                else:
                    mixed.pop(each, None)  # so that what was moved last comes last
                    mixed[each] = value
        turn = self._mixer.turn
        changed = self._mixer.move(mixed)
        make_wanted(self._mixer)
        if changed or (self._mixer.turn != turn and not self._mixer.values["hold"]):
            self._offer()
        self._renew_drums()
        if (shares := self._timbre.renewed()) is not None:
            self.shares.append((self._clock(), shares))

    def _renew_drums(self) -> None:
        if self._drummer is not None:
            self._drummer.renew()

    def _offer(self) -> None:
        mixer, self._version = self._mixer, self._version + 1
        if (plane := mixer.plane) is not None and mixer.is_uncharted:
            mixer.charts = {**mixer.charts, plane: charted(mixer, plane)}
        self._player.command(PlayPattern(as_pattern(self._mixer.melody(), self._version, self._mixer.turn)))


PERFORMANCES = (*MIDI_SUFFIXES, *SOUND_FORMATS)  # what names of files with a performance end in


def check_place(
    path: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]],
    suffixes: Sequence[str] = PERFORMANCES,
) -> None:
    """See to it, before a performance, that it can be written.

    Args:
        suffixes: what the name may end in.

    Raises:
        InputError: another kind of file, a file that is read, a folder that is not there.
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        named = [suffix for suffix in suffixes if suffix not in MIDI_SUFFIXES[1:]]
        raise InputError(f"{path}: expected a name that ends in {', '.join(named)}")
    if path.resolve() in {Path(each).resolve() for each in inputs}:
        raise InputError(f"{path}: expected another name than that of a file that is read")
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"{path}: expected the name of a file in a folder that can be written to")


def write_performance(
    path: str | os.PathLike[str],
    performance: Performance,
    metre: tuple[int, int],
    program: int,
    soundfont: str | os.PathLike[str] | None = None,
    instrument: SoundInstrument | None = None,
    drum_notes: Mapping[int, int] = MappingProxyType({}),
) -> None:
    """Write a MIDI file, or sound where the name ends in .wav, .flac or .ogg.

    Args:
        instrument: plays it in a sound file, a synthesized kit beside it; else FluidSynth or the built-in synthesizer.
        drum_notes: as of `write_sound`.

    Raises:
        InputError: the file cannot be written, too long for a sound file.
    """
    if os.fspath(path).lower().endswith(MIDI_SUFFIXES):
        write_recording(path, performance.notes, performance.tempi, metre, program)
        return
    if instrument is None:
        write_sound(path, performance.notes, program, soundfont, drum_notes=drum_notes)
    else:
        rate = instrument.model.config.sample_rate
        synth = (
            WithKit(instrument, rate) if any(note.channel == DRUM_CHANNEL for note in performance.notes) else instrument
        )
        write_sound(path, performance.notes, program, sample_rate=rate, synth=synth, drum_notes=drum_notes)
