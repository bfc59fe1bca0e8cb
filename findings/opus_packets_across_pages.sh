#!/usr/bin/env bash
# Guess: where the borders of Ogg pages lie changes nothing: a packet may go on on the next page (RFC 3533), every reader puts
#   it together again, and libsndfile reads such an Ogg Opus file to its end.
# What happens: at 510 kbit/s a packet of 20 ms takes six lacing values, which do not divide the 255 of a page, so ffmpeg's
#   pages end amid a packet. If the last page begins with the rest of one, and more is cut off the last packet than about the
#   pre-skip (264 samples pass, 360 do not), libsndfile gives what comes before the last block that was asked for and raises "malformed"; with
#   less cut off, or with pages that end with a packet, it reads the very same audio to its end. opusdec, opusinfo and ffmpeg
#   find nothing wrong.
# Who meets it: who reads Opus of the highest rates (archives, 5.1) with soundfile, torchaudio or librosa. Whether it happens
#   depends on the length of the recording, so a trial with one file may not show it; files by opusenc, whose pages end with
#   a packet, never do.
# Versions: ffmpeg 5.1.9 and opus-tools 0.2 (Debian 12), libsndfile 1.2.2 in soundfile 0.13.1, 2026-11-28. ffmpeg and
#   opus-tools are installed if they are missing (root).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v ffmpeg >/dev/null && command -v opusdec >/dev/null ||
    apt-get -qq install -y --no-install-recommends ffmpeg opus-tools >/dev/null
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check soundfile==0.13.1 numpy==2.3.5
ffmpeg -version | head -1
encode() { # NAME SAMPLES [OPTION ...]
    ffmpeg -v error -f lavfi -i "anoisesrc=r=48000:a=.1,atrim=end_sample=$2" -ac 2 -c:a libopus -vbr off -b:a 510k \
        "${@:3}" "$folder/$1.opus"
    opusdec --quiet "$folder/$1.opus" "$folder/$1.wav" 2>/dev/null
}
encode across 144000                        # 648 samples are cut off the last packet
encode across_but_little_cut 144576         # 72
encode whole 144000 -page_duration 800000   # the same with whole packets on each page
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import os
import sys

import soundfile

print(soundfile.__libsndfile_version__)
ended = {}
for name, samples in (("across", 144000), ("across_but_little_cut", 144576), ("whole", 144000)):
    path = f"{sys.argv[1]}/{name}.opus"
    with soundfile.SoundFile(path) as file:
        read, how = 0, "to its end"
        try:
            while len(block := file.read(4800)):
                read += len(block)
        except soundfile.LibsndfileError as error:
            how = f"until it raised: {error.error_string}"
    of_opusdec = (os.path.getsize(f"{sys.argv[1]}/{name}.wav") - 44) // 4
    print(f"{name}: libsndfile read {read} of {samples} samples, {how}; opusdec {of_opusdec}")
    ended[name] = read == samples and of_opusdec == samples
    if of_opusdec != samples:
        sys.exit(1)
sys.exit(ended != {"across": False, "across_but_little_cut": True, "whole": True})
PYTHON
