"""What `runbook explain` answers: the ladder, the objects that were named, and what was asked about them; secrets cut."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook.diagnosis import as_json
from runbook.diagnosis.details import details
from runbook.display import Paragraph, Shown, Stack, first_causes
from runbook.display.extent import extent
from runbook.display.gaps import gap_sentences
from runbook.domain.inquiries import Inquiry
from runbook.evidence import Redactor
from runbook.model import Explanation, ObjectRef, Snapshot
from runbook.stage.describing import described, told
from runbook.stage.naming import Named
from runbook.stage.questions import ask_about

Live = tuple[Path, str | None, str | None]
ASKED = ("Pod", "Service", "Ingress")


@dataclass(frozen=True)
class Answer:
    """An explanation of a snapshot: of all of it, of one `namespace`, or of the objects that were named."""

    snapshot: Snapshot
    explanation: Explanation
    named: tuple[Named, ...] = ()
    namespace: str = ""

    @property
    def refs(self) -> tuple[ObjectRef, ...]:
        """The objects that were named."""
        return tuple(one.object for one in self.named)

    def as_json(self) -> dict[str, Any]:
        """runbook/explanation/v1, with the named objects, or else of how much this is the answer."""
        body = as_json(self.explanation)
        if self.named:
            return {**body, "asked": [{**_ref(n.object), "red": n.red, "says": n.says} for n in self.named]}
        looked = extent(self.snapshot, self.namespace)
        suspended = [_ref(ref) for ref in looked.suspended]
        return {**body, "looked_at": {"objects": looked.objects, "kinds": looked.kinds, "suspended": suspended}}

    def parts(self, live: Live | None) -> list[Shown]:
        """For people: causes, what is not red, and of each named object all that is at hand; asked now where it is live."""
        return [*self._causes(), *(self._objects(live) if self.named else ())]

    def _causes(self) -> Iterator[Shown]:
        if not self.named:
            yield first_causes(self.explanation, extent(self.snapshot, self.namespace))
            return
        if any(one.red for one in self.named):
            yield first_causes(self.explanation, None, self.refs)
        for one in self.named:
            if not one.red:
                yield Paragraph(f"{one.object} is not red: {one.says}")
        if not any(one.red for one in self.named):
            yield from (Paragraph(f"?  not evaluated: {sentence}") for sentence in gap_sentences(self.explanation))

    def _objects(self, live: Live | None) -> Iterator[Shown]:
        """The object in full, and what was asked about it and about the pods at fault: now when live, else when it was kept."""
        at_fault = [c.object for c in self.explanation.first_causes if c.object.kind == "Pod"]
        for ref in self.refs:
            if (found := details(self.snapshot, ref)) is not None:
                yield described(found, self.snapshot.observed_at)
        about = tuple(dict.fromkeys((*self.refs, *at_fault)))
        for inquiry in _asked(self.snapshot, about, live).seen(Inquiry):
            if (shown := Stack(*told(inquiry))).parts and inquiry.about in about:
                yield Stack(Paragraph(str(inquiry.about)), shown)


def cut(explanation: Explanation, named: tuple[Named, ...] = ()) -> tuple[Explanation, tuple[Named, ...]]:
    """What was saved by others was cut by nobody: secrets in its texts are cut here, before any line is broken."""
    cut_ = Redactor().text
    causes = tuple(
        dataclasses.replace(
            c,
            message=cut_(c.message),
            words=cut_(c.words),
            next=dataclasses.replace(c.next, text=cut_(c.next.text), command=cut_(c.next.command)),
            captures={name: cut_(value) for name, value in c.captures.items()},
            explains=tuple(dataclasses.replace(e, via=tuple(map(cut_, e.via))) for e in c.explains),
        )
        for c in explanation.first_causes
    )
    left = tuple(
        dataclasses.replace(
            u,
            why=cut_(u.why),
            hypotheses=tuple(dataclasses.replace(h, because=cut_(h.because)) for h in u.hypotheses),
        )
        for u in explanation.unexplained
    )
    said = tuple(dataclasses.replace(n, says=cut_(n.says)) for n in named)
    return dataclasses.replace(explanation, first_causes=causes, unexplained=left), said


def _asked(snapshot: Snapshot, refs: tuple[ObjectRef, ...], live: Live | None) -> Snapshot:
    """Of a pod only while it fails; of a Service and an Ingress because somebody asked for it by name."""
    if live is None:
        return snapshot
    found = {ref: details(snapshot, ref) for ref in refs if ref.kind in ASKED}
    worth = [ref for ref, seen in found.items() if seen is not None and (ref.kind != "Pod" or seen.failing)]
    inventory, kubeconfig, context = live
    return ask_about(inventory, snapshot, worth, kubeconfig=kubeconfig, context=context)


def _ref(ref: ObjectRef) -> dict[str, str]:
    return {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
