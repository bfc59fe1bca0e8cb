#!/usr/bin/env bash
# Guess: an MP4 says in its edit list and durations where its audio ends, so `ffmpeg -i x.mp4 x.wav` gives as many samples as
#   went in, as it does for the same Opus packets in WebM, Matroska or Ogg and for FLAC and ALAC in MP4.
# What happens: for Opus and AAC in MP4 (.m4a too) decoding goes on to the end of the last packet: one second of 48,000 samples
#   comes back as 48,648 (Opus, 20 ms packets) and 48,128 (AAC), 1.2345 s as 60,168 and 59,392 instead of 59,256. ffprobe
#   knows the end (duration_ts), to the millisecond that the muxer rounds it to, so cutting there is exact to 1 ms.
# Who meets it: who decodes phone recordings and MediaRecorder's MP4 by ffmpeg into training data, aligns them with text or
#   with a second decode, loops them, or checks lengths after a round trip.
# Versions: ffmpeg 5.1.9 (Debian 12), 2026-11-28. ffmpeg is installed if it is missing (root).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v ffmpeg >/dev/null || apt-get -qq install -y --no-install-recommends ffmpeg >/dev/null
ffmpeg -version | head -1

# samples CODEC CONTAINER: how many of 59,256 samples come back, and how many the header tells of
samples() {
    local file="$folder/$1.$2"
    ffmpeg -v error -f lavfi -i sine=440:sample_rate=48000 -af atrim=end_sample=59256 -c:a "$1" -strict -2 "$file"
    ffmpeg -v error -y -i "$file" -f s16le "$folder/raw"
    local told
    told=$(ffprobe -v error -show_entries stream=duration_ts -of csv=p=0 "$file")
    echo "$1 in $2: 59256 samples in, $(($(stat -c %s "$folder/raw") / 2)) out, header $told" >&2
    echo $(($(stat -c %s "$folder/raw") / 2))
}

changed=0
for kind in "libopus webm" "libopus mka" "libopus ogg" "flac mp4" "alac mp4"; do
    # shellcheck disable=SC2086
    [ "$(samples $kind)" = 59256 ] || changed=1
done
[ "$(samples libopus mp4)" = 60168 ] || changed=1
[ "$(samples aac mp4)" = 59392 ] || changed=1
exit $changed
