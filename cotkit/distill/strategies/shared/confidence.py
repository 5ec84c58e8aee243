"""How sure a model was of what it wrote, from the log probabilities of its tokens (Marco-o1, arXiv 2411.14405)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

# As many of the likeliest tokens as the authors compare with; the most that some servers give.
TOP = 5


def token_confidence(own: float, top: Sequence[float]) -> float:
    """The token's probability as a part of its own and that of the (other) likeliest five: from 0 to 1.

    A token that is not among the five counts in the sum besides them. The authors' code leaves it out there, so that
    its value can pass 1.
    """
    likeliest = sorted(top, reverse=True)[:TOP]
    among = any(math.isclose(own, other, rel_tol=1e-9, abs_tol=1e-9) for other in likeliest)
    # Against the greatest of them: far below it, exp alone would be 0 everywhere.
    highest = max((own, *likeliest))
    whole = sum(math.exp(p - highest) for p in likeliest) + (0.0 if among else math.exp(own - highest))
    # Told twice, the same probability may differ in its last digits.
    return min(1.0, math.exp(own - highest) / whole)


def confidence(logprobs: Sequence[tuple[float, Sequence[float]]] | None) -> float | None:
    """The mean over tokens; None where there are none. Length and confidence are no proof of being right."""
    return fmean(token_confidence(own, top) for own, top in logprobs) if logprobs else None
