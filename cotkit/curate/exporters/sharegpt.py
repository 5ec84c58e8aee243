"""Conversations in ShareGPT shape, with the tags of OpenThoughts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from cotkit.curate.exporters.shaped import Row, Shaped, asked
from cotkit.curate.wrappings import OPENTHOUGHTS, R1, Wrapping


class ShareGpt(Shaped):
    """`system` and `conversations` (from, value), as OpenThoughts-114k, and an entry for LLaMA-Factory."""

    kind: Literal["sharegpt"] = "sharegpt"
    tags: Literal["openthoughts", "think"] = Field("openthoughts", description="The tags around the reasoning.")
    roles: Literal["user", "human"] = Field(
        "user", description="Who speaks: user and assistant (OpenThoughts), or human and gpt."
    )
    system: str | None = Field(None, min_length=1, description="Text of the system column of every row.")

    def wrapping(self) -> Wrapping:
        return OPENTHOUGHTS if self.tags == "openthoughts" else R1

    def _roles(self) -> tuple[str, str]:
        return ("user", "assistant") if self.roles == "user" else ("human", "gpt")

    def shape(self, row: Row) -> dict[str, Any]:
        user, assistant = self._roles()
        answer = self.wrapping().join(row["reasoning"], row["response"])
        turns = [{"from": user, "value": asked(row)}, {"from": assistant, "value": answer}]
        return {"system": self.system, "conversations": turns}

    def own(self) -> dict[str, Any]:
        import polars as pl

        turn = pl.Struct({"from": pl.String(), "value": pl.String()})
        return {"system": pl.String(), "conversations": pl.List(turn)}

    def describe(self) -> str:
        user, assistant = self._roles()
        opening = self.wrapping().opening.strip()
        return f"`conversations` holds a turn of {user} and one of {assistant}, the reasoning after `{opening}`."

    def files(self, split: str) -> Mapping[str, str]:
        user, assistant = self._roles()
        columns = {"messages": "conversations", **({"system": "system"} if self.system else {})}
        tags = {"role_tag": "from", "content_tag": "value", "user_tag": user, "assistant_tag": assistant}
        entry = {"file_name": "data", "split": split, "formatting": "sharegpt", "columns": columns, "tags": tags}
        return {"dataset_info.json": json.dumps({"cotkit": entry}, indent=2) + "\n"}
