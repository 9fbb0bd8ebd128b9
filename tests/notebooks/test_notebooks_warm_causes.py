"""A stage's kernel is forked with the catalogue of causes already read."""

from __future__ import annotations

import subprocess
import sys

from runbook.runner.foresight import STAGE

# What the parent does, and then what the first cell of a kernel would.
ASKED = """
from runbook.runner.forkserver import preload
assert preload({modules!r}) == ""
from runbook.diagnosis.catalogue import built_in
before = built_in.cache_info()
assert built_in().causes
print(before.misses, built_in.cache_info().misses)
"""


def test_the_parent_of_a_stages_kernels_has_read_the_catalogue() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKED.format(modules=STAGE)], capture_output=True, text=True, check=False
    )
    assert (done.stdout.split(), done.stderr) == (["1", "1"], "")
