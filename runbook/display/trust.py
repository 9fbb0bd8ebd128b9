"""Trust as a matrix of node and name form, which file fixes which cell, and the look-alikes that no CA cures.

Where each runtime looks for a registry's CA, and whether it must be restarted: dockerd reads certs.d at every pull
[moby:registry/config.go], containerd reads hosts.toml below config_path at every pull [containerd:docs/hosts.md],
cri-o reads containers/certs.d at every pull [containers-certs.d(5)]; only the system store needs a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runbook.display.table import Cell, CellLike, Column, Table
from runbook.display.texts import plural, short
from runbook.display.views import findings_table
from runbook.display.words import FAIL, NOT_EVALUATED, PASS, WARN, Word, word_of
from runbook.domain.probes import RegistryTrust
from runbook.model import Finding, Snapshot

STEPS = (
    ("resolve", "resolve"),
    ("connect", "TCP"),
    ("chain", "chain"),
    ("name", "SAN"),
    ("expiry", "expiry"),
    ("api", "auth"),
    ("manifest", "manifest"),
)
_FILES = {
    "docker": ("/etc/docker/certs.d/{host}/ca.crt", "no, certs.d is read at every pull"),
    "containerd": ("/etc/containerd/certs.d/{host}/hosts.toml, with ca = …", "no, hosts.toml is read at every pull"),
    "cri-o": ("/etc/containers/certs.d/{host}/ca.crt", "no, certs.d is read at every pull"),
}
_ALIKE = (
    ("signed by unknown authority", "CA not trusted: install it", ("unknown authority", "self-signed", "self signed")),
    ("doesn’t contain any IP SANs", "new certificate with the address in it", ("any IP SANs",)),
    ("is valid for …, not …", "ask by a name it has", ("is valid for",)),
    ("has expired or is not yet valid", "look at the node’s clock, then renew", ("expired", "not yet valid")),
    ("manifest unknown, not found", "no such image: push or mirror it", ("manifest unknown", "not found")),
)


def trust_probes(snapshot: Snapshot | None) -> tuple[RegistryTrust, ...]:
    """The probes of a snapshot, ordered by node and name form; none without a snapshot."""
    probes = snapshot.seen(RegistryTrust) if snapshot is not None else ()
    return tuple(sorted(probes, key=lambda p: (p.vantage, p.host)))


def trust_matrix(findings: Iterable[Finding], snapshot: Snapshot | None) -> Table:
    """Node × name form × step. A step that was not reached is NOT EVALUATED, never a pass.

    Without recorded probes the findings about registries and nodes are shown instead, as a plain table.
    """
    probes = trust_probes(snapshot)
    if not probes:
        about = [f for f in findings if f.object.kind in ("Registry", "Node")]
        return findings_table(about, caption="Registry trust, as found")
    rows = [_row(p) for p in probes]
    words = [_word(p, step) for p in probes for step, _ in STEPS]
    count = f"{len(words)} cells: " + ", ".join(
        f"{words.count(w)} {said}" for w, said in ((PASS, "pass"), (FAIL, "fail"), (NOT_EVALUATED, "not evaluated"))
    )
    columns: tuple[str | Column, ...] = ("Seen from, name form", *(Column(title, tight=True) for _, title in STEPS))
    return Table("Trust matrix", columns, rows, count=count, css="matrix", wide=True)


def _row(probe: RegistryTrust) -> Sequence[CellLike]:
    said = [getattr(probe, step) for step, _ in STEPS]
    errors = tuple(f"{title}: {short(text)}" for (_, title), text in zip(STEPS, said, strict=True) if _bad(text))
    unread = probe.node_read and probe.node_read != "read"
    read = (f"node: {probe.node_read}",) if unread else ()
    place = (
        f"{probe.vantage} ({probe.runtime})"
        if probe.runtime
        else f"{probe.vantage}’s machine, proves nothing of a node"
    )
    head = Cell(f"{place}, {probe.host}", under=(*read, *errors))
    return head, *(matrix_cell(_word(probe, step), f"{title}: {_said(probe, step)}") for step, title in STEPS)


def matrix_cell(word: Word, spoken: str) -> Cell:
    """A letter in a coloured square; `spoken` says it to a screen reader."""
    return Cell(word.letter, css=f"cell {word.css}", spoken=spoken)


def _bad(text: str) -> bool:
    return text not in ("", "ok")


def _word(probe: RegistryTrust, step: str) -> Word:
    said = getattr(probe, step)
    if not said:
        return NOT_EVALUATED
    return PASS if said == "ok" else FAIL


def _said(probe: RegistryTrust, step: str) -> str:
    return {"": "not evaluated", "ok": "pass"}.get(getattr(probe, step), "fail")


def trust_files(snapshot: Snapshot | None) -> Table:
    """Which file turns which cell, whether a restart is needed, and what turns nothing."""
    probes = trust_probes(snapshot)
    rows: list[Sequence[CellLike]] = []
    for probe in probes:
        if _bad(probe.chain) and probe.runtime in _FILES:
            path, restart = _FILES[probe.runtime]
            rows.append(
                (
                    Cell(path.format(host=probe.host), css="m"),
                    f"chain × {probe.host} on {probe.vantage}",
                    restart,
                    "nothing",
                )
            )
    needed = len(rows)
    if any(p.runtime in _FILES for p in probes):
        rows.append((
            Cell("/usr/local/share/ca-certificates/registry-ca.crt", css="m"),
            "no cell that certs.d does not turn; serves curl and git on the node",
            "yes, and update-ca-certificates first",
            "see below",
        ))  # fmt: skip
        rows.append(("a restart of the runtime", "no cell", "is one", "what runs on the node, registry included"))
    return Table(
        "Files and cells",
        ("Act", "Turns", "Restart needed?", "Interrupts"),
        rows,
        count=f"{needed} needed, {len(rows) - needed} not",
        wide=True,
        empty="no node's trust could be read, so no file can be named",
    )


def durability(snapshot: Snapshot | None) -> str:
    """Whether what is trusted now survives the next rebuild, in one sentence; empty when it is not known."""
    lost = [p for p in trust_probes(snapshot) if p.durable is False]
    if not lost:
        return ""
    nodes = ", ".join(sorted({p.vantage for p in lost}))
    return (
        f"It does not last: on {nodes} the CA of {plural(len(lost), 'name form')} lies only on the node, and the next "
        "rebuild starts without it. On minikube, files below ~/.minikube/files are copied at every start."
    )


def look_alikes(snapshot: Snapshot | None) -> Table:
    """Five messages with the same pod state and five different repairs; only the first is cured by a CA."""
    texts = [(p, getattr(p, step)) for p in trust_probes(snapshot) for step, _ in STEPS if _bad(getattr(p, step))]
    rows: list[Sequence[CellLike]] = []
    for said, means, marks in _ALIKE:
        here = [p for p, text in texts if any(mark in text for mark in marks)]
        rows.append((Cell(said, css="m"), means, f"yes, {plural(len(here), 'name form')}" if here else "no"))
    return Table("ImagePullBackOff, by what the runtime said", ("Said", "Means", "Here"), rows, count="5")


def certificates_table(snapshot: Snapshot | None) -> Table:
    """What each name form presented: subject, names, dates, fingerprint."""
    seen = {(p.host, c.fingerprint): (p, c) for p in trust_probes(snapshot) for c in p.served}
    rows: list[Sequence[CellLike]] = [
        (
            Cell(c.subject, under=(f"at {p.host}, issued by {c.issuer}",)),
            ", ".join((*c.dns_names, *c.ip_addresses)) or "names nothing",
            f"{c.not_before:%Y-%m-%d} to {c.not_after:%Y-%m-%d}",
            Cell(f"{c.fingerprint[:16]}…{c.fingerprint[-4:]}", css="m"),
        )
        for _, (p, c) in sorted(seen.items())
    ]
    return Table(
        "Certificates served", ("Certificate", "Names", "Valid", "SHA-256"), rows, wide=True, empty="none was presented"
    )


def anchors_table(snapshot: Snapshot | None) -> Table:
    """Where each node's runtime would look for the CA, and what is there."""
    rows: list[Sequence[CellLike]] = [
        (Cell(f"{p.vantage}, {p.host}"), ", ".join(p.anchors) or "nothing that names this host", _durable(p.durable))
        for p in trust_probes(snapshot)
    ]
    return Table("Anchors in use", ("Seen from, name form", "CA from", "Survives a rebuild"), rows, empty="not read")


def _durable(value: bool | None) -> CellLike:
    if value is None:
        return "not known"
    return "yes" if value else Cell("no", word=WARN)


def worst_cells(findings: Iterable[Finding]) -> list[Finding]:
    """Failing findings about registries, for a card that has no explanation to show."""
    return [f for f in findings if f.object.kind in ("Registry", "Node") and word_of(f) is FAIL]
