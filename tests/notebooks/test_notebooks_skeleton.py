"""The seven notebooks follow one skeleton, read from their JSON: prose first, thin cells, typed and commented parameters."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from runbook.evidence import FOLDERS
from runbook.stage import PARAMETERS

FOLDER = Path(__file__).parents[2] / "notebooks"
STAGES = list(FOLDERS)
ORDER = [
    "Before you start",
    "Parameters",
    "Begin",
    "Observe",
    "Check",
    "Plan",
    "Apply",
    "Prove",
    "Record",
    "If it did not work",
]


def notebook(stage: str) -> Any:
    return json.loads((FOLDER / f"{FOLDERS[stage]}.ipynb").read_text())


def cells(stage: str, kind: str) -> list[dict[str, Any]]:
    return [c for c in notebook(stage)["cells"] if c["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_there_are_exactly_the_seven() -> None:
    assert sorted(p.name for p in FOLDER.iterdir()) == sorted(f"{f}.ipynb" for f in FOLDERS.values())


@pytest.mark.parametrize("stage", STAGES)
class TestSkeleton:
    def test_format_kernel_and_ids(self, stage: str) -> None:
        whole = notebook(stage)
        nbformat.validate(nbformat.from_dict(whole))
        assert (whole["nbformat"], whole["nbformat_minor"]) == (4, 5)
        assert whole["metadata"]["kernelspec"]["name"] == "python3"
        ids = [c["id"] for c in whole["cells"]]
        assert len(set(ids)) == len(ids)

    def test_nothing_was_left_in_it(self, stage: str) -> None:
        assert not [c for c in cells(stage, "code") if c["outputs"] or c["execution_count"]]

    def test_headings_come_in_order_below_one_title(self, stage: str) -> None:
        text = "\n".join(source(c) for c in cells(stage, "markdown"))
        assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
        found = [h for h in re.findall(r"^## (.+)$", text, re.MULTILINE) if h != "Explain"]
        assert found == (ORDER if stage != "retrospective" else [h for h in found if h in ORDER])
        assert {"Before you start", "Parameters", "Begin", "Record", "If it did not work"} <= set(found)

    def test_the_first_cell_has_the_table_and_the_second_the_stop_conditions(self, stage: str) -> None:
        first, second = (source(c) for c in notebook(stage)["cells"][:2])
        for row in ("reads", "changes", "takes", "undo", "next"):
            assert f"| **{row}** |" in first
        assert "**Stop, and" in second

    def test_what_to_do_when_it_did_not_work(self, stage: str) -> None:
        last = source(notebook(stage)["cells"][-1])
        assert last.startswith("## If it did not work")
        assert last.count("\n|") >= 6  # head, rule, and at least four symptoms

    def test_code_cells_are_thin(self, stage: str) -> None:
        for cell in cells(stage, "code"):
            if "parameters" in cell["metadata"].get("tags", []):
                continue
            text = source(cell)
            assert len(text.splitlines()) <= 8, text
            assert not re.search(r"^\s*[!%]|\binput\(|\bprint\(", text, re.MULTILINE), text
            for node in ast.walk(ast.parse(text)):
                assert not isinstance(
                    node, ast.FunctionDef | ast.For | ast.While | ast.Try | ast.If | ast.Lambda | ast.With
                ), text
                if isinstance(node, ast.Import):
                    assert [n.name for n in node.names] == ["runbook"]
                if isinstance(node, ast.ImportFrom):
                    assert node.module == "runbook"

    def test_as_much_prose_as_code(self, stage: str) -> None:
        prose = sum(len(source(c).split()) for c in cells(stage, "markdown"))
        code = sum(len(source(c).split()) for c in cells(stage, "code"))
        assert prose >= code
        assert len(notebook(stage)["cells"]) <= 22

    def test_parameters_are_typed_commented_and_exactly_what_the_stage_declares(self, stage: str) -> None:
        tagged = [c for c in cells(stage, "code") if "parameters" in c["metadata"].get("tags", [])]
        assert len(tagged) == 1
        lines = source(tagged[0]).splitlines()
        found = {}
        for line in lines:
            match = re.fullmatch(r'(\w+): str = "(.*)"  # \S.+', line)
            assert match, line
            found[match[1]] = match[2]
        assert found == PARAMETERS[stage]

    def test_no_parameter_is_a_switch_that_text_could_turn_on(self, stage: str) -> None:
        tree = ast.parse(source(next(c for c in cells(stage, "code"))))
        assert not [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, bool)]

    def test_links_lead_to_notebooks_that_exist(self, stage: str) -> None:
        text = "\n".join(source(c) for c in cells(stage, "markdown"))
        for target in re.findall(r"\]\(([^)]+)\)", text):
            assert (FOLDER / target).is_file(), target
