"""Registry trust, sealing, access: asked where it matters, and never green without an answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from runbook.domain.probes import AccessReview, RegistryTrust, UnsealProbe

OK = dict.fromkeys(("resolve", "connect", "chain", "name", "expiry", "api"), "ok")
HOST = "reg.example:5000"
UNKNOWN = "x509: certificate signed by unknown authority"
SEALED = {"sealed_secrets": {"namespace": "kube-system"}}


def cell(vantage: str = "n1", read: str = "read", **steps: str) -> RegistryTrust:
    return RegistryTrust(
        vantage, "docker", HOST, node_read=read, anchors=(f"/etc/docker/certs.d/{HOST}/ca.crt",), **{**OK, **steps}
    )


class TestTrust:
    def ask(self, worlds: Any, *objects: Any, **more: Any) -> Any:
        return worlds.ask("registry-trust", worlds.snapshot(*objects, empty=["Pod", "Event"], **more))

    @pytest.mark.parametrize(
        ("steps", "words"),
        [
            ({"chain": UNKNOWN}, "install the CA"),
            (
                {"name": "x509: cannot validate certificate for 1.2.3.4 because it doesn't contain any IP SANs"},
                "IP SANs",
            ),
            ({"name": "x509: certificate is valid for a, not b"}, "does not name this host"),
            ({"expiry": "x509: certificate has expired: 2025"}, "renew"),
            ({"chain": "http: server gave HTTP response to HTTPS client"}, "plain HTTP"),
        ],
    )
    def test_the_look_alikes_have_different_cures(self, worlds: Any, steps: dict[str, str], words: str) -> None:
        (found,) = self.ask(worlds, cell(**steps))
        assert str(found.result) == "fail"
        assert words in found.reason

    def test_a_read_and_a_handshake_pass_and_say_what_keeps_it(self, worlds: Any) -> None:
        (found,) = self.ask(worlds, cell())
        assert str(found.result) == "pass"
        assert "nothing keeps it after the next rebuild" in found.reason

    def test_without_a_transport_it_is_not_evaluated(self, worlds: Any) -> None:
        (found,) = self.ask(worlds, cell(read="no transport"))
        assert str(found.result) == "error"

    def test_a_kubelets_x509_message_is_evidence_against(self, worlds: Any) -> None:
        pod = worlds.pod("p", "shop", waiting=("ImagePullBackOff", f'Get "https://{HOST}/v2/": {UNKNOWN}'))
        found = worlds.ask("registry-trust", worlds.snapshot(cell(read="no transport"), pod, empty=["Event"]))
        assert [str(f.result) for f in found] == ["fail"]

    def test_a_copy_that_the_store_does_not_hold_is_noticed(self, worlds: Any) -> None:
        found = self.ask(worlds, cell(read="read; not in the bundle: /usr/local/share/ca-certificates/registry-ca.crt"))
        assert [str(f.result) for f in found] == ["pass", "warn"]
        assert "update-ca-certificates" in found[1].reason

    def test_a_copy_in_the_os_store_alone_is_not_trust_and_says_what_was_forgotten(self, worlds: Any) -> None:
        (found,) = self.ask(
            worlds,
            cell(read="read; not in the bundle: /usr/local/share/ca-certificates/registry-ca.crt", chain=UNKNOWN),
        )
        assert str(found.result) == "fail"
        assert "registry-ca.crt was copied, but update-ca-certificates was not run" in found.reason
        assert "no restart" in found.reason  # what a copy in certs.d would not need

    def test_one_node_cured_by_hand_is_one_node_and_nothing_keeps_it(self, worlds: Any) -> None:
        other = "10.0.0.9:5000"
        inventory = worlds.inventory(
            registry={"names": [HOST, other]}, nodes=[{"name": n, "runtime": "docker"} for n in ("n1", "n2", "n3")]
        )
        cells = [cell("n1"), cell("n2", chain=UNKNOWN), cell("n3")]
        cells += [msgspec.structs.replace(c, host=other, chain=UNKNOWN if c.vantage != "n1" else "ok") for c in cells]
        found = worlds.ask("registry-trust", worlds.snapshot(*cells, empty=["Pod", "Event"]), inventory)
        assert {f.object.name: str(f.result) for f in found} == {
            f"n1 → {HOST}": "pass", f"n1 → {other}": "pass", f"n2 → {HOST}": "fail",
            f"n2 → {other}": "fail", f"n3 → {HOST}": "pass", f"n3 → {other}": "fail",
        }  # fmt: skip
        assert "nothing keeps it after the next rebuild" in found[0].reason

    def test_probes_that_were_not_made_are_not_evaluated(self, worlds: Any) -> None:
        (found,) = self.ask(worlds, gaps=["RegistryTrust"])
        assert str(found.result) == "error"

    @pytest.mark.parametrize(
        ("steps", "result"), [({}, "pass"), ({"connect": "connection refused", "chain": ""}, "fail")]
    )
    def test_reachable_is_asked_from_the_operators_machine(
        self, worlds: Any, results: Any, steps: dict[str, str], result: str
    ) -> None:
        assert results("registry-reachable", worlds.snapshot(cell("operator", **steps))) == [result]

    def test_reachable_not_asked(self, worlds: Any, results: Any) -> None:
        assert results("registry-reachable", worlds.snapshot(cell("n1"))) == ["error"]
        assert results("registry-reachable", worlds.snapshot(gaps=["RegistryTrust"])) == ["error"]


@pytest.mark.parametrize(
    ("message", "result"),
    [
        (f'Get "https://{HOST}/v2/": {UNKNOWN}', "fail"),
        (f"{HOST}: {UNKNOWN}", "fail"),
        (f'Get "https://my-{HOST}/v2/": {UNKNOWN}', "error"),
        (f'Get "https://{HOST}0/v2/": {UNKNOWN}', "error"),
        (f'Get "https://{HOST}/v2/": EOF', "error"),
    ],
)
def test_a_kubelets_words_count_for_the_very_host_they_name(worlds: Any, message: str, result: str) -> None:
    pod = worlds.pod("p", "shop", waiting=("ImagePullBackOff", message))
    seen = worlds.snapshot(cell(read="no transport"), pod, empty=["Event"])
    assert {str(f.result) for f in worlds.ask("registry-trust", seen)} == {result}


class TestSealing:
    def sealed(self, worlds: Any, status: str | None = "True", message: str = "", generation: int = 1) -> Any:
        conditions = [{"type": "Synced", "status": status, "message": message}] if status else []
        return worlds.obj(
            "SealedSecret",
            "db",
            "shop",
            generation=generation,
            spec={"encryptedData": {"K": "x"}},
            status={"observedGeneration": 1, "conditions": conditions},
        )

    @pytest.mark.parametrize(
        ("status", "generation", "result"),
        [("True", 1, "pass"), ("False", 1, "fail"), (None, 1, "error"), ("True", 2, "error")],
    )
    def test_without_secrets_the_status_decides_and_doubt_is_said(
        self, worlds: Any, results: Any, status: str | None, generation: int, result: str
    ) -> None:
        sealed = self.sealed(worlds, status, "no key could decrypt secret (K)", generation)
        seen = worlds.snapshot(sealed, empty=["Pod", "Event"])
        assert results("sealed-secrets-unsealed", seen) == [result]

    @pytest.mark.parametrize(("owner", "result"), [("uid-SealedSecret-shop-db", "pass"), ("another", "fail")])
    def test_with_secrets_ownership_decides(self, worlds: Any, results: Any, owner: str, result: str) -> None:
        secret = worlds.obj(
            "Secret",
            "db",
            "shop",
            ownerReferences=[{"kind": "SealedSecret", "name": "db", "uid": owner, "controller": True}],
        )
        inventory = worlds.inventory(secrets="metadata", secrets_access={"namespaces": ["shop"]})
        assert results("sealed-secrets-unsealed", worlds.snapshot(self.sealed(worlds), secret), inventory) == [result]

    def event(self, worlds: Any, reason: str, when: str) -> Any:
        about = {"kind": "SealedSecret", "namespace": "shop", "name": "db", "uid": "uid-SealedSecret-shop-db"}
        return worlds.obj(
            "Event",
            f"{reason}{when[-3:]}",
            "shop",
            type="Warning",
            reason=reason,
            involvedObject=about,
            lastTimestamp=when,
        )

    @pytest.mark.parametrize(
        ("events", "result"),
        [
            ([("ErrUnsealFailed", "2025-10-17T11:00:00Z")], "pass"),
            ([("ErrUnsealFailed", "2025-10-17T11:10:00Z")], "fail"),
            ([("ErrUnsealFailed", "2025-10-17T11:10:00Z"), ("Unsealed", "2025-10-17T11:12:00Z")], "pass"),
        ],
        ids=["older than the status", "newer than the status", "overtaken by a success"],
    )
    def test_the_last_word_decides(self, worlds: Any, results: Any, events: list[tuple[str, str]], result: str) -> None:
        written = {"type": "Synced", "status": "True", "lastUpdateTime": "2025-10-17T11:05:00Z"}
        sealed = worlds.obj("SealedSecret", "db", "shop", generation=1, status={"conditions": [written]})
        seen = worlds.snapshot(sealed, *(self.event(worlds, *e) for e in events), empty=["Pod"])
        assert results("sealed-secrets-unsealed", seen) == [result]

    @pytest.mark.parametrize(
        ("words", "namespace", "result"),
        [
            ('secret "db" not found', "shop", "fail"),
            ("couldn't find key K in Secret shop/db", "shop", "fail"),
            ("couldn't find key OTHER in Secret shop/db", "shop", "pass"),
            ('secret "db-other" not found', "shop", "pass"),
            ('secret "db" not found', "elsewhere", "pass"),
        ],
    )
    def test_only_a_kubelets_words_about_this_secret_count(
        self, worlds: Any, results: Any, words: str, namespace: str, result: str
    ) -> None:
        pod = worlds.pod("p", namespace, waiting=("CreateContainerConfigError", words))
        assert results("sealed-secrets-unsealed", worlds.snapshot(self.sealed(worlds), pod, empty=["Event"])) == [
            result
        ]

    @pytest.mark.parametrize(("minute", "result"), [(14, "fail"), (0, "pass")])
    def test_a_volume_that_cannot_be_mounted_is_a_witness_while_it_lasts(
        self, worlds: Any, results: Any, minute: int, result: str
    ) -> None:
        pod = worlds.pod("p", "shop", waiting=("ContainerCreating", ""))
        event = worlds.obj(
            "Event", "e", "shop", type="Warning", reason="FailedMount", lastTimestamp=f"2025-10-17T11:{minute:02}:00Z",
            involvedObject={"kind": "Pod", "namespace": "shop", "name": "p", "uid": pod.metadata.uid},
            message='MountVolume.SetUp failed for volume "v" : secret "db" not found',
        )  # fmt: skip
        assert results("sealed-secrets-unsealed", worlds.snapshot(self.sealed(worlds), pod, event)) == [result]

    @pytest.mark.parametrize("denied", ["Pod", "Event"])
    def test_the_status_is_not_believed_when_no_witness_could_be_asked(
        self, worlds: Any, results: Any, denied: str
    ) -> None:
        empty = [k for k in ("Pod", "Event") if k != denied]
        seen = worlds.snapshot(self.sealed(worlds), empty=empty, gaps=[denied])
        assert results("sealed-secrets-unsealed", seen) == ["error"]

    def test_secrets_that_were_opted_in_and_denied_are_not_evaluated(self, worlds: Any, results: Any) -> None:
        inventory = worlds.inventory(secrets="metadata", secrets_access={"namespaces": ["shop"]})
        seen = worlds.snapshot(self.sealed(worlds), empty=["Pod", "Event"], gaps=["Secret"])
        assert results("sealed-secrets-unsealed", seen, inventory) == ["error"]

    def test_none_where_a_controller_is_expected_is_a_fail_and_denied_is_not_evaluated(
        self, worlds: Any, results: Any
    ) -> None:
        assert results(
            "sealed-secrets-unsealed", worlds.snapshot(empty=["SealedSecret"]), worlds.inventory(**SEALED)
        ) == ["fail"]
        assert results("sealed-secrets-unsealed", worlds.snapshot(gaps=["SealedSecret"])) == ["error"]

    @pytest.mark.parametrize(("opens", "result"), [(True, "pass"), (False, "fail")])
    def test_will_it_unseal(self, worlds: Any, results: Any, opens: bool, result: str) -> None:
        seen = worlds.snapshot(self.sealed(worlds), UnsealProbe("shop", "db", opens, 200 if opens else 409))
        assert results("sealing-keys", seen, worlds.inventory(**SEALED)) == [result]

    def test_who_will_fail_is_told_before_anything_is_reconciled(self, worlds: Any) -> None:
        secret = {"name": "x", "envFrom": [{"secretRef": {"name": "db"}}], "image": "i"}
        needs = {"template": {"spec": {"containers": [secret]}}, "replicas": 1}
        hook = worlds.obj("Job", "shop-migrate", "shop", annotations={"helm.sh/hook": "pre-upgrade"}, spec=needs)
        seen = worlds.snapshot(
            self.sealed(worlds), UnsealProbe("shop", "db", False, 409), worlds.release("shop", "shop"), hook
        )
        (found,) = worlds.ask("sealing-keys", seen, worlds.inventory(**SEALED))
        assert found.reason == "no key of the controller opens it: reconciling shop/shop will fail"

    def test_a_lost_scope_is_not_a_lost_key(self, worlds: Any) -> None:
        probe = UnsealProbe("shop", "db", False, 409, opens_as="namespace-wide")
        seen = worlds.snapshot(self.sealed(worlds), probe)
        (found,) = worlds.ask("sealing-keys", seen, worlds.inventory(**SEALED))
        assert (str(found.result), "opens it as namespace-wide" in found.reason) == ("fail", True)

    def test_not_asked_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        inventory = worlds.inventory(**SEALED)
        assert results("sealing-keys", worlds.snapshot(gaps=["UnsealProbe"]), inventory) == ["error"]
        assert results("sealing-keys", worlds.snapshot(empty=["UnsealProbe", "SealedSecret"]), inventory) == ["error"]


class TestAccess:
    @pytest.mark.parametrize(("allowed", "result"), [(True, "pass"), (False, "fail")])
    def test_a_missing_permission_is_named(self, worlds: Any, allowed: bool, result: str) -> None:
        (found,) = worlds.ask("access", worlds.snapshot(AccessReview("list", "apps", "deployments", "", allowed)))
        assert str(found.result) == result
        assert allowed or found.object.name == "list deployments.apps"

    def test_no_answer_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        assert results("access", worlds.snapshot(empty=["AccessReview"])) == ["error"]
        assert results("access", worlds.snapshot(gaps=["AccessReview"])) == ["error"]
