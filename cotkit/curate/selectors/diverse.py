"""Selectors that spread over what the problems are about, by MiniLM embeddings."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from cotkit.curate.selectors import Item, Picks, Selector, Vectors, split


class KCenter(Selector):
    """Farthest first: each next row is the one least like all that are taken (Gonzalez 1985; Sener and Savarese 2018).

    The largest distance of a row to its nearest taken one is at most twice what the best choice could reach. Takes
    time in rows times `count`.
    """

    by: Literal["k_center"] = "k_center"

    def pick(self, items: Sequence[Item], count: int, rng: random.Random, vectors: Vectors) -> Picks:
        import numpy as np

        rows = vectors([item.text for item in items])
        nearest = np.full(len(items), -2.0, dtype=np.float32)
        picks: Picks = {}
        place = 0
        while True:
            picks[place] = {"nearest_cosine": None if not picks else round(float(nearest[place]), 4)}
            if len(picks) == count:
                return picks
            nearest = np.maximum(nearest, rows @ rows[place])
            nearest[place] = np.inf
            place = int(nearest.argmin())


class Clusters(Selector):
    """As many rows of each cluster as of any other, at random inside one: k-means on the embeddings.

    What a small cluster lacks goes to the rest.
    """

    by: Literal["clusters"] = "clusters"
    clusters: int = Field(50, ge=2, description="Number of clusters; never more than a tenth of the rows.")

    def pick(self, items: Sequence[Item], count: int, rng: random.Random, vectors: Vectors) -> Picks:
        import faiss
        import numpy as np

        rows = np.ascontiguousarray(vectors([item.text for item in items]), dtype=np.float32)
        number = max(1, min(self.clusters, len(items) // 10))
        found = np.zeros(len(items), dtype=np.int64)
        if number > 1:
            keys = {"niter": 20, "spherical": True, "seed": rng.getrandbits(31), "min_points_per_centroid": 1}
            means = faiss.Kmeans(rows.shape[1], number, **keys)
            means.train(rows)
            found = means.index.search(rows, 1)[1][:, 0]
        groups: dict[str, list[int]] = {}
        for place, cluster in enumerate(found.tolist()):
            groups.setdefault(f"{cluster:06d}", []).append(place)
        quotas = split(count, {name: len(places) for name, places in groups.items()}, dict.fromkeys(groups, 1.0))
        return {
            place: {"cluster": int(name), "quota": quotas[name]}
            for name, places in sorted(groups.items())
            for place in places[: quotas[name]]
        }
