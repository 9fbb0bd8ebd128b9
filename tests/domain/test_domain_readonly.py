"""What may be called `only reads`: known words of known programs, and nothing that writes, sends or starts something beside them."""

from __future__ import annotations

import pytest

from runbook.diagnosis.catalogue import built_in
from runbook.domain.readonly import only_reads

READS = [
    "kubectl get pods -A",
    "kubectl -n shop --context prod get pod {name} -o jsonpath='{.items[?(@.a>1)].metadata.name}'",
    "kubectl auth can-i --list --as {user} -n {namespace}",
    "kubectl rollout status deploy web",
    "kubectl --context=prod get pods >/dev/null 2>&1",
    "flux build kustomization {name} -n {namespace} --dry-run",
    "kubectl get events -n shop | grep Failed | tail -n 20",
    "kubectl get pods && kubectl get nodes; flux get all -A",
    "openssl s_client -connect {host} </dev/null 2>/dev/null | openssl x509 -noout -dates",
    "curl -sv https://{host}/v2/",
    "git -C fleet log --since 1.week",
    "helm get values {name} -n {namespace}",
]
WRITES = [
    "",
    "  ",
    "kubectl",
    "kubectl -n get delete pod x",
    "kubectl --context get delete pod x",
    "kubectl --cache-dir get delete pod x",
    "kubectl --context=prod delete pod get",
    "git --exec-path=/x log",
    "kubectl auth --cache-dir can-i reconcile -f x",
    "kubectl get pods >/dev/nullx",
    "kubectl get pods 2>&1x",
    "flux build artifact -p . -o x",
    "kubectl delete pod get",
    "kubectl get pods; kubectl delete pod x",
    "kubectl get pods\nkubectl delete pod x",
    "kubectl get pods && kubectl delete pod x",
    "kubectl get pods || kubectl delete pod x",
    "kubectl get pods & kubectl delete pod x",
    "kubectl get pods |& kubectl delete -f -",
    "kubectl get pods -o name | xargs kubectl delete",
    "kubectl get pod $(kubectl delete pod x)",
    "kubectl get pod `kubectl delete pod x`",
    "kubectl get pod <(kubectl delete pod x)",
    "kubectl get pod x -o yaml > pod.yaml",
    "kubectl get pod x -o yaml >> pod.yaml",
    "kubectl get pod 'x",
    "kubectl exec x -- ls",
    "kubectl rollout restart deploy web",
    "kubectl config use-context prod",
    "kubectl auth reconcile -f x",
    "kubectl cluster-info dump --output-directory=/",
    "flux suspend hr x",
    "flux reconcile hr x --reset",
    "helm upgrade x y",
    "helm template x --post-renderer ./x",
    "curl -XPOST https://x",
    "curl -sXDELETE https://x",
    "curl --request=DELETE https://x",
    "curl https://x -d a=b",
    "curl -so /etc/hosts https://x",
    "curl -sD /etc/hosts https://x",
    "curl --cookie-jar=x https://x",
    "sort -o x y",
    "git -c core.pager=x log",
    "openssl x509 -in a -out b",
    "journalctl --vacuum-time=1s",
    "ss --kill dst 10.0.0.1",
    "sudo kubectl get pods",
    "env KUBECONFIG=x kubectl get pods",
    "KUBECONFIG=x kubectl get pods",
    "./kubectl get pods",
    "bash -c 'kubectl get pods'",
    "find / -delete",
    "our-script show",
]


@pytest.mark.parametrize("command", READS)
def test_it_only_reads(command: str) -> None:
    assert only_reads(command)


@pytest.mark.parametrize("command", WRITES)
def test_nothing_else_is_known_to(command: str) -> None:
    assert not only_reads(command)


def test_the_catalogue_says_of_its_commands_what_they_do() -> None:
    acts = [cause.next for cause in built_in().causes.values() if cause.next.command]
    assert len(acts) > 70
    assert [a.command for a in acts if a.safe != only_reads(a.command)] == []
