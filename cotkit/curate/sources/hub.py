"""Problems from a dataset on the Hugging Face Hub."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from cotkit.errors import InputError
from cotkit.source import RawRow, Source


class HubSource(Source):
    """Rows of a Hub dataset, streamed, at a revision that is resolved once and then pinned."""

    kind: Literal["hub"] = "hub"
    id: str = Field(description="Hub id, e.g. openai/gsm8k.")
    config: str | None = Field(None, description="Configuration (subset) of the dataset.")
    split: str = Field("train", description="Split to read.")
    revision: str | None = Field(None, description="Branch, tag or commit; the default branch when left out.")

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
        import httpx2
        from huggingface_hub import HfApi
        from huggingface_hub.errors import (
            GatedRepoError,
            HfHubHTTPError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )

        try:
            sha = HfApi().dataset_info(self.id, revision=self.revision).sha
        except GatedRepoError as error:
            raise InputError(
                f"the Hub dataset {self.id} is gated; accept its terms on its page and log in with `hf auth login`"
            ) from error
        except RepositoryNotFoundError as error:
            raise InputError(
                f"the Hub has no dataset {self.id} that you may read; check the id, or log in with `hf auth login`"
            ) from error
        except RevisionNotFoundError as error:
            raise InputError(f"the Hub dataset {self.id} has no revision {self.revision}") from error
        except (HfHubHTTPError, OSError, httpx2.HTTPError) as error:
            raise InputError(
                f"the Hub cannot be asked for {self.id} ({type(error).__name__}); check the network, "
                f"or pin `revision` to a commit hash that is in your cache"
            ) from error
        if not sha:
            raise InputError(f"the Hub names no commit for {self.id}; set `revision` to a commit hash")
        return sha

    def rows(self, pins: Mapping[str, str]) -> Iterator[RawRow]:
        from datasets import load_dataset

        revision = self.materials(pins)[self.name].rpartition("=")[2]
        try:
            stream = load_dataset(self.id, self.config, split=self.split, revision=revision, streaming=True)
            for number, row in enumerate(stream):
                if self.limit is not None and number >= self.limit:
                    return
                yield RawRow(number, f"{self.id} ({self.split}), row {number + 1}", row)
        except InputError:
            raise
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
            raise InputError(
                f"the Hub dataset {self.id} (config {self.config}, split {self.split}) cannot be read: {reason}"
            ) from error
