"""From a path with wrong turnings to one long thought, with what is wrong and what corrects it as character offsets."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cotkit.distill.strategies.shared.stepping import Language

# step: right, and on the way. trial: off the way, and not yet wrong. wrong: what a trial broke on.
PartKind = Literal["step", "trial", "wrong", "correction"]

_DOUBTS: Mapping[Language, Sequence[str]] = {
    "en": ("Wait, that is wrong.", "Hmm, this cannot be right.", "No, there is a mistake here."),
    "zh": ("等等，这样不对。", "嗯，这一步有问题。", "不，这里出错了。"),
}
_TURNS: Mapping[Language, Sequence[str]] = {
    "en": (
        "Let me go back and try another way.",
        "I drop this and start again from where it was still fine.",
        "Back to the point before that.",
    ),
    "zh": ("我退回去，换一种做法。", "放弃这条路，从还没有出错的地方重新来。", "回到出错之前的地方。"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a thought; `node` is its number in the tree or graph, None for cotkit's own words."""

    kind: PartKind
    text: str
    node: int | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A wrong turning: (node, text) of its steps in order, from `wrong_from` on wrong, and why, if somebody said so."""

    steps: Sequence[tuple[int, str]]
    wrong_from: int
    why: str = ""


def thought(
    path: Sequence[tuple[int, str]], trials: Mapping[int, Sequence[Trial]], rng: random.Random, lang: Language
) -> list[Part]:
    """The steps of `path`, before each of them the trials at its index, each followed by a correction."""
    parts: list[Part] = []
    for index, (node, text) in enumerate(path):
        for trial in trials.get(index, ()):
            good, bad = trial.steps[: trial.wrong_from], trial.steps[trial.wrong_from :]
            parts += [Part("trial", step, number) for number, step in good]
            parts += [Part("wrong", step, number) for number, step in bad]
            parts.append(Part("correction", _correction(trial.why, rng, lang)))
        parts.append(Part("step", text, node))
    return parts


def _correction(why: str, rng: random.Random, lang: Language) -> str:
    said = (rng.choice(_DOUBTS[lang]), why, rng.choice(_TURNS[lang]))
    return ("" if lang == "zh" else " ").join(text for text in said if text)


def laid_out(parts: Sequence[Part]) -> tuple[str, dict[str, Any]]:
    """The thought, and as [start, end) in characters: each wrong stretch, its correction, the last step.

    `wrong_nodes` names the nodes of each wrong stretch. The i-th correction follows the i-th wrong stretch.
    """
    text, wrong, corrections, nodes, final = "", [], [], [], [0, 0]
    open_span: list[int] | None = None
    for part in parts:
        text += "\n\n" if text else ""
        final = [len(text), len(text) + len(part.text)]
        text += part.text
        if part.kind == "wrong":
            if open_span is None:
                open_span = [final[0], final[1]]
                wrong.append(open_span)
                nodes.append(list[int | None]())
            open_span[1] = final[1]
            nodes[-1].append(part.node)
            continue
        open_span = None
        if part.kind == "correction":
            corrections.append(final)
    return text, {"wrong_spans": wrong, "correction_spans": corrections, "final": final, "wrong_nodes": nodes}
