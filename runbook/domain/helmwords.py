"""What a Helm or Flux message says it waited for: objects in brackets, hooks, timeouts, exhausted retries.

The wordings of Helm 2, 3 and 4 and of helm-controller's own waiter differ; none of them is ever a cause.
"""

from __future__ import annotations

import re
from typing import Literal

from runbook.model import ObjectRef

Failure = Literal["hook-timeout", "hook-failed", "wait-timeout", "retries-exhausted", "remediated", "other"]

_HOOK = re.compile(r"(?:pre|post)-(?:install|upgrade|rollback|delete)\b", re.IGNORECASE)
_TIMEOUT = re.compile(
    r"timed out waiting|context deadline exceeded|timeout waiting for|would exceed context deadline|resources? .{0,200}not ready", re.IGNORECASE
)  # fmt: skip
_RETRIES = re.compile(
    r"retries exhausted|Failed to (?:install|upgrade) after \d+ attempt|exceeded maximum retries", re.IGNORECASE
)
_REMEDIATED = re.compile(r"Helm (?:rollback|uninstall) .{0,300}succeeded", re.IGNORECASE)
_BRACKETS = re.compile(r"\[((?:[A-Z][A-Za-z]+/[^\]]{1,4000}))\]")
_IN_BRACKETS = re.compile(r"([A-Z][A-Za-z]{1,60})/([a-z0-9][a-z0-9.-]{0,252})(?:/([a-z0-9][a-z0-9.:-]{0,252}))? status")
_NOT_READY = re.compile(r"resource ([A-Z][A-Za-z]{1,60})/([a-z0-9.-]{1,253})/([a-z0-9.-]{1,253}) not ready")
_JOB = re.compile(r"\bjob \"?([a-z0-9][a-z0-9.-]{0,252})\"? failed", re.IGNORECASE)
_OLD = re.compile(r"\b([a-z]{3,20})(?:\.[a-z.]{1,60})? '([a-z0-9-]{1,63})/([a-z0-9.-]{1,253})'")
_PLURALS = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet", "jobs": "Job"}


def failure(message: str) -> Failure:
    """Which kind of waiting a message speaks of; `other` when it speaks of something else."""
    if _HOOK.search(message):
        return "hook-timeout" if _TIMEOUT.search(message) else "hook-failed"
    if _TIMEOUT.search(message):
        return "wait-timeout"
    if _RETRIES.search(message):
        return "retries-exhausted"
    return "remediated" if _REMEDIATED.search(message) else "other"


def waited_for(message: str, namespace: str) -> tuple[ObjectRef, ...]:
    """The objects that a message names as not ready, in its order. `namespace` is used where the text gives none."""
    message = message[:20000]
    found: list[ObjectRef] = []
    for bracket in _BRACKETS.findall(message):
        for kind, first, second in _IN_BRACKETS.findall(bracket):
            found.append(ObjectRef(kind, first, second) if second else ObjectRef(kind, namespace, first))
    found += [ObjectRef(kind, where, name) for kind, where, name in _NOT_READY.findall(message)]
    found += [ObjectRef("Job", namespace, name) for name in _JOB.findall(message)]
    found += [
        ObjectRef(_PLURALS[plural], where, name) for plural, where, name in _OLD.findall(message) if plural in _PLURALS
    ]
    return tuple(dict.fromkeys(found))
