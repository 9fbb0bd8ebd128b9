#!/usr/bin/env bash
# build_apiserver.sh FOLDER   builds etcd and kube-apiserver from their Go modules into FOLDER, for KUBEBUILDER_ASSETS.
# Needs Go and a module proxy; about five minutes on two idle cores. Nothing is installed.
set -euo pipefail
kubernetes=1.34.2 etcd=3.6.5
out=$(mkdir -p "${1:?FOLDER}" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOFLAGS=-buildvcs=false GOTOOLCHAIN=local

tool() { # FOLDER MODULE VERSION PACKAGE   a module without code that pins one tool
  mkdir -p "$work/$1" && cd "$work/$1"
  go mod init "tools/$1" 2>/dev/null
  go mod edit -require="$2@v$3" -tool="$4"
  # a module's own replace lines are ignored by whoever requires it: Kubernetes' staging folders become released modules
  go mod edit -json "$(go mod download -json "$2@v$3" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')" |
    sed -n 's|.*"Path": "./staging/src/\(k8s.io/[^"]*\)".*|\1|p' |
    while read -r path; do go mod edit -replace="$path=$path@v0.${3#*.}"; done
  go mod tidy
}

tool apiserver k8s.io/kubernetes "$kubernetes" k8s.io/kubernetes/cmd/kube-apiserver
stamp=k8s.io/component-base/version
minor=${kubernetes#*.} && minor=${minor%.*}
go build -ldflags "-s -w -X $stamp.gitVersion=v$kubernetes -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor -X $stamp.gitTreeState=clean" \
  -o "$out/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
tool etcd go.etcd.io/etcd/server/v3 "$etcd" go.etcd.io/etcd/server/v3
go build -ldflags "-s -w" -o "$out/etcd" go.etcd.io/etcd/server/v3
