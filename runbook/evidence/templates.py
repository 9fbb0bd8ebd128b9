"""What many objects have alike, cut once: the containers that ten thousand pods have from a thousand templates.

A part is known by its bytes, its pod's token volume aside, whose name alone differs from pod to pod. Only a part in which
nothing was to be cut is known again: what is cut is counted each time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

PARTS = frozenset({"containers", "initContainers", "volumes"})  # of a pod's spec: its template's, but for that name
_VOLUME = re.compile(rb'"kube-api-access-([a-z0-9]{5})"')  # [kk:plugin/pkg/admission/serviceaccount/admission.go]
_NEUTRAL = b'"kube-api-access-\xff"'  # no JSON holds it
_MOST = 4_096  # parts that are remembered; a few kB each


class Templates:
    """Parts that were clean, until the next secret is learned: one of them may hold that."""

    def __init__(self, clean: Callable[[Any], Any]) -> None:
        self._clean = clean
        self._known: dict[bytes, bytes] = {}

    def forget(self) -> None:
        """What was clean need not be so any more."""
        self._known = {}

    def cleaned(self, part: msgspec.Raw) -> msgspec.Raw:
        """The part as JSON with sorted keys, less its secrets."""
        sent = bytes(part)
        named = set(_VOLUME.findall(sent))
        if len(named) > 1:
            return self._cut(sent)[0]
        known = self._known  # the dictionary of before, if another thread learns a secret meanwhile
        neutral = _VOLUME.sub(_NEUTRAL, sent)
        name = b'"kube-api-access-%b"' % named.pop() if named else b""
        if (done := known.get(neutral)) is not None:
            return msgspec.Raw(done.replace(_NEUTRAL, name))
        found, was_clean = self._cut(sent)
        if was_clean:
            if len(known) >= _MOST:
                known.clear()
            known[neutral] = _VOLUME.sub(_NEUTRAL, bytes(found))
        return found

    def _cut(self, sent: bytes) -> tuple[msgspec.Raw, bool]:
        whole = msgspec.json.decode(sent)
        cleaned = self._clean(whole)
        return msgspec.Raw(msgspec.json.encode(cleaned, order="sorted")), cleaned == whole
