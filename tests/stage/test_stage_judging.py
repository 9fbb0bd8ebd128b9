"""What a stage judges of one look, and what it does not ask twice of the same look."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from runbook import diagnosis
from runbook.display import Paragraph
from runbook.domain.probes import SoakWindow
from runbook.inventory.model import Cluster, Inventory
from runbook.model import Snapshot
from runbook.stage import proving
from runbook.stage.judging import judge

NOW = datetime(2025, 10, 17, 11, 15, 58, tzinfo=UTC)
INVENTORY = Inventory(schema="runbook/inventory/v1", cluster=Cluster(name="meadow"))


def test_causes_walked_before_quiet_was_measured_are_not_walked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Snapshot(NOW, "meadow", {}, {}, ())
    first = judge("verify", seen, INVENTORY, today=NOW.date(), operator="becker")
    measured = replace(seen, objects={"SoakWindow": (SoakWindow(60.0, 60.0, started=NOW),)})
    monkeypatch.setattr(diagnosis, "explain", lambda *_a, **_k: pytest.fail("walked again"))
    again = judge("verify", measured, INVENTORY, today=NOW.date(), operator="becker", explained=first.explanation)
    assert again.explanation is first.explanation is not None
    assert [f.check for f in again.findings] == [f.check for f in first.findings]
    soaks = [next(f.reason for f in j.findings if f.check == "soak") for j in (first, again)]
    assert soaks[0] != soaks[1]


@pytest.mark.parametrize("looked_again", [False, True])
def test_causes_are_kept_only_as_long_as_nobody_looked_again(
    monkeypatch: pytest.MonkeyPatch, looked_again: bool
) -> None:
    """A soak that ends with another look is explained by that look."""
    seen = Snapshot(NOW, "meadow", {}, {}, ())
    first = judge("verify", seen, INVENTORY, today=NOW.date(), operator="becker")
    later = replace(seen, observed_at=NOW + timedelta(minutes=1), objects={"Pod": ()})
    after = SimpleNamespace(snapshot=later) if looked_again else None
    window = SoakWindow(60.0, 60.0, started=NOW)
    monkeypatch.setattr(proving, "_measure", lambda _setting, _judged: (window, after))
    for name in ("tell_tally", "observed", "checked"):
        monkeypatch.setattr(proving.showing, name, lambda *_a: Paragraph(""))
    setting: Any = SimpleNamespace(
        asked=SimpleNamespace(stage="verify"), file=SimpleNamespace(inventory=INVENTORY), started=NOW, who="becker",
        causes=SimpleNamespace(catalogue=None), talk=None,
    )  # fmt: skip
    observed: Any = SimpleNamespace(snapshot=seen)
    _, again, _ = proving.prove(setting, observed, first)
    assert again.explanation is not None
    assert (again.explanation is first.explanation) is not looked_again
    assert again.explanation.observed_at == (later if looked_again else seen).observed_at
