"""Cache keys: what decides a step's result, named part by part, so that a miss can be explained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cotkit.steps import Step

# Raise when the meaning of the parts changes: old keys then match nothing.
SCHEME = 1

# Keys of every step that never enter a cache key. A step adds its own in `excluded`.
EXCLUDED: Mapping[str, str] = {
    "name": "it names the folder of the result, not the result",
}

Components = dict[str, str]


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values are equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def components(step: Step, seed: int, inputs: Mapping[str, str], materials: Mapping[str, str]) -> Components:
    """The parts of a step's key, name -> value.

    Args:
        inputs: input table -> digest.
        materials: file, revision or weights -> digest (Step.materials).
    """
    parts: Components = {"scheme": str(SCHEME), "kind": step.step, "seed": str(seed)}
    for path, value in sorted(flatten(step.model_dump(mode="json")).items()):
        if not is_excluded(path, {**EXCLUDED, **step.exclusions()}):
            parts[f"config {path}"] = canonical(value)
    for module in sorted({_owner(m) for m in (*step.code_modules(), type(step).__module__)}):
        parts[f"code of {module}"] = code_digest(module)
    parts.update({f"input {name}": digest for name, digest in inputs.items()})
    parts.update({f"material {name}": digest for name, digest in materials.items()})
    return parts


def _owner(module: str) -> str:
    """A plug-in counts with its whole package: what it imports from there decides its result too."""
    return module if module.split(".", maxsplit=1)[0] == "cotkit" else module.split(".", maxsplit=1)[0]


def key_of(parts: Components) -> str:
    """sha256 over the parts."""
    return digest(parts)


def digest(value: Any) -> str:
    """sha256 over the canonical JSON of plain data."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def flatten(value: Any, path: str = "") -> dict[str, Any]:
    """Leaves of nested mappings and lists by dotted path; empty ones count as leaves."""
    if isinstance(value, dict) and value:
        items: Any = value.items()
    elif isinstance(value, list) and value:
        items = enumerate(value)
    else:
        return {path: value}
    leaves: dict[str, Any] = {}
    for key, item in items:
        leaves.update(flatten(item, f"{path}.{key}" if path else str(key)))
    return leaves


def is_excluded(path: str, excluded: Mapping[str, str]) -> bool:
    """True if a pattern names the path or a parent of it; `*` stands for one part."""
    parts = path.split(".")
    for pattern in excluded:
        wanted = pattern.split(".")
        if len(wanted) <= len(parts) and all(w in ("*", p) for w, p in zip(wanted, parts, strict=False)):
            return True
    return False


@lru_cache(maxsize=256)
def code_digest(module: str) -> str:
    """sha256 of the source of a module, or of all modules of a package.

    A changed line re-runs what it may change, in cotkit itself and in a user's plug-in, and nobody has
    to remember to raise a number. Paid answers are not affected: they lie in the journal.
    """
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return "none"
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.relative_to(origin.parent)}\0".encode() + file.read_bytes() + b"\0")
    return whole.hexdigest()


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What differs between two sets of parts, a phrase each."""
    phrases = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if name.startswith(("config ", "seed", "scheme", "kind")):
            phrases.append(f"{name.removeprefix('config ')}: {_short(before)} → {_short(after)}")
        else:
            phrases.append(f"{name} {'is new' if before is None else 'is gone' if after is None else 'changed'}")
    return phrases


def _short(value: str | None) -> str:
    if value is None:
        return "(not set)"
    return value if len(value) <= 60 else value[:57] + "…"
