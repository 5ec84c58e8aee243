"""The degree of a polynomial."""

from __future__ import annotations

from cotkit.verify.tree import Node, Num, Sym, symbols


def degree(node: Node) -> int | None:
    """Total degree of a polynomial; None for anything else."""
    if isinstance(node, Num):
        return 0
    if isinstance(node, Sym):
        return int(node.name in symbols(node))
    parts = [degree(arg) for arg in node.args]
    known = [part for part in parts if part is not None]
    if len(known) != len(parts):
        return None
    if node.head in ("add", "mul", "neg"):
        return sum(known) if node.head == "mul" else max(known)
    if node.head == "div" and known[1] == 0:
        return known[0]
    power = node.args[1] if node.head == "pow" else None
    if isinstance(power, Num) and power.value.denominator == 1 and 0 <= power.value <= 100:
        return known[0] * int(power.value)
    return None
