"""Drums that a performance is accompanied by: grooves, mixed by the same shares as the melodies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from midi_vae.drums.groove import Groove
from midi_vae.drums.kit import GENERAL_MIDI, Kit
from midi_vae.drums.mixing import grooves_at
from midi_vae.drums.network import GrooveNetwork
from midi_vae.drums.travel import even_travel
from midi_vae.drums.windows import partners, to_cells
from midi_vae.midi.score import DRUM_CHANNEL

from ..engine.recorder import PlayedNote

STEPS_A_BEAT = 4
LENGTH = 0.125  # beats that a hit is held
FINENESS = 1000  # shares are rounded to this, so that a groove is decoded once and not for each step


class Drummer:
    """Plays the mix of grooves step by step.

    Between two grooves it goes by even ways (`drums.travel`), between more of them straight.

    Args:
        grooves: as many as there are melodies, or one.
        kit: the notes that are played.
    """

    def __init__(self, model: GrooveNetwork, grooves: Sequence[Groove], kit: Kit = GENERAL_MIDI) -> None:
        self._model, self._kit = model, kit
        self._grooves = partners(grooves) if len(grooves) > 1 else list(grooves)
        cells = [to_cells(groove) for groove in self._grooves]
        self._codes = torch.stack([model.encode_cells(each) for each in cells])
        self._ways = {(i, i + 1): even_travel(model, cells[i], cells[i + 1]) for i in range(len(cells) - 1)}
        self._made: dict[tuple[int, ...], Groove] = {}
        self._start: float | None = None  # of the song, by the clock
        self.notes: list[PlayedNote] = []

    @property
    def steps_per_bar(self) -> int:
        return self._grooves[0].steps_per_bar

    def groove(self, weights: np.ndarray) -> Groove:
        """The mix by shares (M,); a groove alone is itself."""
        key = tuple(np.rint(FINENESS * np.asarray(weights)).astype(int).tolist())
        heard = [index for index, share in enumerate(key) if share]
        if len(self._grooves) == 1 or len(heard) == 1:
            return self._grooves[heard[0] if len(self._grooves) > 1 else 0]
        if key not in self._made:
            way = self._ways.get((heard[0], heard[-1])) if len(heard) == 2 else None
            if way is not None:
                point = way.at(key[heard[1]] / FINENESS)
            else:
                share = torch.tensor(key, dtype=torch.float32, device=self._codes.device) / sum(key)
                point = (share[:, None, None] * self._codes).sum(0)
            self._made[key] = grooves_at(self._model, point[None], self._grooves[0])[0]
        return self._made[key]

    def play(self, step: int, weights: np.ndarray, at: float, tempo: float) -> None:
        """What is struck on a step of the song.

        Args:
            step: sixteenths from the start of the song.
            weights: share of each groove.
            at: seconds of the clock at which the step is due; what is written counts from the start of the song.
            tempo: quarter notes a minute there.
        """
        if self._start is None:
            self._start = at - step / STEPS_A_BEAT * 60.0 / tempo
        at -= self._start
        groove = self.groove(weights)
        row = step % len(groove.velocities)
        for instrument in np.flatnonzero(groove.velocities[row]).tolist():
            late = float(groove.lateness[row, instrument]) / STEPS_A_BEAT  # beats
            beat = max(step / STEPS_A_BEAT + late, 0.0)
            time = max(at + late * 60.0 / tempo, 0.0)
            note, velocity = self._kit.note_of(instrument), int(groove.velocities[row, instrument])
            length = LENGTH * 60.0 / tempo
            self.notes.append(PlayedNote(time, time + length, beat, beat + LENGTH, note, velocity, DRUM_CHANNEL))
