"""The notebooks' own cells through real kernels: in order, one twice, one out of order; plain papermill and our runner."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import papermill
import pytest
from jupyter_client.manager import KernelManager, start_new_kernel

from runbook.embedded import EmbeddedCluster
from runbook.evidence import Run, list_runs
from runbook.runner import run_stage
from runbook.stage import replay_attempts
from runbook.stage.telling import Relay

FOLDER = Path(__file__).parents[2] / "notebooks"

pytestmark = pytest.mark.filterwarnings(
    "ignore::Warning:zmq", "ignore::Warning:jupyter_client", "ignore::Warning:papermill"
)


def sources(name: str) -> dict[str, str]:
    cells = json.loads((FOLDER / name).read_text())["cells"]
    return {c["id"].removesuffix("-code"): "".join(c["source"]) for c in cells if c["cell_type"] == "code"}


class Kernel:
    """A kernel as Lab has one: sources in, replies and outputs out."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.manager: KernelManager
        self.manager, self.client = start_new_kernel(kernel_name="python3", env=environment, cwd=str(folder))

    def run(self, source: str) -> dict[str, Any]:
        """The reply, with `shown`: text/plain of everything that was displayed."""
        shown: list[str] = []

        def keep(message: dict[str, Any]) -> None:
            shown.append(str(message["content"].get("data", {}).get("text/plain", "")))

        reply = self.client.execute_interactive(source, timeout=60, output_hook=keep)
        return {**reply["content"], "shown": "\n".join(shown)}

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


@pytest.fixture
def lab(meadow: EmbeddedCluster, tmp_path: Path) -> Iterator[Kernel]:
    environment = {
        **os.environ,
        "JPY_SESSION_NAME": "/notebooks/50-diagnose.ipynb",
        "RUNBOOK_INVENTORY": str(meadow.inventory),
        "RUNBOOK_KUBECONFIG": str(meadow.kubeconfig),
        "RUNBOOK_OUTPUTS": str(tmp_path / "outputs"),
    }
    kernel = Kernel(environment, tmp_path)
    yield kernel
    kernel.close()


class TestLab:
    """Run All in JupyterLab, and what people do instead of it."""

    def test_in_order_then_one_cell_twice_then_one_out_of_order(self, lab: Kernel, tmp_path: Path) -> None:
        cells = sources("50-diagnose.ipynb")
        for name, source in cells.items():
            assert lab.run(source)["status"] == "ok", name
        attempt = tmp_path / "outputs"
        (run,) = list_runs(attempt)
        assert run.facts["how"] == "lab"
        names = sorted(p.name for p in run.attempts()[0].path.iterdir())
        assert names == ["journal.jsonl", "observations", "report.html", "result.json"]  # no notebook.ipynb: Lab has it
        assert lab.run(cells["observe"])["status"] == "ok"  # twice
        assert lab.run(cells["check"])["status"] == "ok"
        assert lab.run(cells["record"])["status"] == "ok"  # the same attempt, recorded anew
        assert lab.run(cells["begin"])["status"] == "ok"  # out of order: begin anew, then straight to the end
        assert lab.run(cells["record"])["status"] == "ok"
        stages = Run.load(run.path).stages
        assert [(s.path, s.verdict is not None) for s in stages] == [
            ("50-diagnose", True),
            ("50-diagnose-attempt-02", True),
        ]
        assert [a.differences for a in replay_attempts(Run.load(run.path))] == [(), ()]

    def test_without_an_inventory_the_first_cell_says_what_to_do(self, lab: Kernel, tmp_path: Path) -> None:
        lab.run("import os; del os.environ['RUNBOOK_INVENTORY']")
        cells = sources("40-verify.ipynb")
        lab.run(cells["parameters"])
        reply = lab.run(cells["begin"])
        assert (reply["status"], reply["ename"]) == ("error", "ParameterError")
        assert "runbook inventory init" in reply["evalue"]
        assert len(reply["traceback"]) == 1  # a sentence and no traceback
        assert not (tmp_path / "outputs").exists()


class TestPlainPapermill:
    def execute(self, meadow: EmbeddedCluster, tmp_path: Path, **parameters: str) -> Any:
        given = {
            "inventory": str(meadow.inventory),
            "kubeconfig": str(meadow.kubeconfig),
            "outputs": str(tmp_path / "outputs"),
        }
        return papermill.execute_notebook(
            str(FOLDER / "50-diagnose.ipynb"), str(tmp_path / "out.ipynb"), {**given, **parameters}, progress_bar=False
        )

    def test_it_makes_the_same_record(self, meadow: EmbeddedCluster, tmp_path: Path) -> None:
        self.execute(meadow, tmp_path)
        (run,) = list_runs(tmp_path / "outputs")
        assert run.facts["how"] == "papermill"
        assert (run.attempts()[0].path / "report.html").is_file()
        assert (tmp_path / "outputs/index.html").is_file()

    def test_an_unknown_parameter_is_refused_by_the_first_cell(self, meadow: EmbeddedCluster, tmp_path: Path) -> None:
        with pytest.raises(papermill.exceptions.PapermillExecutionError, match="did you mean 'context'"):
            self.execute(meadow, tmp_path, contxt="staging")
        assert not (tmp_path / "outputs").exists()


class TestRunner:
    def test_it_makes_the_same_record_with_the_notebook_in_it(self, meadow: EmbeddedCluster, tmp_path: Path) -> None:
        outcome = run_stage(
            "diagnose",
            inventory=meadow.inventory,
            outputs=tmp_path / "outputs",
            kubeconfig=str(meadow.kubeconfig),
            talk=Relay(tmp_path / "said.jsonl"),
        )
        assert outcome.exit_code == outcome.verdict.exit_code()
        assert outcome.attempt_path is not None
        notebook = json.loads((outcome.attempt_path / "notebook.ipynb").read_text())
        code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
        assert {c["metadata"]["papermill"]["status"] for c in code} == {"completed"}
        assert not [o for c in code for o in c["outputs"] if o["output_type"] == "error"]
        injected = next(c for c in code if "injected-parameters" in c["metadata"]["tags"])
        assert 'mode = "plan"' in "".join(injected["source"])
        said = [json.loads(line)["verb"] for line in (tmp_path / "said.jsonl").read_text().splitlines()]
        assert {"action", "waiting", "success", "generate"} <= set(said)
        assert Run.load(outcome.attempt_path.parent).facts["how"] == "runner"

    def test_another_cluster_is_refused_with_its_own_error(self, meadow: EmbeddedCluster, tmp_path: Path) -> None:
        from runbook.errors import ClusterIdentityError

        other = tmp_path / "other.yaml"
        other.write_text(meadow.inventory.read_text().replace("7d3c9a10", "91c0b2fe"))
        with pytest.raises(ClusterIdentityError, match="this is another cluster") as caught:
            run_stage(
                "preflight",
                inventory=other,
                outputs=tmp_path / "outputs",
                kubeconfig=str(meadow.kubeconfig),
                talk=Relay(None),
            )
        assert caught.value.exit_code == 2
        assert "inventory pin" in caught.value.hint
        assert not (tmp_path / "outputs").exists()


@pytest.mark.tier2
def test_nbval_replays_a_record_with_no_cluster_and_sees_one_altered_fact(
    meadow: EmbeddedCluster, tmp_path: Path
) -> None:
    outcome = run_stage(
        "verify",
        inventory=meadow.inventory,
        outputs=tmp_path / "outputs",
        kubeconfig=str(meadow.kubeconfig),
        soak="none",
        talk=Relay(None),
    )
    attempt = outcome.attempt_path
    assert attempt is not None

    def nbval() -> int:
        argv = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--nbval",
            "--nbval-current-env",
            "-c",
            os.devnull,
        ]
        environment = {**os.environ, "RUNBOOK_REPLAY": "1", "KUBECONFIG": "/nowhere"}
        return subprocess.run(
            [*argv, "notebook.ipynb"], check=False, cwd=attempt, env=environment, capture_output=True
        ).returncode

    assert nbval() == 0
    snapshot = attempt / "observations/snapshot.json"
    snapshot.write_text(snapshot.read_text().replace('"items": 1', '"items": 2', 1))
    assert nbval() == 1
