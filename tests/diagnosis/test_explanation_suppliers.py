"""A store or an issuer that fails: those whose Secrets it should bring stand under it, and it under the Secret that it lacks itself."""

from __future__ import annotations

from typing import Any

import pytest
from recorded_worlds import flux, kind, saved

from runbook.diagnosis import explain
from runbook.domain import custom
from runbook.domain.cluster import Generic
from runbook.model import Explanation

NAMESPACE, OTHER = "shop", "external-secrets"
STORE = "ClusterSecretStore/vault"
APP_ROLE = {
    "provider": {"vault": {"auth": {"appRole": {"secretRef": {"name": "approle", "namespace": OTHER, "key": "id"}}}}}
}


def store(said: str = "unable to create client", spec: Any = None, kind_: str = "ClusterSecretStore") -> Any:
    cluster = kind_.startswith("Cluster")
    one = flux(kind_, "" if cluster else NAMESPACE, "vault", said, "InvalidProviderConfig")
    return {**one, "spec": APP_ROLE if spec is None else spec}


def external(name: str = "login", kind_: str = "ClusterSecretStore") -> Any:
    one = flux("ExternalSecret", NAMESPACE, name, "could not get secret data from provider", "SecretSyncedError")
    return {**one, "spec": {"secretStoreRef": {"kind": kind_, "name": "vault"}}}


def secret(name: str, namespace: str = OTHER) -> Any:
    return kind("Secret", namespace, name, data={})


def told(*objects: Any) -> Explanation:
    return explain(saved(*objects))


class TestAStoreThatCannotLogIn:
    def test_is_led_to_the_secret_that_is_not_among_those_of_that_namespace(self) -> None:
        (cause,) = told(store(), external(), external("keys"), secret("unrelated")).first_causes
        assert (cause.cause, cause.proof, str(cause.object)) == ("secret-missing", "hypothesis", STORE)
        assert cause.message == "unable to create client"
        assert cause.decides == f"Whether Secret/{OTHER}/approle is there: kubectl get secret approle -n {OTHER}."
        assert cause.explains[0].via == (
            f"{STORE} (needs: spec.secretStoreRef)",
            f"Secret/{OTHER}/approle (needs: spec.provider.vault.auth.appRole.secretRef)",
        )
        assert [str(e.object) for e in cause.explains] == ["ExternalSecret/shop/keys", "ExternalSecret/shop/login"]

    @pytest.mark.parametrize(
        "known",
        [[], [secret("unrelated", "elsewhere")], [secret("approle")]],
        ids=["no Secret was saved", "only of other namespaces", "it is there"],
    )
    def test_is_not_where_nobody_looked_or_where_it_is_there(self, known: list[Any]) -> None:
        there = secret("login", NAMESPACE)
        found = told(store(), external(), there, *known)
        assert found.first_causes == ()
        assert [str(u.object) for u in found.unexplained] == ["ExternalSecret/shop/login"]

    def test_that_could_not_reach_its_server_is_not(self) -> None:
        said = 'unable to log in with app role auth: Put "https://vault.lab:8200/v1/auth/approle/login": tls: failed to verify certificate: x509: certificate has expired or is not yet valid'
        found = told(store(said), external(), secret("login", NAMESPACE), secret("unrelated"))
        assert found.first_causes == ()

    def test_hangs_on_the_sealed_secret_that_should_have_made_it(self) -> None:
        closed = kind("SealedSecret", OTHER, "approle", status={"observedGeneration": 1, "conditions": [
            {"type": "Synced", "status": "False", "message": "no key could decrypt secret (id)"}]})  # fmt: skip
        (cause,) = told(store(), external(), secret("unrelated"), closed).first_causes
        assert (cause.cause, str(cause.object)) == ("sealed-secret-key-mismatch", f"SealedSecret/{OTHER}/approle")
        assert "ExternalSecret/shop/login" in {str(e.object) for e in cause.explains}

    def test_of_a_namespace_looks_into_its_own(self) -> None:
        spec = {"provider": {"vault": {"auth": {"tokenSecretRef": {"name": "token"}}}}}
        one = store(spec=spec, kind_="SecretStore")
        (cause,) = told(one, external(kind_="SecretStore"), secret("unrelated", NAMESPACE)).first_causes
        assert (cause.cause, str(cause.object)) == ("secret-missing", "SecretStore/shop/vault")

    def test_that_is_well_explains_nothing(self) -> None:
        well = flux("ClusterSecretStore", "", "vault", "store validated", "Valid", ready="True")
        found = told({**well, "spec": APP_ROLE}, external(), secret("login", NAMESPACE), secret("unrelated"))
        assert found.first_causes == ()


class TestTheSecretsOfASpec:
    @staticmethod
    def of(kind_: str, spec: Any) -> list[tuple[str, str]]:
        namespace = "" if kind_.startswith("Cluster") else "ns"
        meta = {"name": "a", "namespace": namespace}
        obj = Generic(kind=kind_, spec=spec)
        obj = type(obj)(kind=kind_, spec=spec, metadata=type(obj.metadata)(**meta))
        return [(str(ref), where) for ref, where in custom.secrets_used(obj)]

    def test_are_found_at_any_depth_by_the_fields_that_name_them(self) -> None:
        spec = {"provider": {"aws": {"auth": {"secretRef": {"accessKeyIDSecretRef": {"name": "a"}, "name": "keys"}}}},
                "list": [{"passwordSecretRef": {"name": "b", "namespace": "far"}}]}  # fmt: skip
        assert self.of("SecretStore", spec) == [
            ("Secret/ns/keys", "spec.provider.aws.auth.secretRef"),
            ("Secret/far/b", "spec.list[0].passwordSecretRef"),
        ]

    def test_of_an_issuer_are_its_ca_and_never_the_account_that_it_makes_itself(self) -> None:
        acme = {"acme": {"privateKeySecretRef": {"name": "account"}}}
        assert self.of("Issuer", {"ca": {"secretName": "corp-ca"}, **acme}) == [
            ("Secret/ns/corp-ca", "spec.ca.secretName")
        ]
        assert self.of("ClusterIssuer", {"ca": {"secretName": "corp-ca"}})[0][0] == "Secret/cert-manager/corp-ca"

    @pytest.mark.parametrize(
        "spec",
        [
            None,
            {},
            {"secretRef": "approle"},
            {"secretRef": {"name": 7}},
            {"secretRef": [{"name": "a"}]},
            {"ca": {"secretName": None}},
        ],
    )
    def test_of_another_shape_are_none(self, spec: Any) -> None:
        assert self.of("SecretStore", spec) == []

    def test_of_a_cluster_store_without_a_namespace_is_nobodys(self) -> None:
        assert self.of("ClusterSecretStore", {"secretRef": {"name": "approle"}}) == []

    def test_end_however_deep_the_spec_is(self) -> None:
        deep: Any = {"secretRef": {"name": "a"}}
        for _ in range(500):
            deep = {"x": [deep]}
        assert self.of("SecretStore", deep) == []
