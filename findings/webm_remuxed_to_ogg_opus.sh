#!/usr/bin/env bash
# Guess: a remux without re-encoding (`ffmpeg -c copy`, WebM to Ogg Opus) changes the container alone: the packets are the
#   same, each says how long it is, and whatever reads Ogg Opus reads them to their end.
# What happens: WebM has times in whole milliseconds, and ffmpeg makes the granule positions of the Ogg pages of these times.
#   Where packets are not of whole milliseconds (2.5 ms), or come with a recorder's jitter as browsers write them, a page says
#   that it ends a few samples before its packets do. libsndfile takes that for damage: it gives what comes before and raises
#   "malformed". opusdec says nothing, opusinfo warns ("Sample count ahead of granule"), ffmpeg decodes all of it.
# Who meets it: who turns recordings of MediaRecorder (voice datasets, web recorders) into .opus for soundfile, torchaudio or
#   librosa. Packets of 5 to 60 ms without jitter pass, so a trial with a file of ffmpeg's own does not show it.
# Versions: ffmpeg 5.1.9 (Debian 12), libsndfile 1.2.2 in soundfile 0.13.1, 2026-11-27. ffmpeg is installed if it is missing
#   (root).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v ffmpeg >/dev/null || apt-get -qq install -y --no-install-recommends ffmpeg >/dev/null
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check soundfile==0.13.1 numpy==2.3.5
ffmpeg -version | head -1
for packet in 2.5 20; do
    ffmpeg -v error -f lavfi -i sine=440:duration=4:sample_rate=48000 -c:a libopus -frame_duration "$packet" "$folder/$packet.webm"
    ffmpeg -v error -i "$folder/$packet.webm" -c copy "$folder/$packet.opus"
    ffmpeg -v error -i "$folder/$packet.opus" -f s16le "$folder/$packet.raw"
done
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import os
import sys

import soundfile

print(soundfile.__libsndfile_version__)
found = {}
for packet in ("2.5", "20"):
    with soundfile.SoundFile(f"{sys.argv[1]}/{packet}.opus") as file:
        samples, ended = 0, "to its end"
        try:
            while len(block := file.read(4800)):
                samples += len(block)
        except soundfile.LibsndfileError as error:
            ended = f"until it raised: {error.error_string}"
    of_ffmpeg = os.path.getsize(f"{sys.argv[1]}/{packet}.raw") // 2
    print(f"packets of {packet} ms: libsndfile read {samples} samples, {ended}; ffmpeg {of_ffmpeg}")
    found[packet] = samples < of_ffmpeg / 2 and "raised" in ended
sys.exit(not (found["2.5"] and not found["20"]))
PYTHON
