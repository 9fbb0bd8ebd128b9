"""What papermill runs is what we run: every fixture through stock papermill and through ours, in real kernels, must be equal."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import both
import pytest

pytestmark = pytest.mark.filterwarnings(
    "ignore::Warning:zmq", "ignore::Warning:jupyter_client", "ignore::Warning:papermill", "ignore::DeprecationWarning"
)

FAST = (
    "streams-and-results", "rich-displays", "displays-that-change", "fails-with-a-traceback", "tags", "exits-with-0",
    "asks", "environment", "figures", "interrupts-itself",
)  # fmt: skip
ALL = sorted(p.stem for p in both.FIXTURES.glob("*.ipynb"))
LIMITED = {"sleeps": {"execution_timeout": 2}}
GIVEN: dict[str, dict[str, Any]] = {
    "parameters": {"day": "dienstag ✓", "count": 3, "nothing": None},
    "no-parameters-cell": {"day": "tuesday"},
}


def equal(name: str, tmp_path: Path) -> both.Executed:
    """Both ways, compared; ours is given back."""
    found = {w: both.execute(name, w, tmp_path, GIVEN.get(name), **LIMITED.get(name, {})) for w in ("stock", "ours")}
    assert found["ours"].raised == found["stock"].raised
    assert found["ours"].files == found["stock"].files
    for index, cell in enumerate(found["stock"].notebook["cells"]):
        assert found["ours"].notebook["cells"][index] == cell, f"cell {index}"
    assert found["ours"].notebook == found["stock"].notebook
    return found["ours"]


@pytest.mark.parametrize("name", FAST)
def test_it_is_the_same(name: str, tmp_path: Path) -> None:
    assert equal(name, tmp_path).notebook["cells"]


@pytest.mark.tier2
@pytest.mark.parametrize("name", [n for n in ALL if n not in FAST])
def test_it_is_the_same_too(name: str, tmp_path: Path) -> None:
    assert equal(name, tmp_path).notebook["cells"]


@pytest.mark.tier2
def test_a_kernel_runs_what_was_registered_for_its_end(tmp_path: Path) -> None:
    assert equal("threads-and-late-words", tmp_path).files == {"at-the-end.txt": "written"}


class TestTheComparison:
    """It sees a difference wherever one is planted, and only overlooks what has to differ."""

    NOTEBOOK: dict[str, Any] = {
        "metadata": {"papermill": {"start_time": "2025-10-17T11:00:00", "end_time": "x", "exception": None}},
        "cells": [
            {
                "cell_type": "code", "id": "c0", "execution_count": 1, "source": "print(1)",
                "metadata": {"execution": {"iopub.status.idle": "1"}, "papermill": {"duration": 0.1, "status": "completed"}},
                "outputs": [
                    {"output_type": "stream", "name": "stdout", "text": "a"},
                    {"output_type": "stream", "name": "stderr", "text": "e"},
                    {"output_type": "stream", "name": "stdout", "text": "b"},
                    {"output_type": "display_data", "data": {"text/plain": "p"}, "metadata": {}},
                ],
            }
        ],
    }  # fmt: skip

    def changed(self, *path: str | int, to: Any) -> dict[str, Any]:
        found: Any = copy.deepcopy(self.NOTEBOOK)
        at = found
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = to
        return both.normal(found, "/somewhere")

    @pytest.mark.parametrize(
        ("path", "to"),
        [
            (("metadata", "papermill", "exception"), True),
            (("metadata", "papermill", "end_time"), None),
            (("cells", 0, "execution_count"), 2),
            (("cells", 0, "metadata", "papermill", "status"), "failed"),
            (("cells", 0, "metadata", "execution"), {}),
            (("cells", 0, "outputs", 0, "text"), "A"),
            (("cells", 0, "outputs", 2, "name"), "stderr"),
            (("cells", 0, "outputs", 3, "data"), {"text/html": "p"}),
            (("cells", 0, "outputs", 3, "metadata"), {"isolated": True}),
            (("cells", 0, "outputs"), []),
            (("cells", 0, "id"), "c1"),
        ],
    )
    def test_a_planted_difference_is_found(self, path: tuple[str | int, ...], to: Any) -> None:
        assert self.changed(*path, to=to) != both.normal(copy.deepcopy(self.NOTEBOOK), "/somewhere")

    @pytest.mark.parametrize(
        ("path", "to"),
        [
            (("metadata", "papermill", "start_time"), "another"),
            (("cells", 0, "metadata", "papermill", "duration"), 9.0),
            (("cells", 0, "metadata", "execution"), {"iopub.status.idle": "2"}),
            (("cells", 0, "outputs", 0, "text"), ["", "a"]),
        ],
    )
    def test_a_time_and_the_pieces_of_a_stream_are_overlooked(self, path: tuple[str | int, ...], to: Any) -> None:
        assert self.changed(*path, to=to) == both.normal(copy.deepcopy(self.NOTEBOOK), "/somewhere")
