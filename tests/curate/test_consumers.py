"""Each export opened by the trainer it is made for, where that is installed: see docs/formats.md for a setup."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from published_rows import example, publish

from cotkit import records
from cotkit.records import Example

ROWS = [example(n) for n in range(4)] + [example(n, sample=1, verdict="incorrect") for n in range(2)]
TEXT = "<think>\nAdding 0 twice. A literal </think> stays.\n</think>\n\nThe answer is \\boxed{0}."
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['reasoning_content'] is defined and m['reasoning_content'] %}"
    "<think>\n{{ m['reasoning_content'] }}\n</think>\n\n{% endif %}{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _dataset(folder: Path, kind: str, **keys: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    table = records.frame(Example, ROWS)
    if kind == "preference":
        table = table.filter(table["problem_id"].is_in([row.problem_id for row in ROWS[-2:]]))
    elif kind == "verl":
        table = table[:4]
    return publish(folder, table, format={"kind": kind, **keys})


def _tokenizer() -> Any:
    """Bytes as tokens, with a chat template: what a text becomes can be read back."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    made.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    made.chat_template = TEMPLATE
    return made


def _model(tokenizer: Any) -> Any:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    return Qwen2ForCausalLM(Qwen2Config(vocab_size=len(tokenizer) + 8, **small, **heads))


@pytest.mark.parametrize(
    ("kind", "keys", "seen"),
    [
        ("messages", {}, TEXT),
        ("prompt_completion", {}, TEXT),
        ("prompt_completion", {"turns": False}, f"What is 0 + 0?\n\n{TEXT}"),
        ("text", {"columns": []}, "What is 0 + 0?\n\nAdding 0 twice."),
        ("s1", {}, "<|im_start|>think\nAdding 0 twice."),
    ],
)
def test_trl_trains_a_step(tmp_path: Path, kind: str, keys: dict[str, Any], seen: str) -> None:
    trl = pytest.importorskip("trl")
    from datasets import load_dataset

    folder = _dataset(tmp_path / "run", kind, **keys)
    rows = load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    tokenizer = _tokenizer()
    fixed = {"max_steps": 1, "report_to": [], "use_cpu": True, "bf16": False, "max_length": None}
    config = trl.SFTConfig(output_dir=str(tmp_path / "out"), **fixed)
    trainer = trl.SFTTrainer(model=_model(tokenizer), train_dataset=rows, processing_class=tokenizer, args=config)
    assert trainer.train().training_loss > 0
    assert seen in tokenizer.decode(trainer.train_dataset[0]["input_ids"])


def test_trl_prefers(tmp_path: Path) -> None:
    trl = pytest.importorskip("trl")
    from datasets import load_dataset

    folder = _dataset(tmp_path / "run", "preference")
    rows = load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    tokenizer = _tokenizer()
    fixed = {"max_steps": 1, "report_to": [], "use_cpu": True, "bf16": False}
    config = trl.DPOConfig(output_dir=str(tmp_path / "out"), **fixed)
    model, reference = _model(tokenizer), _model(tokenizer)
    trainer = trl.DPOTrainer(
        model=model, ref_model=reference, train_dataset=rows, processing_class=tokenizer, args=config
    )
    assert trainer.train().training_loss > 0


@pytest.mark.parametrize(
    ("kind", "keys"), [("sharegpt", {"system": "Think."}), ("sharegpt", {"roles": "human"}), ("alpaca", {})]
)
def test_llamafactory_reads_its_registry_entry(
    tmp_path: Path, kind: str, keys: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("llamafactory")
    monkeypatch.setenv("DISABLE_VERSION_CHECK", "1")
    monkeypatch.setitem(sys.modules, "torchaudio", ModuleType("torchaudio"))  # for sound alone
    from llamafactory.data.loader import _load_single_dataset
    from llamafactory.data.parser import get_dataset_list
    from llamafactory.hparams import DataArguments, ModelArguments
    from transformers import Seq2SeqTrainingArguments

    folder = str(_dataset(tmp_path, kind, **keys))
    (entry,) = get_dataset_list(["cotkit"], folder)
    data = DataArguments(dataset_dir=folder, dataset="cotkit", template="qwen")
    training = Seq2SeqTrainingArguments(output_dir=str(tmp_path / "out"), use_cpu=True)
    rows = _load_single_dataset(entry, ModelArguments(model_name_or_path="x"), data, training)
    assert len(rows) == len(ROWS)
    assert rows[0]["_prompt"] == [{"role": "user", "content": "What is 0 + 0?"}]
    assert "Adding 0 twice. A literal </think> stays." in rows[0]["_response"][0]["content"]
    assert rows[0]["_system"] == keys.get("system", "")


def test_axolotl_trains_on_reasoning_and_response(tmp_path: Path) -> None:
    pytest.importorskip("axolotl")
    from axolotl.prompt_strategies.chat_template import load
    from axolotl.utils.dict import DictDefault
    from datasets import load_dataset

    folder = _dataset(tmp_path / "run", "axolotl")
    (entry,) = yaml.safe_load((folder / "axolotl.yaml").read_text())["datasets"]
    rows = load_dataset(str(folder), split=entry["split"], cache_dir=str(tmp_path / "cache"))
    tokenizer = _tokenizer()
    settings = {"train_on_inputs": False, "sequence_len": 4096, "chat_template": "tokenizer_default"}
    strategy = load(tokenizer, DictDefault({**settings, "datasets": [entry]}), ds_cfg=entry)
    trained = [token for token in strategy.tokenize_prompt(rows[0])["labels"] if token != -100]
    assert tokenizer.decode(trained).startswith(TEXT)


def test_verl_reads_prompts_and_answers(tmp_path: Path) -> None:
    pytest.importorskip("verl")
    omegaconf = pytest.importorskip("omegaconf")
    from verl.utils.dataset.rl_dataset import RLHFDataset

    folder = _dataset(tmp_path / "run", "verl")
    config = {"cache_dir": str(tmp_path / "cache"), "prompt_key": "prompt", "max_prompt_length": 2048}
    files = [str(path) for path in sorted((folder / "data").iterdir())]
    rows = RLHFDataset(files, _tokenizer(), omegaconf.OmegaConf.create(config))
    assert len(rows) == 4
    assert rows[1]["raw_prompt"] == [{"role": "user", "content": "What is 1 + 1?"}]
    assert rows[1]["reward_model"] == {"style": "rule", "ground_truth": "2"}
    assert (rows[1]["data_source"], rows[1]["index"]) == ("sums", 1)


def test_the_files_beside_the_data_do_not_disturb_load_dataset(tmp_path: Path) -> None:
    from datasets import load_dataset

    for kind in ("alpaca", "axolotl"):
        folder = _dataset(tmp_path / kind, kind)
        assert {"dataset_info.json", "axolotl.yaml"} & set(os.listdir(folder))
        assert load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache")).num_rows == len(ROWS)
