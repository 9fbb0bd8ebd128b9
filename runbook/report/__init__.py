"""Pages: a report for each attempt of a stage, an index for a run, an index for the archive.

Everything is one file each, readable offline and untrusted: no script, no external address, one style, relative links.
"""

from __future__ import annotations

from runbook.report.archive import archive_index
from runbook.report.making import attempted
from runbook.report.run import run_index
from runbook.report.stage import render_stage, stage_report

__all__ = ["archive_index", "attempted", "render_stage", "run_index", "stage_report"]
