#!/usr/bin/env bash
# Guess: onnx.reference.ReferenceEvaluator, with which ONNX tests what an operator means, computes GRU, LSTM and RNN as their
#   text says it, or raises what it has not: with sequence_lens, by which a batch holds recordings of several lengths, a short
#   one has zeros after its end, its last state is that of its own last step, and backwards it begins there.
# What happens: sequence_lens is taken and ignored, in all three operators and directions: the padding is computed like sound,
#   the last state of the short item is that after the padding, and the reverse direction begins in the padding, so all its
#   outputs are off. Nothing is said. onnxruntime has it as the text says; without sequence_lens both agree to 1e-6.
# Who meets it: who checks an exported recognizer, tagger or encoder of melodies against the reference in a test, as onnx's own
#   documentation suggests for finding faults of a runtime, and looks for the fault in the runtime or the export; or uses the
#   reference where no runtime runs.
# Versions: onnx 1.23.2, onnxruntime 1.32.0, NumPy 2.2.6, Python 3.11, 2026-11-29.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.2.6
venv/bin/python - <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

STEPS, BATCH, INPUTS, HIDDEN = 6, 2, 3, 4
SHORT = 3  # the second item of the batch
GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}
draw = np.random.default_rng(0)
print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")


def model(operator: str, direction: str, lengths: list[int] | None) -> onnx.ModelProto:
    both, gates = 1 + (direction == "bidirectional"), GATES[operator]
    shapes = {"W": (both, gates * HIDDEN, INPUTS), "R": (both, gates * HIDDEN, HIDDEN), "B": (both, 2 * gates * HIDDEN)}
    weights = [numpy_helper.from_array(draw.normal(size=shape).astype(np.float32), name) for name, shape in shapes.items()]
    inputs = ["X", "W", "R", "B"]
    results = {"Y": (STEPS, both, BATCH, HIDDEN), "last": (both, BATCH, HIDDEN)}
    if lengths:
        weights.append(numpy_helper.from_array(np.array(lengths, np.int32), "lengths"))
        inputs.append("lengths")
    node = helper.make_node(operator, inputs, list(results), hidden_size=HIDDEN, direction=direction)
    graph = helper.make_graph(
        [node], "graph", [helper.make_tensor_value_info("X", TensorProto.FLOAT, [STEPS, BATCH, INPUTS])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in results.items()], weights,
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made, full_check=True)
    return made


sound = draw.normal(size=(STEPS, BATCH, INPUTS)).astype(np.float32)
is_so = []
for operator in GATES:
    for direction in ("forward", "reverse", "bidirectional"):
        for lengths in (None, [STEPS, SHORT]):
            made = model(operator, direction, lengths)
            runtime = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"X": sound})
            reference = ReferenceEvaluator(made).run(None, {"X": sound})
            error = [float(np.abs(a - b).max()) for a, b in zip(runtime, reference)]
            if not lengths:
                is_so.append(max(error) < 1e-5)
                continue
            padding = [float(np.abs(result[0][SHORT:, :, 1]).max()) for result in (runtime, reference)]
            print(
                f"{operator} {direction}: outputs differ by {error[0]:.2f}, last states by {error[1]:.2f}; "
                f"in the padding are up to {padding[0]:.2f} (onnxruntime) and {padding[1]:.2f} (reference)"
            )
            is_so += [min(error) > 0.01, padding[0] == 0, padding[1] > 0.1]
sys.exit(not all(is_so))
PYTHON
