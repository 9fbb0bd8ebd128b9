"""What a container's last words prove: a hypothesis, with the line itself, and only where nothing else names a cause.

Only of a container that ended by itself with an error, and only its last fatal entry counts: an older error that it went
on after, and whatever an info line says, prove nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runbook.diagnosis.blame import top_controller
from runbook.diagnosis.catalogue import built_in
from runbook.diagnosis.classify import Classification, classify
from runbook.diagnosis.roots import Root, Walk, nowhere
from runbook.diagnosis.unreached import leads_on
from runbook.domain import exitcodes, podstatus
from runbook.domain.inquiries import LastWords
from runbook.domain.pods import Pod
from runbook.domain.podstatus import ContainerTrouble
from runbook.model import Hypothesis, ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

# What a program can know of itself. Of a missing Secret, a node or a release it only repeats what others said.
LOGGED = frozenset(
    {"db-connection", "dns-failure", "rbac-forbidden", "image-arch-mismatch", "container-command-error", "crd-missing"}
)
NOT_READ = "its log was not read"
_NEUTRAL = 6  # entries after the fatal one that say nothing of levels
_ENDING = 2  # entries of a low level after it that speak of the end
_WIDEST = 4_000  # letters of one entry that are read
_LOW = re.compile(
    r"^[IWD]\d{4} |\blevel[\"']?\s*[=:]\s*[\"']?(?:info|debug|trace|warn|notice)|^.{0,80}?\b(?:INFO|DEBUG|TRACE|NOTICE|WARN(?:ING)?)\b|"
    r"^.{0,40}?\[(?:info|debug|trace|notice|warn(?:ing)?)\]",
)
_LOW_WORD = re.compile(r"^(?:info|debug|trace|notice|warn(?:ing)?)\b", re.IGNORECASE)
_FATAL = re.compile(
    r"\b(?:fatal|panic|critical|emerg|traceback|aborted)\b|error|exception|failed|failure|cannot|could not|unable|refused|denied",
    re.IGNORECASE,
)
_END = re.compile(r"shut|exit|stopp|terminat|clos|bye|graceful|quit", re.IGNORECASE)
_BELOW = re.compile(r"^(?:\s|[}\])]|at |Caused by: |\.\.\. |goroutine \d|created by )")


@dataclass(frozen=True, slots=True)
class _Said:
    """One line of a container's last words, and what it means."""

    line: str
    meaning: Classification
    trouble: ContainerTrouble


def spoken(walker: Walker, ref: ObjectRef, found: Walk) -> Walk:
    """The walk with what the pod's log says, where it has no root. Nothing that was found otherwise is changed."""
    if found.root is not None or not walker.index.words:
        return found
    entry = list(_said(walker, ref))
    if led := leads_on(walker, ref, [(s.line, s.meaning) for s in entry]):
        return led
    said = [s for s in entry if is_logged(s.meaning)]
    causes = dict.fromkeys(s.meaning.cause for s in said)
    if len(causes) == 1:
        return Walk(_root(walker, ref, said[0]))
    if not causes and ref not in walker.index.words:
        return found
    if not causes:
        return replace(found, why=found.why.replace(NOT_READ, "its log was read and names no known cause"))
    guesses = (_guess(walker, next(s for s in said if s.meaning.cause == cause)) for cause in causes)
    return nowhere(f"its last words speak of {' and of '.join(causes)}", *guesses, *found.hypotheses)


def _root(walker: Walker, ref: ObjectRef, said: _Said) -> Root:
    cause = walker.catalogue.causes[said.meaning.cause]
    at, captures = said.trouble.at, said.meaning.captures
    fault = top_controller(walker, ref)
    return Root(cause.id, ref, fault, said.line, at, "hypothesis", cause.decides, captures)


def _guess(walker: Walker, said: _Said) -> Hypothesis:
    cause = walker.catalogue.causes[said.meaning.cause]
    return Hypothesis(cause.id, f"container {said.trouble.container} said “{said.line}”.", cause.decides)


def _said(walker: Walker, ref: ObjectRef) -> Iterator[_Said]:
    """Of a pod whose log was not read: what another pod of its workload said that ended in the same way."""
    speaker = _speaker(walker, ref)
    own = _ended(walker, ref)
    if speaker is None:
        return
    for trouble in _ended(walker, speaker):
        if (trouble.container, trouble.exit_code) not in {(t.container, t.exit_code) for t in own}:
            continue
        for log in walker.index.words[speaker]:
            # in back-off the run that ended is the one before
            if log.container == trouble.container and log.previous == (trouble.state == "last"):
                yield from _entry(walker, log, trouble)


def _speaker(walker: Walker, ref: ObjectRef) -> ObjectRef | None:
    if ref in walker.index.words:
        return ref
    maker = top_controller(walker, ref)
    alike = (one for one in walker.index.words if one.namespace == ref.namespace and one != ref)
    return next((one for one in alike if maker != ref and top_controller(walker, one) == maker), None)


def _ended(walker: Walker, ref: ObjectRef) -> tuple[ContainerTrouble, ...]:
    """Containers that ended by themselves with an error."""
    pod = walker.index.get(ref)
    found = podstatus.troubles(pod) if isinstance(pod, Pod) else ()
    return tuple(
        t for t in found if t.state in ("terminated", "last") and t.exit_code not in (None, 0, *exitcodes.KILLED)
    )


def _entry(walker: Walker, log: LastWords, trouble: ContainerTrouble) -> Iterator[_Said]:
    """What the last fatal entry means, line by line: a stack of causes may name several."""
    own = walker.catalogue if walker.catalogue.extra else None
    for line in last_fatal(log.lines, lambda text: is_logged(classify(text, catalogue=own))):
        yield _Said(line, classify(line, catalogue=own), trouble)


def is_logged(meaning: Classification) -> bool:
    """Whether a log line may prove this: a cause that a program can know of itself, or one that a team has added."""
    return meaning.role == "cause" and (meaning.cause in LOGGED or meaning.cause not in built_in().causes)


def last_fatal(lines: Sequence[str], knows: Callable[[str], bool]) -> tuple[str, ...]:
    """The lines of the last fatal entry, or none: what came before it, and what somebody survived, is left out."""
    neutral = ending = 0
    for entry in reversed(_entries(lines)):
        head = entry[0]
        if _is_low(head):
            ending += 1
            if ending > _ENDING or not _END.search(head):
                return ()
        elif _FATAL.search(head) or knows(head):
            return entry
        else:
            neutral += 1
            if neutral > _NEUTRAL:
                return ()
    return ()


def _entries(lines: Sequence[str]) -> list[tuple[str, ...]]:
    """Lines with what stands below them: indented ones, a stack, a cause that is named underneath."""
    found: list[list[str]] = []
    for line in (raw[:_WIDEST] for raw in lines if raw.strip()):
        if found and _BELOW.match(line):
            found[-1].append(line.strip())
        else:
            found.append([line.strip()])
    return [tuple(entry) for entry in found]


def _is_low(line: str) -> bool:
    return bool(_LOW.search(line) or _LOW_WORD.match(line))
