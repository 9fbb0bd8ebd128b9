"""Messages nobody wrote a rule for: real ones from public threads, and wordings of other hosts, versions and runtimes."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import pytest

from runbook.diagnosis.catalogue import built_in
from runbook.diagnosis.classify import Classification, classify
from runbook.diagnosis.unwrap import one_line

DATA = Path(__file__).parents[1] / "data"
MESSAGES: list[dict[str, Any]] = [json.loads(line) for line in (DATA / "messages.jsonl").read_text().splitlines()]
WORDINGS = [
    line.split("\t", 3)
    for line in (DATA / "wordings.tsv").read_text().splitlines()
    if line and not line.startswith("#")
]


def test_the_corpus_is_answered_right_and_never_wrong() -> None:
    clear = [m for m in MESSAGES if not m["ambiguous"]]
    answers = {m["id"]: classify(m["message"], reason=m["reason"], kind=m["object_kind"]) for m in clear}
    confusion = [(m["id"], m["cause"], answers[m["id"]].cause) for m in clear if answers[m["id"]].cause != m["cause"]]
    assert [c for c in confusion if c[2] != "unknown"] == [], f"wrong among {len(clear)}: {confusion}"
    assert len(confusion) <= 0.02 * len(clear), f"not answered among {len(clear)}: {confusion}"


@pytest.mark.parametrize("message", [m for m in MESSAGES if m["ambiguous"]], ids=lambda m: m["id"])
def test_an_ambiguous_message_is_answered_with_a_cause_of_the_catalogue_or_not_at_all(message: dict[str, Any]) -> None:
    answer = classify(message["message"], reason=message["reason"], kind=message["object_kind"])
    assert answer.cause == "unknown" or answer.cause in built_in().causes


@pytest.mark.parametrize(
    ("cause", "kind", "reason", "message"), WORDINGS, ids=[f"{n}-{w[0]}" for n, w in enumerate(WORDINGS)]
)
def test_wordings(cause: str, kind: str, reason: str, message: str) -> None:
    answer = classify(message, reason=reason, kind=kind)
    assert answer.cause == cause, answer.why
    assert answer.why


def test_every_cause_that_words_can_show_has_a_wording_here() -> None:
    shown = {w[0] for w in WORDINGS} | {m["cause"] for m in MESSAGES}
    assert set(built_in().causes) - shown == {"dependency-circle"}  # only structure shows it


def test_the_role_is_the_catalogues() -> None:
    for cause, kind, reason, message in WORDINGS:
        answer = classify(message, reason=reason, kind=kind)
        role = "unknown" if cause == "unknown" else built_in().causes[cause].role
        assert answer.role == role


class TestThePeerDecides:
    """One fault on the wire, six different repairs."""

    UNTRUSTED = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    REFUSED = "dial tcp 10.1.2.3:443: connect: connection refused"

    @pytest.mark.parametrize(
        ("before", "kind", "untrusted", "refused"),
        [
            ('Failed to pull image "r.lab/a:1": failed to do request: Head "https://r.lab/v2/a/manifests/1": ', "Event",
             "registry-ca-untrusted", "registry-unreachable"),
            ("failed to checkout and determine revision: unable to clone 'https://g.lab/a': Get \"https://g.lab/a\": ",
             "GitRepository", "source-ca-untrusted", "source-fetch-failed"),
            ('Internal error occurred: failed calling webhook "w.lab": failed to call webhook: Post "https://w.lab.svc:443/?timeout=10s": ',
             "Kustomization", "webhook-tls", "webhook-unreachable"),
            ('Internal error occurred: failed calling webhook "namespace.sidecar-injector.istio.io": failed to call webhook: '
             'Post "https://istiod.istio-system.svc:443/inject?timeout=10s": ', "Event", "istio-injection", "istio-injection"),
            ('Readiness probe failed: Get "https://10.1.1.1:8443/": ', "Event", "probe-failing", "probe-failing"),
            ('failed to setup network for sandbox "aa": plugin type="calico" failed (add): Get "https://10.96.0.1:443/api/v1": ',
             "Event", "cni-failure", "cni-failure"),
            ("", "Pod", "unknown", "unknown"),
        ],
        ids=["registry", "git", "webhook", "injector", "probe", "cni", "nobody"],
    )  # fmt: skip
    def test_same_words_other_repair(self, before: str, kind: str, untrusted: str, refused: str) -> None:
        assert classify(before + self.UNTRUSTED, kind=kind).cause == untrusted
        assert classify(before + self.REFUSED, kind=kind).cause == refused


class TestWrappings:
    """The innermost words decide, whatever is wrapped around them."""

    CORE = 'secret "db-credentials" not found'

    @pytest.mark.parametrize(
        "message",
        [
            f"Error: {CORE}",
            f"\x1b[31mError\x1b[0m: {CORE}",
            f"(combined from similar events): Error: {CORE}",
            json.dumps({"level": "error", "ts": "2031-01-01T00:00:00Z", "msg": "cannot start", "error": CORE}),
            json.dumps({"log": f"Error: {CORE}\n", "stream": "stderr"}),
            "time=\"2031-01-01T00:00:00Z\" level=error msg=\"Error: secret \\\"db-credentials\\\" not found\"",
            "Error:\n  secret \"db-credentials\"\n  not found",
            f"Helm upgrade failed for release a/b with chart c@1: {CORE}\n\nLast Helm logs:\n\n2031-01-01T00:00:00Z: namespaces \"x\" not found",
            html.escape(f"Error: {CORE}"),
            CORE.replace('"', "&#34;"),
        ],
        ids=["plain", "colours", "combined", "json", "docker-json", "logfmt", "lines", "helm-tail", "page", "page by numbers"],
    )  # fmt: skip
    def test_survive(self, message: str) -> None:
        answer = classify(message)
        assert answer.cause == "secret-missing"
        assert answer.captures["secret"] == "db-credentials"

    @pytest.mark.parametrize("query", ["region=eu&copy=1&not=2", "a=1&lt=3&#x=4&#=5&amp=6"])
    def test_a_query_is_no_entity_of_a_page(self, query: str) -> None:
        assert one_line(f"GET https://r.lab/token?{query}: 401").text == f"GET https://r.lab/token?{query}: 401"

    @pytest.mark.parametrize("key", ["err", "error", "exception", "record"])
    def test_an_error_that_is_an_object_in_a_json_log_line_says_its_own_message(self, key: str) -> None:
        said = {"type": "Error", "message": 'password authentication failed for user "shop"', "stack": "at Parser"}
        answer = classify(json.dumps({"level": 50, "msg": "cannot start", key: said}), kind="Pod")
        assert (answer.cause, answer.fault) == ("db-connection", "denied")

    @pytest.mark.parametrize("field", [{}, {"message": None}, {"message": {"message": 1}}, [], 5, None])
    def test_an_error_in_a_json_log_line_that_says_nothing(self, field: object) -> None:
        assert classify(json.dumps({"msg": "cannot start", "err": field}), kind="Pod").cause == "unknown"

    def test_helm_inside_flux_inside_an_event(self) -> None:
        message = (
            "(combined from similar events): Helm install failed for release shop/web with chart web@1.0.0: failed pre-install: "
            "timed out waiting for the condition"
        )
        answer = classify(message, reason="InstallFailed", kind="Event")
        assert (answer.cause, answer.role) == ("helm-hook-timeout", "symptom")
        assert "inside" in answer.why

    def test_only_the_first_answer_of_an_oci_client_counts(self) -> None:
        message = (
            'failed to determine artifact digest: Get "https://10.3.3.3:5001/v2/": tls: failed to verify certificate: x509: '
            "certificate signed by unknown authority; GET http://10.3.3.3:5001/v2/: unexpected status code 400 Bad Request: "
            "Client sent an HTTP request to an HTTPS server."
        )
        assert classify(message, kind="OCIRepository").cause == "source-ca-untrusted"

    @pytest.mark.parametrize("times", [0, 1, 2, 3])
    def test_a_quote_in_a_quote_in_a_log_line(self, times: int) -> None:
        quote = '"'
        for _ in range(times):
            quote = quote.replace("\\", "\\\\").replace('"', '\\"')
        answer = classify(f"CreateContainerConfigError: secret {quote}db-creds{quote} not found", kind="Node")
        assert answer.cause == "secret-missing"

    def test_of_a_list_of_objects_the_states_are_names_and_what_failed_is_read(self) -> None:
        states = "timeout waiting for: [Deployment/a/no-matches-for-kind status: 'InProgress']"
        failures = '[Widget/a/b dry-run failed: no matches for kind "Widget" in version "acme.io/v1"]'
        assert classify(states, kind="Kustomization").cause == "health-check-failed"
        assert classify(failures, kind="Kustomization").cause == "crd-missing"

    def test_a_cut_message_is_said_to_be_cut(self) -> None:
        message = (
            'Failed to pull image "r.lab/a:1": failed to do request: Head "https://r.lab/v2/a/manifests/1": '
            + "x" * 1000
        )
        assert classify(message[:1024], kind="Event").cut
        assert "cut" in classify(("nothing that is known " * 60)[:1024]).why

    @pytest.mark.parametrize("message", [None, "", 7, 3.5, b"bytes", [], "\udcff broken", "\x00\x01"], ids=repr)
    def test_what_is_no_message_is_unknown(self, message: object) -> None:
        assert classify(message).cause == "unknown"

    def test_another_language_is_unknown_and_a_quoted_error_in_it_is_not(self) -> None:
        assert classify("Das Abbild konnte nicht geladen werden").cause == "unknown"
        assert classify('Fehler beim Laden: secrets "tls" not found').cause == "secret-missing"


NAMES = (
    "redis", "postgres", "mysql-primary", "sops-secrets-operator", "cosign", "calico", "coredns", "flannel", "istiod", "proxy",
    "report-worker", "helm-repo", "chart-repository", "registry", "docker-registry", "oci-mirror", "webhook", "cert-manager-webhook",
    "quota", "evicted", "suspended", "pending-upgrade", "oomkilled", "forbidden", "unauthorized", "timeout-service", "etcd-backup",
    "kustomize-build", "dns-failure", "no-such-host", "source-controller", "sealed-secrets", "kube-apiserver", "git-clone",
    "crashloop", "backoff", "x509-exporter", "ipam", "web-401", "api-429",
)  # fmt: skip
NAMED = {
    "Helm upgrade failed for release {0}/{0} with chart {0}@1.2.3: context deadline exceeded": "helm-wait-timeout",
    "Helm install failed for release {0}/{0} with chart {0}@1.2.3: timeout waiting for: [Deployment/{0}/{0} status: 'InProgress']":
        "helm-wait-timeout",
    "Helm upgrade failed for release {0}/{0} with chart {0}@1.2.3: pre-upgrade hooks failed: timed out waiting for the condition":
        "helm-hook-timeout",
    "Helm upgrade failed for release {0}/{0} with chart {0}@1.2.3: client rate limiter Wait returned an error: rate: Wait(n=1) would "
    "exceed context deadline": "helm-wait-timeout",
    "Helm upgrade failed for release {0}/{0} with chart {0}@1.2.3: \"{0}\" has no deployed releases": "helm-missing-release",
    "health check failed after 30s: timeout waiting for: [HelmRelease/{0}/{0} status: 'InProgress', Deployment/{0}/{0} status: 'Failed']":
        "health-check-failed",
    "dependency '{0}/{0}' is not ready": "dependency-not-ready",
    "HelmChart '{0}/{0}-{0}' is not ready: no artifact available for HelmRepository source '{0}'": "source-not-ready",
    'secret "{0}" not found': "secret-missing",
    'configmap "{0}" not found': "configmap-missing",
    'namespaces "{0}" not found': "namespace-missing",
    'could not resolve Secret chart values reference \'{0}/{0}\' with key \'values.yaml\': secrets "{0}" not found':
        "helm-values-reference",
    "Back-off restarting failed container {0} in pod {0}-5d_{0}(aa)": "crash-loop",
    'Back-off pulling image "r.lab/{0}/{0}:1"': "image-pull-failed",
    'Failed to pull image "r.lab/{0}/{0}:1": rpc error: code = NotFound desc = failed to pull and unpack image "r.lab/{0}/{0}:1": '
    'failed to resolve reference "r.lab/{0}/{0}:1": r.lab/{0}/{0}:1: not found': "image-not-found",
    "no key could decrypt secret ({0})": "sealed-secret-key-mismatch",
    "Job has reached the specified backoff limit": "job-backoff-limit",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_people_call_their_things_proves_nothing(name: str) -> None:
    for template, cause in NAMED.items():
        message = template.format(name)
        answer = classify(message)
        assert answer.cause == cause, (message, answer.why)


class TestADraw:
    """Where the words of two causes meet, nobody guesses."""

    OURS = """schema: runbook/causes/v1
causes:
  - {{id: disk-worn, title: A disk is worn, layer: storage, role: cause, meaning: m, decides: d, next: {{text: Replace it.}},{over}
     signatures: [{{by: us, match: 'wear level {first}', rank: {rank}}}]}}
  - {{id: disk-hot, title: A disk is hot, layer: storage, role: cause, meaning: m, decides: d, next: {{text: Cool it.}},
     signatures: [{{by: us, match: 'temperature', rank: 10}}]}}
"""
    TEXT = "wear level critical at temperature 71"

    def _answer(self, first: str = "cri", rank: int = 10, over: str = "") -> Classification:
        text = self.OURS.format(first=first, rank=rank, over=over)
        return classify(self.TEXT, catalogue=built_in().extended("ours.yaml", text))

    def test_two_proofs_of_about_one_length_are_unknown_and_both_are_named(self) -> None:
        answer = self._answer()
        assert (answer.cause, answer.role) == ("unknown", "unknown")
        assert answer.why == "its words are as good for disk-hot or disk-worn"

    def test_a_clearly_longer_proof_wins(self) -> None:
        assert self._answer(first="critical").cause == "disk-worn"

    def test_a_rank_that_is_a_little_higher_does_not_win_and_a_much_higher_one_does(self) -> None:
        assert self._answer(first="critical", rank=14).cause == "unknown"
        assert self._answer(rank=15).cause == "disk-worn"

    def test_the_special_case_of_another_wins_over_it(self) -> None:
        assert self._answer(rank=12, over=" over: disk-hot,").cause == "disk-worn"

    def test_what_a_cause_is_over_is_in_the_catalogue(self) -> None:
        assert {other for cause in built_in().causes.values() for other in cause.over} <= set(built_in().causes)


def test_who_wrote_it_is_told_with_the_versions_that_write_it_so() -> None:
    newer = classify("timeout waiting for: [Deployment/a/b]", kind="HelmRelease", reason="UpgradeFailed")
    older = classify(
        "Helm upgrade failed for release a/b with chart c@1: timed out waiting for the condition", kind="Event"
    )
    assert (newer.cause, older.cause) == ("helm-wait-timeout", "helm-wait-timeout")
    assert "(Helm 4)" in newer.why
    assert "(Helm up to 3)" in older.why
