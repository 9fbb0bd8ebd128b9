"""A directory that is a node's root, read as the node would read it: links lead where they lead on the node.

Links are followed below the root only, absolute ones from the root, as in a chroot: a node's `/etc/pki/…` is never the
operator's own. What is not there is None or empty; what is there and cannot be read is an ObservationError.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from runbook.errors import ObservationError

MAX_BYTES = 4_000_000
MAX_LINKS = 40  # as Linux has it


class NodeRoot:
    """Reads files below `root`; paths are relative to it, without a leading slash. Raises ObservationError."""

    def __init__(self, root: Path, what: str) -> None:
        self._root, self._what = root, what
        if not root.is_dir():
            raise ObservationError(what, f"{root} is not a folder")

    def read(self, path: str) -> bytes | None:
        """A file's content, or None when there is no such file."""
        try:
            real = self.real(path)
            if not real.is_file():
                return None
            if real.stat().st_size > MAX_BYTES:
                raise ObservationError(self._what, f"/{path} has more than {MAX_BYTES} bytes")
            return real.read_bytes()
        except OSError as error:
            raise self._unreadable(path, error) from error

    def is_folder(self, path: str) -> bool:
        """Whether there is such a folder."""
        try:
            return self.real(path).is_dir()
        except OSError as error:
            raise self._unreadable(path, error) from error

    def names(self, path: str) -> list[str]:
        """The names in a folder, sorted; none when there is no such folder."""
        try:
            real = self.real(path)
            return sorted(p.name for p in real.iterdir()) if real.is_dir() else []
        except OSError as error:
            raise self._unreadable(path, error) from error

    def real(self, path: str) -> Path:
        """Where a path leads on the node, whether or not there is anything; never outside of its root."""
        here, rest, links = self._root, list(reversed(PurePosixPath(path).parts)), 0
        while rest:
            part = rest.pop()
            if part == "..":
                here = here if here == self._root else here.parent
                continue
            if not (here / part).is_symlink():
                here /= part
                continue
            links += 1
            if links > MAX_LINKS:
                raise ObservationError(self._what, f"/{path} is a link that leads to itself")
            target = PurePosixPath((here / part).readlink())
            here = self._root if target.is_absolute() else here
            rest += [p for p in reversed(target.parts) if p != target.anchor]
        return here

    def _unreadable(self, path: str, error: OSError) -> ObservationError:
        return ObservationError(self._what, f"/{path} cannot be read: {error.strerror or error}")
