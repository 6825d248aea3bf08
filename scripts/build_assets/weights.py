"""Storing float32 weights small inside an ONNX graph, without changing how the graph computes.

A weight is stored as int8 or float16 and turned back into float32 by a few standard nodes on constants. The
runtime folds those nodes when it loads the model, so it multiplies float32 by float32 as before: same speed,
and none of the differences between processors that quantised kernels have.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Float32 = npt.NDArray[np.float32]


def quantise(weights: Float32, group: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float16]]:
    """Symmetric int8 with one float16 scale for each run of ``group`` values along the last axis.

    Args:
        weights: float32, shape (rows, columns); columns is a multiple of group.
        group: Values that share a scale.

    Returns:
        int8 (rows, columns / group, group) and float16 (rows, columns / group, 1), to be multiplied.
    """
    rows, columns = weights.shape
    grouped = weights.reshape(rows, columns // group, group)
    scales = (np.abs(grouped).max(axis=-1, keepdims=True) / 127).astype(np.float16)
    scales[scales == 0] = 1
    # Divided by the scale as stored, so that rounding the scale to float16 is made up for.
    values = np.clip(np.rint(grouped / scales.astype(np.float32)), -127, 127)
    return values.astype(np.int8), scales


@dataclass
class GraphBuilder:
    """Collects the nodes and constants of an ONNX graph, named in order so that the bytes are stable."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, array: npt.NDArray[np.generic]) -> str:
        """Add a constant; returns its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def ints(self, *values: int) -> str:
        """Add a one-dimensional int64 constant; returns its name."""
        return self.constant(np.array(values, np.int64))

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: int | float | list[int]) -> str:
        """Add a node of the standard operator set; returns the name of its only output."""
        name = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def as_float(self, name: str) -> str:
        """Add a cast to float32; returns its output."""
        return self.op("Cast", name, to=TensorProto.FLOAT)

    def int8_matrix(self, weights: Float32, group: int) -> str:
        """Add a float32 (inputs, outputs) matrix as int8, grouped along its inputs; returns its name."""
        inputs, outputs = weights.shape
        values, scales = quantise(np.ascontiguousarray(weights.T), group)
        product = self.op("Mul", self.as_float(self.constant(values)), self.as_float(self.constant(scales)))
        return self.op("Transpose", self.op("Reshape", product, self.ints(outputs, inputs)), perm=[1, 0])
