"""What is larger than the limits allow is refused, and the limits themselves make sense."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from glyph_rag.corpus.document import Document, Mark
from glyph_rag.errors import InputError, LimitError
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits
from glyph_rag.store.store import Store
from glyph_rag.testing import HashEmbedder

EMBEDDER = HashEmbedder(16)


@pytest.mark.parametrize(
    ("document", "limits"),
    [
        (Document("x" * 11, "text"), Limits(id_chars=10)),
        (Document("x", "text" * 3), Limits(document_chars=10)),
        (Document("x", "text", metadata={"a": 1, "b": 2}), Limits(metadata_keys=1)),
        (Document("x", "text", metadata={"a": "b" * 10}), Limits(metadata_chars=10)),
        (Document("x", "text", metadata={"a" * 11: 1}), Limits(metadata_chars=10)),
        (Document("x", "text", "s" * 11), Limits(id_chars=10)),
        (Document("x", "text", marks=(Mark(0, "m" * 11),)), Limits(document_chars=10)),
    ],
)
def test_limits_are_told(tmp_path: Path, document: Document, limits: Limits) -> None:
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        with pytest.raises(LimitError, match=r"over the limit of .*raise Limits\."):
            Indexer(store, EMBEDDER, limits).add([document])
        with pytest.raises(LimitError, match="namespace"):
            Indexer(store, EMBEDDER, Limits(id_chars=3), "abcd")
        assert store.stats().documents == 0


@pytest.mark.parametrize("bound", [0, -1, 2.5, float("nan"), "5", None, True])
def test_a_limit_is_a_whole_number(bound: object) -> None:
    with pytest.raises(InputError, match=r"Limits\.k is"):
        Limits(k=bound)  # type: ignore[arg-type]
