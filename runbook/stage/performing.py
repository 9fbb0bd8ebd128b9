"""The acts of one wave: one after another, but deletions a few at a time, as none of them waits for another.

A deletion mostly waits: for what is read of the object, for the disk, for the API server. Each keeps its own order
whoever works beside it: captured, intended in the journal, sent, answered in the journal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from runbook import actions
from runbook.acting.hands import Hands
from runbook.evidence.acts import note_outcome
from runbook.model import Action

if TYPE_CHECKING:
    from runbook.stage.setting import Setting

TOGETHER = frozenset(("delete-job", "delete-pod"))
AT_ONCE = 3  # as many as may be in mid-air when the process is killed; more would only wait for each other


def perform_all(setting: Setting, hands: Hands, acts: Sequence[Action]) -> list[Action]:
    """What came of each act, in the acts' order. Raises what concerns more than one act: EvidenceError, LockedError.

    After that, or an interrupt, no further act is begun, and those under way come to their end first.
    """
    if len(acts) > 1 and all(a.kind in TOGETHER for a in acts):
        return _together(setting, hands, acts)
    results = []
    for act in acts:
        _begin(setting, act)
        results.append(_end(setting, hands, actions.perform(act, hands)))
    return results


def _together(setting: Setting, hands: Hands, acts: Sequence[Action]) -> list[Action]:
    results: list[Action] = []
    under_way: deque[Future[Action]] = deque()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="act") as pool:
        try:
            for act in acts:
                if len(under_way) == AT_ONCE:
                    results.append(_end(setting, hands, under_way.popleft().result()))
                _begin(setting, act)
                under_way.append(pool.submit(actions.perform, act, hands))
            while under_way:
                results.append(_end(setting, hands, under_way.popleft().result()))
        finally:
            _note_the_rest(hands, under_way)
    return results


def _note_the_rest(hands: Hands, under_way: deque[Future[Action]]) -> None:
    """What still ran when the wave was broken off: its outcome belongs into the journal like any other."""
    for future in under_way:
        if future.exception() is None:  # one that has failed in the same way is told by the error that is on its way
            note_outcome(hands.journal, future.result())


def _begin(setting: Setting, act: Action) -> None:
    setting.talk.action(setting.asked.stage, f"{act.id} {act.name}")


def _end(setting: Setting, hands: Hands, result: Action) -> Action:
    note_outcome(hands.journal, result)
    say = {"changed": setting.talk.success, "unchanged": setting.talk.success, "skipped": setting.talk.warning}
    say.get(result.outcome, setting.talk.failure)(
        setting.asked.stage, f"{result.id} {result.name}: {result.outcome}: {result.said}"
    )
    return result
