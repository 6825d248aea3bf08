"""all-MiniLM-L6-v2 as one ONNX graph: token ids in, unit vectors out.

The graph is written from the published weights with standard operators only (no contributed ones), because
they measured as fast as the fused ones and run on any ONNX runtime.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from .sources import ASSETS, MINILM_TOKENIZER, MINILM_WEIGHTS, OUTPUTS, locate, write_output
from .weights import Float32, GraphBuilder, quantise

INPUTS = ("input_ids", "attention_mask")
LAYERS = 6
HEADS = 12
WIDTH = 384
HEAD_WIDTH = WIDTH // HEADS
MAX_TOKENS = 256
EPSILON = 1e-12
# Against one scale a row this halves the error (cosine 0.9997 for 0.9993), and adds 3 % to the file.
GROUP = 64
# Added to the score of a padding token: exp() of it is exactly 0 in float32, and it cannot overflow.
MASKED = -10000.0


def build(folders: Sequence[Path], cache: Path, assets: Path = ASSETS) -> None:
    """Write ``minilm/model.onnx``, ``minilm/tokenizer.json`` and ``minilm/model.json``.

    Raises:
        AssetError: A source or an output is not the pinned one.
    """
    write_output("minilm/tokenizer.json", locate(MINILM_TOKENIZER, folders, cache).read_bytes(), assets)
    weights = read_safetensors(locate(MINILM_WEIGHTS, folders, cache))
    write_output("minilm/model.onnx", build_model(weights).SerializeToString(deterministic=True), assets)
    write_output("minilm/model.json", describe(), assets)


def describe() -> bytes:
    """What the embedder needs to know without reading the model: its digest and its sizes, as JSON."""
    facts = {
        "name": "all-MiniLM-L6-v2",
        "sha256": OUTPUTS["minilm/model.onnx"],
        "tokenizer_sha256": OUTPUTS["minilm/tokenizer.json"],
        "dimension": WIDTH,
        "max_tokens": MAX_TOKENS,
    }
    return (json.dumps(facts, indent=2) + "\n").encode()


def read_safetensors(path: Path) -> dict[str, Float32]:
    """The float32 tensors of a safetensors file, by name."""
    data = path.read_bytes()
    (header_length,) = struct.unpack_from("<Q", data)
    start = 8 + header_length
    header = json.loads(data[8:start])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        first, last = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[start + first : start + last], np.float32).reshape(entry["shape"])
    return tensors


def build_model(weights: Mapping[str, Float32], *, reduced: bool = True) -> onnx.ModelProto:
    """The whole graph.

    Args:
        weights: The published tensors.
        reduced: Store the matrices as int8; False keeps float32, which is the reference to measure against.

    Returns:
        A model with inputs ``input_ids`` and ``attention_mask``, int64 (batch, seq), seq at most MAX_TOKENS,
        and the output ``embedding``, float32 (batch, 384), rows of length 1.
    """
    encoder = _Encoder(weights, reduced)
    graph = encoder.graph
    encoder.pool(encoder.layers(encoder.embed()))
    shape = ["batch", "seq"]
    proto = helper.make_graph(
        graph.nodes,
        "all-MiniLM-L6-v2",
        [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in INPUTS],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", WIDTH])],
        graph.constants,
    )
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    model.producer_name = "glyph-rag"
    return model


class _Encoder:
    """Writes a BERT encoder into a GraphBuilder, one method a part. Strings name values in the graph."""

    def __init__(self, weights: Mapping[str, Float32], reduced: bool) -> None:
        self.weights = weights
        self.reduced = reduced
        self.graph = GraphBuilder()
        self.mask = self.graph.as_float("attention_mask")

    def embed(self) -> str:
        """Word, position and token type embeddings, summed and normalised: (batch, seq, 384)."""
        graph = self.graph
        positions = self.weights["embeddings.position_embeddings.weight"][:MAX_TOKENS]
        # Every token has type 0, so that row is folded into the positions.
        positions = positions + self.weights["embeddings.token_type_embeddings.weight"][0]
        length = graph.op("Shape", "input_ids", start=1, end=2)
        here = graph.op("Slice", graph.constant(positions), graph.ints(0), length, graph.ints(0))
        return self._norm(graph.op("Add", self._words(), here), "embeddings.LayerNorm")

    def layers(self, hidden: str) -> str:
        """The six transformer layers: (batch, seq, 384)."""
        graph = self.graph
        hide = graph.op("Sub", self._scalar(1.0), graph.op("Unsqueeze", self.mask, graph.ints(1, 2)))
        hide = graph.op("Mul", hide, self._scalar(MASKED))
        for layer in range(LAYERS):
            prefix = f"encoder.layer.{layer}."
            attended = self._linear(self._attend(hidden, hide, prefix), prefix + "attention.output.dense")
            hidden = self._norm(graph.op("Add", attended, hidden), prefix + "attention.output.LayerNorm")
            inner = graph.op("Gelu", self._linear(hidden, prefix + "intermediate.dense"))
            outer = self._linear(inner, prefix + "output.dense")
            hidden = self._norm(graph.op("Add", outer, hidden), prefix + "output.LayerNorm")
        return hidden

    def pool(self, hidden: str) -> None:
        """Mean over real tokens, scaled to length 1: a sum points the same way, so nothing is divided."""
        graph = self.graph
        total = graph.op("MatMul", graph.op("Unsqueeze", self.mask, graph.ints(1)), hidden)
        total = graph.op("Squeeze", total, graph.ints(1))
        graph.op("Div", total, graph.op("ReduceL2", total, graph.ints(1), keepdims=1), output="embedding")

    def _words(self) -> str:
        graph = self.graph
        table = self.weights["embeddings.word_embeddings.weight"]
        if not self.reduced:
            return graph.op("Gather", graph.constant(table), "input_ids")
        # Rows are picked while still int8: the table, half of the model, never exists in float32.
        values, scales = quantise(table, GROUP)
        rows = graph.as_float(graph.op("Gather", graph.constant(values), "input_ids"))
        rows = graph.op("Mul", rows, graph.as_float(graph.op("Gather", graph.constant(scales), "input_ids")))
        return graph.op("Reshape", rows, graph.ints(0, 0, WIDTH))

    def _attend(self, hidden: str, hide: str, prefix: str) -> str:
        """Scaled dot-product attention of all heads, before the output projection: (batch, seq, 384)."""
        graph = self.graph
        names = [f"{prefix}attention.self.{name}" for name in ("query", "key", "value")]
        matrix = np.concatenate([self.weights[name + ".weight"].T for name in names], axis=1)
        bias = np.concatenate([self.weights[name + ".bias"] for name in names])
        projected = graph.op("Add", graph.op("MatMul", hidden, self._matrix(matrix)), graph.constant(bias))
        heads = graph.op("Reshape", projected, graph.ints(0, 0, 3, HEADS, HEAD_WIDTH))
        heads = graph.op("Transpose", heads, perm=[2, 0, 3, 1, 4])
        query, key, value = (
            graph.op("Gather", heads, graph.constant(np.array(index, np.int64)), axis=0) for index in range(3)
        )
        scores = graph.op("MatMul", query, graph.op("Transpose", key, perm=[0, 1, 3, 2]))
        scores = graph.op("Add", graph.op("Mul", scores, self._scalar(HEAD_WIDTH**-0.5)), hide)
        mixed = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), value)
        return graph.op("Reshape", graph.op("Transpose", mixed, perm=[0, 2, 1, 3]), graph.ints(0, 0, WIDTH))

    def _linear(self, hidden: str, name: str) -> str:
        product = self.graph.op("MatMul", hidden, self._matrix(self.weights[name + ".weight"].T))
        return self.graph.op("Add", product, self.graph.constant(self.weights[name + ".bias"]))

    def _norm(self, hidden: str, name: str) -> str:
        scale = self.graph.constant(self.weights[name + ".weight"])
        shift = self.graph.constant(self.weights[name + ".bias"])
        return self.graph.op("LayerNormalization", hidden, scale, shift, axis=-1, epsilon=EPSILON)

    def _matrix(self, matrix: Float32) -> str:
        if self.reduced:
            return self.graph.int8_matrix(matrix, GROUP)
        return self.graph.constant(np.ascontiguousarray(matrix))

    def _scalar(self, value: float) -> str:
        return self.graph.constant(np.array(value, np.float32))
