"""Proof that it stays so: quiet, measured by a watch and only when nothing else is red, and then a second look."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runbook.clients.soak import soak
from runbook.display import Paragraph, Shown, Stack, soak_figure
from runbook.domain.durations import human, seconds
from runbook.domain.probes import SoakWindow
from runbook.errors import ObservationError
from runbook.evidence import Observed, Redactor
from runbook.evidence.observations import PROVED
from runbook.model import Explanation, Snapshot
from runbook.stage import showing
from runbook.stage.judging import Judged, judge, reds_before_soak
from runbook.stage.observing import look, tell_list
from runbook.stage.stages import STAGES

if TYPE_CHECKING:
    from runbook.stage.setting import Setting


Proof = tuple[Observed | None, Judged, Shown]


def prove(setting: Setting, observed: Observed | None, judged: Judged) -> Proof:
    """The last observation, what it says, and what to show. Stages without a soak stand by their first look."""
    if not STAGES[setting.asked.stage].soaks:
        when = judged.snapshot.observed_at
        sentence = (
            f"Nothing was changed, so nothing has to be proved: the verdict rests on the look of {when:%H:%M:%SZ}."
        )
        return observed, judged, Paragraph(sentence)
    window, after = _measure(setting, judged)
    last = after or observed
    assert last is not None
    again = _judged(setting, _with(last.snapshot, window), judged.explanation if after is None else None)
    showing.tell_tally(setting.talk, again)
    shown: list[Shown] = [soak_figure(window)] if window.started else [Paragraph(_not_started(window))]
    if after is not None:
        shown += [showing.observed(after), showing.checked(setting.asked.stage, again)]
    return last, again, Stack(*shown)


def prove_acts(setting: Setting, observed: Observed | None, judged: Judged) -> Proof:
    """After an apply: look at everything anew. What was done counts for nothing, only what is seen now."""
    before = _judged(setting, observed.snapshot) if observed is not None else judged
    after = look(setting, part=PROVED)
    again = _judged(setting, after.snapshot)
    showing.tell_tally(setting.talk, again)
    shown = (showing.observed(after), showing.changed(before, again), showing.checked(setting.asked.stage, again))
    return after, again, Stack(*shown)


def _judged(setting: Setting, snapshot: Snapshot, explained: Explanation | None = None) -> Judged:
    return judge(
        setting.asked.stage,
        snapshot,
        setting.file.inventory,
        today=setting.started.date(),
        operator=setting.who,
        catalogue=setting.causes.catalogue,
        explained=explained,
    )


def _measure(setting: Setting, judged: Judged) -> tuple[SoakWindow, Observed | None]:
    """The window, and the second look when the soak was begun."""
    if setting.reached is None:
        window = setting.attempt.snapshot().of(SoakWindow)[0]
        return window, look(setting, part=PROVED) if window.started else None
    inventory = setting.file.inventory
    chosen = inventory.soak if setting.asked.soak == "inventory" else setting.asked.soak
    wanted = seconds(inventory.soak if chosen == "none" else chosen) or 0.0
    why_not = (
        "the operator asked for none (soak = none)" if chosen == "none" else reds_before_soak(judged, inventory, wanted)
    )
    window = SoakWindow(wanted, 0.0, why_not=why_not) if why_not else _soaked(setting, wanted)
    observed = look(setting, part=PROVED) if window.started else None
    setting.attempt.store_soak(window, observed.redactor if observed else Redactor())
    return window, observed


def _soaked(setting: Setting, wanted: float) -> SoakWindow:
    assert setting.reached is not None
    reached = setting.reached
    setting.talk.action("soak", f"{human(wanted)} of quiet are wanted; any disturbance starts the clock again")

    def tell(what: str, done: int, total: int) -> None:
        setting.talk.waiting("soak", f"quiet for {human(done)} of {human(total)}", done=done, total=total)

    def note(said: str) -> None:
        tell_list(setting, said)

    try:
        window = soak(
            reached.client, setting.file.inventory, wanted_seconds=wanted, now=reached.now, progress=tell, note=note
        )
    except ObservationError as error:
        return SoakWindow(wanted, 0.0, why_not=f"quiet could not be watched: {error.what}: {error.why}")
    say = setting.talk.success if window.quiet_seconds >= wanted else setting.talk.failure
    say("soak", f"quiet for {human(window.quiet_seconds)} of {human(wanted)}, {len(window.resets)} reset(s)")
    return window


def _with(snapshot: Snapshot, window: SoakWindow) -> Snapshot:
    return replace(snapshot, objects={**snapshot.objects, "SoakWindow": (window,)})


def _not_started(window: SoakWindow) -> str:
    return f"The soak of {human(window.wanted_seconds)} was not begun: {window.why_not}. Stability is NOT EVALUATED."
