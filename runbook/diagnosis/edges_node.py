"""Which nodes kept a pod out, by what the scheduler said of it: `1 node(s) had untolerated taint {…}, 2 Insufficient cpu`."""

from __future__ import annotations

import re
from functools import cached_property
from typing import NamedTuple

from runbook.diagnosis.index import Index
from runbook.diagnosis.signs_node import TAINTS, UNSCHEDULABLE, bears
from runbook.domain.cluster import Node
from runbook.model import ObjectRef

_REASONS = re.compile(r"\d{1,6}/\d{1,6} nodes are available: (.{1,20000}?)(?:\.? preemption: |\Z)", re.DOTALL)
_PART = re.compile(r",\s{1,8}(?=\d{1,6} )")
_COUNTED = re.compile(r"(\d{1,6}) (.*)", re.DOTALL)
_TAINT = re.compile(r"taint \{([^:}\s]{1,300})")
_ROLE = "node-role.kubernetes.io/"


UNNAMED = "any"  # a scheduler from 1.35 on names no taint: `2 node(s) had untolerated taint(s)`
_UNFIT = "didn't match Pod's node affinity/selector"


class Reason(NamedTuple):
    """How many nodes were passed over for a reason, and the taint where it is one that a node's own state puts on.

    `unfit`: they are not those that the pod asks for, today as ever.
    """

    nodes: int
    taint: str
    unfit: bool = False


class Nodes:
    """The nodes by the taint that they bear; each taint is looked through once."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._bearing: dict[str, tuple[ObjectRef, ...]] = {}

    def bearing(self, taint: str) -> tuple[ObjectRef, ...]:
        """The nodes in the state that the taint stands for, by name."""
        if taint not in self._bearing:
            self._bearing[taint] = tuple(sorted(obj.ref for obj in self._all if bears(obj, taint)))
        return self._bearing[taint]

    @cached_property
    def tainted(self) -> int:
        """How many nodes have a taint that keeps new pods out, whoever put it on."""
        return sum(any(one.effect != "PreferNoSchedule" for one in obj.spec.taints or ()) for obj in self._all)

    @cached_property
    def _all(self) -> tuple[Node, ...]:
        return tuple(obj for obj in self._index.objects.values() if isinstance(obj, Node))


def reasons(message: str) -> tuple[Reason, ...]:
    """Why the scheduler passed the nodes over. A role's own taint is left out: it is meant to keep pods out, today as ever."""
    found = _REASONS.search(message)
    parts = [_COUNTED.match(part) for part in _PART.split(found[1])] if found else []
    told = ((int(part[1]), part[2]) for part in parts if part and _ROLE not in part[2])
    return tuple(Reason(nodes, _taint(text), _UNFIT in text) for nodes, text in told)


def _taint(text: str) -> str:
    named = _TAINT.search(text)
    if "node(s) were unschedulable" in text:
        return UNSCHEDULABLE
    if "untolerated taint(s)" in text:
        return UNNAMED
    return named[1] if named and named[1] in TAINTS else ""
