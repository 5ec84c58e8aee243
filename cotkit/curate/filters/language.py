"""Problems in another language than the dataset's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.curate.filters import Filter
from cotkit.curate.prose import words_of
from cotkit.records import Problem
from cotkit.steps import Step

# Enough to tell a language, so that a row of 10 MB costs no more than a page.
_READ = 4_000
_LETTERS = 20
_NO_LANGUAGE = "zxx"
# Below this no language stands out: three words between formulas.
_STANDS_OUT = 0.5


class Language(Filter):
    """Keep problems whose words are in one of `languages`; formulas, code and LaTeX are not looked at.

    Identified by py3langid (Lui and Baldwin 2012). A text is dropped where all of `languages` together have less than
    `min_probability` and another one has at least half; a text of fewer than `min_letters` letters stays, since nobody
    can tell it.
    """

    name: Literal["language"] = "language"
    languages: tuple[str, ...] = Field(("en",), min_length=1, description="ISO 639-1 codes of the languages to keep.")
    min_probability: float = Field(
        0.1, gt=0, le=1, description="Least probability that the kept languages together must have."
    )
    min_letters: int = Field(_LETTERS, ge=1, description="Texts with fewer letters outside formulas stay.")

    reason: ClassVar[str] = "language"

    def check_after(self, before: Sequence[Step]) -> list[str]:
        known = {str(code) for code in _identifier().nb_classes}
        unknown = next((code for code in self.languages if code not in known), None)
        if unknown is None:
            return []
        return [
            f"the filter 'language' keeps '{unknown}', which is no language that py3langid knows, so no row "
            "can be in it; give ISO 639 codes such as en, de or zh"
        ]

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        words = _words(problem.problem)
        if sum(c.isalpha() for c in words) < self.min_letters:
            return None
        found = probabilities(words)
        kept = sum(found.get(code, 0.0) for code in (*self.languages, _NO_LANGUAGE))
        best = max(found, key=lambda code: found[code])
        if kept >= self.min_probability or found[best] < _STANDS_OUT:
            return None
        return {"language": best, "probability": round(found[best], 4), "kept": round(kept, 4), "words": words[:120]}


def language_of(text: str) -> str | None:
    """The ISO 639-1 code of the language in which the words of a text are; None where nobody can tell."""
    words = _words(text)
    if sum(c.isalpha() for c in words) < _LETTERS:
        return None
    found = probabilities(words)
    best = max(found, key=lambda code: found[code])
    return None if best == _NO_LANGUAGE or found[best] < _STANDS_OUT else best


def _words(text: str) -> str:
    """What is neither formula nor code, up to so much."""
    return " ".join(words_of(text[: 10 * _READ]).split())[:_READ]


def probabilities(words: str) -> dict[str, float]:
    """Language -> its probability."""
    return {str(code): float(probability) for code, probability in _identifier().rank(words.lower())}


@cache
def _identifier() -> Any:
    """Loading the model takes half a second: once a process."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
