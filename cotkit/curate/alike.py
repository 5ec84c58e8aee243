"""Sentences of a corpus that are like ours of careful reasoning: the same runs of three words.

Demystifying Long CoT (arXiv 2502.03373, section 6) looked through a web corpus for such sentences, by MinHash over
3-word shingles. MinHash guesses the Jaccard similarity of large sets; with some 60 queries an index of their shingles
gives it exactly, in one pass, without a library and without a miss. The sentences are our own.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cotkit.curate.sentences import sentences
from cotkit.verify.scorers.phrases import KINDS, LANGUAGES
from cotkit.verify.scorers.words import words

QUERIES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "verify": {
        "en": (
            "Let me check this result with a small example.",
            "Let me double check the calculation before I go on.",
            "Let us verify that this value satisfies the equation.",
            "Plugging this back into the original equation gives the same value.",
            "To be sure, I will compute it again in another way.",
            "Does this answer make sense for the problem?",
            "I should make sure that I have not missed a case.",
            "Let me see whether the sum of the parts is right.",
        ),
        "zh": (
            "让我检查一下这个结果对不对。",
            "我们把这个值代回原方程验证一下。",
            "为了保险起见，我再算一遍。",
            "看看这个答案是否符合题目的条件。",
            "用一个简单的例子来检验一下。",
            "我需要确认没有漏掉任何情况。",
            "让我再核对一下前面的计算。",
        ),
    },
    "backtrack": {
        "en": (
            "Wait, that is not right, I made a mistake here.",
            "Hold on, I think I have misread the problem.",
            "This leads nowhere, so let me go back to the start.",
            "That cannot be right, because the result must be positive.",
            "Let me start over and read the question again.",
            "No, this approach does not work for this case.",
            "I made an error when I expanded the product.",
            "This contradicts what we found above, so something is wrong.",
        ),
        "zh": (
            "等等，这里好像有问题。",
            "不对，我刚才的计算有误。",
            "这样做行不通，我们回到前面重新考虑。",
            "我可能理解错了题目的意思。",
            "这与前面的结论矛盾，所以一定是哪里错了。",
            "让我从头再来一遍。",
            "刚才的想法不成立，需要重新思考。",
        ),
    },
    "alternative": {
        "en": (
            "Alternatively, we can solve this in a different way.",
            "Maybe there is another way to look at the problem.",
            "Let me try a different approach to this problem.",
            "Another approach would be to use induction on the degree.",
            "What if we look at the problem from the other side?",
            "Perhaps it is easier to count the opposite cases.",
            "Instead of that, let us consider the general case first.",
        ),
        "zh": (
            "我们也可以换一种方法来解这道题。",
            "或者，可以从另一个角度来看这个问题。",
            "让我们试试别的思路。",
            "另一种做法是先考虑特殊情况。",
            "如果反过来想，会不会更简单一些？",
            "也许用反证法会更容易。",
            "还有一种更直接的方法。",
        ),
    },
    "subgoal": {
        "en": (
            "First, we need to find the value of the unknown.",
            "Let us break this problem down into smaller parts.",
            "The next step is to simplify the expression on the left.",
            "Before that, we have to show that the limit exists.",
            "Now that we have this, we can go on to the second part.",
            "To solve this, I will first look at the simplest case.",
            "What we are asked to find is the smallest such number.",
        ),
        "zh": (
            "首先，我们需要求出未知数的值。",
            "我们可以把这个问题分成几个小步骤。",
            "接下来，我们来化简左边的式子。",
            "要证明这一点，我们先证明一个引理。",
            "题目要求的是最小的这样的数。",
            "有了这个结果，就可以做第二问了。",
            "第一步是弄清楚题目的条件。",
        ),
    },
}
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
Shingle = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alike:
    """A sentence like one of ours.

    Attributes:
        similarity: shared 3-word shingles among all different ones of both sentences (Jaccard), above 0 and up to 1.
        text: number of the text that it stands in.
        start, end: where in the text.
    """

    similarity: float
    kind: str
    language: str
    query: str
    sentence: str
    text: int
    start: int
    end: int


def shingles(sentence: str) -> frozenset[Shingle]:
    """Its runs of three words, without case and the marks around words; a Chinese character is a word."""
    plain = [word for raw in words(sentence.lower().replace("’", "'")) if (word := _EDGES.sub("", raw))]
    return frozenset(tuple(plain[i : i + 3]) for i in range(len(plain) - 2))


class Finder:
    """Finds sentences like ours; `least` is the similarity from which on one is like another."""

    def __init__(self, least: float = 0.2) -> None:
        self.least = least
        self._queries = [
            (kind, language, query, shingles(query))
            for kind in KINDS
            for language in LANGUAGES
            for query in QUERIES[kind][language]
        ]
        self._holding: dict[Shingle, list[int]] = {}
        for number, (_, _, _, own) in enumerate(self._queries):
            for shingle in own:
                self._holding.setdefault(shingle, []).append(number)

    def nearest(self, sentence: str) -> tuple[float, int] | None:
        """(similarity, number) of the query most like a sentence, the first among equals; None below `least`."""
        theirs = shingles(sentence)
        shared = Counter(number for shingle in theirs for number in self._holding.get(shingle, ()))
        if not shared:
            return None
        likely = [(n / (len(theirs) + len(self._queries[q][3]) - n), q) for q, n in shared.items()]
        best = max(likely, key=lambda found: (found[0], -found[1]))
        return best if best[0] >= self.least else None

    def find(self, texts: Iterable[str]) -> Iterable[Alike]:
        """All sentences of these texts that are like one of ours; code is no sentence."""
        for number, text in enumerate(texts):
            for one in sentences(text):
                said = text[one.start : one.end]
                near = None if one.code else self.nearest(said)
                if near is not None:
                    kind, language, query, _ = self._queries[near[1]]
                    yield Alike(near[0], kind, language, query, said, number, one.start, one.end)


def alike_table(texts: Iterable[str], most: int) -> dict[str, Any]:
    """How many sentences are like ours, by kind and language, and the `most` nearest ones, best first."""
    counts: Counter[tuple[str, str]] = Counter()

    def counted() -> Iterable[Alike]:
        for one in Finder().find(texts):
            counts[one.kind, one.language] += 1
            yield one

    best = heapq.nsmallest(most, counted(), key=lambda one: (-one.similarity, one.text, one.start))
    table = [{"kind": k, "language": lang, "sentences": counts[k, lang]} for k in KINDS for lang in LANGUAGES]
    columns = ("similarity", "kind", "language", "query", "sentence", "text", "start", "end")
    return {"counts": table, "nearest": [{name: getattr(one, name) for name in columns} for one in best]}
