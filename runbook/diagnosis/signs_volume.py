"""What claims and volumes say of their state. A volume that is kept for an earlier claim of the same name binds to no other.

After a rebuild that is the rule: a volume with the policy Retain still names the claim of before by its uid, and waits for a
person; the claim that was made anew stays Pending, and nothing says why.
"""

from __future__ import annotations

from typing import NamedTuple

from runbook.diagnosis.index import Index, ref_of
from runbook.diagnosis.signs import FINE, MOVING, Health, Sign
from runbook.diagnosis.signs_workload import EVENT_LIFE, events_of
from runbook.domain.cluster import PersistentVolume, PersistentVolumeClaim
from runbook.model import NextAct, ObjectRef

_CLAIM_EVENTS = frozenset({"ProvisioningFailed", "FailedBinding", "VolumeFailedDelete", "ClaimLost"})


class Trouble(NamedTuple):
    """Why a claim and its volume do not come together: who is at fault, in a sentence, and the act on that object."""

    fault: ObjectRef
    text: str
    act: NextAct


def of_claim(obj: PersistentVolumeClaim, index: Index) -> Health:
    """A claim. Waiting for its first consumer is normal."""
    if obj.status.phase == "Bound" or obj.metadata.deletion_timestamp:
        return FINE
    if found := trouble(obj, index):
        return Health("failing", (Sign(found.text, "", None, "its volume"),))
    if obj.status.phase == "Lost":
        return Health("failing", (Sign("bound claim has lost its PersistentVolume", "ClaimLost", None, "status"),))
    name = obj.spec.storage_class_name
    if name and index.saw("StorageClass") and index.get(ObjectRef("StorageClass", "", name)) is None:
        text = f'storageclass.storage.k8s.io "{name}" not found'
        return Health("failing", (Sign(text, "ProvisioningFailed", None, "spec.storageClassName"),))
    signs = tuple(events_of(index, ref_of(obj), _CLAIM_EVENTS))
    return Health("failing", signs) if signs else MOVING


def of_volume(obj: PersistentVolume) -> Health:
    """A volume. Released is a state that it may stay in for good; only a claim that wants it is worse for it."""
    sign = Sign(obj.status.message or f"it is {obj.status.phase}", "", None, "status.phase")
    states = {"Failed": Health("failing", (sign,)), "Released": Health("moving", (sign,))}
    return states.get(obj.status.phase, FINE)


def trouble(obj: PersistentVolumeClaim, index: Index) -> Trouble | None:
    """What stands between an unbound claim and the volume it names, or the one that is kept for its name."""
    name = obj.spec.volume_name
    if not name:
        return _static(obj, index)
    target = ObjectRef("PersistentVolume", "", name)
    volume = index.get(target)
    if isinstance(volume, PersistentVolume):
        return _between(obj, volume)
    return _absent(obj, target) if index.saw("PersistentVolume") else None


def _absent(obj: PersistentVolumeClaim, volume: ObjectRef) -> Trouble:
    lost = obj.status.phase == "Lost"
    text = f"it is {'Lost: it was bound to' if lost else 'Pending: it asks for'} {volume}, which does not exist"
    act = NextAct(
        f"Make {volume} again where its storage is still there; a Lost claim stays Lost and is made anew with it."
        if lost
        else f"Make {volume}, or take spec.volumeName out of the claim's manifest; a claim cannot be changed, it is made anew.",
        "kubectl get persistentvolumes", True,
    )  # fmt: skip
    return Trouble(obj.ref, text, act)


def _between(obj: PersistentVolumeClaim, volume: PersistentVolume) -> Trouble | None:
    claim = volume.spec.claim_ref
    look = f"kubectl describe persistentvolume {volume.metadata.name}"
    if volume.status.phase == "Failed":
        text = f"it is Failed: {volume.status.message or 'it could not be reclaimed'}; {obj.ref} asks for it"
        return Trouble(
            volume.ref, text, NextAct(f"Repair what its message says, then make {volume.ref} again.", look, True)
        )
    if claim is not None and (claim.namespace, claim.name) != (obj.metadata.namespace, obj.metadata.name):
        other = ObjectRef("PersistentVolumeClaim", claim.namespace, claim.name)
        text = f"it asks for {volume.ref}, which is {volume.status.phase or 'kept'} for {other}"
        return Trouble(obj.ref, text, NextAct(f"Give the claim another volume: this one is {other}'s.", look, True))
    if _kept_for_another(obj, volume) or volume.status.phase == "Released":
        return Trouble(volume.ref, f"it is {volume.status.phase}: {_kept(obj, volume)}", _free(obj, volume))
    return None


def _static(obj: PersistentVolumeClaim, index: Index) -> Trouble | None:
    """A claim for which nothing is made: the volume that is kept for the claim of its name before is the one that it waits for."""
    said = any(
        e.reason == "FailedBinding" and e.when and (index.now - e.when).total_seconds() <= EVENT_LIFE
        for e in index.events.get(ref_of(obj), ())
    )
    if obj.spec.storage_class_name != "" and not said:
        return None
    for ref in index.kept.get(obj.ref, ()):
        volume = index.get(ref)
        if isinstance(volume, PersistentVolume) and _kept_for_another(obj, volume):
            text = f"it is Pending: no volume is free, and {ref} is {volume.status.phase}: {_kept(obj, volume)}"
            return Trouble(obj.ref, text, _free(obj, volume))
    return None


def _kept_for_another(obj: PersistentVolumeClaim, volume: PersistentVolume) -> bool:
    claim = volume.spec.claim_ref
    return claim is not None and bool(claim.uid and obj.metadata.uid) and claim.uid != obj.metadata.uid


def _kept(obj: PersistentVolumeClaim, volume: PersistentVolume) -> str:
    claim = volume.spec.claim_ref
    if claim is None or not claim.uid or claim.uid == obj.metadata.uid:
        return f"{obj.ref} asks for it"
    return (
        f"its claimRef is {obj.ref} as it was before (uid {claim.uid}), and the claim of that name has uid "
        f"{obj.metadata.uid} now"
    )


def _free(obj: PersistentVolumeClaim, volume: PersistentVolume) -> NextAct:
    patch = '\'[{"op":"remove","path":"/spec/claimRef/uid"},{"op":"remove","path":"/spec/claimRef/resourceVersion"}]\''
    return NextAct(
        f"If {obj.ref} is to have the data that is on {volume.ref}, take the uid out of its claimRef: it then binds to that claim alone.",
        f"kubectl patch persistentvolume {volume.metadata.name} --type json -p {patch}", False,
    )  # fmt: skip
