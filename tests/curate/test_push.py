"""Pushing to a folder and to a Hub on loopback, with the real client in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from published_rows import example, publish, table
from pydantic import ValidationError

from cotkit import records
from cotkit.curate.card import seal, sealed_files
from cotkit.curate.exporters.messages import Messages
from cotkit.curate.layout import PushOptions, dataset_files, is_ours, stale
from cotkit.curate.push import Push, parse_target, push_dataset, rehearse
from cotkit.errors import InputError, RecipeError
from cotkit.records import Example, Problem, Trace, Verdict

sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))
from hub import HubServer

REPO = "me/sums"
TOKEN = "hf_rightTokenForTests"

# Each command is one line of JSON on stdin: push, or load and compare.
CLIENT = """
import json, sys
from pathlib import Path

def push(folder, options):
    from cotkit.curate.layout import PushOptions
    from cotkit.curate.push import push_dataset
    from cotkit.errors import CotkitError
    try:
        result = push_dataset(Path(folder), "hub:me/sums", PushOptions(**options))
        return {"url": result.url, "commit": result.commit, "changed": result.changed}
    except CotkitError as error:
        return {"error": str(error), "kind": type(error).__name__}

def load(streaming, split, revision, config=None, place="me/sums"):
    from datasets import load_dataset
    rows = load_dataset(place, config, split=split, streaming=streaming, revision=revision)
    return list(rows)

def configs():
    from datasets import get_dataset_config_names, load_dataset_builder
    names = get_dataset_config_names("me/sums")
    return {name: load_dataset_builder("me/sums", name).config.description for name in names}

def validated():
    from huggingface_hub import DatasetCard
    card = DatasetCard.load("me/sums")
    card.validate()
    return card.data.to_dict()

def snapshot():
    from huggingface_hub import snapshot_download
    folder = Path(snapshot_download("me/sums", repo_type="dataset"))
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())

for line in sys.stdin:
    name, arguments = json.loads(line)
    print("ANSWER" + json.dumps(globals()[name](*arguments)), flush=True)
"""

Client = Callable[..., Any]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with HubServer(token=TOKEN) as server:
        yield server


@pytest.fixture(autouse=True)
def _fresh(request: pytest.FixtureRequest) -> None:
    if "hub" in request.fixturenames:
        server: HubServer = request.getfixturevalue("hub")
        server.repos.clear()
        server.faults.clear()
        server.log.clear()


@pytest.fixture(scope="module")
def client(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Call a function of CLIENT. One process for all tests, since its imports cost a second."""
    yield from _client(hub.url, tmp_path_factory.mktemp("hf"), {"HF_TOKEN": TOKEN})


def _client(url: str, home: Path, env: dict[str, str]) -> Iterator[Client]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    fixed = {"HF_ENDPOINT": url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", CLIENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**clean, **fixed, **env},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def call(name: str, *arguments: Any) -> Any:
        stdin.write(json.dumps([name, arguments]) + "\n")
        stdin.flush()
        for line in stdout:
            if line.startswith("ANSWER"):
                return json.loads(line.removeprefix("ANSWER"))
        raise AssertionError(f"the client ended with {process.wait()}")

    try:
        yield call
    finally:
        stdin.close()
        process.wait(timeout=60)
        stdout.close()


def _local(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in dataset_files(folder)}


def _remote(hub: HubServer, branch: str = "main") -> dict[str, bytes]:
    return {name: data for name, data in hub.files(REPO, branch).items() if name != ".gitattributes"}


def test_a_url_is_no_folder() -> None:
    with pytest.raises(RecipeError, match="not to a URL"):
        parse_target("https://user:pw@hub.example/x")


def test_pushed_dataset_loads_equal_to_the_local_table(hub: HubServer, client: Client, tmp_path: Path) -> None:
    examples = table(5)
    folder = publish(tmp_path, examples, max_shard_rows=2)
    result = client("push", str(folder), {})
    assert result["url"] == f"{hub.url}/datasets/{REPO}"
    assert result["changed"] is True
    assert hub.repos[REPO].private
    assert _remote(hub) == _local(folder)
    assert len(hub.commits(REPO)) == 2  # the Hub's own first one, and ours
    rows = Messages().export(examples).to_dicts()
    assert client("load", False, "train", "main") == rows
    assert client("load", True, "train", "main") == rows
    assert {*client("snapshot")} == {*_local(folder), ".gitattributes"}


def test_pushing_the_same_again_commits_nothing(hub: HubServer, client: Client, tmp_path: Path) -> None:
    folder = publish(tmp_path, table(3))
    first = client("push", str(folder), {})
    hub.log.clear()
    second = client("push", str(folder), {})
    assert (second["changed"], second["commit"]) == (False, first["commit"])
    assert {call.method for call in hub.log} == {"GET"}


def test_fewer_shards_replace_more_and_other_files_stay(hub: HubServer, client: Client, tmp_path: Path) -> None:
    client("push", str(publish(tmp_path / "a", table(5), max_shard_rows=1)), {"message": "five shards"})
    hub.edit(REPO, "plot.png", b"png")
    hub.edit(REPO, "data/extra-00000-of-00001.parquet", b"of another split")
    folder = publish(tmp_path / "b", table(4))
    assert client("push", str(folder), {"message": "one shard", "overwrite": True})["changed"]
    left = _remote(hub)
    assert left.pop("plot.png") == b"png"
    assert left.pop("data/extra-00000-of-00001.parquet") == b"of another split"
    assert left == _local(folder)
    assert hub.commits(REPO)[0] == "one shard"
    assert "five shards" in hub.commits(REPO)


@pytest.mark.parametrize("configs", [[], ["all-traces", "metadata"]], ids=["default", "several configs"])
@pytest.mark.parametrize("code", [409, 412, 429, 500, 503])
def test_a_refused_commit_is_made_again(
    hub: HubServer, client: Client, tmp_path: Path, code: int, configs: list[str]
) -> None:
    hub.inject("POST .*/commit/", code, headers={"Retry-After": "1"} if code == 429 else None)
    folder = publish(tmp_path, _traces(table(2)), configs=configs, format={"kind": "alpaca"})
    assert client("push", str(folder), {})["changed"]
    assert _remote(hub) == _local(folder)
    assert len(hub.commits(REPO)) == 2


@pytest.mark.parametrize("path", ["/commit/", "/api/repos/create"])
def test_a_lost_answer_makes_no_second_commit(hub: HubServer, client: Client, tmp_path: Path, path: str) -> None:
    hub.inject(f"POST .*{path}", 504, applied=True)
    folder = publish(tmp_path, table(2))
    assert client("push", str(folder), {})["changed"]
    assert _remote(hub) == _local(folder)
    assert len(hub.commits(REPO)) == 2


def test_an_upload_that_fails_for_a_while_succeeds(hub: HubServer, client: Client, tmp_path: Path) -> None:
    hub.inject("POST /api/repos/create", 503)
    hub.inject("PUT /_lfs/", 500)
    hub.inject("GET .*/tree/", 503)
    folder = publish(tmp_path, _traces(table(2)), configs=["all-traces", "metadata"], format={"kind": "alpaca"})
    assert client("push", str(folder), {})["changed"]
    assert _remote(hub) == _local(folder)


def test_a_hub_that_stays_down_gives_one_sentence(hub: HubServer, client: Client, tmp_path: Path) -> None:
    hub.inject("POST .*/commit/", 503, times=100)
    folder = publish(tmp_path, _traces(table(1)), configs=["all-traces"], format={"kind": "alpaca"})
    answer = client("push", str(folder), {})
    assert answer["kind"] == "HubError"
    assert answer["error"] == "hub:me/sums: the Hub answered 503 (injected); push again later"
    assert list(hub.files(REPO)) == [".gitattributes"]


def test_the_hubs_refusals_are_sentences(hub: HubServer, client: Client, tmp_path: Path) -> None:
    folder = str(publish(tmp_path, table(1)))
    hub.inject("POST /api/repos/create", 403)
    assert "the token may not write there" in client("push", folder, {})["error"]
    hub.inject("POST .*/commit/", 400)
    assert "the Hub answered 400" in client("push", folder, {})["error"]
    assert len([c for c in hub.log if "/commit/" in c.path]) == 1


def test_a_card_edited_by_hand_stays(hub: HubServer, client: Client, tmp_path: Path) -> None:
    client("push", str(publish(tmp_path / "a", table(2))), {})
    edited = hub.files(REPO)["README.md"] + b"\nMy own words.\n"
    hub.edit(REPO, "README.md", edited)
    folder = publish(tmp_path / "b", table(3))
    assert "its card was edited after cotkit wrote it" in client("push", str(folder), {})["error"]
    assert hub.files(REPO)["README.md"] == edited
    hub.edit(REPO, "README.md", b"# Mine\n")
    assert "not written by cotkit" in client("push", str(folder), {})["error"]
    assert client("push", str(folder), {"overwrite": True})["changed"]
    assert _remote(hub) == _local(folder)


def test_an_edit_during_the_push_is_not_lost(hub: HubServer, client: Client, tmp_path: Path) -> None:
    client("push", str(publish(tmp_path / "a", table(2))), {})
    edited = hub.files(REPO)["README.md"] + b"\nMy own words.\n"
    hub.once_before("POST .*/commit/", lambda: hub.edit(REPO, "README.md", edited))
    answer = client("push", str(publish(tmp_path / "a", table(3))), {})
    assert "its card was edited" in answer["error"]
    assert hub.files(REPO)["README.md"] == edited
    assert [c.code for c in hub.log if "/commit/" in c.path] == [200, 412]


def test_a_public_dataset_is_not_filled_by_a_private_push(hub: HubServer, client: Client, tmp_path: Path) -> None:
    folder = str(publish(tmp_path, table(1)))
    client("push", folder, {"private": False})
    assert not hub.repos[REPO].private
    before = hub.commits(REPO)
    other = str(publish(tmp_path / "b", table(2)))
    assert "is public on the Hub" in client("push", other, {})["error"]
    assert hub.commits(REPO) == before


def test_a_branch_is_made_and_main_stays(hub: HubServer, client: Client, tmp_path: Path) -> None:
    folder = publish(tmp_path, table(2))
    client("push", str(folder), {"revision": "v2"})
    assert _remote(hub) == {}
    assert _remote(hub, "v2") == _local(folder)
    assert client("load", False, "train", "v2") == Messages().export(table(2)).to_dicts()


def _traces(examples: pl.DataFrame) -> dict[type, pl.DataFrame]:
    """Tables of a run whose examples were chosen from twice as many attempts, the other half being wrong."""
    rows = records.rows(Example, examples)
    origin = ("source", "source_row", "license")
    problems = [Problem(r.problem_id, r.problem, r.answer, **{n: getattr(r, n) for n in origin}) for r in rows]
    texts = [(r, sample, "correct" if sample == r.sample else "incorrect") for r in rows for sample in (0, 1)]
    traces = [Trace(r.problem_id, n, r.teacher, "", "done", r.reasoning, r.response) for r, n, _ in texts]
    verdicts = [Verdict(r.problem_id, n, v, None, r.answer, "exact", "whole numbers") for r, n, v in texts]
    return {
        Example: examples,
        Problem: records.frame(Problem, problems),
        Trace: records.frame(Trace, traces),
        Verdict: records.frame(Verdict, verdicts),
    }


def test_every_config_loads_equal_to_its_table(hub: HubServer, client: Client, tmp_path: Path) -> None:
    examples = table(3)
    folder = publish(
        tmp_path, _traces(examples), configs=["all-traces", "unverified", "metadata"], format={"kind": "alpaca"}
    )
    assert client("push", str(folder), {})["changed"]
    assert _remote(hub) == _local(folder)
    assert len(hub.commits(REPO)) == 2
    assert set(client("configs")) == {"default", "all-traces", "unverified", "metadata"}
    assert client("validated")["configs"][0]["default"] is True
    extra = ("all-traces", "unverified", "metadata")
    for config, name in (("default", "data"), *zip(extra, extra, strict=True), (None, "data")):
        local = pl.read_parquet(folder / name / "*.parquet").to_dicts()
        for streaming in (False, True):
            assert client("load", streaming, "train", "main", config) == local
    every = pl.read_parquet(folder / "all-traces" / "*.parquet")
    assert every["published"].to_list() == [True, False] * 3
    assert every["verdict"].to_list() == ["correct", "incorrect"] * 3
    assert client("load", False, "train", "main", "metadata") == examples.drop("messages").to_dicts()


def test_two_local_folders_with_configs_are_two_datasets(client: Client, tmp_path: Path) -> None:
    """datasets caches local folders by name and configs; the digest in the configs keeps them apart."""
    folders = [publish(tmp_path / str(n), table(n), configs=["metadata"]) for n in (2, 4)]
    for config in ("default", "metadata"):
        rows = [client("load", False, "train", None, config, str(folder)) for folder in folders]
        assert [len(r) for r in rows] == [2, 4]


def test_fewer_configs_leave_no_old_ones(hub: HubServer, client: Client, tmp_path: Path) -> None:
    client("push", str(publish(tmp_path / "a", table(2), configs=["metadata"], format={"kind": "alpaca"})), {})
    folder = publish(tmp_path / "a", table(2))
    assert client("push", str(folder), {})["changed"]
    assert _remote(hub) == _local(folder)


def test_a_pushed_dataset_is_imported_by_its_name(
    cli: Callable[..., Any], hub: HubServer, client: Client, tmp_path: Path
) -> None:
    client("push", str(publish(tmp_path / "run", table(3), format={"kind": "sharegpt"})), {"private": False})
    env = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_DATASETS_OFFLINE": "0", "HF_HOME": str(tmp_path / "hf")}
    done = cli("curate", "import", REPO, "--out", "a.jsonl", "--license", "mit", env={**env, "HF_TOKEN": TOKEN})
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [row["reasoning"] for row in rows] == table(3)["reasoning"].to_list()
    missing = cli("curate", "import", "me/none", env={**env, "HF_TOKEN": TOKEN})
    assert (missing.returncode, "the Hub has no dataset me/none" in missing.stderr) == (3, True), missing.stderr


def test_the_hub_clients_own_bars_stay_away_from_a_log(
    cli: Callable[..., Any], hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_DISABLE_PROGRESS_BARS", raising=False)
    folder = publish(tmp_path / "run", table(3))
    env = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN}
    done = cli("push", folder.parent, "--to", f"hub:{REPO}", "--json", env={**env, "HF_HOME": str(tmp_path / "hf")})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["changed"] is True
    assert done.stderr.splitlines()[0] == "pushed"
    assert "%" not in done.stderr


def test_a_newer_version_from_elsewhere_stays(hub: HubServer, client: Client, tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    client("push", str(publish(ours, table(2))), {})
    theirs = publish(tmp_path / "theirs", table(5))
    assert client("push", str(theirs), {"overwrite": True})["changed"]
    folder = publish(ours, table(3))
    answer = client("push", str(folder), {})
    assert "the Hub holds a newer version" in answer["error"]
    assert _remote(hub) == _local(theirs)
    assert client("push", str(folder), {"overwrite": True})["changed"]
    assert _remote(hub) == _local(folder)
    # What stands beside the data is nobody's newer version.
    hub.edit(REPO, "plot.png", b"png")
    assert client("push", str(publish(ours, table(4))), {})["changed"]


def test_a_dataset_of_another_run_stays(hub: HubServer, client: Client, tmp_path: Path) -> None:
    first, second = publish(tmp_path / "a", table(2)), publish(tmp_path / "b", table(3))
    assert client("push", str(first), {})["changed"]
    answer = client("push", str(second), {})
    assert "the Hub holds a dataset that this run did not push" in answer["error"]
    assert "--overwrite" in answer["error"]
    assert _remote(hub) == _local(first)
    # A branch made for it takes nothing from anybody; what then stands there is that run's alone.
    assert client("push", str(second), {"revision": "v2"})["changed"]
    assert "did not push" in client("push", str(first), {"revision": "v2"})["error"]
    assert _remote(hub, "v2") == _local(second)
    assert _remote(hub) == _local(first)
    assert client("push", str(publish(tmp_path / "b", table(4))), {"revision": "v2"})["changed"]
    assert client("push", str(second), {"overwrite": True})["changed"]
    assert "newer version" in client("push", str(publish(tmp_path / "a", table(5))), {})["error"]


NUMBERS = re.compile(r"\d+")


def test_a_card_with_any_other_number_is_not_pushed(tmp_path: Path) -> None:
    folder = publish(tmp_path / "run", table(4), configs=["metadata"])
    card = folder / "README.md"
    text = card.read_text()
    spots = list(NUMBERS.finditer(text))
    assert len(spots) > 60
    for spot in spots:
        card.write_text(f"{text[: spot.start()]}{int(spot.group()) + 1}{text[spot.end() :]}")
        with pytest.raises(InputError, match="publish step again"):
            push_dataset(folder, str(tmp_path / "out"))
    card.write_text(text)
    assert push_dataset(folder, str(tmp_path / "out")).changed


def test_a_sealed_card_that_miscounts_and_other_data_are_not_pushed(tmp_path: Path) -> None:
    folder = publish(tmp_path / "run", table(4))
    card, shard = folder / "README.md", folder / "data" / "train-00000-of-00001.parquet"
    text, data = card.read_text(), shard.read_bytes()
    header, body = re.split(r"<!-- generated.*?-->\n", text)
    card.write_text(seal(header, body.replace("| Rows | 4 |", "| Rows | 5 |"), sealed_files(text)))
    with pytest.raises(InputError, match="the data holds 4 rows"):
        push_dataset(folder, str(tmp_path / "out"))
    card.write_text(text)
    pl.read_parquet(shard)[:3].write_parquet(shard)
    with pytest.raises(InputError, match="not those that the card was counted from"):
        push_dataset(folder, str(tmp_path / "out"))
    shard.write_bytes(data)
    (folder / "plots" / "domain.svg").write_text("<svg/>")
    with pytest.raises(InputError, match="not those that the card was counted from"):
        push_dataset(folder, str(tmp_path / "out"))


@pytest.mark.parametrize(
    ("changes", "forbidden"),
    [
        ({"license": "cc-by-nc-nd-4.0"}, True),
        ({"license": "All rights reserved"}, True),
        ({"source": "gpqa_diamond"}, True),
        ({"license": "cc-by-nc-sa-4.0"}, False),
        ({"license": "apache-2.0"}, False),
    ],
)
def test_a_source_that_forbids_it_is_not_passed_on_unasked(
    hub: HubServer, client: Client, tmp_path: Path, changes: dict[str, Any], forbidden: bool
) -> None:
    folder = publish(tmp_path, table(2, **changes))
    assert rehearse(folder, "hub:me/sums").forbidden is forbidden
    first = client("push", str(folder), {})
    assert ("may not be passed on" in first.get("error", "")) is forbidden
    assert bool(hub.repos) is not forbidden
    assert client("push", str(folder), {"redistribute": True})["changed"] is forbidden
    copy = str(tmp_path / "copy")
    assert rehearse(folder, copy).forbidden is forbidden
    if forbidden:
        with pytest.raises(RecipeError, match=r"/copy: the card says that a source may not be passed on .*--redistrib"):
            push_dataset(folder, copy)
        assert not Path(copy).exists()
    assert push_dataset(folder, copy, PushOptions(redistribute=True)).changed


@pytest.mark.parametrize("changes", [{"license": "cc-by-nd-4.0"}, {"source": "gpqa"}])
def test_attempts_that_were_not_chosen_are_passed_on_too(tmp_path: Path, changes: dict[str, Any]) -> None:
    asked = records.frame(Example, [example(1), example(2, **changes)])
    tables = {**_traces(asked), Example: asked[:1]}
    folder = publish(tmp_path / "run", tables, configs=["all-traces", "metadata"])
    assert rehearse(folder, "out").forbidden
    with pytest.raises(RecipeError, match="may not be passed on"):
        push_dataset(folder, str(tmp_path / "out"))
    card = (folder / "README.md").read_text()
    cells = [str({"source": "sums", "license": "mit", **changes}[name]) for name in ("source", "license")]
    assert "Attempts in the config all-traces:\n\n| source | licence |" in card
    assert f"| {cells[0]} | {cells[1]} | 2 | 1 |" in card
    assert ("Rows come under several licences: cc-by-nd-4.0, mit" in card) is ("license" in changes)
    # Without that config nothing of theirs is published.
    assert not rehearse(publish(tmp_path / "run", tables, configs=["metadata"]), "out").forbidden


def test_a_dry_run_shows_files_and_card_and_asks_nobody(
    cli: Callable[..., Any], hub: HubServer, tmp_path: Path
) -> None:
    folder = publish(tmp_path / "run", table(2))
    done = cli("push", "run", "--to", "hub:me/sums", "--dry-run", env={"HF_ENDPOINT": hub.url})
    assert done.returncode == 0, done.stderr
    for name in dataset_files(folder):
        assert f"{(folder / name).stat().st_size:>14,}  {name}\n" in done.stdout
    assert done.stdout.endswith((folder / "README.md").read_text())
    assert hub.log == []


def test_no_token_wrong_token_and_no_hub_are_sentences(hub: HubServer, tmp_path: Path) -> None:
    folder = str(publish(tmp_path / "work", table(1)))
    for env, expected in (
        ({}, "no Hub token was found; set HF_TOKEN"),
        ({"HF_TOKEN": "hf_wrongTokenForTests"}, "the Hub does not accept the token"),
        ({"HF_TOKEN": "hf_x", "HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"),
    ):
        calls = _client(hub.url, tmp_path / "hf", env)
        answer = next(calls)("push", folder, {})
        calls.close()
        assert answer["kind"] == "HubError"
        assert expected in answer["error"]
        assert "hf_" not in answer["error"]
    assert hub.repos == {}


def test_a_folder_without_a_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"README\.md is missing"):
        push_dataset(tmp_path, "hub:me/x")
    folder = publish(tmp_path, table(1))
    (folder / "data" / "train-00000-of-00001.parquet").unlink()
    with pytest.raises(InputError, match="no data files"):
        push_dataset(folder, "hub:me/x")


@pytest.mark.parametrize("to", ["", "  ", "hub:", "hub:name", "hub:a/b/c", "hub:a/../b", "hub:-a/b", "hub:a/b."])
def test_wrong_targets(to: str) -> None:
    with pytest.raises(RecipeError):
        parse_target(to)
    if to.strip():
        with pytest.raises(ValidationError, match="hub:user/name"):
            Push(step="push", to=to)


@given(st.text(max_size=40))
def test_every_hub_target_is_a_name_or_an_error(text: str) -> None:
    from huggingface_hub.utils import validate_repo_id

    try:
        name = parse_target("hub:" + text)
    except RecipeError:
        return
    assert isinstance(name, str)
    validate_repo_id(name)


def test_only_shards_of_the_same_split_are_stale() -> None:
    ours = ["README.md", "data/train-00000-of-00001.parquet"]
    theirs = ["data/train-00000-of-00002.parquet", "data/a-train-00000-of-00001.parquet", "data/train.parquet", *ours]
    assert stale(theirs, ours) == ["data/train-00000-of-00002.parquet"]
    assert not is_ours("data/../../x-00000-of-00001.parquet")
