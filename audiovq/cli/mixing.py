"""What `audiovq mix` does with two recordings and a codec."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

from ..codec.choice import AUTO, USUAL, suited
from ..codec.codec import Codec
from ..codec.generation import late_frames, open_recording, write_codes
from ..codec.interpolation import mixed_codes, read_whole, step_samples


def mix_recordings(
    model: str, first: str, second: str, steps: int, paths: Sequence[str]
) -> tuple[list[tuple[str, float]], dict[str, list[str]]]:
    """Write the steps from one recording to another into one file, or one into each.

    A quiet recording is coded at a usual level; what comes back is as loud as it was, and steps lie between.

    Returns:
        names and seconds of what was written; lines on what was changed of each recording.

    Raises:
        InputError: a recording cannot be read, or a file not be written.
    """
    codec = Codec.from_pretrained(USUAL if model == AUTO else model)
    with contextlib.ExitStack() as stack:
        sources = [stack.enter_context(open_recording(path, codec)) for path in (first, second)]
        if model == AUTO:
            codec, sources = suited(codec, *sources)
        a, b = (read_whole(source, codec) for source in sources)
    codes, gains = mixed_codes(codec, a, b, steps), [float(gain) for gain in np.linspace(a.gain, b.gain, steps)]
    part = step_samples(codec, a, b)
    if len(paths) == 1:
        silent = late_frames(codec)  # after the last step alone
        pieces = (each if number == steps else each[:, :-silent] for number, each in enumerate(codes, start=1))
        made = [(paths[0], write_codes(codec, pieces, paths[0], steps * part, gains, part))]
    else:
        every = zip(paths, codes, gains, strict=True)
        length = max(a.samples.shape[1], b.samples.shape[1])
        made = [(path, write_codes(codec, [each], path, length, [gain])) for path, each, gain in every]
    return made, {first: list(a.notices), second: list(b.notices)}
