"""The command line: wiring only. Data goes to stdout, talk to stderr, and the exit code is INTERFACES' promise."""

from runbook.cli.app import main

__all__ = ["main"]
