"""What a run will cost, before it is paid for: tokens of a usual answer times requests times today's price."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from cotkit.distill.guard import Confirm
from cotkit.distill.journal import Entry, look_into, read_journal
from cotkit.distill.prices import Pricing, Quote, Usage
from cotkit.distill.prompt import Message
from cotkit.distill.rehearse import Rehearsal, Rehearsed
from cotkit.distill.request import Request, build
from cotkit.distill.step import Distill
from cotkit.distill.teacher import Sampling, Teacher
from cotkit.distill.traces import Consent, Told, distill_prompts
from cotkit.distill.wire import Answer, read_answer

# Where nothing is known: the mean of R1-class traces on competition problems, as their papers and cards tell it.
_TOKENS = 9_000
_CHARACTERS_A_TOKEN = 3.5
Prompt = tuple[str, Sequence[Message]]


@dataclass(frozen=True)
class Estimate:
    """Requests, tokens and money of a run.

    Attributes:
        requests: all of it, at most; `kept` of them are answered already and cost nothing.
        least, least_usd: where the answers decide how many there are; tokens and usd are for the most, then.
        usd: None where the price is unknown.
        basis: where the length of an answer is from.
        price: the price as a sentence, with its source and date.
    """

    requests: int
    kept: int
    prompt_tokens: int
    completion_tokens: int
    usd: Decimal | None
    basis: str
    price: str
    least: int | None = None
    least_usd: Decimal | None = None


@dataclass(frozen=True)
class Asking:
    """What a step asks a teacher.

    Attributes:
        what: for whom it is, such as "features: difficulty".
        journal: the step's own; None for the run's.
        tokens: a usual answer to such a question, where the journal has none; None for a trace, whose length the
            teacher's other answers tell, too.
        least: fewest calls of a prompt, where the answers decide; `samples` is the most, then.
        times: so many rows that are not there yet are like these prompts; 1 where the prompts are the real ones.
        better: how to know better than by a guess, said behind it.
        rehearsal: where the calls follow on one another: what is known of them from a journal, by role.
        role: which of those this is.
    """

    what: str
    teacher: Teacher
    sampling: Sampling
    samples: int
    prompts: Sequence[Prompt]
    journal: Path | None
    tokens: int | None = None
    batch: bool = False
    least: int | None = None
    times: int = 1
    better: str = ""
    rehearsal: Rehearsal | None = None
    role: str = ""


@dataclass(frozen=True)
class Posted:
    """What a step sends to a scorer's own server, which answers with numbers and whose price nobody knows.

    Attributes:
        what: for whom it is.
        requests: at most; `least` where it is not known.
        characters: of all of them.
    """

    what: str
    requests: int
    characters: int
    least: int | None = None


def estimate(asking: Asking | Posted, journal: Path, tokens: int | None = None) -> Estimate:
    """Reckon without asking: from the journal's answers of this teacher, or from `tokens` a trace.

    `journal` is the run's, for a step that names none of its own.
    """
    if isinstance(asking, Posted):
        price, sent = "unpriced: no price is known of a scorer's own server", asking.characters / _CHARACTERS_A_TOKEN
        return Estimate(asking.requests, 0, round(sent), 0, None, "it sends numbers back", price, asking.least)
    if asking.rehearsal is not None:
        return _rehearsed(asking, asking.rehearsal(asking.journal or journal)[asking.role], tokens)
    teacher, sampling, usual = asking.teacher, asking.sampling, asking.tokens
    if usual is not None:
        tokens = None
    requests = [
        build(teacher, sampling, messages, sample, 0)
        for _, messages in asking.prompts
        for sample in range(asking.samples)
    ]
    kept, seen = _kept(requests, asking.journal or journal, None if usual is not None else teacher)
    lengths = [u for u in seen if u.prompt is not None and u.completion is not None]
    if tokens is not None:
        mean, basis = float(tokens), f"{tokens:,} tokens an answer, as told"
    elif lengths:
        mean = statistics.fmean(u.completion or 0 for u in lengths)
        basis = f"{mean:,.0f} tokens an answer, the mean of {len(lengths)} in the journal"
    else:
        guess = usual or _TOKENS
        mean = float(min(guess, sampling.max_tokens or guess))
        basis = f"{mean:,.0f} tokens an answer, a guess{asking.better}"
    pricing, now = teacher.pricing(), datetime.now(UTC)
    mean_prompt = statistics.fmean(u.prompt or 0 for u in lengths) if lengths and tokens is None else None

    def reckoned(asked: Sequence[Request]) -> tuple[int, int, Decimal | None]:
        """Prompt tokens, completion tokens and US dollars of those among these requests that are still open."""
        left = [r for r in asked if r.hash not in kept]
        prompt = round(sum(len(str(r.body["messages"])) for r in left) / _CHARACTERS_A_TOKEN)
        if mean_prompt is not None:
            prompt = round(mean_prompt * len(left))
        completion = round(mean * len(left))
        return prompt, completion, bill(pricing, prompt, completion, now, asking.batch)

    quote = pricing.at(now)
    price = "unpriced: give teacher.price" if quote is None else quote.text() + _at_other_hours(pricing, now)
    prompt, completion, usd = reckoned(requests)
    least = least_usd = None
    if asking.least is not None and asking.least < asking.samples:
        fewest = [r for n, r in enumerate(requests) if n % asking.samples < asking.least]
        least, least_usd = len(fewest), reckoned(fewest)[2]
    found = Estimate(len(requests), len(kept), prompt, completion, usd, basis, price, least, least_usd)
    return found if asking.times == 1 else _times(found, asking.times)


def _rehearsed(asking: Asking, known: Rehearsed, tokens: int | None) -> Estimate:
    """Least and most of what is still to be asked; usual answers, and prompts as long as they can become."""
    lengths = [u.completion for u in known.usages if u.completion is not None]
    if tokens is not None and asking.tokens is None:
        mean, basis = float(tokens), f"{tokens:,} tokens an answer, as told"
    elif lengths:
        mean = statistics.fmean(lengths)
        basis = f"{mean:,.0f} tokens an answer, the mean of {len(lengths)} in the journal"
    else:
        guess = asking.tokens or _TOKENS
        mean = float(min(guess, asking.sampling.max_tokens or guess))
        basis = f"{mean:,.0f} tokens an answer, a guess"
    pricing, now = asking.teacher.pricing(), datetime.now(UTC)
    most, least = known.most - known.answered, known.least - known.answered
    prompt = round(known.most_chars / _CHARACTERS_A_TOKEN) + known.carried
    completion = round(mean * most)
    quote = pricing.at(now)
    price = "unpriced: give teacher.price" if quote is None else quote.text() + _at_other_hours(pricing, now)
    usd = bill(pricing, prompt, completion, now)
    if most == least and known.carried == 0:
        return Estimate(known.most, known.answered, prompt, completion, usd, basis, price)
    least_usd = bill(pricing, round(known.least_chars / _CHARACTERS_A_TOKEN), round(mean * least), now)
    return Estimate(known.most, known.answered, prompt, completion, usd, basis, price, known.least, least_usd)


def _times(one: Estimate, times: int) -> Estimate:
    """So many as this one; stand-ins are in no journal."""
    return replace(
        one,
        requests=one.requests * times,
        prompt_tokens=one.prompt_tokens * times,
        completion_tokens=one.completion_tokens * times,
        usd=None if one.usd is None else one.usd * times,
        least=None if one.least is None else one.least * times,
        least_usd=None if one.least_usd is None else one.least_usd * times,
    )


def _at_other_hours(pricing: Pricing, now: datetime) -> str:
    spans: dict[Quote, list[str]] = {}
    for span, quote in pricing.other_hours(now):
        spans.setdefault(quote, []).append(span)
    parts = [f"${quote.input} in, ${quote.output} out at {', '.join(hours)} UTC" for quote, hours in spans.items()]
    return "".join(f"; {part}" for part in parts)


def bill(
    pricing: Pricing, prompt_tokens: int, completion_tokens: int, when: datetime, batch: bool = False
) -> Decimal | None:
    """US dollars for so many tokens at one moment, by the one cost function; None where unpriced."""
    return pricing.cost(Usage(prompt_tokens, completion_tokens), when, batch)


def probe(
    step: Distill, prompts: Sequence[Prompt], journal: Path, count: int, confirm: Confirm | None = None
) -> list[Told]:
    """Ask a few, evenly spread over the prompts; the answers stay in the journal and count in the run.

    The step's budget and its settings hold here as they do in the run. Raises what distill_prompts raises.
    """
    every = max(1, len(prompts) // max(1, count))
    told: list[Told] = []
    distill_prompts(
        prompts[::every][:count],
        step.teacher,
        step.sampling,
        step.limits,
        journal,
        told.append,
        most=step.most,
        budget=step.budget,
        charged=prompts,
        consent=Consent(step.settings(), confirm, f"up to {count:,} answers would be"),
    )
    return told


def _kept(requests: Sequence[Request], journal: Path, teacher: Teacher | None) -> tuple[set[str], list[Usage]]:
    """Hashes that are answered, and the usage of these answers, or where there are none of any of the teacher's."""
    if not journal.is_file():
        return set(), []
    with look_into(journal) as opened:
        found = opened.get_many([r.hash for r in requests])
    usages = [_usage(entry) for entry in found.values()]
    if not usages and teacher is not None:
        mark = f'"model":"{teacher.model}"'
        usages = [_usage(e) for e in _first(read_journal(journal), 1000) if mark in e.request]
    return set(found), [u for u in usages if u is not None]


def _first(entries: Iterable[Entry], count: int) -> Iterable[Entry]:
    for number, entry in enumerate(entries):
        if number >= count:
            return
        yield entry


def _usage(entry: Entry) -> Usage | None:
    answer = read_answer(entry.body)
    return answer.usage if isinstance(answer, Answer) else None
