"""Every preset against rows in the form of its set: from a file, and through the real client from a Hub on loopback."""

from __future__ import annotations

import base64
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from preset_rows import ROWS, SUBMISSION
from pydantic import ValidationError

from cotkit.curate.pull import Pull, pull
from cotkit.curate.sources.catalogue import presets
from cotkit.curate.sources.conversions import CONVERSIONS, gpqa, live_code_bench
from cotkit.errors import InputError
from cotkit.steps import NoProgress, StepOutput
from cotkit.verify.code import read_tests

sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))
from hub import HubServer
from hub_store import ATTRIBUTES, File, Repo

Jsonl = Callable[[str, Iterable[Mapping[str, Any]]], Path]


def pulled(**source: Any) -> StepOutput:
    step = Pull.model_validate({"sources": [{"kind": "preset", **source}]})
    return pull(step.sources, step.materials({}), NoProgress())


def test_every_preset_has_rows_here_and_says_what_it_is() -> None:
    assert set(ROWS) == set(presets())
    for name, preset in presets().items():
        assert set(preset.reads) <= set(ROWS[name][0][0]), name
        assert preset.oddities or name == "gsm8k", name
    assert {p.convert for p in presets().values()} - {None} == set(CONVERSIONS)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_rows_in_the_form_of_the_set_become_problems(jsonl: Jsonl, name: str) -> None:
    rows, expected = ROWS[name]
    found = pulled(name=name, path=str(jsonl("copy.jsonl", rows)))
    assert found.kept["answer"].to_list() == [e for e in expected if not isinstance(e, tuple)]
    assert found.dropped["reason"].to_list() == [e[1] for e in expected if isinstance(e, tuple)]
    assert all(found.kept["problem"].str.len_chars() > 3)
    known = presets()[name]
    assert set(found.kept["license"]) == {None if known.license == "unknown" else known.license}
    for row in found.kept.iter_rows(named=True):
        assert row["domain"] in ("math", "code", "science", "puzzle")
        if row["domain"] == "code" and row["tests"]:
            tests = read_tests(row["tests"])
            assert not tests.unreadable, tests.unreadable
            assert len(tests.stdin) + len(tests.calls) >= 1
    if known.domain == "code" and name != "opencodereasoning":  # the one without tests
        assert found.kept["answer_kind"].to_list() == ["tests"] * found.kept.height


def test_what_a_preset_leaves_out_can_be_kept(jsonl: Jsonl) -> None:
    path = str(jsonl("copy.jsonl", ROWS["olympic-arena"][0]))
    everything = pulled(name="olympic-arena", path=path, all_rows=True)
    assert everything.kept["language"].to_list() == ["en", "zh", "en"]
    assert everything.dropped.height == 0


def test_a_recipe_may_change_what_a_preset_says(jsonl: Jsonl) -> None:
    path = str(jsonl("copy.jsonl", [{"frage": "What is 1+1?", "Answer": "2"}]))
    found = pulled(preset="aime", name="mine", path=path, columns={"problem": "frage"}, license="cc0-1.0", limit=1)
    assert found.kept.select("source", "answer", "license").row(0) == ("mine", "2", "cc0-1.0")


def test_olympic_arena_without_test_cases_has_no_tests(jsonl: Jsonl) -> None:
    found = pulled(name="olympic-arena", path=str(jsonl("copy.jsonl", ROWS["olympic-arena"][0])))
    assert found.kept.select("tests", "answer_kind").row(0) == (None, "gradable")


def test_olympiad_bench_can_be_read_without_its_context(jsonl: Jsonl) -> None:
    path = str(jsonl("copy.jsonl", ROWS["olympiad-bench"][0]))
    assert pulled(name="olympiad-bench", path=path).kept["problem"][0] == "Let a = 1.\n\nWhat is a+1?"
    alone = pulled(name="olympiad-bench", path=path, columns={"problem": "question_alone"})
    assert alone.kept["problem"][0] == "What is a+1?"


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(ValidationError, match="no source preset is called 'gsm8'; did you mean 'gsm8k'"):
        pulled(name="gsm8")


def test_a_row_of_another_form_stops_or_is_dropped(jsonl: Jsonl) -> None:
    path = str(
        jsonl("copy.jsonl", [{"question": "x", "choices": "A, B", "answerKey": "A"}, ROWS["riddle-sense"][0][0]])
    )
    with pytest.raises(InputError, match=r"line 1: not a row of the preset 'riddle-sense' .*check-source"):
        pulled(name="riddle-sense", path=path)
    found = pulled(name="riddle-sense", path=path, malformed="drop")
    assert found.kept.height == 1
    assert found.dropped["reason"].to_list() == ["unreadable_row"]


def test_gpqa_options_are_shuffled_the_same_every_time() -> None:
    row = ROWS["gpqa"][0][0]
    made = [gpqa({**row, "Question": f"What is {i}?"}) for i in range(200)]
    assert made == [gpqa({**row, "Question": f"What is {i}?"}) for i in range(200)]
    letters = [m["answer"] for m in made]
    assert all(m["choices"]["ABCD".index(m["answer"])] == "2" for m in made)
    assert all(30 <= letters.count(letter) <= 70 for letter in "ABCD")


class _Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/cotkit-was-here",)


@pytest.mark.parametrize(
    "payload", [pickle.dumps(_Evil()), pickle.dumps(["[]", _Evil()]), b"no pickle", pickle.dumps({"a": 1})]
)
def test_a_pickle_that_is_more_than_a_text_is_refused(payload: bytes) -> None:
    row = ROWS["live-code-bench"][0][0] | {"private_test_cases": base64.b64encode(zlib.compress(payload)).decode()}
    with pytest.raises(ValueError, match=r"."):
        live_code_bench(row)


def test_private_tests_are_read() -> None:
    assert [t["output"] for t in live_code_bench(ROWS["live-code-bench"][0][0])["tests"]] == ["2", "4"]


def test_a_folder_and_a_zip_are_read_by_name(tmp_path: Path) -> None:
    for name in ("algebra/2", "algebra/10", "geometry/1"):
        (tmp_path / "MATH" / name).parent.mkdir(parents=True, exist_ok=True)
        row = {"problem": f"Problem {name}", "level": "Level 2", "type": "Algebra", "solution": "\\boxed{1}"}
        (tmp_path / "MATH" / f"{name}.json").write_text(json.dumps(row))
    found = pulled(name="math", path=str(tmp_path / "MATH"))
    assert found.kept["problem"].to_list() == ["Problem algebra/10", "Problem algebra/2", "Problem geometry/1"]
    assert json.loads(found.kept["metadata"][0]) == {"level": 2, "type": "Algebra"}
    (tmp_path / "physics.zip").write_bytes(zipped([ROWS["camel-physics"][0][0]] * 2))
    assert pulled(name="camel-physics", path=str(tmp_path / "physics.zip")).kept.height == 2


DATA = {
    "aime": ("problems/aime_1983_2023.json", 975), "math": ("problems/math_train.json", 7474),
    "math500": ("benchmarks/math500.json", 500), "amc": ("benchmarks/amc.json", 83),
    "minerva": ("benchmarks/minerva.json", 272), "olympiad-bench": ("benchmarks/olympiad_bench.json", 675),
    "aime24": ("benchmarks/aime24.json", 30), "aime25": ("benchmarks/aime25.jsonl", 30),
    "codeforces": ("code/codeforces_test.json", 408), "leetcode": ("code/leetcode_test.json", 200),
    "s1k-1.1": ("traces/s1k_1.1_sample.parquet", 5),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(DATA))
def test_real_copies_load_through_their_presets(data: Path, name: str) -> None:
    file, rows = DATA[name]
    found = pulled(name=name, path=str(data / file))
    assert (found.kept.height, found.dropped.height) == (rows, 0)
    good = found.kept["answer_kind"].is_in(["gradable", "tests"]).sum()
    assert good >= (0.99 if rows > 10 else 0.5) * rows


# --- the Hub -----------------------------------------------------------------------------------------------------


def zipped(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, row in enumerate(rows):
            archive.writestr(f"{number:03}.json", json.dumps(row))
    return buffer.getvalue()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def arrow(rows: list[dict[str, Any]]) -> bytes:
    table, buffer = pa.Table.from_pylist(rows), io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema) as writer:
        writer.write_table(table)
    return buffer.getvalue()


WRITERS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "zip": zipped,
    "arrow": arrow,
    "jsonl": lambda rows: "".join(json.dumps(row) + "\n" for row in rows).encode(),
}


def publish(hub: HubServer, name: str, rows: list[dict[str, Any]]) -> None:
    """A repository on the loopback Hub as the preset says that the real one is."""
    known = presets()[name]
    files = {".gitattributes": File(ATTRIBUTES)}
    for path in known.files:
        files[path.replace("*", "data-00000-of-00001")] = File(WRITERS[path.rpartition(".")[2]](rows))
    if known.revision is not None:
        files["default/train/0000.parquet"] = File(parquet(rows))
    elif not known.files:
        configs = known.configs or ("default",)
        lines = ["---", "configs:"]
        for config in configs:
            lines += [f"- config_name: {config}", "  data_files:"]
            for split in known.splits:
                lines += [f"  - split: {split}", f"    path: {config}/{split}-*"]
                files[f"{config}/{split}-00000-of-00001.parquet"] = File(parquet(rows))
        files["README.md"] = File("\n".join([*lines, "---", ""]).encode())
    hub.repos[known.id] = repo = hub.repos.get(known.id, Repo(False))
    repo.add("main", None, files, "made up")
    if known.revision is not None:
        repo.add(known.revision, None, files, "converted")


# One process for all presets: the client's imports cost seconds.
CLIENT = """
import json, sys
from cotkit.curate.sources.check import check_source
from cotkit.errors import CotkitError
for name in json.loads(sys.argv[1]):
    try:
        said = [(p.config, p.split, p.rows, p.fits, list(p.missing), dict(p.changed), p.unusable)
                for p in check_source(name)]
    except CotkitError as error:
        said = str(error)
    print(json.dumps([name, said]), flush=True)
"""


def asked(hub: HubServer, home: Path, names: list[str]) -> dict[str, Any]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    env = {**clean, "HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_TOKEN": "x", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, json.dumps(names)],
        env=env,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))


def test_check_source_finds_presets_of_every_kind_fitting(tmp_path: Path) -> None:
    """Those with files, a revision or configurations of their own, and a few plain ones."""
    names = sorted(
        {n for n, p in presets().items() if p.files or p.revision or p.configs} - {"camel-biology", "camel-physics"}
        | {"aime", "omni-math", "still-3-rl-90k", "openthoughts3", "code-contests"}
    )
    with HubServer() as hub:
        for name in names:
            publish(hub, name, ROWS[name][0])
        found = asked(hub, tmp_path, names)
    unfit = {name: said for name, said in found.items() if isinstance(said, str) or not all(part[3] for part in said)}
    assert unfit == {}
    known = presets()
    assert {name: len(said) for name, said in found.items()} == {
        name: max(1, len(known[name].configs)) * len(known[name].splits) for name in names
    }


def test_check_source_says_what_changed_is_gated_or_gone(tmp_path: Path) -> None:
    with HubServer() as hub:
        publish(hub, "gsm8k", [{"question": "1+1?", "reply": "2"}])
        publish(hub, "amc", [{"id": 1, "problem": "1+1?", "answer": "2", "url": "u"}])
        publish(hub, "codeforces-python", [SUBMISSION | {"test_cases": [{"in": "1"}]}])
        hub.inject("GET /api/datasets/Idavidrein/gpqa", 403, times=50, headers={"X-Error-Code": "GatedRepo"})
        found = asked(hub, tmp_path, ["gsm8k", "amc", "codeforces-python", "gpqa", "limo"])
    assert found["gsm8k"][0][3:5] == [False, ["answer"]]
    assert found["amc"][0][5] == {"answer": "text, not number"}
    assert "KeyError: 'input'" in found["codeforces-python"][0][6]
    assert found["gpqa"] == (
        "the Hub dataset Idavidrein/gpqa is gated; accept its terms on its page and log in with `hf auth login`"
    )
    assert found["limo"] == (
        "the Hub has no dataset GAIR/LIMO that you may read; check the id, or log in with `hf auth login`"
    )


# --- the command line --------------------------------------------------------------------------------------------


def test_the_table_in_the_docs_is_that_of_the_presets(cli: Callable[..., Any]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
    inside = text.partition("<!-- presets -->\n")[2].partition("<!-- /presets -->")[0]
    assert inside == cli("curate", "sources", "--markdown").stdout


def test_sources_are_listed_and_an_unknown_one_is_told(cli: Callable[..., Any]) -> None:
    listed = json.loads(cli("curate", "sources", "--json").stdout)
    assert listed["gsm8k"]["id"] == "openai/gsm8k"
    done = cli("curate", "check-source", "gsm8")
    assert done.returncode == 2
    assert "did you mean 'gsm8k'" in done.stderr


def test_check_source_ends_with_3_where_a_set_has_changed(cli: Callable[..., Any], tmp_path: Path) -> None:
    clean = {k: "" for k in os.environ if k.startswith(("HF_", "HUGGING"))}
    with HubServer() as hub:
        env = {**clean, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "HF_TOKEN": "x"}
        publish(hub, "limo", ROWS["limo"][0])
        good = cli("curate", "check-source", "limo", env=env)
        publish(hub, "limo", [{"question": "1+1?", "text": "2"}])
        changed = cli("curate", "check-source", "limo", env=env)
    assert (good.returncode, good.stdout.split(";")[0]) == (0, "default train: fits")
    assert changed.returncode == 3
    assert "missing column answer" in changed.stdout
    assert "is not as the preset 'limo' expects" in changed.stderr


def test_a_recipe_reads_a_copy_by_set_path(cli: Callable[..., Any], jsonl: Jsonl, tmp_path: Path) -> None:
    jsonl("copy.jsonl", [{"problem": "What is 1+1?", "answer": "2", "year": 1999}])
    (tmp_path / "r.yaml").write_text(
        "name: r\nversion: 1\nsteps:\n  - step: pull\n    sources:\n      - {kind: preset, name: aime}\n"
    )
    done = cli("curate", "r.yaml", "--set", "pull.sources.aime.path=copy.jsonl", "--out", "run")
    assert done.returncode == 0, done.stderr
    kept = pq.read_table(tmp_path / "run" / "01-pull" / "kept.parquet").to_pylist()
    assert [(row["answer"], row["answer_kind"], row["source"]) for row in kept] == [("2", "gradable", "aime")]
