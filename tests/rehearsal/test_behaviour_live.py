"""Causes put into a living cluster, and what its controllers say of them: in the words and shapes of real ones."""

from __future__ import annotations

import base64
import json

import pytest
from fast_cluster import HOUR, PRIVATE, FastCluster, Object, condition, play, says, waits

from runbook.errors import ScenarioError
from runbook.rehearsal import person as person_module
from runbook.rehearsal.person import Person

UNTRUSTED = {"image": f"{PRIVATE}/app:1"}
X509 = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
HEAD = f'Head "https://{PRIVATE}/v2/app/manifests/1"'
PULL = {
    "docker": f'Error response from daemon: Get "https://{PRIVATE}/v2/": {X509}',
    "containerd": f'failed to pull and unpack image "{PRIVATE}/app:1": failed to resolve reference "{PRIVATE}/app:1": '
    f"failed to do request: {HEAD}: {X509}",
    "cri-o": f"initializing source docker://{PRIVATE}/app:1: pinging container registry {PRIVATE}: "
    f'Get "https://{PRIVATE}/v2/": {X509}',
}
GONE = {
    "docker": "Error response from daemon: manifest for app:9 not found: manifest unknown: manifest unknown",
    "containerd": 'rpc error: code = NotFound desc = failed to pull and unpack image "app:9": '
    'failed to resolve reference "app:9": app:9: not found',
    "cri-o": "initializing source docker://app:9: reading manifest 9 in docker.io/library/app: manifest unknown",
}
BACKED_OFF = {"kind": "Pod", "namespace": "work", "waiting": "ImagePullBackOff"}


@pytest.mark.parametrize("runtime", PULL)
def test_a_pull_that_fails_is_told_in_its_runtimes_words(runtime: str) -> None:
    async def act(cluster: FastCluster) -> None:
        cluster.release("closed", values=UNTRUSTED)
        cluster.release("gone", values={"image": "app:9"})
        await cluster.until({**BACKED_OFF, "count": 2}, within=120)
        pods = {p["metadata"]["labels"]["app"]: p for p in cluster.items("Pod", "work")}
        for name, image, words in (("closed", UNTRUSTED["image"], PULL[runtime]), ("gone", "app:9", GONE[runtime])):
            back_off = f'Back-off pulling image "{image}"'
            assert waits(pods[name]) == ("ImagePullBackOff", f"{back_off}: ErrImagePull: {words}")
            told = [e for e in cluster.items("Event", "work") if e["involvedObject"]["name"].startswith(name + "-")]
            heard = {(e["type"], e["reason"], e["message"]) for e in told if e["source"]["component"] == "kubelet"}
            assert heard == {
                ("Normal", "Pulling", f'Pulling image "{image}"'),
                ("Warning", "Failed", f'Failed to pull image "{image}": {words}'),
                ("Warning", "Failed", "Error: ErrImagePull"),
                ("Warning", "Failed", "Error: ImagePullBackOff"),
                ("Normal", "BackOff", back_off),
            }
            assert pods[name]["status"]["phase"] == "Pending"

    play(act, runtime=runtime)


def test_trust_cures_pods_by_themselves_and_the_stalled_release_only_by_reset() -> None:
    async def act(cluster: FastCluster) -> None:
        cluster.release("a", values=UNTRUSTED)
        red = await cluster.stalled("a")
        assert says(red) == (
            "Helm install failed for release work/a with chart app@1.0.0: "
            "timeout waiting for: [Deployment/work/a status: 'InProgress']"
        )
        assert says(red, "Stalled") == "Failed to install after 1 attempt(s)"
        cluster.world.install_ca("n1", "registry-ca", [PRIVATE], store=False)
        await cluster.until({"kind": "Pod", "namespace": "work", "condition": "Ready=True"}, within=310)
        await cluster.rest(2 * HOUR)  # neither its interval nor its pods make it try again
        assert says(cluster.get("HelmRelease", "work", "a")) == says(red)
        cluster.annotate("a", requested="t1")
        asked = await cluster.handled("a", "t1")
        assert condition(asked, "Stalled")["reason"] == "RetriesExceeded"
        assert [e["version"] for e in asked["status"]["history"]] == [1]
        cluster.annotate("a", requested="t2", reset="t2")
        green = await cluster.ready("a")
        assert says(green) == "Helm upgrade succeeded for release work/a.v2 with chart app@1.0.0"
        assert condition(green, "Stalled") == {}
        assert green["status"]["lastHandledResetAt"] == "t2"
        assert not {"failures", "installFailures", "upgradeFailures"} & set(green["status"])

    play(act)


def test_reset_while_the_cause_stands_is_one_more_attempt() -> None:
    async def act(cluster: FastCluster) -> None:
        cluster.release("a", values=UNTRUSTED)
        await cluster.stalled("a")
        for version, token in ((2, "t1"), (3, "t2")):
            cluster.annotate("a", requested=token, reset=token)
            red = await cluster.handled("a", token)
            assert red["status"]["history"][0]["version"] == version
            assert red["status"]["failures"] == red["status"]["upgradeFailures"] == 1
            assert says(red, "Stalled") == "Failed to upgrade after 1 attempt(s)"

    play(act)


def test_force_upgrades_what_is_in_sync_and_keeps_counters() -> None:
    async def act(cluster: FastCluster) -> None:
        cluster.release("fine")
        cluster.release("failed", values=UNTRUSTED)
        await cluster.ready("fine")
        cluster.annotate("fine", requested="t1", force="t1")
        again = await cluster.handled("fine", "t1")
        assert [(e["version"], e["action"], e["status"]) for e in again["status"]["history"]] == [
            (2, "upgrade", "deployed"),
            (1, "install", "superseded"),
        ]
        await cluster.stalled("failed")
        cluster.world.install_ca("n1", "registry-ca", [PRIVATE], store=False)
        cluster.annotate("failed", requested="t1", force="t1")
        forced = await cluster.ready("failed")
        assert (forced["status"]["failures"], forced["status"]["lastHandledForceAt"]) == (1, "t1")

    play(act)


def test_force_sent_while_something_is_missing_is_spent() -> None:
    async def act(cluster: FastCluster) -> None:
        wanted = {"kind": "Secret", "name": "more", "valuesKey": "values.yaml"}
        secret: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "work", "name": "more"}}
        made = cluster.create(secret | {"data": {"values.yaml": base64.b64encode(b"{}").decode()}})
        cluster.release("a", valuesFrom=[wanted])
        await cluster.ready("a")
        cluster.delete(made)
        cluster.annotate("a", requested="t1", force="t1")
        blocked = await cluster.handled("a", "t1")
        assert condition(blocked)["reason"] == "ValuesError"
        assert says(blocked).endswith("'work/more' with key 'values.yaml': secrets \"more\" not found")
        assert condition(blocked, "Reconciling")["message"] == "Fulfilling prerequisites"
        cluster.create(secret | {"data": made["data"]})
        green = await cluster.ready("a")
        assert green["status"]["lastHandledForceAt"] == "t1"
        assert [e["version"] for e in green["status"]["history"]] == [1]

    play(act)


def test_hook_longer_than_the_timeout_fails_until_the_timeout_is_raised() -> None:
    async def act(cluster: FastCluster) -> None:
        obj = cluster.release("a", "hooked", {"takes": "6m"})
        red = await cluster.stalled("a")
        words = "Helm install failed for release work/a with chart hooked@1.0.0: failed pre-install: "
        assert says(red) == words + "timed out waiting for the condition"
        cluster.annotate("a", requested="t", reset="t")
        red = await cluster.handled("a", "t")
        assert "pre-upgrade hooks failed: timed out waiting for the condition" in says(red)
        cluster.edit(obj, timeout="10m")
        green = await cluster.ready("a")
        assert green["status"]["observedGeneration"] == 2
        assert says(green) == "Helm upgrade succeeded for release work/a.v3 with chart hooked@1.0.0"

    play(act, flux="2.7")


@pytest.mark.parametrize(
    ("flux", "words"),
    [
        ("2.7", "failed pre-install: job failed: BackoffLimitExceeded"),
        ("2.9", "failed pre-install: failed early due to stalled resources: [Job/work/a-migrate status: 'Failed']"),
    ],
)
def test_hook_that_fails_fails_the_release_before_its_timeout(flux: str, words: str) -> None:
    async def act(cluster: FastCluster) -> None:
        began = cluster.clock.elapsed
        cluster.release("a", "hooked", {"code": "1"})
        red = await cluster.stalled("a")
        assert says(red).endswith(words)
        assert cluster.clock.elapsed - began < 200
        job = cluster.get("Job", "work", "a-migrate")
        assert (job["status"]["failed"], condition(job, "Failed")["reason"]) == (2, "BackoffLimitExceeded")

    play(act, flux=flux)


def test_deleting_an_unfinished_pod_eats_the_jobs_backoff_limit() -> None:
    async def act(cluster: FastCluster) -> None:
        cluster.release("a", "hooked", {"image": "app:9", "backoff": 0})
        await cluster.until(BACKED_OFF)
        cluster.delete(cluster.items("Pod", "work")[0])
        red = await cluster.stalled("a")
        assert "failed early due to stalled resources" in says(red)
        assert cluster.get("Job", "work", "a-migrate")["status"]["failed"] == 1

    play(act)


def test_a_job_that_cannot_pull_ends_only_by_its_deadline() -> None:
    async def act(cluster: FastCluster) -> None:
        pod = {"metadata": {}, "spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": "app:9"}]}}
        for name, more in (("patient", {}), ("hasty", {"activeDeadlineSeconds": 600})):
            spec = {"template": pod, "backoffLimit": 0, **more}
            metadata = {"namespace": "work", "name": name}
            cluster.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})
        await cluster.rest(3 * HOUR)
        ended = cluster.get("Job", "work", "hasty")
        assert (condition(ended, "Failed")["reason"], says(ended, "Failed")) == (
            "DeadlineExceeded",
            "Job was active longer than specified deadline",
        )
        assert condition(cluster.get("Job", "work", "patient"), "Failed") == {}
        assert [p["metadata"]["labels"]["job-name"] for p in cluster.items("Pod", "work")] == ["patient"]

    play(act)


def test_dependents_wait_and_go_on_by_themselves() -> None:
    async def act(cluster: FastCluster) -> None:
        cluster.release("leaf", dependsOn=[{"name": "root"}])
        await cluster.until({"kind": "HelmRelease", "name": "leaf", "reason": "DependencyNotReady"})
        leaf = cluster.get("HelmRelease", "work", "leaf")
        assert says(leaf).startswith("unable to get 'work/root' dependency")
        cluster.release("root", values=UNTRUSTED)
        await cluster.stalled("root")
        leaf = cluster.get("HelmRelease", "work", "leaf")
        assert says(leaf) == "dependency 'work/root' is not ready"
        assert condition(leaf, "Reconciling")["reason"] == "Progressing"
        assert leaf["status"].get("observedGeneration", -1) == -1
        assert cluster.items("Deployment", "work")[0]["metadata"]["name"] == "root"
        cluster.world.install_ca("n1", "registry-ca", [PRIVATE], store=False)
        cluster.annotate("root", requested="t", reset="t")
        await cluster.ready("leaf")

    play(act)


def test_suspended_is_looked_at_and_left_alone() -> None:
    async def act(cluster: FastCluster) -> None:
        obj = cluster.release("a")
        await cluster.ready("a")
        cluster.edit(obj, suspend=True, values={"image": "app:9"})
        cluster.annotate("a", requested="t")
        seen = await cluster.handled("a", "t")
        assert condition(seen)["status"] == "True"
        assert len(seen["status"]["history"]) == 1
        assert condition(seen)["observedGeneration"] == 1

    play(act)


# sealing


def sealed_object(cluster: FastCluster, key: str = "lost") -> Object:
    value = cluster.world.sealing_keys[key].seal(b"work/s", "under the mat")
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"namespace": "work", "name": "s"},
        "spec": {"encryptedData": {"TOKEN": value}},
    }


def test_lost_key_shows_as_a_missing_secret_and_heals_by_key_and_restart() -> None:
    async def act(cluster: FastCluster) -> None:
        sealed = cluster.create(sealed_object(cluster))
        cluster.release("a", values={"secret": "s"})
        red = await cluster.stalled("a")
        assert "InProgress" in says(red)
        assert waits(cluster.items("Pod", "work")[0]) == ("CreateContainerConfigError", 'secret "s" not found')
        seen = cluster.get("SealedSecret", "work", "s")
        assert says(seen, "Synced") == "no key could decrypt secret (TOKEN)"
        unsealed = [e for e in cluster.items("Event", "work") if e["reason"] == "ErrUnsealFailed"]
        assert [(e["type"], e["count"], e["message"]) for e in unsealed] == [
            ("Warning", 6, "Failed to unseal: no key could decrypt secret (TOKEN)")  # five retries, then dropped
        ]
        async with Person(cluster.cluster, lambda _did, **_facts: None) as person:
            await person.act([{"unseal": {"authority": "lost"}}])
            await cluster.rest(2 * HOUR)
            assert condition(cluster.get("SealedSecret", "work", "s"), "Synced")["status"] == "False"
            await person.act([{"restart": {"kind": "Deployment", "namespace": "kube-system", "name": "sealing"}}])
        await cluster.until({"kind": "SealedSecret", "condition": "Synced=True"})
        secret = cluster.get("Secret", "work", "s")
        assert secret["metadata"]["ownerReferences"][0]["uid"] == sealed["metadata"]["uid"]
        assert base64.b64decode(secret["data"]["TOKEN"]) == b"under the mat"
        await cluster.until({"kind": "Pod", "namespace": "work", "condition": "Ready=True"})
        cluster.annotate("a", requested="t", reset="t")
        await cluster.ready("a")

    play(act)


@pytest.mark.parametrize(("key", "status"), [("current", 200), ("lost", 409)])
def test_verify_answers_through_the_service_proxy(key: str, status: int) -> None:
    async def act(cluster: FastCluster) -> None:
        spec = {"selector": {"name": "sealing"}, "ports": [{"name": "http", "port": 8080}]}
        metadata = {"namespace": "kube-system", "name": "sealing"}
        cluster.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
        base = "/api/v1/namespaces/kube-system/services/http:sealing:8080/proxy"
        async with Person(cluster.cluster, lambda _did, **_facts: None) as person:
            http = person._http
            await cluster.until({"kind": "Pod", "namespace": "kube-system", "condition": "Ready=True"})
            async with http.post(f"{base}/v1/verify", json=sealed_object(cluster, key)) as answer:
                assert (answer.status, await answer.read()) == (status, b"")
            async with http.post(f"{base}/v1/verify", data=b"no JSON") as answer:
                assert answer.status == 400
            async with http.get(f"{base}/v1/cert.pem") as answer:
                assert await answer.read() == cluster.world.sealing_keys["current"].certificate

    play(act)


# shapes


@pytest.mark.parametrize("flux", ["2.7", "2.9"])
def test_a_releases_status_has_the_fields_of_its_flux(flux: str) -> None:
    async def act(cluster: FastCluster) -> None:
        cluster.release("a", values=UNTRUSTED)
        status = (await cluster.stalled("a"))["status"]
        entry = status["history"][0]
        new = {"inventory"} if flux == "2.9" else set()
        assert set(status) == new | {
            *("conditions", "failures", "installFailures", "history", "helmChart", "storageNamespace"),
            *("lastAttemptedConfigDigest", "lastAttemptedGeneration", "lastAttemptedReleaseAction"),
            *("lastAttemptedReleaseActionDuration", "lastAttemptedRevision", "observedGeneration"),
        }
        assert ({"action", "apiVersion"} <= set(entry)) == (flux == "2.9")
        assert status["lastAttemptedReleaseActionDuration"] == "5m0s"
        assert entry["lastDeployed"] < condition({"status": status})["lastTransitionTime"]
        assert status.get("inventory", {"entries": [{"id": "work_a_apps_Deployment", "v": "v1"}]}) == {
            "entries": [{"id": "work_a_apps_Deployment", "v": "v1"}]
        }
        secrets = [s for s in cluster.items("Secret", "work") if s["type"] == "helm.sh/release.v1"]
        assert [(s["metadata"]["name"], s["metadata"]["labels"]["status"]) for s in secrets] == [
            ("sh.helm.release.v1.a.v1", "failed")
        ]

    play(act, flux=flux)


def test_revisions_go_on_counting_when_old_ones_are_forgotten() -> None:
    async def act(cluster: FastCluster) -> None:
        cluster.release("a")
        await cluster.ready("a")
        for number in range(2, 13):
            cluster.annotate("a", requested=f"t{number}", force=f"t{number}")
            seen = await cluster.handled("a", f"t{number}")
            assert seen["status"]["history"][0]["version"] == number
        assert len(seen["status"]["history"]) == 5
        secrets = [s for s in cluster.items("Secret", "work") if s["type"] == "helm.sh/release.v1"]
        assert {int(s["metadata"]["labels"]["version"]) for s in secrets} == {8, 9, 10, 11, 12}
        assert [s["metadata"]["labels"]["status"] for s in secrets].count("deployed") == 1

    play(act)


def test_nothing_is_written_where_nothing_happens() -> None:
    async def act(cluster: FastCluster) -> None:
        cluster.create(sealed_object(cluster, "current"))
        cluster.release("a", values={"secret": "s"})
        cluster.release("red", "hooked", {"code": "1"})
        await cluster.ready("a")
        await cluster.stalled("red")
        await cluster.clock.sleep(120)
        before = cluster.store.rv
        await cluster.rest(3 * HOUR)
        assert cluster.store.rv == before

    play(act)


def test_controllers_log_as_json_what_they_say_in_events() -> None:
    async def act(cluster: FastCluster) -> None:
        cluster.release("a", "hooked", {"code": "1"})
        cluster.release("b")
        red, green = await cluster.stalled("a"), await cluster.ready("b")
        lines = [json.loads(text) for _when, text in cluster.world.logs["flux-system", "helm-controller"]]
        failed = [line for line in lines if line["level"] == "error"]
        assert [(line["error"], line["HelmRelease"]) for line in failed] == [
            (says(red), {"name": "a", "namespace": "work"})
        ]
        assert says(green) in [line["msg"] for line in lines if line["level"] == "info"]

    play(act)


def test_what_never_comes_about_ends_the_night_with_its_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person_module, "PATIENCE", 60.0)
    never, held = {"kind": "Pod", "count": 99}, {"kind": "Node", "count": 1}

    async def story(cluster: FastCluster) -> None:
        async with Person(cluster.cluster, lambda _did, **_facts: None) as person:
            began = cluster.clock.elapsed
            await person.until([held])
            with pytest.raises(ScenarioError, match=r'this has not come about: \{"kind": "Pod", "count": 99\}$'):
                await person.until([held, never])
            assert cluster.clock.elapsed - began >= 60

    play(story)
