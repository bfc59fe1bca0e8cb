"""neutone_stream.py MODEL.nm AUDIO: a saved model's stream beside the codec's own, in the environment of neutone_sdk.

Prints the largest difference and the loudest sample: of three codebooks, of all, and of all again after a reset.
"""

import sys

import numpy as np
import soundfile
import torch
from neutone_sdk.constants import MAX_N_PARAMS
from neutone_sdk.utils import load_neutone_model

from audiovq.codec.codec import Codec

codec = Codec.from_pretrained("speech_16k")
audio, _ = soundfile.read(sys.argv[2], dtype="float32")
audio = audio[: len(audio) // codec.hop * codec.hop][None]
plugin, _ = load_neutone_model(sys.argv[1])
plugin.set_daw_sample_rate_and_buffer_size(codec.sample_rate, codec.hop)
with torch.inference_mode():
    for q in (3, codec.codebooks, codec.codebooks):
        plugin.reset()
        share = torch.full((MAX_N_PARAMS, codec.hop), (q - 1) / (codec.codebooks - 1))
        frames = torch.from_numpy(audio).split(codec.hop, 1)
        heard = torch.cat([plugin(frame.repeat(2, 1), share)[:1].clone() for frame in frames], 1).numpy()
        codes = codec.encode_chunks([audio], 1, codec.codebooks)
        own = np.concatenate(list(codec.decode_chunks((each[:, :q] for each in codes), 1, skip=0)), 1)
        late = plugin.calc_buffering_delay_samples()
        n = heard.shape[1] - late
        sys.stdout.write(f"{np.abs(heard[:, late:] - own[:, :n]).max()} {np.abs(own).max()}\n")
