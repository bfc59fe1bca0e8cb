"""What becomes of audio before it is encoded: few channels, the codec's rate, no rumble, a level it was made for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from ..audio_io.channels import Downmix
from ..audio_io.reader import AudioSource
from ..dsp.high_pass import high_passed
from ..dsp.resampling import resampled
from ..dsp.speech_meter import SpeechMeter
from .tandem import CodesReader, Layout

FRAME_SECONDS = 0.02
QUIET = -35.0  # dB of full scale, root mean square of a frame: recordings without louder ones are coded louder
USUAL = -26.0  # dB: as loud as then
LOUD_FRAMES = 10  # that are not quiet show that a recording is not
BELOW_LOUDEST = 15.0  # dB within which a frame counts as sound
MAX_GAIN = 60  # dB
SAME_GAIN = 2  # dB within which decoded audio is made as loud as it was coded
LOOK_AHEAD = 600.0  # seconds of audio that are kept, at most, until it is known whether it is quiet
RUMBLE = 0.1  # share of the power below the cutoff that is told; speech has less than 0.01 there


class Intake:
    """Audio on its way to the encoder: iterate, once, over blocks (C, n) float32 at the codec's rate.

    Args:
        source: what is read.
        sample_rate, cutoff: of the codec, in Hz; below the cutoff there is nothing to hear.
        keep_channels: all channels, instead of their mix.
        look_ahead: seconds that may be kept to learn how loud the audio is; 0: its level stays as it is.
        progress: is told how many samples of each channel are read.
        is_noticed: whether what is changed is to be told; to find out takes a third of the time.
        layout: of codes that the audio may carry; None: it is not looked for them.

    Attributes:
        channels: C.
        samples: of each channel of the source, so far.
        gain: dB by which the blocks are louder than the source, whole; known with the first block.
        notices: lines on what was changed, complete after the last block; none where they are not wanted.
    """

    def __init__(
        self,
        source: AudioSource,
        sample_rate: int,
        cutoff: float,
        keep_channels: bool = False,
        look_ahead: float = 0.0,
        progress: Callable[[int], None] | None = None,
        is_noticed: bool = True,
        layout: Layout | None = None,
    ) -> None:
        self.source, self.sample_rate, self.cutoff = source, sample_rate, cutoff
        self.channels = source.channels if keep_channels else 1
        self.samples = self.gain = 0
        self._keep_channels, self._look_ahead, self._progress = keep_channels, look_ahead, progress
        is_as_coded = source.sample_rate == sample_rate and source.channels == self.channels
        self._reader = CodesReader(layout, self.channels) if layout and is_as_coded else None
        self._downmix = Downmix(source.channels, source.layout, source.sample_rate)
        self._meter = SpeechMeter(sample_rate) if is_noticed else None
        self._power = np.zeros(2)  # before and after what is below the cutoff is taken out

    @property
    def notices(self) -> list[str]:
        if self._meter is None:
            return []
        lines = [*self.source.notices] if self._keep_channels else [*self.source.notices, *self._downmix.notices]
        before, after = self._power
        if before - after > RUMBLE * before:
            share = 100.0 * (1.0 - after / before)
            lines.append(f"below {self.cutoff:g} Hz, {share:.0f} % of the power (rumble, or an offset), is taken out")
        if self.gain:
            lines.append(f"quiet: made {self.gain} dB louder to be coded")
        return [*lines, *self._meter.notices(), *(self._reader.notices if self._reader else [])]

    def carried(self, codes: np.ndarray, sure: int, can_lack: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """`CodesReader.over` of the next frames."""
        if self._reader is None:
            return codes, np.zeros(len(codes), np.uint8)
        return self._reader.over(codes, self.gain, sure, can_lack)

    def __iter__(self) -> Iterator[np.ndarray]:
        mixed = self._counted() if self._keep_channels else self._downmix(self._counted())
        blocks = resampled(mixed, self.source.sample_rate, self.sample_rate)
        if self._meter is None:
            blocks = high_passed(blocks, self.sample_rate, self.cutoff)
        else:
            passed = high_passed(self._weighed(blocks), self.sample_rate, self.cutoff)
            blocks = self._measured(passed, self._meter)
        return self._levelled(blocks) if self._look_ahead else blocks

    def _counted(self) -> Iterator[np.ndarray]:
        for block in self.source.blocks:
            self.samples += block.shape[1]
            if self._reader:
                self._reader.push(block)
            yield block
            if self._progress:
                self._progress(self.samples)

    def _weighed(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for block in blocks:
            self._power[0] += np.square(block, dtype=np.float64).sum()
            yield block

    def _measured(self, blocks: Iterator[np.ndarray], meter: SpeechMeter) -> Iterator[np.ndarray]:
        for block in blocks:
            self._power[1] += np.square(block, dtype=np.float64).sum()
            meter.add(block)
            yield block

    def _levelled(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Blocks at a usual level, once it is known how loud they are."""
        held, levels, kept = [], _Levels(round(FRAME_SECONDS * self.sample_rate)), 0
        for block in blocks:
            held.append(block)
            levels.add(block)
            kept += block.shape[1]
            if levels.is_loud or kept >= self._look_ahead * self.sample_rate:
                break
        self.gain = levels.gain()
        carried = self._reader.gain if self._reader else None
        if carried is not None and abs(carried - self.gain) <= SAME_GAIN:
            self.gain = carried
        scale = np.float32(10.0 ** (self.gain / 20.0))
        for each in _chained(held, blocks):
            yield each * scale if self.gain else each


class _Levels:
    """Levels of frames, of all channels together."""

    def __init__(self, frame: int) -> None:
        self._frame, self._rest = frame, np.zeros(0, np.float32)
        self._powers: list[np.ndarray] = []
        self._loud, self._peak = 0, 0.0

    def add(self, block: np.ndarray) -> None:
        mono = np.concatenate([self._rest, np.square(block).mean(0)])
        whole = len(mono) // self._frame * self._frame
        self._rest = mono[whole:]
        powers = mono[:whole].reshape(-1, self._frame).mean(1)
        self._powers.append(powers)
        self._loud += int((powers > 10.0 ** (QUIET / 10.0)).sum())
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))

    @property
    def is_loud(self) -> bool:
        return self._loud >= LOUD_FRAMES

    def gain(self) -> int:
        """dB, whole, that a quiet recording lacks, within full scale; 0 of any other."""
        powers = np.concatenate([*self._powers, np.zeros(0, np.float32)])
        loudest = float(np.sort(powers)[-LOUD_FRAMES:][0]) if len(powers) else 0.0
        if self.is_loud or loudest <= 0.0 or self._peak <= 0.0:
            return 0
        sound = powers[powers >= loudest * 10.0 ** (-BELOW_LOUDEST / 10.0)]
        lacking = USUAL - 10.0 * np.log10(float(sound.mean()))
        return max(int(min(lacking, -20.0 * np.log10(self._peak), MAX_GAIN)), 0)


def _chained(held: list[np.ndarray], blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    while held:
        yield held.pop(0)
    yield from blocks
