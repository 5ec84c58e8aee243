"""One answer in the shape of each provider, as their pages and servers give it: body -> what must be read."""

from __future__ import annotations

from typing import Any

R, A = "2+2 is two and two.", "It is \\boxed{4}."
USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
INSIDE = {**USAGE, "completion_tokens_details": {"reasoning_tokens": 15}}


def body(message: dict[str, Any], finish: Any = "stop", usage: Any = USAGE, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "logprobs": None, "finish_reason": finish}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage,
        **more,
    }


# ruff: noqa: E501 (one answer a line is easier to compare)
# name -> (body, reasoning, response, found, summary, reasoning tokens, completion tokens)
ANSWERS: dict[str, tuple[dict[str, Any], str | None, str, str | None, bool, int | None, int]] = {
    "deepseek": (
        body(
            {"content": A, "reasoning_content": R},
            usage={**INSIDE, "prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": 10},
            system_fingerprint="fp_1",
        ),
        R, A, "reasoning_content", False, 15, 20,
    ),
    "openrouter": (
        body(
            {
                "content": A,
                "refusal": None,
                "reasoning": R,
                "reasoning_details": [{"type": "reasoning.text", "text": R, "format": "unknown", "index": 0}],
            },
            usage={**INSIDE, "cost": 0.00012},
            provider="DeepInfra",
        ),
        R, A, "reasoning", False, 15, 20,
    ),
    "openrouter-summary": (
        body(
            {
                "content": A,
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": R, "index": 0},
                    {"type": "reasoning.encrypted", "data": "gAAAA", "index": 1},
                ],
            }
        ),
        R, A, "reasoning_details", True, None, 20,
    ),
    "vllm-old": (
        body({"content": "\n\n" + A, "reasoning_content": R + "\n", "tool_calls": []}, stop_reason=None),
        R, A, "reasoning_content", False, None, 20,
    ),
    "vllm-new": (
        body({"content": A, "reasoning": R, "refusal": None, "annotations": None, "tool_calls": []}),
        R, A, "reasoning", False, None, 20,
    ),
    "vllm-no-parser": (body({"content": f"{R}\n</think>\n\n{A}"}), R, A, "</think>", False, None, 20),
    "sglang": (
        body({"content": A, "reasoning_content": R, "tool_calls": None}, matched_stop=151643),
        R, A, "reasoning_content", False, None, 20,
    ),
    "llamacpp": (
        body({"content": f"\n\n{A}", "reasoning_content": f"\n{R}"}, usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 4}}),
        R, A, "reasoning_content", False, None, 20,
    ),
    "llamacpp-none": (body({"content": f"<think>\n{R}\n</think>\n\n{A}"}), R, A, "<think>", False, None, 20),
    "ollama": (body({"content": A, "reasoning": R}), R, A, "reasoning", False, None, 20),
    "ollama-thinking": (body({"content": A, "thinking": R}), R, A, "thinking", False, None, 20),
    "ktransformers": (body({"content": f"<think>{R}</think>{A}"}), R, A, "<think>", False, None, 20),
    "together": (body({"content": f"<think>\n{R}\n</think>\n{A}", "tool_calls": []}, "eos"), R, A, "<think>", False, None, 20),
    "fireworks": (body({"content": f"<think>\n{R}\n</think>\n\n{A}"}), R, A, "<think>", False, None, 20),
    "gemini": (body({"content": f"<thought>{R}</thought>{A}"}), R, A, "<thought>", True, None, 20),
    "xai": (
        body(
            {"content": A, "reasoning_content": R, "refusal": None},
            usage={**USAGE, "total_tokens": 45, "completion_tokens_details": {"reasoning_tokens": 15}},
        ),
        R, A, "reasoning_content", False, 15, 35,
    ),
    "qwen-dashscope": (body({"content": A, "reasoning_content": R}, usage=INSIDE), R, A, "reasoning_content", False, 15, 20),
    "mistral": (
        body(
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": R}], "closed": True},
                    {"type": "text", "text": A},
                ],
                "prefix": False,
            }
        ),
        R, A, "content blocks", False, None, 20,
    ),
    "magistral-raw": (body({"content": f"[THINK]{R}[/THINK]{A}"}), R, A, "[THINK]", False, None, 20),
    "groq": (body({"content": A, "reasoning": R}, usage={**INSIDE, "queue_time": 0.1}), R, A, "reasoning", False, 15, 20),
    "kimi-tags": (body({"content": f"◁think▷{R}◁/think▷{A}"}), R, A, "◁think▷", False, None, 20),
    "sky-t1": (
        body({"content": f"<|begin_of_thought|>\n{R}\n<|end_of_thought|>\n<|begin_of_solution|>\n{A}\n<|end_of_solution|>"}),
        R, A, "<|begin_of_thought|>", False, None, 20,
    ),
    "marco-o1": (body({"content": f"<Thought>{R}</Thought>\n<Output>{A}</Output>"}), R, A, "<Thought>", True, None, 20),
    "openai-o": (
        body({"content": A, "refusal": None, "annotations": []}, usage=INSIDE, service_tier="default"),
        None, A, None, False, 15, 20,
    ),
}  # fmt: skip
