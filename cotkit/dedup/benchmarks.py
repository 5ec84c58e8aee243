"""Benchmarks by name: where each one lies on the Hub. A further one is one more line."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic_core import PydanticCustomError

from cotkit.errors import RecipeError

# name, Hub id, configuration, split, column of the problem, column of the answer (- is none).
_LINES = """
aime24          HuggingFaceH4/aime_2024             -                    train  problem           answer
aime25          yentinglin/aime_2025                -                    train  problem           answer
amc23           math-ai/amc23                       -                    test   question          answer
math500         HuggingFaceH4/MATH-500              -                    test   problem           answer
gpqa-diamond    Idavidrein/gpqa                     gpqa_diamond         train  Question          -
olympiadbench   Hothan/OlympiadBench                OE_TO_maths_en_COMP  train  question          final_answer
minerva         math-ai/minervamath                 -                    test   question          answer
livecodebench   livecodebench/code_generation_lite  release_v5           test   question_content  -
gsm8k           openai/gsm8k                        main                 test   question          -
hmmt-feb25      MathArena/hmmt_feb_2025             -                    train  problem           answer
beyondaime      ByteDance-Seed/BeyondAIME           -                    test   problem           answer
"""
_KEYS = ("name", "id", "config", "split", "problem", "answer")
KNOWN: Mapping[str, Mapping[str, str]] = {
    line.split()[0]: dict(zip(_KEYS, line.split(), strict=True)) for line in _LINES.strip().splitlines()
}


def named(name: str) -> dict[str, Any]:
    """The keys of a Hub source for the name of a benchmark. Raises RecipeError for a name that is in no line."""
    if name not in KNOWN:
        near = get_close_matches(name, KNOWN, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"use one of {', '.join(KNOWN)}"
        raise RecipeError(f"no benchmark and no file is called '{name}'; {hint}")
    line = KNOWN[name]
    columns = {key: line[key] for key in ("problem", "answer") if line[key] != key}
    found: dict[str, Any] = {"kind": "hub", "name": name, "id": line["id"], "split": line["split"], "columns": columns}
    return found if line["config"] == "-" else {**found, "config": line["config"]}


def by_name(value: Any) -> Any:
    """For a recipe: a name becomes its source; anything else stays as it is."""
    try:
        return named(value) if isinstance(value, str) else value
    except RecipeError as error:
        raise PydanticCustomError("benchmark", "{reason}", {"reason": str(error)}) from error
