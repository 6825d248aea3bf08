"""PP-OCRv6 text line recognition: the tiny model with float16 weights, and its alphabet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .sources import ASSETS, PPOCR_TINY, PPOCR_TINY_CONFIG, AssetError, locate, write_output

# Smaller ones are biases and norms: nothing to save there, and where precision matters.
MIN_VALUES = 1024


def build(folders: Sequence[Path], cache: Path, assets: Path = ASSETS) -> None:
    """Write ``ppocr/tiny.onnx`` and ``ppocr/tiny.txt``.

    Raises:
        AssetError: A source or an output is not the pinned one.
    """
    model = onnx.load(locate(PPOCR_TINY, folders, cache))
    alphabet = alphabet_of_config(locate(PPOCR_TINY_CONFIG, folders, cache).read_text("utf-8"))
    # Class 0 is the CTC blank, and the last class is the space, which the alphabet does not list.
    classes = model.graph.output[0].type.tensor_type.shape.dim[-1].dim_value
    if classes != len(alphabet) + 2:
        raise AssetError(f"{classes} classes do not fit an alphabet of {len(alphabet)}")
    write_output("ppocr/tiny.txt", "".join(c + "\n" for c in alphabet).encode(), assets)
    write_output("ppocr/tiny.onnx", halve(model).SerializeToString(deterministic=True), assets)


def alphabet_of_config(config: str) -> list[str]:
    """The alphabet in the ``character_dict`` list of an ``inference.yml``, in class order.

    The list is read line by line, so that building needs no YAML package: every item is one character, plain
    or in single quotes, where a quote is doubled.
    """
    _, found, rest = config.partition("  character_dict:\n")
    if not found:
        raise AssetError("the configuration holds no character_dict")
    alphabet = []
    for line in rest.split("\n"):
        if not line.startswith("  - "):
            break
        alphabet.append(_unquote(line.removeprefix("  - ")))
    return _checked(alphabet)


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose large float32 weights are stored as float16 and cast back when the model is loaded.

    The loader folds the casts, so the arithmetic stays float32 and only the file shrinks.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.metadata_props[:]
    graph = result.graph
    weights = list(graph.initializer)
    nodes = list(graph.node)
    del graph.initializer[:], graph.node[:]
    for weight in weights:
        array = numpy_helper.to_array(weight)
        if array.dtype != np.float32 or array.size < MIN_VALUES:
            graph.initializer.append(weight)
            continue
        stored = weight.name + ".half"
        graph.initializer.append(numpy_helper.from_array(array.astype(np.float16), stored))
        graph.node.append(helper.make_node("Cast", [stored], [weight.name], to=TensorProto.FLOAT))
    graph.node.extend(nodes)
    return result


def _unquote(item: str) -> str:
    if len(item) >= 3 and item[0] == item[-1] == "'":
        return item[1:-1].replace("''", "'")
    return item


def _checked(alphabet: list[str]) -> list[str]:
    wrong = [character for character in alphabet if len(character) != 1]
    if wrong or len(set(alphabet)) != len(alphabet):
        raise AssetError(f"the alphabet is not a list of different single characters: {wrong[:5]}")
    return alphabet
