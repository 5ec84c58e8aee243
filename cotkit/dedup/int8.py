"""MiniLM in 8-bit integers, through OpenVINO: about twice as fast as bfloat16 on a processor with VNNI.

A cosine that may decide moves by less than BAND, so whoever decides by one asks the precise encoder about what
lies near a threshold (Encoder.precise). The model is quantized once, by NNCF, with problems of cotkit's own as
calibration texts, and is kept beside the embeddings: the same weights give the same model.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from cotkit.cores import cores
from cotkit.dedup.embed import padded
from cotkit.dedup.minilm import pooled
from cotkit.dedup.weights import weights_digest
from cotkit.errors import InputError, StorageError

if TYPE_CHECKING:
    from cotkit.dedup.embed import Forward

# More than a cosine above 0.6 moved: 0.024 at most among 13 million pairs (benchmarks/dedup.py embed).
BAND = 0.03
_CALIBRATION = ("cotkit", "recipes/data/quickstart/problems.jsonl")
_READ = 254
_TOGETHER = 5  # so many calibration texts in a row make a long one
# SmoothQuant (Xiao et al. 2023, arXiv 2211.10438): how much of the outliers of activations moves to the weights.
_SMOOTH = 0.8
_PARTS = ("model.xml", "model.bin")


def missing_extra() -> str | None:
    """What to do about packages that int8 needs and that are not here; None: all are."""
    if all(importlib.util.find_spec(name) for name in ("openvino", "nncf")):
        return None
    return (
        "`precision: int8` needs OpenVINO and NNCF, which are not installed; "
        'run `pip install "cotkit[int8]"`, or leave `precision` at auto'
    )


def load_int8(folder: Path, tokenizer: Any, cache: Path | None) -> tuple[Forward, str]:
    """The quantized model as a function for several threads, and 12 digits that name its numbers.

    Args:
        folder: MiniLM weights.
        cache: where the model is kept and looked for; None: it is made (some ten seconds) and thrown away.

    Raises InputError where the extra is not installed, StorageError where `cache` cannot be written.
    """
    if sentence := missing_extra():
        raise InputError(sentence)
    with _silent():
        import openvino

        texts = _calibration()
        with contextlib.ExitStack() as stack:
            kept = cache or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cotkit-int8-")))
            place = kept / f"minilm-{_made_from(folder, texts)}"
            model = _read(place)
            if model is None:
                _keep(_quantized(folder, tokenizer, texts), place)
                model = _read(place)
        if model is None:
            raise StorageError(f"{place}: the int8 model cannot be read back; remove the folder or give another cache")
        core = openvino.Core()
        threads = cores()
        settings = {"NUM_STREAMS": threads, "INFERENCE_NUM_THREADS": threads}
        compiled = core.compile_model(core.read_model(model[0], openvino.Tensor(_bytes(model[1]))), "CPU", settings)
    requests: SimpleQueue[Any] = SimpleQueue()
    for _ in range(threads):
        requests.put(compiled.create_infer_request())

    def forward(ids: Any, mask: Any) -> Any:
        request = requests.get()
        try:
            return request.infer({"input_ids": ids, "attention_mask": mask})[0].copy()
        finally:
            requests.put(request)

    return forward, _digest(model[1])  # the graph names its nodes anew each time


def _made_from(folder: Path, texts: list[str]) -> str:
    """12 digits of all that the quantized model is made from."""
    parts = [weights_digest(folder), version("openvino"), version("nncf"), str(_SMOOTH), str(_TOGETHER), *texts]
    return "int8-" + _digest(*(part.encode() for part in parts))


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def _bytes(raw: bytes) -> Any:
    import numpy as np

    return np.frombuffer(raw, dtype=np.uint8)


def _calibration() -> list[str]:
    """Problems of the quickstart, alone and in a row."""
    package, path = _CALIBRATION
    lines = (resources.files(package) / path).read_text("utf-8").splitlines()
    texts = list(dict.fromkeys(json.loads(line)["problem"] for line in lines))
    return texts + [" ".join(texts[i : i + _TOGETHER]) for i in range(0, len(texts) - _TOGETHER, _TOGETHER)]


def _quantized(folder: Path, tokenizer: Any, texts: list[str]) -> Any:
    import nncf
    import openvino
    import torch
    from nncf.quantization.advanced_parameters import AdvancedSmoothQuantParameters

    ids = [encoded.ids[:_READ] for encoded in tokenizer.encode_batch(texts, add_special_tokens=False)]
    inputs = [dict(zip(("input_ids", "attention_mask"), padded([one], tokenizer), strict=True)) for one in ids]
    example = {name: torch.ones(2, 16, dtype=torch.long) for name in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        model = openvino.convert_model(pooled(folder, torch.float32), example_input=example)
    smooth = AdvancedSmoothQuantParameters(matmul=_SMOOTH)
    return nncf.quantize(
        model,
        nncf.Dataset(inputs),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(inputs),
        advanced_parameters=nncf.AdvancedQuantizationParameters(smooth_quant_alphas=smooth),
    )


def _keep(model: Any, place: Path) -> None:
    """Write the model and its digest, all or nothing; one that another process wrote meanwhile stays."""
    import openvino

    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".int8-", dir=place.parent) as work:
            made = Path(work) / "made"
            made.mkdir()
            openvino.save_model(model, made / _PARTS[0], compress_to_fp16=False)
            (made / "digest").write_text(_digest(*((made / name).read_bytes() for name in _PARTS)))
            with contextlib.suppress(FileExistsError):
                os.rename(made, place)
    except OSError as error:
        raise StorageError(
            f"{place}: the int8 model cannot be kept here ({error}); free space, or give another folder"
        ) from error


def _read(place: Path) -> tuple[bytes, bytes] | None:
    """The two parts of a kept model; one that is not whole is removed."""
    if not place.is_dir():
        return None
    try:
        graph, weights = (place / _PARTS[0]).read_bytes(), (place / _PARTS[1]).read_bytes()
        if (place / "digest").read_text() == _digest(graph, weights):
            return graph, weights
    except OSError:
        pass
    shutil.rmtree(place, ignore_errors=True)
    return None


@contextmanager
def _silent() -> Iterator[None]:
    """No telemetry (both packages send some on import unless its package is missing), no bars, no log lines."""
    absent = "openvino_telemetry" not in sys.modules
    if absent:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    logger = logging.getLogger("nncf")
    level = logger.level
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            import nncf  # noqa: F401 - sets up its logger

            logger.setLevel(logging.ERROR)
            yield
    finally:
        logger.setLevel(level)
        if absent:
            del sys.modules["openvino_telemetry"]
