"""The catalogue for people: one cause in full, a search over all, and the documentation page."""

from __future__ import annotations

from collections.abc import Iterable

from runbook.diagnosis.catalogue import LAYERS, Catalogue
from runbook.diagnosis.causetypes import Cause

_HEAD = """# Causes

{count} causes by layer, as `runbook causes` lists them. This page is made from the catalogue
(`runbook causes --format markdown > docs/causes.md`); a cause's id never changes. **Waits** marks a waiting party: what
it names has the cause. **Hypothesis** marks what no text alone can prove.
"""


def search(catalogue: Catalogue, words: Iterable[str]) -> list[Cause]:
    """The causes that have all the words, in id, title, meaning, remedy, emitters or signatures; ids first."""
    wanted = [word.lower() for word in words if word.strip()]
    found = [cause for cause in catalogue.causes.values() if all(word in _text(cause) for word in wanted)]
    return sorted(found, key=lambda cause: not all(word in cause.id for word in wanted))


def emitters(cause: Cause) -> list[str]:
    """Who writes the words that show a cause, each once, in the catalogue's order."""
    return list(dict.fromkeys(signature.who for signature in cause.signatures if signature.who))


def in_full(cause: Cause) -> str:
    """One cause as plain text: what it means, what to do, how to settle it, and what shows it."""
    lines = [
        f"{cause.id}: {cause.title}",
        f"  {cause.layer} · {kind(cause)}" + (f" · met first in {cause.stage}" if cause.stage else ""),
        f"  means      {cause.meaning}",
        f"  next       {cause.next.text}",
    ]
    if cause.next.command:
        lines.append(f"  command    {cause.next.command} ({'only reads' if cause.next.safe else 'changes something'})")
    lines.append(f"  settled by {cause.decides}")
    lines += [f"  shown by   {shown}" for shown in _shown(cause)]
    return "\n".join([*lines, f"  docs       {cause.docs}"] if cause.docs else lines)


def kind(cause: Cause) -> str:
    """What a cause is, in a word or two."""
    return ("waits" if cause.role == "symptom" else "cause") + (", hypothesis" if cause.hypothesis else "")


def page(catalogue: Catalogue) -> str:
    """The documentation page, in Markdown."""
    parts = [_HEAD.format(count=len(catalogue.causes))]
    for layer in LAYERS:
        causes = [cause for cause in catalogue.causes.values() if cause.layer == layer]
        if causes:
            parts += [f"## {layer.capitalize()}\n", *(_section(cause) for cause in causes)]
    return "\n".join(parts).rstrip() + "\n"


def _section(cause: Cause) -> str:
    marks = (" **Waits.**" if cause.role == "symptom" else "") + (" **Hypothesis.**" if cause.hypothesis else "")
    lines = [f"### {cause.id}", "", f"{cause.title}.{marks} {cause.meaning}", "", f"- Next: {_plain(cause.next.text)}"]
    if cause.next.command:
        lines.append(f"- Command ({'only reads' if cause.next.safe else 'changes something'}): `{cause.next.command}`")
    lines.append(f"- Settled by: {_plain(cause.decides)}")
    if said := emitters(cause):
        lines.append(f"- Said by: {', '.join(said)}")
    if cause.docs:
        lines.append(f"- [Documentation]({cause.docs})")
    return "\n".join([*lines, ""])


def _plain(text: str) -> str:
    """Without what Markdown would read as markup; the placeholders stay."""
    return text.replace("<", "&lt;").replace("*", r"\*")


def _shown(cause: Cause) -> list[str]:
    shown = []
    for signature in cause.signatures:
        parts = [f"`{signature.pattern.source}`"] if signature.pattern else []
        codes = frozenset(map(str, signature.exit_codes))
        parts += [f"{name} {', '.join(sorted(values))}" for name, values in (
            ("wire fault", signature.faults), ("peer", signature.peers), ("reason", signature.reasons),
            ("exit code", codes), ("kind", signature.kinds),
        ) if any(values)]  # fmt: skip
        shown.append(f"{signature.who or 'anybody'}: {'; '.join(parts)}")
    return shown


def _text(cause: Cause) -> str:
    words = [cause.id, cause.title, cause.layer, cause.meaning, cause.next.text, cause.decides, *_shown(cause)]
    return " ".join(words).lower()
