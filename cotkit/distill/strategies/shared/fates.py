"""How the calls of an attempt ended that came to nothing: a refusal and a limit that is too low must not look alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from cotkit.distill.strategies import Reply
from cotkit.distill.strategies.shared.tree import Tree


def fates(heard: Sequence[Reply], tree: Tree | None = None) -> dict[str, Any]:
    """Evidence: calls by status and by finish_reason, the first error, and of a judged tree its steps by ruling."""
    ends = Counter(reply.finish_reason for reply in heard if reply.finish_reason is not None)
    error = next((reply.error for reply in heard if reply.error), None)
    judged = Counter(str(node.facts["judged"]) for node in (tree.nodes if tree else ()) if "judged" in node.facts)
    return {
        "calls": dict(Counter(reply.status for reply in heard)),
        **({"finish_reason": dict(ends)} if ends else {}),
        **({"error": error} if error is not None else {}),
        **({"judged": dict(judged)} if judged else {}),
    }
