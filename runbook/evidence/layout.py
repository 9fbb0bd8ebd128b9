"""The run folder: run.json and the folders of its stages' attempts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbook.errors import EvidenceError, RunFolderError
from runbook.evidence.entries import FOLDERS, INVENTORY, MANIFEST, RESULT, RUN, StageEntry
from runbook.evidence.files import (
    FOLDER_MODE,
    json_bytes,
    locked,
    moment,
    outputs_folder,
    read_object,
    stamp,
    sync_folder,
    write_whole,
    writing,
)
from runbook.evidence.journal import Journal
from runbook.model import Snapshot, StageResult, Verdict

if TYPE_CHECKING:
    from runbook.domain.probes import SoakWindow
    from runbook.evidence.observations import Observed
    from runbook.evidence.redaction import Redactor

SCHEMA = "runbook/run/v1"
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_TEXTS = ("cluster", "uid", "server", "inventory_digest", "who", "how", "tool_version")


@dataclass(frozen=True)
class Run:
    """One rebuild's record. `facts` is run.json less its stages; it is read anew by `load`, never assumed."""

    path: Path
    facts: Mapping[str, Any]
    stages: tuple[StageEntry, ...] = ()

    @classmethod
    def open(
        cls,
        outputs: Path,
        *,
        cluster: str,
        uid: str,
        server: str,
        inventory_digest: str,
        inventory_path: str,
        who: str,
        how: str,
        tool_version: str,
        time_scale: float,
        now: Callable[[], datetime],
        **more: Any,
    ) -> Run:
        """Make a private run folder named by real UTC and cluster. Raises ParameterError when `outputs` cannot be written."""
        opened = now().astimezone(UTC)
        outputs_folder(outputs)
        path = _new_folder(outputs, f"{opened:%Y%m%d-%H%M%S}-{_UNFIT.sub('-', cluster).strip('-.') or 'cluster'}")
        facts = {
            "schema": SCHEMA, "id": path.name, "cluster": cluster, "uid": uid, "server": server,
            "inventory_path": inventory_path, "inventory_digest": inventory_digest, "who": who, "how": how,
            "tool_version": tool_version, "time_scale": time_scale, "opened": stamp(opened), "sealed": None, **more,
        }  # fmt: skip
        run = cls(path, facts)
        run._write()
        return run

    @classmethod
    def load(cls, path: Path) -> Run:
        """Read a run folder. Raises RunFolderError when it is missing, truncated, foreign or of a newer schema."""
        data = read_object(path / RUN, path)
        if data.get("schema") != SCHEMA:
            raise RunFolderError(
                f"{path} has the schema {data.get('schema')!r}, this version reads {SCHEMA}",
                hint="Read it with the version of runbook that wrote it.",
            )
        try:
            stages = tuple(StageEntry.from_json(s) for s in data.pop("stages"))
            moment(data["opened"])
            wrong = [key for key in _TEXTS if not isinstance(data[key], str)]
        except (KeyError, ValueError, TypeError) as error:
            raise RunFolderError(f"{path / RUN} lacks or misstates {error}", hint="It was cut or altered.") from error
        if wrong:
            raise RunFolderError(f"{path / RUN} misstates {', '.join(wrong)}", hint="It was cut or altered.")
        return cls(path, data, stages)

    @property
    def cluster(self) -> str:
        """The cluster's name."""
        return str(self.facts["cluster"])

    @property
    def opened(self) -> datetime:
        """When the run began, real UTC."""
        return moment(self.facts["opened"])

    @property
    def sealed(self) -> bool:
        """Whether it was sealed; `check_seal` says whether it still is what it was."""
        return (self.path / MANIFEST).is_file()

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the latest attempt of each stage; one without a recorded end counts as an error."""
        latest = {s.stage: s.verdict or Verdict.ERROR for s in self.stages}
        return max(latest.values(), key=lambda v: v.severity, default=Verdict.ERROR)

    def as_json(self) -> dict[str, Any]:
        """run.json."""
        return {**self.facts, "stages": [s.as_json() for s in self.stages]}

    def keep_inventory(self, text: str) -> None:
        """Keep the (redacted) inventory beside run.json, so that a replay knows what should have been true."""
        write_whole(self.path / INVENTORY, text.encode("utf-8", errors="backslashreplace"))

    def attempts(self, stage: str = "") -> tuple[Attempt, ...]:
        """The attempts in order, of one stage or of all."""
        return tuple(Attempt(self.path, s.stage, s.attempt) for s in self.stages if stage in ("", s.stage))

    def new_attempt(self, stage: str, *, now: Callable[[], datetime] | None = None) -> Attempt:
        """Make the folder of the stage's next attempt and list it in run.json.

        Raises RunFolderError for a sealed run, EvidenceError when it cannot be written.
        """
        if self.sealed:
            raise RunFolderError(f"{self.path} is sealed", hint="Leave `run` empty to open a new run.")
        clock = now or (lambda: datetime.now(UTC))
        with locked(self.path):
            number = 1 + max((s.attempt for s in Run.load(self.path).stages if s.stage == stage), default=0)
            attempt = Attempt(self.path, stage, number)
            with writing(attempt.path):
                attempt.path.mkdir(mode=FOLDER_MODE)
                sync_folder(self.path)
            self._update(StageEntry(stage, number, attempt.path.name, started=clock()))
        return attempt

    def note(self, entry: StageEntry) -> None:
        """Replace the entry of that stage and attempt in run.json."""
        with locked(self.path):
            self._update(entry)

    def mark(self, **facts: Any) -> None:
        """Write facts into run.json: when it was `sealed`, why its page is missing (`report`), edited `inventories`."""
        with locked(self.path):
            fresh = Run.load(self.path)
            Run(self.path, {**fresh.facts, **facts}, fresh.stages)._write()

    def _update(self, entry: StageEntry) -> None:
        fresh = Run.load(self.path)
        known = {(s.stage, s.attempt): s for s in fresh.stages}
        old = known.get((entry.stage, entry.attempt))
        if old is not None and entry.started is None:
            entry = replace(entry, started=old.started)
        known[entry.stage, entry.attempt] = entry
        Run(self.path, fresh.facts, tuple(known.values()))._write()

    def _write(self) -> None:
        write_whole(self.path / RUN, json_bytes(self.as_json()))


@dataclass(frozen=True)
class Attempt:
    """One attempt of a stage in a run folder."""

    run_path: Path
    stage: str
    number: int

    @property
    def path(self) -> Path:
        """`40-verify`, then `40-verify-attempt-02` and so on."""
        folder = FOLDERS[self.stage]
        return self.run_path / (folder if self.number == 1 else f"{folder}-attempt-{self.number:02d}")

    @property
    def journal(self) -> Journal:
        """The attempt's journal."""
        return Journal(self.path / "journal.jsonl")

    @property
    def recorded(self) -> bool:
        """Whether the stage got as far as its result."""
        return (self.path / RESULT).is_file()

    def store(self, observation: Any, *, part: str = "", redactor: Redactor | None = None) -> Observed:
        """Redact and write what was observed; a `part` such as `proved` stays beside the first look."""
        from runbook.evidence.observations import store

        return store(self.path / "observations" / part, observation, redactor=redactor)

    def store_soak(self, window: SoakWindow, redactor: Redactor) -> Path:
        """Keep measured quiet beside the looks."""
        from runbook.evidence.observations import store_soak

        return store_soak(self.path / "observations", window, redactor)

    def forget_proof(self) -> None:
        """Drop the second look and the measured quiet: the first look is made anew."""
        from runbook.evidence.observations import PROVED, SOAK

        (self.path / "observations" / SOAK).unlink(missing_ok=True)
        folder = self.path / "observations" / PROVED
        if folder.is_dir():
            shutil.rmtree(folder)

    def snapshot(self, *, part: str | None = None, only: Collection[str] | None = None) -> Snapshot:
        """The recorded snapshot as checks saw it: the last look, the first ("") or another by its name; `only` some kinds."""
        from runbook.evidence.replay import load_snapshot

        return load_snapshot(self.path, part=part, only=only)

    def write_result(self, result: StageResult) -> Path:
        """Write result.json by rename and the verdict into run.json. Raises EvidenceError."""
        from runbook.evidence.results import result_json

        path = write_whole(self.path / RESULT, json_bytes(result_json(result)))
        entry = StageEntry(self.stage, self.number, self.path.name, result.verdict, result.started, result.ended)
        Run.load(self.run_path).note(entry)
        return path

    def read_result(self) -> StageResult:
        """The recorded result. Raises RunFolderError when there is none, or it is truncated, foreign or newer."""
        from runbook.evidence.results import read_result

        return read_result(self.path / RESULT)


def _new_folder(outputs: Path, name: str) -> Path:
    for number in range(1, 1000):
        path = outputs / (name if number == 1 else f"{name}-{number}")
        with writing(path, safe="Nothing was touched. Choose another folder with --outputs."):
            try:
                path.mkdir(mode=FOLDER_MODE)
            except FileExistsError:
                continue
            sync_folder(outputs)
            return path
    raise EvidenceError(f"{outputs} holds too many runs of one second", hint="Choose another folder with --outputs.")
