"""Real Git repositories of the embedded world: made from a scenario's working trees, read by revision, edited by a person."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

from runbook.errors import ScenarioError

AUTHOR = {
    "GIT_AUTHOR_NAME": "person",
    "GIT_AUTHOR_EMAIL": "person@example.invalid",
    "GIT_COMMITTER_NAME": "person",
    "GIT_COMMITTER_EMAIL": "person@example.invalid",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


class GitRepository:
    """One repository with a working tree that the person edits, and a folder of checked-out revisions for readers."""

    def __init__(self, tree: Path, branch: str, checkouts: Path) -> None:
        self.tree, self.branch, self._checkouts = tree, branch, checkouts

    @classmethod
    def create(cls, source: Path, tree: Path, branch: str, checkouts: Path) -> GitRepository:
        """Copy a scenario's tree and make it a repository without a commit."""
        shutil.copytree(source, tree)
        repository = cls(tree, branch, checkouts)
        repository._git("init", "-q", "-b", branch)
        return repository

    def commit(self, message: str, when: datetime) -> str:
        """Commit everything that changed, at a cluster time, and return the commit's hash."""
        stamp = when.strftime("%Y-%m-%dT%H:%M:%S+00:00")
        self._git("add", "-A")
        self._git("commit", "-q", "--allow-empty", "-m", message, GIT_AUTHOR_DATE=stamp, GIT_COMMITTER_DATE=stamp)
        return self.head()

    def head(self) -> str:
        """The branch's commit, read without starting a process."""
        return (self.tree / ".git/refs/heads" / self.branch).read_text().strip()

    def has_branch(self, branch: str) -> bool:
        """Whether a branch of that name exists."""
        return (self.tree / ".git/refs/heads" / branch).is_file()

    def checkout(self, commit: str) -> Path:
        """A folder with the files of a commit; made once per commit."""
        folder = self._checkouts / commit
        if not folder.is_dir():
            folder.mkdir(parents=True)
            self._git("--work-tree", str(folder), "checkout", "-q", commit, "--", ".")
            self._git("read-tree", "HEAD")
        return folder

    def _git(self, *argv: str, **environment: str) -> str:
        done = subprocess.run(
            ["git", *argv],  # noqa: S607  git is found on PATH, as the README requires
            cwd=self.tree,
            env={**os.environ, **AUTHOR, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ScenarioError(f"git {argv[0]} failed in {self.tree.name}: {done.stderr.strip()}")
        return done.stdout
