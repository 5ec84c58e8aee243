"""LiveCodeBench, whose private tests are a pickle."""

from __future__ import annotations

import base64
import json
import pickletools
import zlib
from typing import Any

from cotkit.curate.sources.conversions.programs import with_starter
from cotkit.curate.sources.conversions.shape import Row

MAX_TESTS = 64_000_000
# Opcodes of a pickle that is one text and nothing else: nothing that could call or import.
_TEXT_PICKLE = {"PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT", "STOP"}
_TEXTS = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"}


def live_code_bench(row: Row) -> Row:
    """LiveCodeBench: public and private tests as one list, the starter code is shown, no solution is published."""
    public = json.loads(row["public_test_cases"])
    private = _private_tests(row["private_test_cases"])
    name = json.loads(row.get("metadata") or "{}").get("func_name")
    tests = [{**t, **({"metadata": {"func_name": name}} if name else {})} for t in [*public, *private]]
    starter = str(row.get("starter_code") or "").strip()
    text = str(row["question_content"]).strip()
    return {
        "problem": with_starter(text, starter),
        "tests": tests or None,
    }


def _private_tests(text: str) -> list[Any]:
    """JSON, or base64 of zlib of a pickled text: the text is read from its opcodes, nothing is unpickled."""
    if not text:
        return []
    if text.lstrip().startswith("["):
        return list(json.loads(text))
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(base64.b64decode(text), MAX_TESTS)
    except zlib.error as error:
        raise ValueError(f"private tests: {error}") from error
    if inflate.unconsumed_tail:
        raise ValueError(f"private tests of more than {MAX_TESTS} bytes")
    found = None
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in _TEXTS and found is None:
            found = argument
        elif opcode.name not in _TEXT_PICKLE:
            raise ValueError(f"private tests hold more than a text (opcode {opcode.name})")
    return list(json.loads(found or "[]"))
