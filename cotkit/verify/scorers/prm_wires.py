"""How four families of process reward models are asked, and how their replies are read.

Sources: SkyworkAI/skywork-o1-prm-inference; the model card of Qwen2.5-Math-PRM; peiyi9979/math-shepherd-mistral-7b-prm
and vllm-project/vllm#9697; RLHFlow/RLHF-Reward-Modeling. The replies are those of vLLM's server. Written from these;
tried against a stub that speaks them, not against the models.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cotkit.verify.scorers.remote import Ask, NotScored, number

if TYPE_CHECKING:
    from cotkit.verify.scorers.prm_server import PrmServer

_QWEN_SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
_QWEN_TAG, _SHEPHERD_TAG = "<extra_0>", "ки"
_TOP = 20


class Misaligned(Exception):
    """The reply cannot be laid beside the steps."""

    def __init__(self, got: int | None) -> None:
        super().__init__(got)
        self.got = got


def _qwen(ask: Ask, prm: PrmServer, problem: str, steps: Sequence[str], start: int) -> list[float]:
    messages = [
        {"role": "system", "content": _QWEN_SYSTEM},
        {"role": "user", "content": problem},
        {"role": "assistant", "content": "".join(f"{step}{_QWEN_TAG}" for step in steps)},
    ]
    pairs = _pairs(ask("/pooling", {"model": prm.model, "messages": messages}), len(steps))
    return [good for _, good in pairs[start:]]


def _shepherd(ask: Ask, prm: PrmServer, problem: str, steps: Sequence[str], start: int) -> list[float]:
    text = f"{problem} " + "\n".join(f"{step} {_SHEPHERD_TAG}" for step in steps)
    pairs = _pairs(ask("/pooling", {"model": prm.model, "input": text}), len(steps))
    return [good for good, _ in pairs[start:]]


def _pairs(reply: Any, wanted: int) -> list[tuple[float, float]]:
    """A pair of probabilities for each step; raw values are put through a softmax."""
    rows = _data(reply).get("data")
    if not isinstance(rows, list):
        raise NotScored("scorer_reply_malformed")
    if len(rows) != wanted:
        raise Misaligned(len(rows))
    found = []
    for row in rows:
        if not isinstance(row, list) or len(row) != 2:
            raise NotScored("scorer_reply_malformed")
        a, b = number(row[0]), number(row[1])
        if not (0 <= a <= 1 and 0 <= b <= 1 and abs(a + b - 1) < 0.01):
            high = max(a, b)
            a, b = math.exp(a - high), math.exp(b - high)
        found.append((a / (a + b), b / (a + b)))
    return found


def _data(reply: Any) -> Mapping[str, Any]:
    data = reply.get("data") if isinstance(reply, dict) else None
    if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], dict):
        raise NotScored("scorer_reply_malformed")
    return data[0]


def _skywork(ask: Ask, prm: PrmServer, problem: str, steps: Sequence[str], start: int) -> list[float]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(prm.tokenizer))

    def ids(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False).ids)

    line, tokens, ends = ids("\n"), ids(f"{prm.bos}{problem}\n"), []
    for step in steps:
        # A line break is this model's mark of a step's end.
        tokens += [*ids(step.replace("\n", " ")), *line]
        ends.append(len(tokens) - 1)
    values = _data(ask("/v1/embeddings", {"model": prm.model, "input": [tokens]})).get("embedding")
    if not isinstance(values, list):
        raise NotScored("scorer_reply_malformed")
    if len(values) != len(tokens):  # one value a token, or nobody knows whose they are
        raise Misaligned(None)
    return [_sigmoid(number(values[end])) for end in ends[start:]]


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _rlhflow(ask: Ask, prm: PrmServer, problem: str, steps: Sequence[str], start: int) -> list[float]:
    """A call for each step: the model's next word after it is + or -, and + stands after the steps before it."""
    turns: list[dict[str, str]] = []
    found = []
    for place, step in enumerate(steps):
        turns.append({"role": "user", "content": step if place else f"{problem} {step}"})
        if place < start:
            turns.append({"role": "assistant", "content": "+"})
            continue
        body = {"model": prm.model, "messages": turns, "max_tokens": 1, "temperature": 0}
        reply = ask("/v1/chat/completions", {**body, "logprobs": True, "top_logprobs": _TOP})
        found.append(_plus(reply, place))
        turns.append({"role": "assistant", "content": "+"})
    return found


def _plus(reply: Any, before: int) -> float:
    try:
        words = reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        known = {str(word["token"]).strip(): number(word["logprob"]) for word in reversed(words)}
    except (KeyError, IndexError, TypeError) as error:
        raise NotScored("scorer_reply_malformed") from error
    plus, minus = known.get("+", -math.inf), known.get("-", -math.inf)
    if max(plus, minus) == -math.inf:
        raise Misaligned(before)
    return _sigmoid(plus - minus) if math.isfinite(plus - minus) else float(plus > minus)


# The scores of the steps from a number on.
Wire = Callable[[Ask, "PrmServer", str, Sequence[str], int], list[float]]
WIRES: Mapping[str, Wire] = {"qwen": _qwen, "shepherd": _shepherd, "skywork": _skywork, "rlhflow": _rlhflow}
