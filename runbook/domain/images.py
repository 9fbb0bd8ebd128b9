"""Image references as runtimes read them, and imageIDs as kubelets report them (semantics 3.4, 6.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ImageReference:
    """`host/repository:tag` or `@digest`. Without a host it is docker.io; without a tag it is `latest`."""

    host: str
    repository: str
    tag: str
    digest: str = ""

    @property
    def wanted(self) -> str:
        """What is asked for: the digest wins over the tag."""
        return self.digest or self.tag


def parse(image: str) -> ImageReference:
    """Read an image reference. The first part is a host only with a dot or a colon, or as `localhost`."""
    name, _, digest = image.partition("@")
    head, slash, rest = name.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        host, path = head, rest
    else:
        host, path = "docker.io", name if slash else f"library/{name}"
    repository, colon, tag = path.rpartition(":")
    return ImageReference(host, repository if colon else path, tag if colon else ("" if digest else "latest"), digest)


def digest_of(image_id: str) -> str:
    """The digest in an imageID such as `docker-pullable://host/name@sha256:…`, or an empty string."""
    found = _DIGEST.search(image_id) if "@" in image_id else None
    return found[0] if found else ""


def bare(version: str) -> str:
    """A version without the `v` that people write before it: `v1.16.2` and `1.16.2` are the same."""
    return version[1:] if version[:1] in ("v", "V") and version[1:2].isdigit() else version
