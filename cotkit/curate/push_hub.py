"""Pushing to the Hub: one commit that holds everything, tried again where the client would give up.

huggingface_hub retries uploads and reads, but neither the creation of a repository nor a commit; here
the whole push is one attempt that may be made again, since it starts from what the Hub then holds.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit import __version__
from cotkit.curate import patience
from cotkit.curate.card import card_state
from cotkit.curate.layout import PushOptions, PushResult, is_ours, stale
from cotkit.curate.pushed import ADVICE, pushed_before, remember
from cotkit.errors import HubError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

ATTEMPTS = 5
# Somebody else committed in between.
_CONFLICT = frozenset({409, 412})


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to push, with the two digests by which the Hub names content (LFS: sha256; git: blob id)."""

    path: Path
    size: int
    sha256: str
    blob: str


@dataclass
class _Memory:
    """What attempts of one push remember: that a commit was sent, though its answer may be lost."""

    committed: bool = field(default=False)


def push_to_hub(folder: Path, files: Sequence[str], repo: str, options: PushOptions) -> PushResult:
    """Push in one commit; no commit where the Hub holds the same already. Raises HubError.

    The token is huggingface_hub's (HF_TOKEN or a login), the endpoint too (HF_ENDPOINT).
    """
    from huggingface_hub import HfApi, get_token
    from tenacity import Retrying, retry_if_exception, stop_after_attempt

    if not get_token():
        raise HubError(f"hub:{repo}: no Hub token was found; set HF_TOKEN, or log in once with `hf auth login`")
    api = HfApi(library_name="cotkit", library_version=__version__)
    place = f"{repo}@{options.revision}"
    known = pushed_before(folder).get(place)
    local = {name: _local_file(folder / name) for name in files}
    memory = _Memory()
    retrying = Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=patience.wait,
        retry=retry_if_exception(lambda error: patience.is_passing(error, _CONFLICT)),
        reraise=True,
    )
    with _in_one_sentence(repo):
        result: PushResult = retrying(_attempt, api, repo, local, options, memory, known)
    if result.commit is not None:
        remember(folder, place, result.commit)
    return result


def _attempt(
    api: HfApi,
    repo: str,
    local: Mapping[str, LocalFile],
    options: PushOptions,
    memory: _Memory,
    known: str | None,
) -> PushResult:
    head, of_its_own = _prepare(api, repo, options)
    remote = _tree(api, repo, head)
    url = f"{api.endpoint}/datasets/{repo}"
    removed = stale(list(remote), list(local))
    if not removed and not _differing(local, remote):
        return PushResult(url, head, changed=memory.committed)
    _refuse_foreign(api, repo, head, local, remote, options.overwrite)
    if of_its_own and not options.overwrite:
        _refuse_unknown(api, repo, head, remote, known)
    memory.committed = True
    commit = _commit(api, repo, head, local, removed, options)
    pushed = _tree(api, repo, commit)
    wrong = [*_differing(local, pushed), *stale(list(pushed), list(local))]
    if wrong:
        raise HubError(f"hub:{repo}: after the push the Hub holds other content for {wrong[0]}; push again")
    return PushResult(url, commit, changed=True)


def _prepare(api: HfApi, repo: str, options: PushOptions) -> tuple[str, bool]:
    """The repository and the branch exist; returns the branch's commit, and whether a push may replace what stands
    nowhere else: a branch that was just made from main holds nothing of its own.
    """
    # Asked first, so that an existing public dataset is refused before anything is sent to it.
    if not api.repo_exists(repo, repo_type="dataset"):
        api.create_repo(repo, repo_type="dataset", private=options.private, exist_ok=True)
    info = api.dataset_info(repo)
    if options.private and not info.private:
        raise HubError(
            f"hub:{repo}: the dataset is public on the Hub, but this push is private; set private to false (--public), "
            f"or make it private there"
        )
    main = info.sha
    if options.revision != "main":
        api.create_branch(repo, repo_type="dataset", branch=options.revision, exist_ok=True)
        info = api.dataset_info(repo, revision=options.revision)
    if info.sha is None:
        raise HubError(f"hub:{repo}: the Hub names no commit of '{options.revision}'; push again")
    return info.sha, options.revision == "main" or info.sha != main


def _commit(
    api: HfApi,
    repo: str,
    parent: str,
    local: Mapping[str, LocalFile],
    removed: Sequence[str],
    options: PushOptions,
) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    operations: list[Any] = [CommitOperationAdd(name, str(file.path)) for name, file in local.items()]
    operations += [CommitOperationDelete(name) for name in removed]
    info = api.create_commit(
        repo,
        operations,
        commit_message=options.message or "Push a dataset made with cotkit",
        repo_type="dataset",
        revision=options.revision,
        parent_commit=parent,
    )
    return info.oid


@dataclass(frozen=True, slots=True)
class _RemoteFile:
    size: int
    digest: str
    lfs: bool


def _tree(api: HfApi, repo: str, commit: str) -> dict[str, _RemoteFile]:
    from huggingface_hub import RepoFile

    entries = api.list_repo_tree(repo, repo_type="dataset", revision=commit, recursive=True)
    return {
        e.path: _RemoteFile(e.size, e.lfs.sha256 if e.lfs else e.blob_id, e.lfs is not None)
        for e in entries
        if isinstance(e, RepoFile)
    }


def _differing(local: Mapping[str, LocalFile], remote: Mapping[str, _RemoteFile]) -> list[str]:
    return [name for name, file in local.items() if name not in remote or not _equal(file, remote[name])]


def _equal(local: LocalFile, remote: _RemoteFile) -> bool:
    return local.size == remote.size and remote.digest == (local.sha256 if remote.lfs else local.blob)


def _local_file(path: Path) -> LocalFile:
    size = path.stat().st_size
    sha256, blob = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
            blob.update(block)
    return LocalFile(path, size, sha256.hexdigest(), blob.hexdigest())


def _refuse_foreign(
    api: HfApi,
    repo: str,
    head: str,
    local: Mapping[str, LocalFile],
    remote: Mapping[str, _RemoteFile],
    overwrite: bool,
) -> None:
    """What others wrote stays: a push replaces only files that stand there as cotkit wrote them."""
    if overwrite or not set(remote) - {".gitattributes"}:
        return
    advice = f"{ADVICE}, or push under another name"
    if "README.md" not in remote:
        taken = sorted({*local} & {*remote}) or sorted(n for n in remote if n.startswith("data/"))
        if taken:
            raise HubError(f"hub:{repo}: the Hub holds '{taken[0]}', which cotkit did not push; {advice}")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = api.hf_hub_download(repo, "README.md", repo_type="dataset", revision=head, cache_dir=folder)
        state = card_state(Path(path).read_bytes().decode("utf-8", errors="replace"))
    if state == "edited":
        raise HubError(f"hub:{repo}: its card was edited after cotkit wrote it; {advice}")
    if state == "foreign":
        raise HubError(f"hub:{repo}: its card was not written by cotkit; {advice}")


def _refuse_unknown(api: HfApi, repo: str, head: str, remote: Mapping[str, _RemoteFile], known: str | None) -> None:
    """A dataset of another run, or one that was pushed from elsewhere since our last push, is not ours to replace."""
    from huggingface_hub.errors import RevisionNotFoundError

    advice = f"look at it, then {ADVICE}, or push under another name"
    if known == head:
        return
    if known is None:
        if "README.md" in remote:
            raise HubError(f"hub:{repo}: the Hub holds a dataset that this run did not push; {advice}")
        return
    try:
        ours = _tree(api, repo, known)
    except RevisionNotFoundError:
        ours = {}
    if {n: f for n, f in remote.items() if is_ours(n)} != {n: f for n, f in ours.items() if is_ours(n)}:
        raise HubError(
            f"hub:{repo}: the Hub holds a newer version (commit {head[:12]}) than the one that this run pushed "
            f"({known[:12]}); {advice}"
        )


@contextmanager
def _in_one_sentence(repo: str) -> Iterator[None]:
    from huggingface_hub.errors import OfflineModeIsEnabled

    try:
        yield
    except OfflineModeIsEnabled as error:
        raise HubError(f"hub:{repo}: HF_HUB_OFFLINE is set, so nothing can be pushed; unset it") from error
    except HubError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        found = patience.http_error(error)
        raise HubError(f"hub:{repo}: {_sentence(found if found is not None else error)}") from error


def _sentence(error: BaseException) -> str:
    status = patience.status(error)
    said = _said(error)
    if status == 401:
        return "the Hub does not accept the token; set HF_TOKEN to a valid one, or run `hf auth login`"
    if status == 403:
        return f"the token may not write there{said}; use a token with write access, or another user name"
    if status == 404:
        return f"the Hub does not find it{said}; check the name, the branch, and that the token may see it"
    if status == 412:
        return "somebody else kept committing during the push; push again"
    if status is not None:
        return f"the Hub answered {status}{said}; push again later"
    if isinstance(error, ValueError):
        return f"the Hub's client refuses the push{said}; mend that and push again"
    return f"the Hub cannot be reached ({type(error).__name__}); check the network and HF_ENDPOINT, and push again"


def _said(error: BaseException) -> str:
    """The Hub's own words, without addresses (an upload address holds a signature) and tokens."""
    from huggingface_hub import get_token

    message = getattr(error, "server_message", None) or (str(error) if isinstance(error, ValueError) else "")
    plain = " ".join(re.sub(r"https?://\S+|\bhf_\w+", "…", message).split())
    token = get_token()
    if token and len(token) >= 8:
        plain = plain.replace(token, "…")
    return f" ({plain[:200].rstrip('.')})" if plain else ""
