"""What plays a model of sounds into the ring: events and moves placed by their time, or at the pace of live inputs.

Without live inputs it runs ahead of the device, as the other synthesizer does, and what is moved is placed in the
stream by its time. With them it goes at their pace: a frame is made as soon as one has come in, and between what came
in and what goes out lies always the same time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from audiovq.dsp.resampling import Resampler

from ..music.sound_parameters import NUMBERS
from .keyboard import Keyboard
from .live_fit import LiveFit
from .output import MOVE
from .ring_buffer import CHANNELS, Ring
from .sound_instrument import SoundInstrument
from .sound_mix import SoundMix
from .synthesis import FIRST_FILL, Scheduler

END_SECONDS = 0.03  # in which the sound fades at the end
LOOKS = 4  # at the way from input to output, until it is believed
SLACK = 16  # frames by which the way from input to output may be longer than it should be
BEYOND = 0.005  # seconds that the way from input to output may take beyond the model's delay and two periods
OFTEN, LATELY = 3, 10.0  # breaks in so many seconds, from which on the way is made longer


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


def usual_lateness(period: int, common: int, sample_rate: int, resampling: float = 0.0) -> int:
    """Frames, whole periods, by which a frame of the model may be late, that leave the way as short as it should be.

    The way from input to output is the model's delay, two periods and at most `BEYOND`, but for the one period in which
    a frame has to be made at least.

    Args:
        period, common: as of `distance`.
        sample_rate: of the device.
        resampling: frames by which it is late for being resampled, both ways.

    >>> [usual_lateness(period, 32, 48_000) // period for period in (64, 128, 256, 1024)]
    [5, 3, 2, 1]
    """
    return period * (1 + max(0, math.floor((BEYOND * sample_rate + common - resampling) / period)))


def resampling_delay(model_rate: int, sample_rate: int) -> float:
    """Frames of the device by which what is resampled to the model's rate and back comes later.

    >>> resampling_delay(48_000, 48_000), resampling_delay(48_000, 96_000)
    (0.0, 136.0)
    """
    if model_rate == sample_rate:
        return 0.0
    back = Resampler(model_rate, sample_rate).half
    return Resampler(sample_rate, model_rate).half + back * sample_rate / model_rate


class LiveScheduler(ModelScheduler):
    """One that goes at the pace of live inputs; what is moved counts at once.

    Args:
        synth: of a mix with live inputs.
        ring: takes the sound.
        inputs: what came in, at the device's rate, a channel for each live input.
        sample_rate: of the device.
        late: frames by which a frame of the model may be late; None: `usual_lateness` of the device's period.
        latest: frames by which it may be late at most from then on, after it was too late often; 0: never more than
            `late`.
        tell: is given a line when it is.
        fits: look at what comes in, one for each live input, or none.
    """

    def __init__(
        self,
        synth: Resampled,
        ring: Ring,
        inputs: Ring,
        sample_rate: int,
        late: int | None = None,
        latest: int = 0,
        tell: Callable[[str], object] = lambda line: None,
        fits: Sequence[LiveFit] = (),
    ) -> None:
        super().__init__(synth, ring, sample_rate, late or 0)
        self._fits = fits
        self._late, self._latest, self._tell = late, latest, tell
        self._more = 0  # frames by which it may be late beyond that
        self._missed: deque[tuple[float, int]] = deque(maxlen=OFTEN)  # seconds, frames of breaks that this would mend
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
        self._resampling = resampling_delay(config.sample_rate, sample_rate)
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
            for fit, each in zip(self._fits, self._mix.inputs, strict=False):  # once what is heard of it is on its way
                fit.hear(each.samples, each.frame(0))

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
        late = usual_lateness(chunk, common, self._rate, self._resampling) if self._late is None else self._late
        self._ahead = late + self._more
        self._excess.append(round(between) - distance(self._device_hop, chunk, self._ahead, common))
        least, most = min(self._excess), max(self._excess)  # one look may be in between the callback's two halves
        if least > SLACK and len(self._excess) == LOOKS:
            self._behind = max(0, least - self._learn(least, chunk))
            self._excess.clear()
        elif -most > self._device_hop:
            self._write()
            self._excess.clear()

    def _learn(self, missed: int, chunk: int) -> int:
        """Of frames by which the way has grown, how many it keeps, once it broke off often because of the model.

        Breaks of the device itself do not count, nor those that no allowance would have bridged. A single one is no
        reason: a processor that is taken away for a moment comes back.
        """
        breaks, reported = self._ring.breaks, self._ring.reported
        was_ours = breaks > self._breaks and reported == self._reported
        self._breaks, self._reported = breaks, reported
        if not was_ours or self._ahead + math.ceil(missed / chunk) * chunk > self._latest:
            return 0
        self._missed.append((self._ring.read / self._rate, missed))
        if len(self._missed) < OFTEN or self._missed[-1][0] - self._missed[0][0] > LATELY:
            return 0
        most = max(frames for _, frames in self._missed)
        self._missed.clear()
        more = math.ceil(most / chunk) * chunk
        if self._ahead + more > self._latest:
            return 0
        self._more += more
        most_ms, more_ms = (1000 * each / self._rate for each in (most, more))
        self._tell(
            f"the model was up to {most_ms:.1f} ms too late and the sound broke off, {OFTEN} times within "
            f"{LATELY:.0f} s: live inputs are heard up to {more_ms:.1f} ms later from now on; with --latency S they "
            "never are"
        )
        return more
