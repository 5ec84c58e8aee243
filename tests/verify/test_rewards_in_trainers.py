"""Named rewards inside the trainers they are made for, where those are installed: see docs/judge.md for a setup."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from cotkit.verify import reward as module
from cotkit.verify.reward import make_reward


def _tokenizer() -> Any:
    """Digits and a few words as tokens: what a model without training writes can at least be read."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces = ["<pad>", "<eos>", *"0123456789", "\\boxed{", "}", "<think>", "</think>", "<answer>", "</answer>", "+"]
    raw = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(pieces)}, unk_token="+"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<eos>", pad_token="<pad>")


@pytest.mark.slow
def test_grpo_of_trl_trains_two_steps(tmp_path: Path) -> None:
    trl = pytest.importorskip("trl")
    import torch
    from datasets import Dataset
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    tokenizer = _tokenizer()
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    model = Qwen2ForCausalLM(Qwen2Config(vocab_size=len(tokenizer), **small, **heads))
    rows = Dataset.from_list([{"prompt": f"{n} + {n}", "answer": str(2 * n)} for n in range(4)])
    rewards = [
        make_reward("r1_zero"),
        make_reward("cosine", max_length=40),
        make_reward("k15_length"),
        make_reward("repetition"),
    ]
    config = trl.GRPOConfig(
        output_dir=str(tmp_path / "out"),
        max_steps=2,
        per_device_train_batch_size=4,
        num_generations=4,
        max_completion_length=12,
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        bf16=False,
        seed=0,
    )
    trainer = trl.GRPOTrainer(
        model=model, reward_funcs=rewards, args=config, train_dataset=rows, processing_class=tokenizer
    )
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "reward" in entry]
    assert len(logged) == 2
    for name in ("r1_zero", "cosine", "k15_length", "repetition"):
        assert any(math.isfinite(entry[f"rewards/{name}/mean"]) for entry in logged), name


def test_verls_batch_manager_takes_them() -> None:
    pytest.importorskip("verl")
    import numpy as np
    import torch
    from verl import DataProto
    from verl.utils.import_utils import load_extern_object
    from verl.workers.reward_manager.batch import BatchRewardManager

    tokenizer = _tokenizer()
    texts = ["<think> 1 </think> <answer> 4 </answer>", "<answer> 4 </answer>", "<answer> 5 </answer>"]
    ids = [tokenizer(text)["input_ids"] for text in texts]
    longest = max(map(len, ids))
    responses = torch.tensor([[*row, *[0] * (longest - len(row))] for row in ids])
    mask = torch.tensor([[1] + [1] * len(row) + [0] * (longest - len(row)) for row in ids])
    data = DataProto.from_dict(
        tensors={"prompts": torch.zeros(3, 1, dtype=torch.long), "responses": responses, "attention_mask": mask},
        non_tensors={
            "reward_model": np.array([{"ground_truth": "4"}] * 3, dtype=object),
            "data_source": np.array(["sums"] * 3, dtype=object),
            "extra_info": np.array([{"index": 0} for _ in texts], dtype=object),
        },
    )
    function = load_extern_object(str(module.__file__), "compute_scores")
    manager = BatchRewardManager(tokenizer, 0, function, reward={"by": "r1_zero", "format": 0.5})
    assert manager(data, return_dict=True)["reward_tensor"].sum(dim=1).tolist() == [1.5, 1.0, 0.0]
