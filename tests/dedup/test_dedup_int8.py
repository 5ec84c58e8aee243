"""MiniLM in 8-bit integers: where its rough cosine leaves a decision open, the precise one decides."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cotkit import records
from cotkit.dedup.duplicates import dedup_table
from cotkit.dedup.embed import Encoder, Vectors, load_encoder
from cotkit.dedup.leaks import decontaminate_table
from cotkit.dedup.step import Decontaminate, Dedup
from cotkit.errors import InputError
from cotkit.records import Problem

pytestmark = pytest.mark.timeout(600)  # the model is quantized twice
EXAM = Path(__file__).parent / "exam"


def bases(file: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (EXAM / file).read_text("utf-8").splitlines()]


def table(texts: Sequence[str]) -> pl.DataFrame:
    return records.frame(
        Problem, [Problem(records.problem_id(t), t, source="pool", source_row=i) for i, t in enumerate(texts)]
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("embeddings")


@pytest.fixture(scope="module")
def encoder(cache: Path) -> Encoder:
    pytest.importorskip("openvino", reason="the extra cotkit[int8] is not installed")
    pytest.importorskip("nncf", reason="the extra cotkit[int8] is not installed")
    return load_encoder(cache=cache, precision="int8")


def test_cosines_stay_within_the_band_and_rows_depend_on_nothing_but_their_text(encoder: Encoder) -> None:
    texts = [str(base["problem"]) for base in bases("part2.jsonl")][:40]
    texts = [*texts, " ".join(texts[:12]), "数 " * 40, ""]
    rough, precise = encoder.encode(texts), encoder.precise.encode(texts)
    assert np.array_equal(rough.owner, precise.owner)
    change = np.abs(rough.rows @ precise.rows.T - precise.rows @ precise.rows.T)
    assert change.max() > 0.003, "it is another model"
    assert change[:-4, :-4].max() < encoder.band
    alone = replace(encoder, cache=None).encode([texts[3]])
    assert np.array_equal(alone.rows, rough.of(3)), "the same bits in any company"


def test_the_model_is_made_once_and_anew_if_it_is_cut_short(encoder: Encoder, cache: Path) -> None:
    (folder,) = [path for path in cache.iterdir() if path.is_dir()]
    part = folder / "model.bin"
    before = part.stat()
    assert load_encoder(cache=cache, precision="int8").name == encoder.name
    assert part.stat().st_mtime_ns == before.st_mtime_ns
    part.write_bytes(part.read_bytes()[:1000])
    assert load_encoder(cache=cache, precision="int8").name == encoder.name, "the same model again"
    assert part.stat().st_size == before.st_size
    assert not list(cache.glob(".int8-*"))


def test_leaks_and_duplicates_are_those_of_the_precise_model(encoder: Encoder, cache: Path) -> None:
    some = bases("part3.jsonl")
    items = [str(base["problem"]) for base in some]
    pool = [text for base in some for text in (*base["same"]["light"], *base["different"]["numbers"])]  # type: ignore[index]

    def leaks(precision: str) -> list[int]:
        keys = {"benchmarks": [{"kind": "file", "name": "b", "path": "b"}], "embedding": {"precision": precision}}
        config = Decontaminate.model_validate(keys)
        out = decontaminate_table(table(pool), {"b": pl.DataFrame({"problem": items})}, config, cache=cache)
        return list(out.dropped["source_row"])

    assert leaks("int8") == leaks("auto")
    both = table([*items, *pool])
    for confirm in (True, False):
        kept = [
            dedup_table(both, Dedup.model_validate({"embedding": {"precision": p, "confirm": confirm}}), cache=cache)
            for p in ("int8", "auto")
        ]
        assert kept[0].kept["source_row"].to_list() == kept[1].kept["source_row"].to_list()


def test_only_what_is_near_a_threshold_is_embedded_again(
    encoder: Encoder, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder,) = [path for path in cache.iterdir() if path.is_dir()]
    shutil.copytree(folder, tmp_path / folder.name)  # the model, without what was embedded before
    again: list[int] = []
    true_encode = Encoder.encode

    def counted(self: Encoder, texts: Sequence[str], *rest: object) -> Vectors:
        if self.band == 0:
            again.append(len(texts))
        return true_encode(self, texts, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Encoder, "encode", counted)
    texts = [str(base["problem"]) for file in ("part4.jsonl", "clean.jsonl") for base in bases(file)]
    dedup_table(table(texts), Dedup.model_validate({"embedding": {"precision": "int8"}}), cache=tmp_path)
    assert sum(again) < len(texts) / 10


def test_without_the_extra_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "nncf" else object())
    config = Dedup.model_validate({"embedding": {"precision": "int8"}})
    with pytest.raises(InputError, match=r'pip install "cotkit\[int8\]"'):
        config.ready()


def test_nothing_is_told_to_anyone(encoder: Encoder, cache: Path) -> None:
    script = f"""
import socket
def refuse(*_, **__): raise SystemExit("asked the network")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from pathlib import Path
from cotkit.dedup.embed import load_encoder
print(load_encoder(cache=Path({str(cache)!r}), precision="int8").encode(["a b"]).rows.shape)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "(1, 384)", "")
