#!/usr/bin/env bash
# Guess: fsspec's cat_file(path, start, end) reads that range of any storage, as AbstractFileSystem.cat_file has it.
# What happens: s3fs has version_id before start, so the same call with places instead of names asks for other bytes.
# Who meets it: whoever reads members of tar shards by their offsets, and tests on local files.
# Seen with fsspec 2026.9.0 and s3fs 2026.9.0 on 2026-11-27.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q fsspec==2026.9.0 s3fs==2026.9.0
"$folder/venv/bin/python" - <<'PY'
import inspect
import sys

import fsspec
import s3fs

print("fsspec", fsspec.__version__, "s3fs", s3fs.__version__)
general = list(inspect.signature(fsspec.AbstractFileSystem.cat_file).parameters)[1:4]
special = list(inspect.signature(s3fs.S3FileSystem._cat_file).parameters)[1:4]
print("AbstractFileSystem.cat_file:", general, "S3FileSystem:", special)
sys.exit(not (general == ["path", "start", "end"] and special == ["path", "version_id", "start"]))
PY
