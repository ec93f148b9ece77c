#!/usr/bin/env bash
# Brings what manifests are checked with, into the git-ignored .tools: kubeconform, kustomize and helm, built with the machine's Go, and
# schemas for kubeconform made of what Kubernetes and the Prometheus operator publish in their Go modules.
#   --schemas  without kustomize and helm, which compile for half a minute and for six minutes of a processor
#   exit 3  there is no Go that is new enough
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/go-tool.sh

go_tool_lock kubernetes-tools
if [ "$(go_minor)" -lt 26 ]; then
  echo 'setup-kubernetes-tools: Go 1.26 or newer is needed.' >&2
  exit 3
fi

# build NAME PACKAGE RELEASE
build() {
  if [ -x ".tools/bin/$1" ] && [ "$(cat ".tools/bin/$1.version" 2>/dev/null)" = "$3" ]; then
    return
  fi
  echo "setup-kubernetes-tools: building $1 $3"
  GOBIN="$PWD/.tools/bin" go install "$2@$3" 9>&-
  echo "$3" >".tools/bin/$1.version"
}
build kubeconform github.com/yannh/kubeconform/cmd/kubeconform v0.8.0
if [ "${1:-}" != --schemas ]; then
  build kustomize sigs.k8s.io/kustomize/kustomize/v5 v5.7.1
  build helm helm.sh/helm/v3/cmd/helm v3.22.0
fi

# module PATH@RELEASE: downloads it and prints its folder.
module() {
  (cd / && go mod download -json "$1" 9>&-) | node -p 'JSON.parse(fs.readFileSync(0, "utf8")).Dir'
}
# The oldest release that the manifests are for, and the newest.
for release in 1.29.15 1.36.3; do
  folder=".tools/kubernetes-schemas/${release%.*}"
  [ -e "$folder/complete" ] && continue
  echo "setup-kubernetes-tools: schemas of Kubernetes $release"
  operator=$(module github.com/prometheus-operator/prometheus-operator@v0.85.0)
  kubernetes=$(module "k8s.io/kubernetes@v$release")
  status=0
  node scripts/kubernetes-schemas.mjs "$folder" "$kubernetes/api/openapi-spec/swagger.json" \
    "$operator/example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml" || status=$?
  case $status in
    0) touch "$folder/complete" ;;
    4) echo 'setup-kubernetes-tools: the schemas come when the packages of the project are installed.' ;;
    *) exit "$status" ;;
  esac
done
