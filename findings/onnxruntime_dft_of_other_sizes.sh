#!/usr/bin/env bash
# Guess: onnxruntime's DFT and STFT in float32 are as exact at one size as at another, some 1e-7 of the largest bin, as an FFT by
#   NumPy, PyTorch or any FFT library of 400, 480 or 44,100 points is; only their speed depends on the size's factors.
# What happens: sizes that are powers of two are exact to 5e-7 to 1e-6. Others go another way, whose error grows with the size: 3e-5 of
#   the largest bin at 400 points, 4e-4 at 4,800, 5e-3 at 44,100 and 48,000, where NumPy has 5e-8 in single precision. Beside a pure tone
#   of 44,100 points bins that should be empty are at -64 dB, NumPy's at -169. STFT with frames of 400 does the same. Nothing is said.
# Who meets it: who exports a frontend with the usual frames of 25 ms (400 samples at 16 kHz, 1,102 at 44.1) or with a spectrum of a whole
#   second, and finds log spectra off in quiet bins, features that differ from training's, or phases that a vocoder turns
#   into hiss.
# Versions: onnxruntime 1.32.0 (CPU) on Linux, onnx 1.23.2, NumPy 2.2.6, Python 3.11, 2026-11-29.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.2.6
venv/bin/python - <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper


def run(nodes: list, constants: list, x: np.ndarray) -> np.ndarray:
    """Complex spectra of the last axis but one, of a graph from x to y."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)]
    graph = helper.make_graph(nodes, "graph", inputs, [onnx.ValueInfoProto(name="y")], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    model = onnx.shape_inference.infer_shapes(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": x})
    return y[..., 0] + 1j * y[..., 1]


def dft(x: np.ndarray) -> np.ndarray:
    axis = helper.make_tensor("axis", TensorProto.INT64, [], [1])
    return run([helper.make_node("DFT", ["x", "", "axis"], ["y"], onesided=1)], [axis], x[None, :, None])[0]


def stft(x: np.ndarray, frame: int) -> np.ndarray:
    step = helper.make_tensor("step", TensorProto.INT64, [], [frame])
    length = helper.make_tensor("length", TensorProto.INT64, [], [frame])
    node = helper.make_node("STFT", ["x", "step", "", "length"], ["y"], onesided=1)
    return run([node], [step, length], x[None, :, None])[0]


def error(found: np.ndarray, right: np.ndarray) -> float:
    return float(np.abs(found - right).max() / np.abs(right).max())


print("onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__, "NumPy", np.__version__)
noise = np.random.default_rng(0).normal(size=65_536).astype(np.float32)
errors = {}
for size in (256, 512, 1024, 16_384, 65_536, 400, 480, 1_102, 4_800, 44_100, 48_000):
    errors[size] = error(dft(noise[:size]), np.fft.rfft(noise[:size].astype(np.float64)))
    print(f"  DFT of {size:6} points: {errors[size]:.1e} of the largest bin")
frames = {}
for size in (512, 400):
    x = noise[: 8 * size]
    frames[size] = error(stft(x, size), np.fft.rfft(x.reshape(8, size).astype(np.float64)))
    print(f"  STFT of frames of {size} samples: {frames[size]:.1e} of the largest bin")
tone = np.sin(2 * np.pi * 1000 * np.arange(44_100) / 44_100).astype(np.float32)
floor, numpy_floor = (np.delete(np.abs(y), 1000).max() / 22_050 for y in (dft(tone), np.fft.rfft(tone)))
print(f"  a tone of 44,100 points: the largest bin that should be empty is at {20 * np.log10(floor):.0f} dB", end="")
print(f", NumPy's at {20 * np.log10(numpy_floor):.0f} dB")
single = error(np.fft.rfft(noise[:44_100]), np.fft.rfft(noise[:44_100].astype(np.float64)))
print(f"  NumPy in single precision, 44,100 points: {single:.1e} of the largest bin")
exact = all(errors[size] < 3e-6 for size in (256, 512, 1024, 16_384, 65_536)) and frames[512] < 3e-6
lost = all(errors[size] > 1e-5 for size in (400, 480, 1_102)) and errors[44_100] > 1e-3 and frames[400] > 1e-5 and floor > 1e-4
print("as seen" if exact and lost else "behaves differently now")
sys.exit(0 if exact and lost else 1)
PYTHON
