"""Problems from a dataset on the Hugging Face Hub."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import Field

from cotkit.curate import patience
from cotkit.curate.sources.file import FileSource, format_of
from cotkit.errors import InputError, UnreachableError
from cotkit.source import RawRow, Source

if TYPE_CHECKING:
    from datasets import IterableDataset

T = TypeVar("T")

ATTEMPTS = 5
# Rows read under one count of attempts; few, since a row may be of 10 MB.
AT_ONCE = 16


class HubSource(Source):
    """Rows of a Hub dataset, streamed, at a revision that is resolved once and then pinned."""

    kind: Literal["hub"] = "hub"
    id: str = Field(description="Hub id, e.g. openai/gsm8k.")
    config: str | None = Field(None, description="Configuration (subset) of the dataset.")
    split: str = Field("train", description="Split to read.")
    revision: str | None = Field(None, description="Branch, tag or commit; the default branch when left out.")
    files: tuple[str, ...] = Field(
        (),
        description="Files of the repository (paths or globs) to read instead of what it declares, for a dataset that "
        "needs a loading script: jsonl, json, csv, parquet, arrow, or a zip of JSON files.",
    )

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        """The commit that the revision names now; a commit hash needs no network.

        The pin is kept under the revision asked for, so that a changed `revision` is resolved anew.
        """
        wanted = self.revision or "HEAD"
        if re.fullmatch(r"[0-9a-f]{40}", wanted):
            return {self.name: f"hub:{self.id}@{wanted}={wanted}"}
        pinned = pins.get(self.name, "")
        if pinned.startswith(f"hub:{self.id}@{wanted}="):
            return {self.name: pinned}
        return {self.name: f"hub:{self.id}@{wanted}={self._resolve()}"}

    def _resolve(self) -> str:
        from huggingface_hub import HfApi

        try:
            sha = patiently(lambda: HfApi().dataset_info(self.id, revision=self.revision).sha)
        except Exception as error:
            kind = UnreachableError if patience.is_unreachable(error) else InputError
            raise kind(self.sentence(error)) from error
        if not sha:
            raise InputError(f"the Hub names no commit for {self.id}; set `revision` to a commit hash")
        return sha

    def rows(self, pins: Mapping[str, str]) -> Iterator[RawRow]:
        revision = self.materials(pins)[self.name].rpartition("=")[2]
        if any(name.endswith(".zip") for name in self.files):
            yield from self._zipped(revision)
            return
        try:
            for number, row in enumerate(resumed(lambda: self._stream(revision))):
                yield RawRow(number, f"{self.id} ({self.split}), row {number + 1}", row)
        except InputError:
            raise
        except Exception as error:
            raise InputError(self.sentence(error)) from error

    def _stream(self, revision: str) -> IterableDataset:
        from datasets import load_dataset

        if not self.files:
            return load_dataset(self.id, self.config, split=self.split, revision=revision, streaming=True)
        first = self.files[0]
        builder = "arrow" if first.endswith(".arrow") else {"jsonl": "json"}.get(form := format_of(first), form)
        paths = [f"hf://datasets/{self.id}@{revision}/{name}" for name in self.files]
        # "train": loose files have no split of their own.
        return load_dataset(builder, data_files={"train": paths}, split="train", streaming=True)

    def _zipped(self, revision: str) -> Iterator[RawRow]:
        from huggingface_hub import hf_hub_download

        number = 0
        for name in self.files:
            download = partial(hf_hub_download, self.id, name, repo_type="dataset", revision=revision)
            try:
                path: str = patiently(download)
            except Exception as error:
                raise InputError(self.sentence(error)) from error
            archive = FileSource(name=self.name, path=path, format="zip", malformed="drop")
            for row in archive.rows({}):
                yield RawRow(number, row.place.replace(path, f"{self.id}/{name}"), row.values, row.error)
                number += 1

    def sentence(self, error: BaseException) -> str:
        """What is wrong, in one sentence, without addresses (one may be signed)."""
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

        causes = _chain(error)
        if any(isinstance(e, GatedRepoError) for e in causes) or any("gated dataset" in str(e) for e in causes):
            return f"the Hub dataset {self.id} is gated; accept its terms on its page and log in with `hf auth login`"
        if any(isinstance(e, RepositoryNotFoundError) for e in causes):
            return f"the Hub has no dataset {self.id} that you may read; check the id, or log in with `hf auth login`"
        if any(isinstance(e, RevisionNotFoundError) for e in causes):
            return f"the Hub dataset {self.id} has no revision {self.revision}"
        found = patience.http_error(error)
        if found is not None or isinstance(error, ConnectionError | TimeoutError):
            code = patience.status(found) if found is not None else None
            what = f"answers {code}" if code else f"cannot be reached ({type(found or error).__name__})"
            return (
                f"the Hub {what} for {self.id}; check the network and run again later, "
                f"or pin `revision` to a commit hash that is in your cache"
            )
        said = " ".join(re.sub(r"\S+://\S+", "…", str(error).strip() or type(error).__name__).split())[:300]
        if "Dataset scripts are no longer supported" in said:
            return (
                f"the Hub dataset {self.id} needs a loading script, which is not run; name its data files under `files`"
            )
        return f"the Hub dataset {self.id} (config {self.config}, split {self.split}) cannot be read: {said}"


def patiently(ask: Callable[[], T]) -> T:
    """What `ask` returns; asked again, up to ATTEMPTS times, while its error is one that passes."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt

    again = retry_if_exception(patience.is_passing)
    return Retrying(stop=stop_after_attempt(ATTEMPTS), wait=patience.wait, retry=again, reraise=True)(ask)


def resumed(open_stream: Callable[[], IterableDataset]) -> Iterator[dict[str, Any]]:
    """Rows of a stream that goes on at the row where it broke.

    The Hub's client retries single requests; what still fails after that would end a long read for good.
    """
    stream = patiently(open_stream)
    rows = iter(stream)
    ready: list[dict[str, Any]] = []

    def fill() -> None:
        nonlocal rows
        try:
            # What came before an error stays in the list.
            ready.extend(islice(rows, AT_ONCE - len(ready)))
        except Exception:
            stream.load_state_dict(stream.state_dict())  # a generator that has failed would just end
            rows = iter(stream)
            raise

    while True:
        patiently(fill)
        if not ready:
            return
        yield from ready
        ready.clear()


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
