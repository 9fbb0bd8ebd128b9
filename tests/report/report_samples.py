"""Results of a night for pages and displays: red, green, not known, empty; and texts that try to be more than text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from runbook.model import (
    Action,
    Criterion,
    Explained,
    Explanation,
    Finding,
    FirstCause,
    Gap,
    Hypothesis,
    NextAct,
    ObjectRef,
    Result,
    StageResult,
    Unexplained,
    Verdict,
    Waiver,
)

NOW = datetime(2025, 10, 17, 11, 15, 58, tzinfo=UTC)
RUN: dict[str, Any] = {
    "id": "20251017-111558-beckerkube", "cluster": "beckerkube", "uid": "0f6d7c1e", "server": "https://beckerbox:8443",
    "inventory_path": "beckerkube.yaml", "inventory_digest": "d" * 64, "who": "becker", "how": "runner",
    "tool_version": "0.1.0", "rehearsal": True,
}  # fmt: skip
HOSTILE = (
    "<script>alert(1)</script>",
    "</pre></td></table><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" style="color:red',
    "[click](https://evil.example/x) ![i](https://evil.example/i.png) **bold** <https://evil.example>",
    "\x1b[31mred\x1b[0m\x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \x9b31m",
    "abc\u202egnp.exe\u2066x\u2069 \u200b\u2028next",
    "nul\x00byte\rback\x08",
    "<style>body{display:none}</style><svg onload=alert(1)><base href=//evil.example>",
    "{{ 7*7 }}{% raw %}&lt;b&gt;&amp;amp;",
    "x" * 10_000,
    "one\ntwo\nthree <b>four</b>",
)
SEALED = [ObjectRef("HelmRelease", "triager", f"triager-{n}") for n in ("a", "b", "c", "d", "e", "f", "g")]
SEALED += [ObjectRef("HelmRelease", "midwestmtg", "midwestmtg-backend")]
BOT = ObjectRef("HelmRelease", "midwestmtg", "midwestmtg-discord-bot")
FRONT = ObjectRef("HelmRelease", "midwestmtg", "midwestmtg-frontend")
VELERO = ObjectRef("HelmRelease", "velero", "velero")
RED = (*SEALED, BOT, FRONT, VELERO)
READY = tuple(ObjectRef("HelmRelease", "apps", f"fine-{n}") for n in range(16))
HOOK = "pre-upgrade hooks failed: timed out waiting for the condition"


def cause(
    name: str, refs: Sequence[ObjectRef], *, blocked: Sequence[ObjectRef] = (), message: str = "said"
) -> FirstCause:
    """A first cause that holds `refs`, and `blocked` behind the last of them."""
    held = [Explained(r, "caused-by", (f"Secret/{r.namespace}/{r.name} (needs: its message)",)) for r in refs]
    held += [Explained(r, "blocked-by", (f"{refs[-1]} (depends-on: spec.dependsOn)",)) for r in blocked]
    act = NextAct("Restore the sealing keys, then restart their controller", "kubectl apply -f keys.yaml")
    return FirstCause(
        name, ObjectRef("SealedSecret", refs[0].namespace, refs[0].name), "fact", message, tuple(held), act, 226
    )


def explanation(*causes: FirstCause, left: Sequence[ObjectRef] = ()) -> Explanation:
    """Causes, and what is left without one."""
    guess = (Hypothesis("dependency-not-ready", "it may wait", "a fresh attempt"),)
    return Explanation(
        NOW, "beckerkube", causes, tuple(Unexplained(r, "its message is stale", guess) for r in left), ()
    )


def release(ref: ObjectRef, *, ready: bool, said: str = "not ready") -> Finding:
    """What releases-ready says of one release."""
    result = Result.PASS if ready else Result.FAIL
    return Finding("releases-ready", ref, result, "ready" if ready else said, (), {"ready": ready})


def criterion(text: str, result: Result, met: int, of: int, *, ticked: bool | None = True, **more: Any) -> Criterion:
    """One line of the ticket."""
    group = str(more.pop("group", "acceptance"))
    reason = str(more.pop("reason", "measured"))
    return Criterion(text[:8], text, result, met, of, reason, ("releases-ready",), group, ticked, **more)


TICKET = (
    criterion("All HelmReleases reconcile successfully", Result.FAIL, 16, 27),
    criterion("No ImagePullBackOff errors", Result.FAIL, 0, 1),
    criterion("Commit and push updated HelmReleases", Result.PASS, 1, 1),
    criterion("Smoke tests", Result.ERROR, 0, 3),
    criterion("Cluster is stable for at least 15 minutes", Result.ERROR, 0, 1, ticked=None, group="success"),
)


def result(verdict: Verdict = Verdict.FAIL, *, minutes: float = 0, **changes: Any) -> StageResult:
    """A verify that ended at NOW plus some minutes; by default the seed's red end."""
    at = NOW + timedelta(minutes=minutes)
    values: dict[str, Any] = {
        "stage": "verify", "attempt": 1, "mode": "plan", "verdict": verdict, "started": at - timedelta(seconds=24),
        "ended": at, "cluster_time": at, "findings": (), "criteria": (), "explanation": None, "actions": (),
    }  # fmt: skip
    return StageResult(**{**values, **changes})


def red() -> StageResult:
    """16 of 27 ready; eight by the sealing key, one behind them, one image, one unexplained."""
    found = [release(r, ready=False, said=HOOK) for r in RED] + [release(r, ready=True) for r in READY]
    why = explanation(
        cause("sealed-secret-key-mismatch", SEALED, blocked=(BOT,), message="no key could decrypt secret (PASSWORD)"),
        cause("image-not-found", (VELERO,)),
        left=(FRONT,),
    )
    return result(findings=tuple(found), criteria=TICKET, explanation=why)


def green() -> StageResult:
    """All repaired."""
    found = tuple(release(r, ready=True) for r in (*RED, *READY))
    fine = tuple(replace(c, result=Result.PASS, met=c.of) for c in TICKET)
    return result(Verdict.PASS, findings=found, criteria=fine, explanation=explanation())


def unknown() -> StageResult:
    """A list was refused: nothing red, and not fine."""
    gap = Gap("helmreleases", "403 Forbidden: cannot list helmreleases", "list helmreleases")
    asked = tuple(replace(c, result=Result.ERROR, met=0, reason=gap.why) for c in TICKET)
    why = Explanation(NOW, "beckerkube", (), (), (gap,))
    found = (Finding("releases-ready", ObjectRef("Cluster", "", "beckerkube"), Result.ERROR, gap.why),)
    return result(Verdict.ERROR, findings=found, criteria=asked, explanation=why)


def empty() -> StageResult:
    """Nothing was asked at all."""
    return result(Verdict.ERROR)


ENDS = {"red": red, "green": green, "unknown": unknown, "empty": empty}


def night() -> list[StageResult]:
    """Three looks: a certificate, then a hook's timeout, then a sealing key, with acts that healed one release only."""
    everything = (*RED, *READY)
    first = explanation(cause("registry-ca-untrusted", RED))
    second = explanation(cause("sealed-secret-key-mismatch", SEALED, blocked=(BOT,)), cause("image-not-found", (VELERO,)), left=(FRONT,))  # fmt: skip
    shown = tuple(release(r, ready=r in READY, said=HOOK) for r in everything)
    plain = tuple(release(r, ready=r in READY, said="x509: certificate signed by unknown authority") for r in everything)  # fmt: skip
    return [
        result(findings=plain, explanation=first, minutes=1.5),
        result(findings=shown, explanation=second, minutes=11, attempt=2),
        result(findings=shown, explanation=second, criteria=TICKET, minutes=26, attempt=3),
    ]


def hostile(text: str) -> StageResult:
    """The red end with `text` in every field that is a text."""
    ref = ObjectRef(text, text, text)
    accepted = Waiver(text, text, text, text, text, date(2025, 10, 31), text, self_approved=True)
    act = NextAct(text, text)
    why = Explanation(
        NOW, text,
        (FirstCause(text, ref, "hypothesis", text, (Explained(ref, "caused-by", (text,)), Explained(BOT, "blocked-by", (text,))),
                    act, 3, True, text, {text: text}),
         FirstCause("image-not-found", VELERO, "fact", text, (Explained(VELERO, "caused-by", (text,)),), act)),
        (Unexplained(ref, text, (Hypothesis(text, text, text),)),),
        (Gap(text, text, text),),
    )  # fmt: skip
    facts = {"believed": text, "declared": text + "2", "text": text, "ticked": True, "message": text, "revision": text}
    found = (
        Finding(text, ref, Result.FAIL, text, (text,) * 9, facts),
        Finding(text, ref, Result.WARN, text, (text,), {}, accepted),
        Finding(text, ObjectRef("Checklist", "", text), Result.ERROR, text, (), facts),
    )
    asked = (Criterion(text, text, Result.FAIL, 1, 2, text, (text,), text, True, (accepted,)),)
    acts = (Action(text, text, ref, text, text, text, text, text, text, (text,), "failed"),)
    return result(findings=found, criteria=asked, explanation=why, actions=acts, redactions={text: 3},
                  timings={text: 1.0}, notes=(text,), ended_as="error", error=text)  # fmt: skip


class Reader(HTMLParser):
    """Reads markup back as a browser would: the tags with their attributes, and the text of each kind of tag."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> Iterator[dict[str, str]]:
        """The attributes of every such tag."""
        return (attributes for name, attributes in self.tags if name == tag)

    @property
    def shape(self) -> list[str]:
        """The tags without their contents: what foreign text must never change."""
        return sorted({name for name, _ in self.tags})


ADDRESS = re.compile(r"^([a-z][a-z0-9+.-]*:|//|/|\\)", re.IGNORECASE)


def outside(reader: Reader) -> list[str]:
    """Every address in the markup that is neither an anchor, nor relative, nor a picture inside the page."""
    found = []
    for _, attributes in reader.tags:
        for name in ("href", "src", "action", "data", "poster", "srcset", "background", "cite", "formaction"):
            value = attributes.get(name, "")
            if ADDRESS.match(value) and value != "data:," and not value.startswith("data:image/png;base64,"):
                found.append(value)
    return found
