"""Imported by the warm parent of kernels: the catalogue of causes is read there once, and each stage's kernel has it."""

from __future__ import annotations

from runbook.diagnosis.catalogue import built_in

built_in()
