"""The FAISS side of a store: derived from the database, never trusted over it.

The file is a header line of JSON, then FAISS's own serialisation. The header names the store it belongs to, the
generation it covers and the checksum of the rest; a file that does not fit is not used, and rebuilt.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from glyph_rag.embed.embedder import FloatArray

_log = logging.getLogger(__name__)
_MAGIC = "glyph-rag-index-1"

Rows = npt.NDArray[np.int64]


class VectorIndex:
    """Exact inner-product search over the vectors of chunks, by chunk row."""

    def __init__(self, dimension: int, index: faiss.IndexIDMap2 | None = None) -> None:
        """An empty index for vectors of this length, or the one given."""
        self._index = index or faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def rows(self) -> Rows:
        """The chunk rows it holds: int64 (n,), in no particular order."""
        rows: Rows = faiss.vector_to_array(self._index.id_map)
        return rows

    def add(self, rows: Rows, vectors: FloatArray) -> None:
        """Adds vectors, float32 (n, dimension), under int64 (n,) chunk rows that it does not hold yet."""
        self._index.add_with_ids(vectors, rows)

    def remove(self, rows: Rows) -> None:
        """Forgets the vectors of these chunk rows."""
        self._index.remove_ids(faiss.IDSelectorBatch(rows))

    def search(self, query: FloatArray, count: int) -> list[tuple[int, float]]:
        """The `count` nearest chunk rows of one vector, float32 (dimension,), with their inner products, best first.

        Equal scores are in ascending order of row.
        """
        count = min(count, len(self))
        if not count:
            return []
        scores, rows = self._index.search(query[None, :], count)
        return sorted(zip(rows[0].tolist(), scores[0].tolist(), strict=True), key=lambda hit: (-hit[1], hit[0]))

    def save(self, folder: Path, store_id: str, generation: int) -> None:
        """Writes `index-<generation>.faiss` so that it is there completely or not at all, and removes older ones."""
        data = faiss.serialize_index(self._index).tobytes()
        header = {
            "format": _MAGIC, "store": store_id, "generation": generation, "sha256": hashlib.sha256(data).hexdigest(),
        }  # fmt: skip
        path = folder / f"index-{generation}.faiss"
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            file.write(json.dumps(header).encode() + b"\n" + data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(folder)
        for old in folder.glob("index-*"):
            if old != path:
                old.unlink(missing_ok=True)

    @classmethod
    def load(cls, folder: Path, store_id: str, dimension: int, generation: int) -> VectorIndex | None:
        """The newest usable index file of a store, or None.

        Args:
            folder: The store's folder.
            store_id: The store's own id; another store's file is not used.
            dimension: Length of the vectors.
            generation: The database's generation; a file that claims a later one is not used.
        """
        paths = sorted(folder.glob("index-*.faiss"), key=lambda path: (len(path.name), path.name), reverse=True)
        for path in paths:
            try:
                header, _, data = path.read_bytes().partition(b"\n")
                claims = json.loads(header)
                fits = (
                    isinstance(claims, dict)
                    and (claims.get("format"), claims.get("store")) == (_MAGIC, store_id)
                    and isinstance(claims.get("generation"), int)
                    and claims["generation"] <= generation
                    and claims.get("sha256") == hashlib.sha256(data).hexdigest()
                )
            except (OSError, ValueError) as error:
                _log.warning("%s cannot be read (%s); it is rebuilt from the database", path.name, error)
                continue
            index = faiss.deserialize_index(np.frombuffer(data, np.uint8)) if fits else None
            if isinstance(index, faiss.IndexIDMap2) and index.d == dimension:
                return cls(dimension, index)
            _log.warning("%s is damaged or belongs elsewhere; it is rebuilt from the database", path.name)
        return None


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
