"""Who owns which field: `metadata.managedFields`, and server-side apply's conflicts and pruning [smd:merge/update.go].

An object without any record is not tracked by updates; the first apply ascribes all it holds to `before-first-apply`
[kapimachinery:pkg/util/managedfields/internal/skipnonapplied.go].
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from runbook.rehearsal import fieldsets
from runbook.rehearsal.apierrors import ApiError
from runbook.rehearsal.fieldsets import FieldSet
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.listtypes import Types

APPLY, UPDATE = "Apply", "Update"
BEFORE = "before-first-apply"
SELECTOR: fieldsets.Path = ("f:spec", "f:selector")
SERVER_OWNED = frozenset(
    ("name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion")
)
# What a new typed object has before anything is set: these never count as somebody's
EMPTY: Object = {"metadata": {}, "spec": {"template": {"metadata": {}, "spec": {}}, "strategy": {}}}


@dataclass(frozen=True)
class Manager:
    """Who writes: applies by one name are one manager whatever their version."""

    name: str
    operation: str
    version: str = ""
    sub: str = ""


@dataclass(frozen=True)
class Owned:
    """What a manager owns, since when, and in which version it said so."""

    fields: FieldSet
    time: str
    version: str


Managers = dict[Manager, Owned]


def types_of(kind: Kind) -> Types:
    """The merge rules of a kind."""
    return Types(open_=kind.crd)


def managers_of(obj: Object) -> Managers:
    """The record an object carries."""
    found: Managers = {}
    for entry in obj["metadata"].get("managedFields") or ():
        version = entry.get("apiVersion", "")
        operation = entry.get("operation", UPDATE)
        who = Manager(
            entry.get("manager", ""), operation, "" if operation == APPLY else version, entry.get("subresource", "")
        )
        found[who] = Owned(frozenset(fieldsets.read(entry.get("fieldsV1") or {})), entry.get("time", ""), version)
    return found


def record(managers: Managers) -> list[Object]:
    """The entries of `metadata.managedFields`, in the server's order."""
    entries = []
    for who, owned in managers.items():
        if not owned.fields:
            continue
        entry: Object = {"manager": who.name, "operation": who.operation, "apiVersion": owned.version}
        entry |= {"time": owned.time} if owned.time else {}
        entry |= {"fieldsType": "FieldsV1", "fieldsV1": fieldsets.written(owned.fields)}
        entries.append(entry | ({"subresource": who.sub} if who.sub else {}))
    return sorted(entries, key=lambda e: (e["operation"], e.get("time", ""), e["manager"], e.get("subresource", "")))


def own(obj: Object, kind: Kind, sub: str = "") -> Object:
    """What of an object is anybody's: less what the server owns, and less what the door it came through ignores."""
    metadata = {key: value for key, value in (obj.get("metadata") or {}).items() if key not in SERVER_OWNED}
    rest = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata")}
    if sub == "status":
        rest = {"status": rest["status"]} if "status" in rest else {}
    elif "status" in kind.subs:
        rest.pop("status", None)
    return {**({"metadata": metadata} if metadata else {}), **rest}


def created(kind: Kind, obj: Object, who: str, now: str) -> list[Object]:
    """The record of a new object."""
    empty: Object = {"metadata": {}, **({} if kind.crd else _skeleton(obj))}
    changed, _ = fieldsets.difference(empty, own(obj, kind), types_of(kind))
    return record({Manager(who, UPDATE, kind.gv): Owned(frozenset(changed), now, kind.gv)})


def _skeleton(obj: Object, empty: Object = EMPTY) -> Object:
    return {
        key: _skeleton(obj[key], inner) for key, inner in empty.items() if key in obj and isinstance(obj[key], dict)
    }


def updated(kind: Kind, live: Object, new: Object, who: str, now: str, sub: str = "") -> list[Object]:
    """The record after an update: what it changed is now `who`'s alone. An object without a record gets none."""
    managers = managers_of(live)
    if not managers:
        return []
    before, after = ({"metadata": {}, **own(obj, kind, sub)} for obj in (live, new))
    changed, removed = fieldsets.difference(before, after, types_of(kind))
    me = Manager(who, UPDATE, kind.gv, sub)
    for other, owned in managers.items():
        if other != me:
            managers[other] = replace(owned, fields=owned.fields - changed - removed)
    mine = managers[me].fields if me in managers else frozenset()
    managers[me] = Owned((mine | changed) - removed, now, kind.gv)
    return record(managers)


def taken(kind: Kind, live: Object, who: str, sub: str, fields: FieldSet) -> list[Object]:
    """The record after fields were written through a door that knows no times: the scale subresource.

    That door sees only the managers of these very fields, and without any records nothing. Who made the object owns its
    defaults, which the embedded cluster does not fill in: the selector, which nobody can leave out, tells who that is.
    """
    managers = managers_of(live)
    made = any(who.operation == UPDATE and SELECTOR in owned.fields for who, owned in managers.items())
    if not made and not any(owned.fields & fields for owned in managers.values()):
        return record(managers)
    me = Manager(who, UPDATE, kind.gv, sub)
    for other, owned in managers.items():
        managers[other] = replace(owned, fields=owned.fields - fields)
    managers[me] = Owned((managers[me].fields if me in managers else frozenset()) | fields, "", kind.gv)
    return record(managers)


def applied(
    kind: Kind, live: Object, config: Object, who: str, now: str, *, force: bool, sub: str = ""
) -> tuple[Object, list[Object]]:
    """The object and its record after an apply. Raises ApiError 409 when a field that it changes is another's and `force` is not set."""
    types, managers = types_of(kind), managers_of(live)
    before, wanted = {"metadata": {}, **own(live, kind, sub)}, own(config, kind, sub)
    if (twice := fieldsets.duplicate(wanted, types)) is not None:
        place = f"{config['metadata'].get('namespace', '')}/{config['metadata']['name']}; {kind.gv}, Kind={kind.kind}"
        raise ApiError(500, "", f"failed to create typed patch object ({place}): {twice}")
    if not managers and live["metadata"].get("uid"):
        fields, _ = fieldsets.difference({"metadata": {}}, before, types)
        managers[Manager(BEFORE, UPDATE, kind.gv)] = Owned(frozenset(fields), now, kind.gv)
    me = Manager(who, APPLY, sub=sub)
    last = managers.get(me)
    managers[me] = Owned(frozenset(fieldsets.members(wanted, types)), now, kind.gv)
    kept = frozenset().union(*(owned.fields for owned in managers.values()))
    after = fieldsets.merged(before, wanted, types)
    after = fieldsets.without(after, last.fields - kept if last else (), types)
    changed, removed = fieldsets.difference(before, after, types)
    conflicts = {
        m: sorted(owned.fields & changed) for m, owned in managers.items() if m != me and owned.fields & changed
    }
    if conflicts and not force:
        raise conflict(conflicts, managers)
    for other, owned in managers.items():
        if other != me:
            managers[other] = replace(owned, fields=owned.fields - changed - removed)
    if not changed and not removed:  # the object is as it was: the apply has no time of its own
        managers[me] = replace(managers[me], time=last.time if last else "")
    return _put_back(live, after, kind, sub), record(managers)


def _put_back(live: Object, after: Object, kind: Kind, sub: str) -> Object:
    """The merged fields in their place among those the server owns."""
    owned = {key: value for key, value in live["metadata"].items() if key in SERVER_OWNED}
    ignored = {key: live[key] for key in live if key not in after and key not in own(live, kind, sub)}
    return {**ignored, **after, "metadata": {**(after.get("metadata") or {}), **owned}}


def conflict(conflicts: dict[Manager, list[fieldsets.Path]], managers: Managers) -> ApiError:
    """409 in the server's words [kapimachinery:pkg/util/managedfields/internal/conflict.go]."""
    causes = [
        {"reason": "FieldManagerConflict", "message": _conflicting(who, managers[who]), "field": fieldsets.shown(path)}
        for who in sorted(conflicts, key=lambda m: m.name)
        for path in conflicts[who]
    ]
    plural = "" if len(causes) == 1 else "s"
    return ApiError(
        409, "Conflict", f"Apply failed with {len(causes)} conflict{plural}: {_told(causes)}", {"causes": causes}
    )


def _conflicting(who: Manager, owned: Owned) -> str:
    via = f' with subresource "{who.sub}"' if who.sub else ""
    return f'conflict with "{who.name}"{via}' + (f" using {owned.version}" if who.operation == UPDATE else "")


def _told(causes: list[dict[str, str]]) -> str:
    if len(causes) == 1:
        return f"{causes[0]['message']}: {causes[0]['field']}"
    text, last = [], ""
    for cause in causes:
        if cause["message"] != last:
            last = cause["message"]
            text.append(last.replace("conflict with", "conflicts with", 1) + ":")
        text.append(f"- {cause['field']}")
    return "\n".join(text)
