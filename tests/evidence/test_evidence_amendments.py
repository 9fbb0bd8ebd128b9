"""An inventory edited during a run: with its diff, by whom and why, and in force only from then on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from evidence_samples import new_run

from runbook.errors import RunFolderError
from runbook.evidence import Run, find_joinable, seal
from runbook.evidence.amendments import amend, in_force
from runbook.report.run import render_run

OLD, NEW = "cluster: a\nversion: 2.0.2\n", "cluster: a\nversion: 0.2.3\n"


def opened(tmp_path: Path) -> Run:
    run = new_run(tmp_path)
    run.keep_inventory(OLD)
    return run


def test_the_edit_is_kept_as_a_file_and_as_a_diff_with_who_and_why(tmp_path: Path) -> None:
    run = opened(tmp_path)
    when = run.opened + timedelta(minutes=5)
    diff = amend(run, NEW, "digest-2", who="becker", why="Git says 0.2.3", when=when)
    assert diff is not None
    assert "-version: 2.0.2\n+version: 0.2.3\n" in diff.read_text()
    assert (run.path / "inventory-02.yaml").read_text() == NEW
    assert (run.path / "inventory.yaml").read_text() == OLD
    (entry,) = Run.load(run.path).facts["inventories"]
    assert (entry["who"], entry["why"], entry["digest"]) == ("becker", "Git says 0.2.3", "digest-2")


def test_each_moment_has_the_inventory_that_was_in_force(tmp_path: Path) -> None:
    run = opened(tmp_path)
    first = str(run.facts["inventory_digest"])
    for n, minutes in ((2, 5), (3, 9)):
        amend(run, f"{NEW}# {n}\n", f"digest-{n}", who="b", why="w", when=run.opened + timedelta(minutes=minutes))
    run = Run.load(run.path)
    found = [in_force(run, run.opened + timedelta(minutes=m)) for m in (0, 4, 5, 8, 60)]
    assert found == [
        ("inventory.yaml", first),
        ("inventory.yaml", first),
        ("inventory-02.yaml", "digest-2"),
        ("inventory-02.yaml", "digest-2"),
        ("inventory-03.yaml", "digest-3"),
    ]


def test_the_same_inventory_is_no_edit_and_a_sealed_run_takes_none(tmp_path: Path) -> None:
    run = opened(tmp_path)
    same = str(run.facts["inventory_digest"])
    assert amend(run, OLD, same, who="b", why="w", when=run.opened) is None
    seal(run)
    with pytest.raises(RunFolderError, match="is sealed"):
        amend(run, NEW, "digest-2", who="b", why="w", when=run.opened)
    assert not (run.path / "inventory-02.yaml").exists()


def test_a_run_is_joined_by_the_inventory_in_force_and_not_by_its_first(tmp_path: Path) -> None:
    run = opened(tmp_path)
    uid, first = str(run.facts["uid"]), str(run.facts["inventory_digest"])
    amend(run, NEW, "digest-2", who="b", why="w", when=run.opened + timedelta(minutes=5))

    def later() -> object:
        return run.opened + timedelta(minutes=6)

    found = find_joinable(run.path.parent, uid, "digest-2", later)  # type: ignore[arg-type]
    assert found is not None
    assert found.path == run.path
    assert find_joinable(run.path.parent, uid, first, later) is None  # type: ignore[arg-type]


def test_the_runs_page_shows_the_edit_and_links_its_diff(tmp_path: Path) -> None:
    run = opened(tmp_path)
    assert "Inventory edits" not in render_run(run)
    amend(run, NEW, "digest-2", who="becker", why="Git <says> 0.2.3", when=run.opened)
    page = render_run(Run.load(run.path))
    assert 'href="inventory-02.diff"' in page
    assert "becker" in page
    assert "Git &lt;says&gt; 0.2.3" in page
