"""A deletion: looked at once more, captured whole, deleted just as it was seen, and never in mid-action."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runbook.acting.capturing import capture
from runbook.acting.hands import Hands
from runbook.acting.midaction import refuse_mid_action
from runbook.errors import ConflictError
from runbook.model import Action

TRIES = 3  # a kubelet that backs off writes a pod's status every few seconds
Seen = Mapping[str, Any]


def _anything(_obj: Seen) -> None:
    """No further condition."""


def _no_pods() -> Sequence[Seen]:
    return ()


def remove(
    action: Action,
    hands: Hands,
    *,
    refuse: Callable[[Seen], None] = _anything,
    pods: Callable[[], Sequence[Seen]] = _no_pods,
) -> str:
    """Delete the object. One that moved on since it was captured is captured anew before the next try.

    Raises NotDone (`refuse` may too), ActionError, EvidenceError.
    """
    for left in reversed(range(TRIES)):
        obj = hands.fresh(action)
        refuse(obj)
        refuse_mid_action(action, hands)
        try:
            return _removed(action, obj, hands, pods())
        except ConflictError:
            if not left:
                raise
    raise AssertionError("the last try returns or raises")


def _removed(action: Action, obj: Seen, hands: Hands, pods: Sequence[Seen]) -> str:
    uid, version = str(obj["metadata"]["uid"]), str(obj["metadata"]["resourceVersion"])
    kept = capture(action, obj, hands, pods=pods)
    hands.change(
        action,
        uid,
        f"DELETE {action.object}",
        lambda permit: hands.writer.delete(action.object, uid, version, permit),
        made=lambda: hands.is_gone(action.object, uid),
        captured=kept.name,
    )
    return _what_came(action, uid, hands, kept.name)


def _what_came(action: Action, uid: str, hands: Hands, captured: str) -> str:
    """Deleted, or accepted and held by a finalizer: the two are not the same."""
    kept = f"what it was lies in captures/{captured}"
    held = hands.finalizers(action.object, uid)
    if held:
        return f"its deletion was accepted and waits for {', '.join(held)}; {kept}"
    return f"deleted; {kept}"
