"""outputs/example: one sealed red and one sealed green verify, asked again by anybody with no cluster."""

from __future__ import annotations

import getpass
import gzip
import os
import re
import secrets
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from example_record import altered, chosen, differing, facts

from runbook.evidence import Run, check_seal
from runbook.model import Verdict

VERDICTS = {"red": Verdict.FAIL, "green": Verdict.PASS}
MAKE = "make it anew: python tests/data/make_example.py"


@pytest.fixture(scope="module")
def example(root: Path) -> Path:
    folder = root / "outputs/example"
    assert {p.name for p in folder.iterdir() if not p.name.startswith(".")} == set(VERDICTS), MAKE
    return folder


@pytest.fixture(scope="module")
def attempts(example: Path) -> dict[str, Path]:
    return {name: example / name / "40-verify" for name in VERDICTS}


@pytest.mark.parametrize("name", VERDICTS)
def test_it_is_sealed_unchanged_and_has_its_verdict(example: Path, name: str) -> None:
    run = Run.load(example / name)
    assert run.sealed
    assert list(check_seal(run)) == []
    (attempt,) = run.attempts()
    result = attempt.read_result()
    assert (result.stage, result.verdict, result.ended_as) == ("verify", VERDICTS[name], "recorded")
    assert (example / name / "40-verify/report.html").is_file()


def test_red_is_the_nights_end_and_green_was_quiet(example: Path) -> None:
    red, green = (Run.load(example / name).attempts()[0].read_result() for name in ("red", "green"))
    causes = [c.cause for c in red.explanation.first_causes] if red.explanation else []
    assert causes.count("sealed-secret-key-mismatch") == 8
    soak = next(f for f in green.findings if f.check == "soak")
    assert soak.facts["quiet_seconds"] == soak.facts["wanted_seconds"]


def test_it_is_small_and_holds_nothing_of_the_machine_it_was_made_on(example: Path, root: Path) -> None:
    files = [p for name in VERDICTS for p in (example / name).rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 1_500_000
    names = {socket.gethostname(), getpass.getuser(), str(root), str(Path.home())}
    mine = [rf"(?<![\w.-]){re.escape(n)}(?![\w-])" for n in names if len(n) > 2 and n not in ("root", "/root")]
    places = [r"/(?:home|root|Users|work|workspace|builds|mnt|srv)/", r'"who": "root"', r"Run by\W+root"]
    for path in files:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        found = re.search("|".join([*places, *mine]), data.decode())
        assert found is None, f"{path.relative_to(example)} holds {found[0]!r}; {MAKE}"


def test_nbval_replays_both_with_no_cluster(attempts: dict[str, Path], tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--nbval"]
    argv += ["--nbval-current-env", *(str(a / "notebook.ipynb") for a in attempts.values())]
    environment = {**os.environ, "RUNBOOK_REPLAY": "1", "KUBECONFIG": "/nowhere", "HOME": str(tmp_path)}
    done = subprocess.run(argv, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\nIf checks, causes or words changed on purpose, {MAKE}"
    assert "20 passed" in done.stdout


@pytest.mark.parametrize("name", VERDICTS)
def test_cell_by_cell_in_this_process_the_replay_says_the_same(
    attempts: dict[str, Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("RUNBOOK_REPLAY", str(attempts[name]))
    assert differing(attempts[name]) == []


def test_each_of_20_altered_facts_fails_the_replay_and_breaks_the_seal(
    attempts: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seed of its own every time, printed: RUNBOOK_TEST_SEED repeats it. The hash beside a fact is corrected too."""
    seed = int(os.environ.get("RUNBOOK_TEST_SEED") or secrets.randbelow(10**9))
    print(f"RUNBOOK_TEST_SEED={seed}")  # noqa: T201
    pool = {name: facts(attempt) for name, attempt in attempts.items()}
    for number, (name, fact) in enumerate(chosen(pool, 20, seed)):
        attempt = altered(attempts[name], fact, tmp_path / str(number))
        monkeypatch.setenv("RUNBOOK_REPLAY", str(attempt))
        assert differing(attempt) != [], f"RUNBOOK_TEST_SEED={seed}: nobody noticed {name} {fact}"
        assert f"40-verify/{fact.file}" in "".join(map(str, check_seal(Run.load(attempt.parent))))
