"""Fewer vectors of a page: like ones are put together, and each group is replaced by its direction.

Ward's hierarchical clustering, as Clavié, Chaffin and Adams found best among what they tried ("Reducing the Footprint
of Multi-Vector Retrieval with Minimal Performance Impact via Token Pooling", 2024). It has no random start, so the same
page always gets the same vectors. Needs scipy, which comes with the `transformers` extra.
"""

from __future__ import annotations

import numpy as np

from glyph_rag.embed.embedder import FloatArray


def pooled(vectors: FloatArray, most: int) -> FloatArray:
    """At most `most` vectors in place of these.

    Args:
        vectors: float32 (n, dimension), each row of length 1.
        most: How many may be left, at least 1.

    Returns:
        float32 (min(n, most) or fewer, dimension), each row of length 1, in the order in which the first of each group
        came.
    """
    if len(vectors) <= most:
        return vectors
    from scipy.cluster.hierarchy import fcluster, linkage

    _, first, groups = np.unique(
        fcluster(linkage(vectors, "ward"), most, "maxclust"), return_index=True, return_inverse=True
    )
    sums = np.zeros((len(first), vectors.shape[1]), np.float32)
    np.add.at(sums, groups, vectors)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    # Vectors that cancel each other have no direction: the first of them stands for all.
    directions = np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), vectors[first])
    ordered: FloatArray = directions[np.argsort(first)]
    return ordered


def unit(vectors: FloatArray) -> FloatArray:
    """The same, float32 (n, dimension), of length 1 also where the model ran at half the precision."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    made: FloatArray = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return made
