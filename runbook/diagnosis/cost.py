"""What an expression can cost over one message, at most, before it is ever tried.

Python's engine goes back and tries again, so it is linear for some expressions and endless for others. No message that is
read is longer than `WINDOW`, so the cost of the whole tree of attempts, all of which fail, can be summed from the
expression's parts: `(ways, cost)` are in how many ways a sequence can match from one place, and what all of them cost
together. The engine takes no more: it stops at the first that matches.

    one character      1 way
    a then b           each way of a tries b anew: ways and costs multiply
    a|b                the ways of both, save of alternatives that differ in a character at the same place
    a{m,n}             one character: a way for each place it may stop at where what follows it can stand. What cannot
                       stand in the repetition stands once, and a word that does not overlap itself by less than d
                       characters not more often than every d characters
    (a){m,n}           the ways of a, multiplied by themselves for each round

A unit is what passing over one character costs in a simple repetition, about a nanosecond; the rest was measured in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from itertools import takewhile

from runbook.diagnosis import charsets
from runbook.diagnosis.charsets import ALL, Ranges, apart
from runbook.diagnosis.expression import WINDOW, Either, Item, Look, Loop, One, Run, Seq, parsed

MOST = 10**12
_PASSED, _SOUGHT, _COMPARED, _BOUND, _ENTERED, _LOOKED, _ROUND = 1, 5, 8, 8, 35, 60, 100
_VARIANTS, _SHARED, _SHIFT = 64, 32, 32

Word = tuple[Ranges, ...]
Tried = tuple[int, int]  # ways, cost
Lead = tuple[One | Look, ...]


def cost(source: str) -> int:
    """What a search for an expression costs over one message, at most. Raises RefusedError and re.error."""
    seq, anchored = parsed(source)
    starts = 0 if anchored else WINDOW
    return min(MOST, WINDOW + min(_from(starts, ALL, seq)[1], _in_all(starts, seq)))


def _in_all(starts: int, seq: Seq) -> int:
    """What a word and a repetition that cannot hold all of it cost from all starts together.

    The repetition ends in the next such word at the latest, so that all starts pass over the text once in all, and once
    more for each word that may begin within another.
    """
    lead = tuple(takewhile(lambda item: isinstance(item, One | Look), seq))
    word, rest = _word(lead), seq[len(lead) :]
    head = rest[0] if rest else None
    if not isinstance(head, Run) or not head.most:
        return MOST
    barred = max((at for at, one in enumerate(word) if apart(one, head.ranges)), default=-1)
    if barred < 0:
        return MOST
    length, room = sum(isinstance(item, One) for item in lead), _shift(word, word, ALL)
    found = starts // room + 1
    passed = WINDOW * ((length - barred - 1) // room + 1) + found * length
    begun = (starts + 1) * (_PASSED + _ENTERED + sum(map(_once, lead)))
    empty, whole = (_tried((replace(head, least=0, most=most), *rest[1:]))[1] for most in (0, head.most))
    return min(MOST, begun + found * empty * len(_leads(rest[1:])) + 2 * whole * (passed // head.most + 1))


@lru_cache(maxsize=4096)
def _tried(seq: Seq) -> Tried:
    """Ways and cost of a sequence from one place."""
    if not seq:
        return 1, 0
    head, rest = seq[0], seq[1:]
    if isinstance(head, Run):
        ways, taken = _from(head.most - head.least, head.ranges, rest)
        return ways, min(MOST, taken + _COMPARED + head.most * (_PASSED if _is_plain(head.ranges) else _SOUGHT))
    if isinstance(head, Either):
        return _either(head, rest)
    if isinstance(head, Loop):
        first, after = _loop(head), _tried(rest)
        return min(MOST, first[0] * after[0]), min(MOST, first[1] + first[0] * after[1])
    plain = tuple(takewhile(lambda item: isinstance(item, One | Look), seq))
    ways, taken = _tried(seq[len(plain) :])
    return ways, min(MOST, taken + sum(map(_once, plain)))


def _once(item: Item) -> int:
    if not isinstance(item, Look):
        return _COMPARED
    return _LOOKED + _tried(item.within)[1] if item.edge else _BOUND


def _from(places: int, inside: Ranges, rest: Seq) -> Tried:
    """What follows a repetition of one character of `inside`, tried at each of so many places and one more."""
    leads = _leads(rest)
    words = [_word(lead) for lead, _ in leads]
    if _starts_plainly(rest):
        taken = (places + 1) * _PASSED + _stands(words[0][:1], inside, places) * _ENTERED
    else:
        taken = (places + 1) * (_PASSED + _ENTERED * (len(leads) > 1) + _begun(words))
    ends: list[tuple[Word, Tried]] = []
    for lead, after in leads:
        word: Word = ()
        for item in lead:
            taken += _stands(word, inside, places) * _once(item) if word or isinstance(item, Look) else 0
            if isinstance(item, One):
                word = (*word, item.ranges)[:_SHIFT]
        ends.append((word, _tried(after)))
    ways, further = _shared(ends, inside, places)
    return min(MOST, ways), min(MOST, taken + further)


def _begun(words: Sequence[Word]) -> int:
    """Going into alternatives: each is looked at, and those are entered whose first characters can be one and the same."""
    entered = max(sum(not _differ(a[:1], b[:1]) for b in words) for a in words)
    return _ENTERED * entered + _COMPARED // 2 * len(words)


def _starts_plainly(seq: Seq) -> bool:
    """With one certain character, for which the engine looks without trying the rest."""
    return bool(seq) and isinstance(seq[0], One) and len(seq[0].ranges) == 1 and len(set(seq[0].ranges[0])) == 1


def _is_plain(ranges: Ranges) -> bool:
    """One character, all, or all but one: found faster than the members of a set."""
    return ranges in ((), ALL) or len(set(ranges[0])) == 1 or ranges == charsets.but(charsets.one(ranges[0][1] + 1))


def _shared(ends: Sequence[tuple[Word, Tried]], inside: Ranges, places: int) -> Tried:
    """Ways and steps behind words of which each may stand at any place where the one before leaves it room."""
    apiece = [_stands(word, inside, places) for word, _ in ends]
    alone = [sum(count * found[n] for count, (_, found) in zip(apiece, ends, strict=True)) for n in (0, 1)]
    if not 1 < len(ends) <= _SHARED:
        return alone[0], alone[1]
    words = [word for word, _ in ends]
    room = [min(_shift(word, other, inside) for other in words) for word in words]
    together = [[found for other, found in ends if not _differ(word, other)] for word in words]
    at_once = [[sum(found[n] for found in here) for here in together] for n in (0, 1)]
    most = [places * max(map(Fraction, at_once[n], room)) + max(at_once[n]) for n in (0, 1)]
    return min(alone[0], int(most[0])), min(alone[1], int(most[1]))


def _leads(seq: Seq) -> list[tuple[Lead, Seq]]:
    """The characters that a sequence starts with and what comes after them, for each of the alternatives among them."""
    done: list[tuple[Lead, Seq]] = []
    open_: list[tuple[Lead, Seq]] = [((), seq)]
    while open_:
        lead, after = open_.pop()
        while after and isinstance(after[0], One | Look):
            lead, after = (*lead, after[0]), after[1:]
        head = after[0] if after else None
        if isinstance(head, Either) and len(done) + len(open_) + len(head.choices) <= _VARIANTS:
            begun = (*lead, Look()) if head.optional else lead
            open_ += [((*begun, *_entered(choice)), choice + after[1:]) for choice in head.choices]
        else:
            done.append((lead, after))
    return done


def _entered(choice: Seq) -> Lead:
    """Going into an alternative; not where its first character is compared before that."""
    return () if choice and isinstance(choice[0], One) else (Look(),)


@lru_cache(maxsize=4096)
def _stands(word: Word, inside: Ranges, places: int) -> int:
    """At how many places of so many and one more a word can stand, when all before each place is of `inside`."""
    return places // _shift(word, word, inside) + 1


@lru_cache(maxsize=16384)
def _shift(word: Word, other: Word, inside: Ranges) -> int:
    """How many places behind a word the other can stand at the earliest, all between being of `inside`."""
    for shift in range(1, len(word) + 1):
        if apart(word[shift - 1], inside):
            return WINDOW + 1
        if not _differ(word[shift:], other):
            return shift
    return len(word) + 1


def _differ(these: Sequence[Ranges], those: Sequence[Ranges]) -> bool:
    return any(map(apart, these, those))


def _either(item: Either, rest: Seq) -> Tried:
    """Alternatives, each with what follows or what follows after all of them: both bounds hold, and the lower is nearer.

    Those that differ in a character at the same place cannot both match, and those that differ in the first are not tried.
    """
    words = [_word(choice) for choice in item.choices]
    each = [_tried(choice + rest) for choice in item.choices]
    tried = [_tried(choice) for choice in item.choices]
    ways = max(sum(t[0] for t, b in zip(tried, words, strict=True) if not _differ(a, b)) for a in words)
    after = _tried(rest)
    return (
        min(MOST, ways * after[0], sum(e[0] for e in each)),
        min(
            MOST,
            _begun(words)
            + _ROUND * item.optional
            + min(sum(t[1] for t in tried) + ways * after[1], sum(e[1] for e in each)),
        ),
    )


def _word(seq: Seq) -> Word:
    """The characters that a sequence starts with."""
    plain = takewhile(lambda item: isinstance(item, One | Look), seq)
    return tuple(item.ranges for item in plain if isinstance(item, One))[:_SHIFT]


def _loop(item: Loop) -> Tried:
    ways, taken = _tried(item.body)
    total, rounds, now = 0, 0, 1
    for count in range(item.most + 1):
        if count >= item.least:
            total += now
        rounds += now * (taken + _ROUND)
        now *= ways
        if rounds >= MOST or total >= MOST:
            return MOST, MOST
    return max(total, 1), rounds
