"""A pytest plugin under which one part of the product lies: a check whose fails and errors are passes, a diagnosis without
causes. A test that stays green with it decides nothing about that part.

    RUNBOOK_TEST_LIE=releases-ready pytest -p lies …          (with tests/conventions on PYTHONPATH)
    RUNBOOK_TEST_LIE=releases-ready:error pytest -p lies …    (it hides only what it could not evaluate)
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from runbook import checks
from runbook.model import Finding, NotObserved, ObjectRef, Result, Verdict

BAD = frozenset({Result.FAIL, Result.ERROR})


def _passed(finding: Finding, bad: frozenset[Result] = BAD) -> Finding:
    return dataclasses.replace(finding, result=Result.PASS) if finding.result in bad else finding


def _everywhere(name: str, home: str, lie: Callable[[Any], Any]) -> None:
    """Put a lie in the place of a function, in every module of the product that holds it."""
    real = getattr(importlib.import_module(home), name)
    false = lie(real)
    for module in [m for n, m in list(sys.modules.items()) if n.split(".")[0] == "runbook" and m is not None]:
        if vars(module).get(name) is real:
            setattr(module, name, false)


def check(name: str, bad: frozenset[Result] = BAD) -> None:
    """A check whose bad answers are passes; among errors, a denial too."""
    real = checks.CHECKS[name]

    def lying(snapshot: Any, inventory: Any) -> Iterator[Finding]:
        try:
            yield from (_passed(finding, bad) for finding in real.ask(snapshot, inventory))
        except NotObserved as error:
            if Result.ERROR not in bad:
                raise
            yield Finding(name, ObjectRef("Cluster", "", "a lie"), Result.PASS, error.gap.why)

    module = importlib.import_module(f"runbook.checks.{name.replace('-', '_')}")
    module.check = lying  # type: ignore[attr-defined]
    checks.CHECKS[name] = dataclasses.replace(real, ask=lying)  # type: ignore[index]


def diagnosis() -> None:
    """Nothing red has a cause, and nothing is left unexplained."""

    def lie(real: Any) -> Any:
        return lambda *a, **k: dataclasses.replace(real(*a, **k), first_causes=(), unexplained=())

    _everywhere("explain", "runbook.diagnosis.explanation", lie)


def details() -> None:
    """An object in full shows nothing that is wrong with it; every log is silent, every Service answers."""
    for home in ("diagnosis.details", "clients.lastwords", "clients.inside", "clients.ingresslogs"):
        importlib.import_module(f"runbook.{home}")

    def calm(real: Any) -> Any:
        def about(*given: Any) -> Any:
            found = real(*given)
            needs = tuple(dataclasses.replace(n, state="there") for n in found.needs)
            return dataclasses.replace(
                found, conditions=(), containers=(), events=(), needs=needs, release=None, leads=()
            )

        return about

    def answering(real: Any) -> Any:
        return lambda *given, **more: msgspec.structs.replace(
            real(*given, **more), reached=True, said="answered HTTP 200"
        )

    _everywhere("details", "runbook.diagnosis.details", calm)
    _everywhere("ask_port", "runbook.clients.inside", answering)
    for name, home in (("tail", "lastwords"), ("words_of", "ingresslogs")):
        _everywhere(
            name,
            f"runbook.clients.{home}",
            lambda real: lambda *given, **more: msgspec.structs.replace(real(*given, **more), lines=(), why_not=""),
        )


def judgement() -> None:
    """A waiver is a pass, an unwaived failure too, and every criterion is met."""

    def waived(real: Any) -> Any:
        return lambda *a, **k: tuple(
            dataclasses.replace(f, result=Result.PASS) if f.waiver else _passed(f) for f in real(*a, **k)
        )

    def judged(real: Any) -> Any:
        return lambda *a, **k: tuple(dataclasses.replace(c, result=Result.PASS) for c in real(*a, **k))

    _everywhere("apply", "runbook.judgement.waivers", waived)
    _everywhere("judge", "runbook.judgement.criteria", judged)


def evidence() -> None:
    """Nothing is cut, nothing leaks, every seal holds."""
    from runbook.evidence.redaction import Redactor

    for name in ("text", "line", "item", "value"):
        setattr(Redactor, name, lambda _self, given, *_a, **_k: given)
    for name, home in (("check_seal", "manifest"), ("leak_gate", "leakgate")):
        _everywhere(name, f"runbook.evidence.{home}", lambda _real: lambda *_a, **_k: ())


def inventory() -> None:
    """Whatever an inventory says is accepted."""
    from runbook.errors import InventoryError
    from runbook.inventory.load import InventoryFile
    from runbook.inventory.model import Inventory

    def lie(real: Any) -> Any:
        def load(path: Path, **given: Any) -> Any:
            try:
                return real(path, **given)
            except InventoryError:
                empty = Inventory.model_validate({"schema": "runbook/inventory/v1", "cluster": {"name": "any"}})
                return InventoryFile(empty, path, "", "")

        return load

    _everywhere("load", "runbook.inventory.load", lie)


def notebooks() -> None:
    """One stage has no notebook."""
    from runbook.evidence.entries import FOLDERS

    del FOLDERS["registry-trust"]  # type: ignore[attr-defined]


def plan() -> None:
    """Nothing is ever planned."""
    from runbook import actions

    for name in {n for names in actions.PLANS.values() for n in names}:
        importlib.import_module(f"runbook.actions.{name}").plan = lambda *_a, **_k: ()  # type: ignore[attr-defined]
    _everywhere("plan", "runbook.actions", lambda _real: lambda *_a, **_k: ())


def report() -> None:
    """Every answer and every verdict is shown as PASS."""
    from runbook.display import words

    words._OF_RESULT.update(dict.fromkeys(words._OF_RESULT, words.PASS))
    words._OF_VERDICT.update(dict.fromkeys(words._OF_VERDICT, (words.PASS, "fine", "green")))


def retrospective() -> None:
    """Nothing happened or moved, no act had an effect, all that was believed was so, every box is ticked."""
    for home in ("story", "ticket"):
        importlib.import_module(f"runbook.retrospective.{home}")
    for name, home in (
        ("moves", "changes"), ("effects", "changes"), ("believed_not_so", "story"), ("_timeline", "story")
    ):  # fmt: skip
        _everywhere(name, f"runbook.retrospective.{home}", lambda _real: lambda *_a, **_k: ())
    met = lambda real: lambda criterion: real(dataclasses.replace(criterion, result=Result.PASS))  # noqa: E731
    _everywhere("box", "runbook.retrospective.ticket", met)

    def completed(real: Any) -> Any:
        def block(story: Any) -> Any:
            return real(dataclasses.replace(story, last=dataclasses.replace(story.last, verdict=Verdict.PASS)))

        return block

    _everywhere("ticket_block", "runbook.retrospective.ticket", completed)


def runner() -> None:
    """However a notebook ended, it ended well."""
    importlib.import_module("runbook.runner.stages")
    _everywhere("_classified", "runbook.runner.stages", lambda _real: lambda *_a, **_k: ("recorded", "completed", ""))


LIES: dict[str, Callable[[], None]] = {
    lie.__name__: lie
    for lie in (diagnosis, details, judgement, evidence, inventory, notebooks, plan, report, retrospective, runner)
}

if told := os.environ.get("RUNBOOK_TEST_LIE"):
    who, _, word = told.partition(":")
    if who in checks.CHECKS:
        check(who, frozenset({Result(word)}) if word else BAD)
    else:
        LIES[who]()
