"""The process of a model of sounds: what is moved and played comes in with its time, frames go into the ring."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from audiovq.sound.fitting import read_recording
from audiovq.sound.model import SoundModel
from latentmix.errors import InputError

from .child_process import Inbox, is_hurried, serve, settle
from .live_fit import LiveFit
from .model_scheduler import LiveScheduler, ModelScheduler, Resampled
from .ring_buffer import Ring
from .sound_instrument import SoundInstrument
from .sound_mix import SoundMix
from .synthesis import BLOCK, POLL_SECONDS, keep_playing

RARE_SECONDS = 0.01  # between two looks at a ring that has a bell
NOT_HURRIED = (
    "this user may not run programs in real time, and live inputs break off where others are busy; allow it as for "
    "JACK: '@realtime - rtprio 95' in /etc/security/limits.d/realtime.conf, 'groupadd -f realtime' and 'usermod -aG "
    "realtime USER' as root, and log in again"
)


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
    names: Sequence[str] = (),
    inputs: Ring | None = None,
) -> None:
    """What the process does, until the parent wants no more; then it fades.

    Args:
        latency: seconds by which it runs ahead of the device, or by which a frame of live inputs may be late.
        latest: if not 0, this is found by the device's period, and may grow to so many seconds (`LiveScheduler`).
        names: of the live inputs, for people; without them nothing is said of how far off the model is.

    Raises:
        InputError: no such model, a recording that cannot be used.
    """
    torch.set_num_threads(1)
    tell(warning="")  # so far it takes longest
    sounds = SoundModel.from_pretrained(model)

    def say(line: str) -> None:
        tell(warning=line)

    source = load_source(sounds, files, voices, say)
    if isinstance(source, SoundMix) and len(source.inputs) != (0 if inputs is None else inputs.channels):
        raise InputError("expected a ring of as many channels as live inputs")
    if inputs is not None and not is_hurried():
        tell(warning=NOT_HURRIED)
    synth, ahead = Resampled(source, sample_rate), max(BLOCK, round(latency * sample_rate))
    synth.frame()  # the first takes longest
    settle()
    scheduler = (
        ModelScheduler(synth, ring, sample_rate, ahead)
        if inputs is None
        else LiveScheduler(
            synth,
            ring,
            inputs,
            sample_rate,
            None if latest else ahead,
            round(latest * sample_rate),
            say,
            [LiveFit(sounds, name, say) for name in names],
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
