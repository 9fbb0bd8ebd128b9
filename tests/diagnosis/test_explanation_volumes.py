"""A claim that is not bound, the volume that it names, and its class: which of the three is at fault, and what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from diagnosis_worlds import condition, event, failed, meta, pod, release, snapshot

from runbook.diagnosis import explain, graph, index
from runbook.diagnosis.details import details
from runbook.domain.kinds import KINDS
from runbook.model import FirstCause, ObjectRef
from runbook.stage.stages import WALKED, wants

CLAIM = "PersistentVolumeClaim/ns/data"
UID = CLAIM
BEFORE = "41b0-before-the-rebuild"
UNBOUND = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: not helpful."


def claim(phase: str = "Pending", **spec: Any) -> dict[str, Any]:
    return {"kind": "PersistentVolumeClaim", "metadata": meta("ns", "data"), "spec": spec, "status": {"phase": phase}}


def volume(phase: str, message: str = "", *, of: str = "data", uid: str = BEFORE, **spec: Any) -> dict[str, Any]:
    kept = {"claimRef": {"namespace": "ns", "name": of, "uid": uid}} if of else {}
    return {"kind": "PersistentVolume", "metadata": {"name": "pv1"}, "spec": {**kept, **spec},
            "status": {"phase": phase, "message": message}}  # fmt: skip


def waiting() -> dict[str, Any]:
    given = pod("ns", "web-0")
    given["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    given["status"] = {"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", UNBOUND)]}
    return given


def only(*objects: Any, observed: tuple[str, ...] = tuple(KINDS)) -> FirstCause:
    explanation = explain(snapshot(*objects, observed=observed))
    assert explanation.unexplained == ()
    (cause,) = explanation.first_causes
    return cause


class TestTheVolumeThatAClaimNames:
    def test_is_still_kept_for_the_claim_of_before_the_rebuild(self) -> None:
        found = only(waiting(), claim(volumeName="pv1", storageClassName=""), volume("Released"))
        assert (found.cause, str(found.object), found.proof) == ("pvc-pending", "PersistentVolume/pv1", "fact")
        assert found.message == (
            f"it is Released: its claimRef is {CLAIM} as it was before (uid {BEFORE}), and the claim of that name has uid {UID} now"
        )
        assert {str(e.object): e.via for e in found.explains} == {
            CLAIM: ("PersistentVolume/pv1 (volume: spec.volumeName)",),
            "Pod/ns/web-0": (f"{CLAIM} (needs: volumes[data])", "PersistentVolume/pv1 (volume: spec.volumeName)"),
        }
        assert found.next.command.startswith("kubectl patch persistentvolume pv1 ")
        assert "/spec/claimRef/uid" in found.next.command
        assert found.next.safe is False

    def test_failed_says_so_in_its_own_words(self) -> None:
        said = 'error getting deleter volume plugin for volume "pv1": no deletable volume plugin matched'
        found = only(claim(volumeName="pv1"), volume("Failed", said))
        assert (found.cause, str(found.object)) == ("pvc-pending", "PersistentVolume/pv1")
        assert said in found.message
        assert found.next.command == "kubectl describe persistentvolume pv1"

    def test_is_another_claims(self) -> None:
        found = only(claim(volumeName="pv1"), volume("Bound", of="other"))
        assert (found.cause, str(found.object)) == ("pvc-pending", CLAIM)
        assert found.message == "it asks for PersistentVolume/pv1, which is Bound for PersistentVolumeClaim/ns/other"

    @pytest.mark.parametrize(("phase", "words"), [("Pending", "it asks for"), ("Lost", "it was bound to")])
    def test_is_not_there(self, phase: str, words: str) -> None:
        found = only(claim(phase, volumeName="pv1"))
        assert (found.cause, str(found.object), found.proof) == ("pvc-pending", CLAIM, "fact")
        assert found.message == f"it is {phase}: {words} PersistentVolume/pv1, which does not exist"

    def test_that_was_not_listed_is_not_said_to_be_gone(self) -> None:
        state = replace(snapshot(waiting(), claim(volumeName="pv1")), complete=False)
        (found,) = explain(state).first_causes
        assert (found.cause, str(found.object)) == ("pvc-pending", CLAIM)
        assert "pv1" not in found.message

    @pytest.mark.parametrize(
        "given", [volume("Available", of=""), volume("Available", uid=""), volume("Bound", uid=UID)]
    )
    def test_on_its_way_is_nobodys_fault(self, given: dict[str, Any]) -> None:
        explanation = explain(snapshot(claim(volumeName="pv1"), given))
        assert (explanation.first_causes, explanation.unexplained) == ((), ())

    def test_bound_is_well_whatever_another_volume_says(self) -> None:
        assert explain(snapshot(claim("Bound", volumeName="pv1"), volume("Bound", uid=UID))).first_causes == ()


class TestAClaimThatNamesNone:
    def test_waits_for_the_volume_that_is_kept_for_its_name(self) -> None:
        found = only(claim(storageClassName=""), volume("Released"))
        assert (found.cause, str(found.object)) == ("pvc-pending", CLAIM)
        assert "no volume is free, and PersistentVolume/pv1 is Released: its claimRef is" in found.message

    def test_also_when_the_controller_only_says_that_none_is_free(self) -> None:
        said = "no persistent volumes available for this claim and no storage class is set"
        found = only(
            claim(),
            volume("Released"),
            event(("PersistentVolumeClaim", "ns", "data"), "FailedBinding", said, type_="Normal"),
        )
        assert "PersistentVolume/pv1 is Released" in found.message

    def test_and_for_which_one_is_made_does_not_wait_for_that(self) -> None:
        explanation = explain(snapshot(claim(storageClassName="fast"), volume("Released"), storage_class()))
        assert explanation.first_causes == ()


def storage_class() -> dict[str, Any]:
    return {"kind": "StorageClass", "metadata": {"name": "fast"}, "provisioner": "x"}


class TestItsClass:
    def test_that_is_not_there_is_why(self) -> None:
        found = only(claim(storageClassName="fast"))
        assert (found.cause, str(found.object), found.message) == (
            "pvc-pending", CLAIM, 'storageclass.storage.k8s.io "fast" not found',
        )  # fmt: skip

    def test_and_that_of_its_volume_are_told_with_whether_they_are_there(self) -> None:
        state = snapshot(
            claim(storageClassName="fast", volumeName="pv1"), volume("Bound", storageClassName="slow"), storage_class()
        )
        for ref, told in (
            (ObjectRef("PersistentVolumeClaim", "ns", "data"),
             [("PersistentVolume/pv1", "spec.volumeName", "there"), ("StorageClass/fast", "spec.storageClassName", "there")]),
            (ObjectRef("PersistentVolume", "", "pv1"), [("StorageClass/slow", "spec.storageClassName", "missing")]),
        ):  # fmt: skip
            found = details(state, ref)
            assert found is not None
            assert [(str(n.object), n.where, n.state) for n in found.needs] == told

    def test_the_edges_are_proved_by_their_fields(self) -> None:
        network = graph.build(index.build(snapshot(claim(), volume("Released"))))
        (edge,) = network.out(ObjectRef("PersistentVolumeClaim", "ns", "data"), "volume")
        assert (str(edge.target), edge.proof) == ("PersistentVolume/pv1", "the volume's spec.claimRef")


def test_a_claim_that_is_lost_is_red_by_itself() -> None:
    found = only(claim("Lost"))
    assert (found.cause, str(found.object), found.message) == (
        "pvc-pending", CLAIM, "bound claim has lost its PersistentVolume",
    )  # fmt: skip


class TestWhatIsListedLive:
    """A live look is whole only of the kinds that it lists."""

    @staticmethod
    def live(*objects: Any, kinds: tuple[str, ...] = wants("diagnose")) -> Any:
        state = snapshot(*objects, observed=tuple(k for k in KINDS if k in kinds))
        held = {k: v for k, v in state.objects.items() if k in kinds}
        return replace(state, objects=held, gaps={})

    SHOP = 'Helm install failed: create: failed to create: namespaces "shop" not found'

    def test_a_bucket_that_fails_is_red_and_explains_who_waits_for_it(self) -> None:
        assert "Bucket" in WALKED
        bucket = {"kind": "Bucket", "metadata": meta("ns", "b"), "status": {"conditions": [
            condition("Ready", "False", "BucketOperationFailed", "fetch failed: 403 Forbidden AccessDenied", observedGeneration=1)]}}  # fmt: skip
        waits = {"kind": "Kustomization", "metadata": meta("ns", "k"), "spec": {"sourceRef": {"kind": "Bucket", "name": "b"}},
                 "status": {"conditions": [condition("Ready", "False", "ArtifactFailed", "Source artifact not found, retrying in 30s", observedGeneration=1)]}}  # fmt: skip
        (found,) = explain(self.live(bucket, waits, kinds=WALKED)).first_causes
        assert (found.cause, str(found.object)) == ("source-auth-failed", "Bucket/ns/b")
        assert "Kustomization/ns/k" in {str(e.object) for e in found.explains}

    def test_a_namespace_that_is_there_by_now_is_said_to_be(self) -> None:
        there = {"kind": "Namespace", "metadata": {"name": "shop"}, "status": {"phase": "Active"}}
        (left,) = explain(self.live(release("ns", "web", failed("ns", "web", self.SHOP)), there)).unexplained
        assert left.why == "its message says that Namespace/shop does not exist, and it is there now"

    def test_one_that_is_not_there_is_a_fact_only_where_namespaces_were_listed(self) -> None:
        red = release("ns", "web", failed("ns", "web", self.SHOP))
        for kinds, proof in ((wants("diagnose"), "fact"), (WALKED, "hypothesis")):
            (found,) = explain(self.live(red, kinds=kinds)).first_causes
            assert (found.cause, found.proof) == ("namespace-missing", proof)

    def test_a_service_account_that_is_there_by_now_is_said_to_be(self) -> None:
        said = 'Error creating: pods "web-" is forbidden: error looking up service account ns/sa: serviceaccount "sa" not found'
        sets = {"kind": "ReplicaSet", "metadata": meta("ns", "web-5d"), "spec": {"replicas": 1}, "status": {}}
        there = {"kind": "ServiceAccount", "metadata": meta("ns", "sa")}
        seen = (sets, event(("ReplicaSet", "ns", "web-5d"), "FailedCreate", said))
        (left,) = explain(self.live(*seen, there)).unexplained
        assert left.why == "its message says that ServiceAccount/ns/sa does not exist, and it is there now"
        for kinds, proof in ((wants("diagnose"), "fact"), (WALKED, "hypothesis")):
            (found,) = explain(self.live(*seen, kinds=kinds)).first_causes
            assert (found.cause, found.proof) == ("service-account-missing", proof)
