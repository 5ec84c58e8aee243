"""A file that was given to a verb instead of a recipe."""

from __future__ import annotations

from typing import ClassVar

from cotkit.curate.sources.file import FileSource


class GivenFile(FileSource):
    """Says what to do in the words of the command line."""

    to_name_a_column: ClassVar[str] = "name the right one with --column {key}=NAME"
    to_drop_malformed: ClassVar[str] = "mend or remove the row"
    to_give_rows: ClassVar[str] = "give a file with rows"
