"""The methods behind the strict policy: each brings pairs of a text and an item, one closer look decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cotkit.dedup.boilerplate import sentences, without_edges
from cotkit.dedup.config import Containment, LeakEmbedding
from cotkit.dedup.confirm import MEANING, VERBATIM, Finding, confirm_leak
from cotkit.dedup.contain import build_index
from cotkit.dedup.edits import LONGER, edits
from cotkit.dedup.exact import groups, match_key, may_match
from cotkit.dedup.facts import Facts, answer_key, facts, forms, names_in, token_facts
from cotkit.dedup.grams import Tokens, sieve, tokenize
from cotkit.dedup.normal import without_figures, words
from cotkit.dedup.plausible import Plausible
from cotkit.dedup.signature import SignatureIndex
from cotkit.errors import InputError
from cotkit.steps import Progress

if TYPE_CHECKING:
    from cotkit.dedup.adjudicate import Judge
    from cotkit.dedup.embed import Vectors

# A part of a text that holds this share of an item, and was seen to differ from it, speaks for the whole text.
VETO = 0.7
# Unclear pairs, the grey band, are told from this cosine on.
GREY = 0.5
# A judge sees items that are among so many nearest, share numbers, or have the same answer.
_NEAR = 50
# The sieve before exact and containment (grams.sieve): n, most of the share, items that an n-gram may stand in.
_SIEVE = 6
_SIEVE_SHARE = 0.5
_SIEVE_COMMON = 20
# Texts that are equal up to layout differ by no more tokens of the sieve than this and a third.
_LAYOUT_TOKENS = 6
# So many words at the beginning and the end of an item tell where it stands in a text.
_ENDS = 8


class LeakKeys(Protocol):
    """What decontaminate_table reads of its config; the step Decontaminate has it."""

    @property
    def policy(self) -> str: ...
    @property
    def exact(self) -> bool: ...
    @property
    def renamed(self) -> bool: ...
    @property
    def containment(self) -> Containment | None: ...
    @property
    def formulas(self) -> bool: ...
    @property
    def embedding(self) -> LeakEmbedding | None: ...
    @property
    def judge(self) -> Judge | None: ...


@dataclass(frozen=True, slots=True)
class Hit:
    """One method's match of one text with one benchmark item."""

    item: int
    method: str
    score: float
    finding: Finding


# Text number -> its hits, the ones that the closer look refused among them.
Hits = dict[int, list[Hit]]


@dataclass
class Text:
    """A distinct (text, answer) of the table; rows with the same are looked at once.

    What is computed of it is kept until forget(): of all problems of a pool it would fill the memory.
    """

    text: str
    answer: str | None
    open: list[tuple[int, float]] = field(default_factory=list)

    @cached_property
    def facts(self) -> Facts:
        return facts(self.text)

    @cached_property
    def key(self) -> str:
        return match_key(self.text)

    def forget(self) -> None:
        """Compute it anew when it is asked for again."""
        for name in ("facts", "key"):
            self.__dict__.pop(name, None)


def strict_hits(
    texts: Sequence[Text], known: Sequence[Text], config: LeakKeys, progress: Progress, cache: Path | None
) -> Hits:
    """The cheap methods first; a text that they settle is not embedded."""
    hits: Hits = {}
    tokens, own = tokenize([text.text for text in texts]), tokenize([item.text for item in known])
    pairs: dict[int, list[int]] = {}
    share = min(_SIEVE_SHARE, config.containment.coverage if config.containment else 1.0)
    for number, item in sieve(own, tokens, _SIEVE, share, _SIEVE_COMMON):
        pairs.setdefault(number, []).append(item)
    if config.exact:
        _exact_hits(texts, known, _of_one_size(pairs, tokens, own), hits)
    if config.containment is not None:
        _contained_hits(texts, known, config.containment, (tokens, pairs), hits, progress)
    settled = {n for n, found in hits.items() if any(h.finding.same and h.score == 1.0 for h in found)}
    rest = [number for number in range(len(texts)) if number not in settled]
    if config.renamed:
        _renamed_hits(rest, texts, known, hits)
        rest = [n for n in rest if not any(h.method == "renamed" for h in hits.get(n, ()))]
    if config.embedding is not None and rest:
        _embedded_hits(rest, texts, known, config, hits, progress, cache)
    return hits


def _of_one_size(pairs: Mapping[int, Sequence[int]], texts: Tokens, items: Tokens) -> Iterator[tuple[int, int]]:
    """Pairs that may be equal: layout adds or takes a token here and there, not a third of them."""
    for number, near in pairs.items():
        size = int(texts.starts[number + 1] - texts.starts[number])
        for item in near:
            other = int(items.starts[item + 1] - items.starts[item])
            if abs(size - other) <= _LAYOUT_TOKENS + max(size, other) // 3:
                yield number, item


def _exact_hits(texts: Sequence[Text], known: Sequence[Text], pairs: Iterable[tuple[int, int]], hits: Hits) -> None:
    for number, item in pairs:
        if may_match(texts[number].text, known[item].text) and texts[number].key == known[item].key:
            hits.setdefault(number, []).append(Hit(item, "exact", 1.0, Finding("same_problem")))


def _renamed_hits(rest: Sequence[int], texts: Sequence[Text], known: Sequence[Text], hits: Hits) -> None:
    by_form = groups(item.facts.renamed for item in known)
    for number in rest:
        renamed, _ = forms(texts[number].text)
        for item in by_form.get(renamed, ()) if renamed else ():
            own = texts[number].facts
            if own.figure == known[item].facts.figure:
                kind: Any = "same_problem" if own.normal == known[item].facts.normal else "renamed"
                hits.setdefault(number, []).append(Hit(item, "renamed", 1.0, Finding(kind)))


def _contained_hits(
    texts: Sequence[Text],
    known: Sequence[Text],
    config: Containment,
    sieved: tuple[Tokens, Mapping[int, Sequence[int]]],
    hits: Hits,
    progress: Progress,
) -> None:
    index = build_index([item.text for item in known], config.n)
    weights = index.weights(sieved[0])
    item_facts: dict[int, Facts] = {}
    with progress.task("contained items", len(sieved[1])) as task:
        for number in sorted(sieved[1]):
            text = texts[number]
            tokens = words(text.text)
            for match in index.find(tokens, lambda text=text: text.text, config.coverage, weights):  # type: ignore[misc]
                finding = Finding("same_problem", {"looked_at": False})
                there = known[match.item]
                if config.confirm:
                    part = text if len(tokens) <= LONGER * len(index.items[match.item]) + 20 else None
                    inside = part.facts if part else token_facts(tokens[match.start : match.end], names_in(text.text))
                    if part is None and match.item not in item_facts:
                        item_facts[match.item] = token_facts(index.items[match.item], names_in(there.text))
                    wanted = there.facts if part else item_facts[match.item]
                    answers = (text.answer, there.answer)
                    finding = confirm_leak(inside, wanted, answers, match.coverage)(0.0)
                    if not finding.same and match.coverage >= VERBATIM and (bare := _bare(text, there)):
                        again = confirm_leak(*bare, answers, match.coverage)(0.0)
                        finding = again if again.same else finding
                hits.setdefault(number, []).append(Hit(match.item, "containment", match.coverage, finding))
            task.advance()


def _bare(text: Text, item: Text) -> tuple[Facts, Facts] | None:
    """Text and item without the sentences around what they share, if that is all of the item that says something.

    The text's sentences must begin and end as the item does: what is changed between, or in them, still counts.
    """
    own = without_edges(item.text, text.text)
    wanted = words(own)
    parts = [words(part) for part in sentences(without_figures(text.text))]
    starts = list(accumulate(map(len, parts), initial=0))
    tokens = [token for part in parts for token in part]
    first = next((at for at in starts if tokens[at : at + _ENDS] == wanted[:_ENDS]), None)
    last = next((at for at in reversed(starts) if at and tokens[max(0, at - _ENDS) : at] == wanted[-_ENDS:]), None)
    if first is None or last is None or not VERBATIM * len(wanted) <= last - first <= LONGER * len(wanted):
        return None
    return token_facts(tokens[first:last], names_in(text.text)), token_facts(wanted, names_in(own))


def _embedded_hits(
    rest: Sequence[int],
    texts: Sequence[Text],
    known: Sequence[Text],
    keys: LeakKeys,
    hits: Hits,
    progress: Progress,
    cache: Path | None,
) -> None:
    """Candidates by meaning, and by numbers and formulas; the closer look decides.

    Items are embedded precisely. Where the rough cosine of a text leaves a decision open, the text is, too.
    """
    from cotkit.dedup.embed import load_encoder
    from cotkit.dedup.search import nearest

    config = keys.embedding
    if config is None:
        return
    encoder = load_encoder(config.weights, cache, config.precision)
    targets = encoder.precise.encode([without_figures(item.text) for item in known], progress)
    rows = encoder.encode([without_figures(texts[n].text) for n in rest], progress)
    near = nearest(rows.rows, targets.rows, config.neighbours, config.threshold - encoder.band)
    by_formulas = _by_formulas(known) if keys.formulas and config.confirm else None
    closer = _Closer(texts, known, config, hits)
    open_places: dict[int, tuple[dict[int, float], dict[int, str]]] = {}
    with progress.task("closer look", len(rest)) as task:
        for place, cosines in enumerate(_of_each(near, rows, targets, len(rest))):
            text = texts[rest[place]]
            methods = dict.fromkeys(cosines, "embedding")
            for item in by_formulas(text) if by_formulas else ():
                methods.setdefault(item, "formulas")
                cosines.setdefault(item, rows.cosine(place, targets, item))
            if not closer.look(rest[place], cosines, methods, encoder.band):
                open_places[place] = cosines, methods
            text.forget()
            task.advance()
    again = encoder.precise.encode([without_figures(texts[rest[place]].text) for place in open_places], progress)
    for at, (place, (cosines, methods)) in enumerate(open_places.items()):
        closer.look(rest[place], {item: again.cosine(at, targets, item) for item in cosines}, methods, 0.0)
    if keys.judge is not None:
        _open(rest, texts, known, keys.judge, (rows, targets), hits)


def _of_each(
    near: Iterable[tuple[int, int, float]], rows: Vectors, targets: Vectors, count: int
) -> Iterator[dict[int, float]]:
    """For each of `count` texts its nearest items, with the best cosine of any two windows."""
    near = iter(near)
    ahead = next(near, None)
    for place in range(count):
        found: dict[int, float] = {}
        while ahead is not None and rows.owner[ahead[0]] == place:
            item = int(targets.owner[ahead[1]])
            found[item] = max(ahead[2], found.get(item, 0.0))
            ahead = next(near, None)
        yield found


def _by_formulas(known: Sequence[Text]) -> Callable[[Text], list[int]]:
    """Finds the items that share numbers and formulas with a text."""
    index = SignatureIndex([item.facts.signature for item in known])
    by_answer: dict[object, list[int]] = {}
    for number, item in enumerate(known):
        if (key := answer_key(item.answer)) is not None:
            by_answer.setdefault(key, []).append(number)

    def find(text: Text) -> list[int]:
        # A translation may share no more than small numbers and the answer.
        same = by_answer.get(answer_key(text.answer), ()) if text.facts.foreign else ()
        return index.find(text.facts.signature, same)

    return find


@dataclass(frozen=True)
class _Closer:
    """The closer look at the items that are near a text by meaning or formulas; `low`: the least cosine."""

    texts: Sequence[Text]
    known: Sequence[Text]
    config: LeakEmbedding
    hits: Hits

    def look(self, number: int, cosines: Mapping[int, float], methods: Mapping[int, str], band: float) -> bool:
        """Keep what is found; false, and nothing kept, if a cosine that is off by `band` may decide otherwise."""
        text, found = self.texts[number], []
        refused = {
            h.item
            for h in self.hits.get(number, ())
            if h.method == "containment" and not h.finding.same and h.score >= VETO
        }
        for item in sorted(cosines):
            finding_at = self._finding_at(text, item, methods[item])
            cosine = cosines[item]
            finding = finding_at(cosine)
            if item not in refused and band and finding_at(cosine - band).same != finding_at(cosine + band).same:
                return False
            if item in refused and finding.same:
                continue
            if finding.same or _worth_telling(finding, cosine):
                found.append(Hit(item, methods[item], cosine, finding))
        if found:
            self.hits.setdefault(number, []).extend(found)
        return True

    def _finding_at(self, text: Text, item: int, method: str) -> Callable[[float], Finding]:
        finding: Callable[[float], Finding] = _taken
        if self.config.confirm:
            there = self.known[item]
            finding = confirm_leak(text.facts, there.facts, (text.answer, there.answer), None, self.config.same)
        if method != "embedding":
            return finding
        return lambda cosine: finding(cosine) if cosine >= self.config.threshold else Finding("unclear")


def _taken(_: float) -> Finding:
    return Finding("same_problem", {"looked_at": False})


def _open(
    rest: Sequence[int],
    texts: Sequence[Text],
    known: Sequence[Text],
    judge: Judge,
    embedded: tuple[Vectors, Vectors],
    hits: Hits,
) -> None:
    """Sets what only a judge can tell: the plausible items of each text that is no edited copy of them."""
    from cotkit.dedup.search import nearest

    rows, targets = embedded
    near: list[set[int]] = [set() for _ in rest]
    for row, target, _ in nearest(rows.rows, targets.rows, _NEAR, -1.0):
        near[int(rows.owner[row])].add(int(targets.owner[target]))
    index = Plausible([item.facts for item in known], [item.answer for item in known])
    for place, number in enumerate(rest):
        text = texts[number]
        if any(h.finding.same for h in hits.get(number, ())):
            continue
        found = index.find(text.facts, text.answer, near[place], partial(rows.cosine, place, targets))
        best = [pair for pair in found[: judge.neighbours] if pair[1] >= judge.plausible]
        text.open = [(item, score) for item, score in best if not edits(text.facts, known[item].facts).edited]
        text.forget()


def judged_hits(
    texts: Sequence[Text],
    known: Sequence[Text],
    judge: Judge,
    journal: Path | None,
    hits: Hits,
    progress: Progress,
) -> int:
    """What the rules left open, as the judge sees it; how many pairs it was asked about."""
    from cotkit.dedup.adjudicate import adjudicate

    path = judge.journal or journal
    if path is None:
        raise InputError("the judge has no journal; give `judge: {journal: …}`")
    asked = [(n, item, score) for n, text in enumerate(texts) for item, score in text.open]
    pairs = [(texts[n].text, known[item].text) for n, item, _ in asked]
    for (number, item, score), said in zip(asked, adjudicate(pairs, judge, path, progress), strict=True):
        if said.opinion == "same":
            finding = Finding("same_problem", {"judge": list(said.orders)})
            hits.setdefault(number, []).append(Hit(item, "judge", round(score, 5), finding))
    return len(asked)


def _worth_telling(finding: Finding, cosine: float) -> bool:
    """Look-alikes are reported from here on; unclear pairs, the grey band, from a little farther.

    What only an answer, perhaps a wrong one, keeps from being a leak is always told.
    """
    return finding.kind == "answers_differ" or cosine >= (GREY if finding.kind == "unclear" else MEANING)
