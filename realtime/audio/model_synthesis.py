"""The process of a model of sounds: what is moved and played comes in with its time, frames go into the ring.

Without live inputs it runs ahead of the device, as the other synthesizer does, and what is moved is placed in the
stream by its time. With them it goes at their pace: a frame is made as soon as one has come in, and between what came
in and what goes out lies always the same time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
import torch

from audiovq.dsp.resampling import Resampler
from audiovq.sound.fitting import read_recording
from audiovq.sound.model import SoundModel
from latentmix.errors import InputError

from ..music.sound_parameters import NUMBERS
from .child_process import Inbox, serve, settle
from .keyboard import Keyboard
from .output import MOVE
from .ring_buffer import CHANNELS, Ring
from .sound_instrument import SoundInstrument
from .sound_mix import SoundMix
from .synthesis import BLOCK, FIRST_FILL, POLL_SECONDS, Scheduler, keep_playing

END_SECONDS = 0.03  # in which the sound fades at the end
LOOKS = 4  # at the way from input to output, until it is believed
RARE_SECONDS = 0.01  # between two looks at a ring that has a bell
SLACK = 16  # frames by which the way from input to output may be longer than it should be


class Resampled:
    """A `Synthesizer` of a mix or an instrument at the device's rate.

    Args:
        source: whose samples it has.
        sample_rate: of what it gives.

    Attributes:
        source: as above.
    """

    def __init__(self, source: SoundMix | SoundInstrument, sample_rate: int) -> None:
        self.source, self._rate = source, sample_rate
        self._resampler = Resampler(source.model.config.sample_rate, sample_rate)
        self._rest = np.zeros((CHANNELS, 0), np.float32)
        self._gain, self._is_ending = 1.0, False

    def render(self, frames: int) -> np.ndarray:
        """The next frames (2, frames)."""
        while self._rest.shape[1] < frames:
            self._rest = np.concatenate([self._rest, self.frame()], 1)
        out, self._rest = self._rest[:, :frames], self._rest[:, frames:]
        return out

    def frame(self) -> np.ndarray:
        """What the next frame of the model comes to, (2, about a hop of the device's)."""
        made = np.atleast_2d(self.source.render(self.source.model.config.hop))
        made = self._resampler.push(made.astype(np.float32))
        return self._faded(np.repeat(made, CHANNELS, 0) if len(made) == 1 else made)

    def note_on(self, pitch: int, velocity: int, channel: int = 0) -> None:
        """To an instrument; a mix has no notes."""
        if isinstance(self.source, SoundInstrument):
            self.source.note_on(pitch, velocity, channel)

    def note_off(self, pitch: int, channel: int = 0) -> None:
        """As `note_on`."""
        if isinstance(self.source, SoundInstrument):
            self.source.note_off(pitch, channel)

    def program(self, number: int) -> None:
        """Nothing: the recordings say what it sounds like."""

    def panic(self) -> None:
        """Notes end; what is mixed fades, for this is the end."""
        if isinstance(self.source, SoundInstrument):
            self.source.panic()
        self._is_ending = True

    def close(self) -> None:
        """Nothing to do."""

    def _faded(self, out: np.ndarray) -> np.ndarray:
        if not self._is_ending:
            return out
        ramp = self._gain - np.arange(out.shape[1], dtype=np.float32) / (END_SECONDS * self._rate)
        self._gain = max(0.0, float(ramp[-1]) if len(ramp) else self._gain)
        return out * ramp.clip(0.0, 1.0)


class ModelScheduler(Scheduler):
    """A `Scheduler` that knows parameters and what keyboards send."""

    def __init__(self, synth: Resampled, ring: Ring, sample_rate: int, ahead: int) -> None:
        super().__init__(synth, ring, sample_rate, ahead)
        self._made = synth
        self._keyboard = Keyboard(synth.source) if isinstance(synth.source, SoundInstrument) else None

    def _apply(self, kind: int, first: int, second: int, value: float) -> None:
        source = self._made.source
        if kind == MOVE:
            source.move({NUMBERS[first]: value})
            if NUMBERS[first] == "panic" and value and isinstance(source, SoundInstrument):
                source.panic()
        elif self._keyboard is not None:
            self._keyboard.play(kind, first, second)


def distance(hop: int, period: int, late: int, common: int) -> int:
    """Frames that lie between input and output, in both rings, if a frame of the model may be so late.

    It is full in a callback, which leaves up to a period less `common` of the next one waiting. Until it has to be
    there the device asks a whole number of times, so that to allow for less than a period more costs nothing.

    Args:
        hop: frames of the device that make a frame of the model.
        period: that it asks for at a time.
        late: frames from the callback in which it is full until it is there, at least.
        common: divisor of hop and period; 1 where what waits may be any number.

    >>> distance(480, 128, 432, 32), distance(480, 128, 360, 32), distance(480, 480, 432, 480)
    (960, 832, 480)
    """
    return hop + period - common + period * (max(1, math.ceil(late / period)) - 1)


class LiveScheduler(ModelScheduler):
    """One that goes at the pace of live inputs; what is moved counts at once.

    Args:
        synth: of a mix with live inputs.
        ring: takes the sound.
        inputs: what came in, at the device's rate, a channel for each live input.
        sample_rate: of the device.
        late: frames by which a frame of the model may be late.
        latest: frames by which it may be later from then on, after it was too late; 0: never later than `late`.
        tell: is given a line when it is.
    """

    def __init__(
        self,
        synth: Resampled,
        ring: Ring,
        inputs: Ring,
        sample_rate: int,
        late: int,
        latest: int = 0,
        tell: Callable[[str], object] = lambda line: None,
    ) -> None:
        super().__init__(synth, ring, sample_rate, late)
        self._latest, self._tell = latest, tell
        self._breaks, self._reported = ring.breaks, ring.reported  # of the device, when the way was last looked at
        assert isinstance(synth.source, SoundMix)
        self._mix, self._inputs = synth.source, inputs
        config = self._mix.model.config
        self._hop = config.hop
        self._resampler = Resampler(sample_rate, config.sample_rate)
        self._waiting = np.zeros((inputs.channels, 0), np.float32)  # at the model's rate, less than a frame
        self._frames_a_sample = sample_rate / config.sample_rate
        self._device_hop = math.ceil(config.hop * self._frames_a_sample)
        self._is_resampled = sample_rate != config.sample_rate
        self._is_first = True
        self._behind = 0  # frames of sound that are left out, so that the way is as long as it should be
        self._excess: deque[int] = deque(maxlen=LOOKS)  # frames that there were too many, of the last looks

    def fill(self) -> None:
        """Make a frame of each that came in."""
        if self._is_first:  # the device will ask for frames before anything can have come in
            self._ring.write(np.zeros((CHANNELS, FIRST_FILL), np.float32))
            self._is_first = False
        while self._pending:
            self._apply(*self._pending.pop(0)[2:])
        if self._behind >= self._device_hop:  # whole frames need not be made, and keep their place among the periods
            frames = self._behind // self._device_hop * self._device_hop
            self._behind -= self._inputs.take(frames).shape[1]
        if not self._behind:
            self._keep_distance()
        while self._behind < self._device_hop and self._hear():
            self._write()

    def _hear(self) -> bool:
        """Take what came in; whether it was a frame, or more."""
        if self._waiting.shape[1] < self._hop:
            came = self._resampler.push(self._inputs.take(self._inputs.capacity))
            self._waiting = np.concatenate([self._waiting, came], 1)
        if self._waiting.shape[1] < self._hop:
            lacking = (self._hop - self._waiting.shape[1]) * self._frames_a_sample
            self._inputs.want(math.ceil(lacking))
            return False
        self._mix.hear(self._waiting[:, : self._hop])
        self._waiting = self._waiting[:, self._hop :]
        return True

    def _write(self) -> None:
        made = self._made.frame()
        left_out = min(self._behind, made.shape[1])
        self._behind -= left_out
        self._ring.offer(made[:, left_out:])

    def _keep_distance(self) -> None:
        """See to it that input and output are as far apart as they should be, but for what an underrun did to them."""
        chunk = self._ring.chunk
        if not chunk:
            return
        between = self._inputs.filled + self._ring.filled + self._waiting.shape[1] * self._frames_a_sample
        common = 1 if self._is_resampled else math.gcd(self._device_hop, chunk)
        self._excess.append(round(between) - distance(self._device_hop, chunk, self._ahead, common))
        least, most = min(self._excess), max(self._excess)  # one look may be in between the callback's two halves
        if least > SLACK and len(self._excess) == LOOKS:
            self._behind = max(0, least - self._learn(least, chunk))
            self._excess.clear()
        elif -most > self._device_hop:
            self._write()
            self._excess.clear()

    def _learn(self, missed: int, chunk: int) -> int:
        """Of frames by which the way has grown, how many it keeps: after a break those by which the model was too late.

        Not where the device itself was late, nor where no allowance would have been enough.
        """
        breaks, reported = self._ring.breaks, self._ring.reported
        was_ours = breaks > self._breaks and reported == self._reported
        self._breaks, self._reported = breaks, reported
        more = math.ceil(missed / chunk) * chunk
        if not was_ours or self._ahead + more > self._latest:
            return 0
        self._ahead += more
        missed_ms, more_ms = (1000 * each / self._rate for each in (missed, more))
        self._tell(
            f"the model was {missed_ms:.1f} ms too late and the sound broke off: live inputs are heard up to "
            f"{more_ms:.1f} ms later from now on; with --latency S they never are"
        )
        return more


def load_source(
    model: SoundModel, files: Sequence[str | None], voices: int, tell: Callable[[str], None]
) -> SoundMix | SoundInstrument:
    """What plays: a mix of recordings and live inputs, or an instrument of recordings.

    Args:
        files: None is a live input.
        voices: of an instrument; 0 for a mix.
        tell: is given lines for people, and empty ones while it takes its time.

    Raises:
        InputError: a recording that cannot be used.
    """
    recordings = []
    for each in files:
        recordings.append(None if each is None else read_recording(model, each, tell, is_instrument=voices > 0))
        tell("")  # still at it
    if not voices:
        return SoundMix(model, recordings)
    return SoundInstrument(model, [each for each in recordings if each is not None], voices=voices)


def run_model(
    ring: Ring,
    inbox: Inbox,
    tell: Callable[..., None],
    sample_rate: int,
    latency: float,
    files: Sequence[str | None],
    model: str,
    voices: int,
    latest: float = 0.0,
    inputs: Ring | None = None,
) -> None:
    """What the process does, until the parent wants no more; then it fades.

    Raises:
        InputError: no such model, a recording that cannot be used.
    """
    torch.set_num_threads(1)
    tell(warning="")  # so far it takes longest
    sounds = SoundModel.from_pretrained(model)
    source = load_source(sounds, files, voices, lambda line: tell(warning=line))
    if isinstance(source, SoundMix) and len(source.inputs) != (0 if inputs is None else inputs.channels):
        raise InputError("expected a ring of as many channels as live inputs")
    synth, ahead = Resampled(source, sample_rate), max(BLOCK, round(latency * sample_rate))
    synth.frame()  # the first takes longest
    settle()
    scheduler = (
        ModelScheduler(synth, ring, sample_rate, ahead)
        if inputs is None
        else LiveScheduler(
            synth, ring, inputs, sample_rate, ahead, round(latest * sample_rate), lambda line: tell(warning=line)
        )
    )
    scheduler.fill()
    tell(name=model if voices == 0 else f"{model}, {voices} voice{'s' * (voices > 1)}")
    poll = POLL_SECONDS
    if inputs is not None and inputs.bell is not None:
        inbox.listen_to(inputs)
        poll = RARE_SECONDS
    keep_playing(scheduler, inbox, synth, 2 * latency + 0.05, poll)


def main() -> None:
    """What `child_process.ChildProcess("model_synthesis", …)` starts."""
    serve(run_model, priority=2)  # below the callback of the device
