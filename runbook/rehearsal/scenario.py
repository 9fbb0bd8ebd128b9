"""Reads a scenario folder, what docs/scenario-format.md describes, and checks that its files agree with each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from runbook.errors import ScenarioError
from runbook.rehearsal.personfile import SEED, FrameEntry, PersonFile
from runbook.rehearsal.scenariofiles import documents, read_model
from runbook.rehearsal.worldfile import World

SHIPPED = Path(__file__).parent / "scenarios"
Problem = tuple[str, str]  # the field below the folder, and what is wrong with it

HEALED = "healed"


class Scenario:
    """A scenario folder that was read and makes sense."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = read_model(World, folder / "world.yaml")
        person = folder / "person.yaml"
        self.person = read_model(PersonFile, person) if person.is_file() else PersonFile()
        self.manifests = [
            document
            for path in sorted((folder / "manifests").glob("*"))
            if path.suffix in (".yaml", ".json")
            for document in documents(path)
        ]
        for field, message in (*_world_problems(self.world, folder), *_person_problems(self.person, self.world)):
            raise ScenarioError(message, field=f"{folder}/{field}")

    def best_ending(self) -> str:
        """`healed` where the scenario has that ending, else the one every scenario has."""
        return HEALED if HEALED in self.person.every_ending() else SEED

    def frames(self, ending: str = SEED) -> tuple[FrameEntry, ...]:
        """The frames of an ending. Raises ScenarioError on one that the scenario does not have."""
        known = self.person.every_ending()
        if ending not in known:
            raise ScenarioError(
                f"{self.folder.name} has no ending {ending!r}; it has: {', '.join(known)}", field="--ending"
            )
        return known[ending]


def _world_problems(world: World, folder: Path) -> Iterator[Problem]:
    names = {
        "users": [u.name for u in world.users],
        "nodes": [n.name for n in world.nodes],
        "registries": [r.id for r in world.registries],
        "registries: names": [n for r in world.registries for n in r.names],
        "gitRepositories": [g.repo for g in world.gitRepositories],
    }
    for field, found in names.items():
        for name in sorted(n for n, number in Counter(found).items() if number > 1):
            yield f"world.yaml: {field}", f"{name!r} stands here twice"
    used = {r.authority for r in world.registries} | set(world.systemTrust) | {t.authority for t in world.trust}
    used |= {world.ingress.authority} if world.ingress else set()
    for name in sorted(used - set(world.authorities)):
        yield "world.yaml: authorities", f"{name!r} is not among the authorities"
    for index, trust in enumerate(world.trust):
        if trust.node not in names["nodes"]:
            yield f"world.yaml: trust.{index}.node", f"{trust.node!r} is not among the nodes"
    for index, secret in enumerate(world.caSecrets):
        if secret.registry not in names["registries"]:
            yield f"world.yaml: caSecrets.{index}.registry", f"{secret.registry!r} is not among the registries' ids"
    yield from _git_problems(world, folder)


def _git_problems(world: World, folder: Path) -> Iterator[Problem]:
    for entry in world.gitRepositories:
        if not (folder / "git" / entry.repo).is_dir():
            yield "world.yaml: gitRepositories", f"there is no folder git/{entry.repo}"
    for index, sealed in enumerate(world.sealed):
        if sealed.file.split("/")[0] not in {g.repo for g in world.gitRepositories}:
            yield "world.yaml: sealed", f"{sealed.file!r} lies in no Git repository of this scenario"
        if world.sealing is None:
            yield f"world.yaml: sealed.{index}.key", f"there is no key {sealed.key!r}: the world has no `sealing`"


def _person_problems(person: PersonFile, world: World) -> Iterator[Problem]:
    """Acts that name what world.yaml does not have."""
    for ending, frames in person.every_ending().items():
        place = "person.yaml: frames" if ending == SEED else f"person.yaml: endings.{ending}"
        for number, frame in enumerate(frames):
            for index, act in enumerate(frame.person):
                where = f"{place}.{number}.person.{index}.{act.word}"
                if act.gitEdit and act.gitEdit.repo not in {g.repo for g in world.gitRepositories}:
                    yield f"{where}.repo", f"{act.gitEdit.repo!r} is not among the gitRepositories"
                if act.unseal and world.sealing is None:
                    yield where, "this world has no sealing"
                if act.installCA and act.installCA.authority not in world.authorities:
                    yield f"{where}.authority", f"{act.installCA.authority!r} is not among the authorities"
                if act.installCA and (gone := set(act.installCA.nodes) - {n.name for n in world.nodes}):
                    yield f"{where}.nodes", f"{min(gone)!r} is not among the nodes"


def names() -> list[str]:
    """The shipped scenarios."""
    return sorted(p.parent.name for p in SHIPPED.glob("*/world.yaml"))


def find(name: str) -> Scenario:
    """A shipped scenario by name, or a folder. Raises ScenarioError."""
    folder = SHIPPED / name if (SHIPPED / name / "world.yaml").is_file() else Path(name)
    if not (folder / "world.yaml").is_file():
        raise ScenarioError(
            f"{name!r} is neither a shipped scenario ({', '.join(names())}) nor a folder with a world.yaml",
            field="--scenario",
        )
    return Scenario(folder.resolve())
