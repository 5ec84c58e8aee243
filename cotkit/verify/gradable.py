"""Whether answers can be graded against a reference at all."""

from __future__ import annotations

import re

from cotkit.verify.read import read
from cotkit.verify.values import Text

MAX_LENGTH = 100_000

_PROOF = re.compile(
    r"proof\.?|\(?proof\)?|see (?:the )?(?:proof|solution).{0,40}|q\.?\s?e\.?\s?d\.?|\\(?:black)?square|\\blacksquare|"
    r"\\qed(?:symbol)?|[■□∎◼◻]|证明.{0,40}|见解析|略|the statement is proved",
    re.IGNORECASE | re.DOTALL,
)
_NOTHING = frozenset({"none", "null", "nan", "n/a", "na", "-", "?", "...", "[]"})
_FIRST = r"(?:\((?:a|i|1)\)|part\s(?:a|1)\b|a\)|1\))"
_SECOND = r"(?:\((?:b|ii|2)\)|part\s(?:b|2)\b|b\)|2\))"
_PARTS = re.compile(rf"(?:^|[\s;]){_FIRST}\s.{{1,600}}?[\s;]{_SECOND}\s", re.IGNORECASE | re.DOTALL)
_MANY = re.compile(r"\[\s*(['\"]).{1,900}?\1\s*,\s*['\"]", re.DOTALL)


def gradable(reference: str | None) -> str | None:
    """None where answers can be graded against this reference, else why not.

    Reasons: empty, proof, multi_part, prose, unparsable.
    """
    if not isinstance(reference, str) or not reference.strip() or reference.strip().casefold() in _NOTHING:
        return "empty"
    text = reference.strip()
    if _PROOF.fullmatch(text.strip("$ ").strip()):
        return "proof"
    if _PARTS.search(text[:2_000]) or _MANY.match(text):
        return "multi_part"
    value = read(text[:MAX_LENGTH])
    if not isinstance(value, Text):
        return None
    if value.why in ("", "words"):
        words = value.text.split()
        if not any(c.isalnum() for c in value.text):
            return "empty"
        return None if len(words) <= 4 and not value.why else "prose"
    return "empty" if value.why == "empty" else "unparsable"
