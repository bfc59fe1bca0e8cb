"""How far off the model is from a live input: heard while it plays, said once, in a thread that makes nothing late."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import numpy as np
import torch

from audiovq.sound.fitting import LOOKED_AT, UNHEARD, misfit, misfit_line
from audiovq.sound.model import Sound, SoundModel
from audiovq.sound.morph import Recording, joined

from .child_process import hurry

HEARD = 30.0  # dB below its loudest frame, in which a frame is still heard
ENOUGH = 0.5  # of the frames that are looked at, that have to be heard
LEAST = UNHEARD + 40.0  # dB of the loudest frame: noise of an open input is below


class LiveFit:
    """Collects what comes in until it can be compared with what the model makes of it alone. For one thread.

    Args:
        model: whose frames they are.
        name: of the input, for people.
        tell: given a line, once, if the model is far off; from a thread of its own.
    """

    def __init__(self, model: SoundModel, name: str, tell: Callable[[str], object]) -> None:
        self._model, self._name, self._tell = model, name, tell
        self._wanted = round(LOOKED_AT * model.config.frame_rate)
        self._samples: list[np.ndarray] = []
        self._frames: list[Sound] = []
        self._loudness: list[float] = []
        self.thread: threading.Thread | None = None

    def hear(self, samples: np.ndarray, frame: Sound) -> None:
        """One more frame: its samples (hop,) and what the model knows of them (1, 1). Takes microseconds."""
        if self.thread is not None:
            return
        self._samples.append(samples)
        self._frames.append(frame)
        self._loudness.append(float(frame.controls.loudness))
        if len(self._frames) < self._wanted:
            return
        loudness = np.array(self._loudness)
        is_heard = (loudness > max(LEAST, float(loudness.max()) - HEARD)).mean() >= ENOUGH
        if is_heard:
            self.thread = threading.Thread(target=self._compare, name="latentmix fit", daemon=True)
            self.thread.start()
        half = self._wanted // 2  # else the later half may be the beginning of something
        for each in (self._samples, self._frames, self._loudness):
            del each[: 0 if is_heard else half]

    def _compare(self) -> None:
        torch.set_num_threads(1)  # each thread has a number of its own
        with contextlib.suppress(OSError):
            hurry(1)  # below whoever plays, above others, for whom it might wait with the interpreter in its hands
        samples, sound = np.concatenate(self._samples), joined(self._frames)
        self._samples, self._frames, self._loudness = [], [], []
        line = misfit_line(self._name, misfit(self._model, samples, Recording(sound, len(samples))))
        if line is not None:
            self._tell(line)
