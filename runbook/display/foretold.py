"""What preflight foretold beside what came, as a table: a prediction that was wrong stands first."""

from __future__ import annotations

from collections.abc import Sequence

from runbook.display.phrases import cause_word
from runbook.display.table import Cell, CellLike, Column, Table
from runbook.display.texts import plural, utc
from runbook.retrospective import Retrospective

_SAID = {
    "came": "foretold, and it came",
    "did not come": "foretold, and it did not come",
    "not foretold": "it came, and was not foretold",
}


def foretold_table(story: Retrospective) -> Table:
    """What preflight said would not open, beside what then failed for it: a wrong prediction first."""
    found = story.foretold
    rows: list[Sequence[CellLike]] = [
        (
            f"{fate.release.namespace}/{fate.release.name}",
            Cell(
                _SAID[fate.kept],
                under=(f"failed for {cause_word(fate.meanwhile)} meanwhile",) if fate.meanwhile else (),
            ),
            utc(fate.foretold, day=False) if fate.foretold else "no",
            utc(fate.came, day=False) if fate.came else "no",
            fate.ended or "nobody asked again",
        )
        for fate in found.fates
    ]
    columns = (
        "Release", "Prediction", Column("Foretold", tight=True, mono=True), Column("Failed for it", tight=True, mono=True),
        Column("At the end", tight=True),
    )  # fmt: skip
    return Table(
        "SealedSecrets that would not open: foretold, and what came",
        columns,
        rows,
        count=_foretold_count(story),
        empty=found.why_not or "none was foretold to fail, and none failed for it",
        wide=True,
    )


def _foretold_count(story: Retrospective) -> str:
    found = story.foretold
    if found.why_not:
        return "not evaluated"
    right, wrong, missed = (found.count(k) for k in ("came", "did not come", "not foretold"))
    closed = (
        f"; of {plural(len(found.closed), 'closed SealedSecret')} nobody was known to need it" if found.closed else ""
    )
    return f"{len(found.fates)}: {right} came, {wrong} did not, {missed} not foretold{closed}"
