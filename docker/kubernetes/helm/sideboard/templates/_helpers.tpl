{{/* Everything here takes (dict "values" VALUES "context" $): from a chart of your own, VALUES is .Values.sideboard. */}}

{{- define "sideboard.name" -}}
{{- printf "%s-sideboard" .context.Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "sideboard.selector" -}}
app.kubernetes.io/name: sideboard
app.kubernetes.io/instance: {{ .context.Release.Name }}
{{- end -}}

{{- define "sideboard.labels" -}}
{{ include "sideboard.selector" . }}
app.kubernetes.io/managed-by: {{ .context.Release.Service }}
{{- end -}}

{{/* On the pods of a chart of your own: by it the PodMonitor and the NetworkPolicy find them. */}}
{{- define "sideboard.podLabels" -}}
sideboard/release: {{ .context.Release.Name | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/* Likewise: with it pods are replaced when the configuration changes, which is read once. */}}
{{- define "sideboard.podAnnotations" -}}
checksum/sideboard: {{ printf "%s\n%s" .values.config.featureStore .values.config.definitions | sha256sum }}
{{- end -}}

{{/* The pods that the PodMonitor and the NetworkPolicy are about. */}}
{{- define "sideboard.watchedPods" -}}
{{- if eq .values.mode "standalone" -}}
{{ include "sideboard.selector" . }}
{{- else -}}
{{ include "sideboard.podLabels" . }}
{{- end -}}
{{- end -}}

{{- define "sideboard.image" -}}
{{- $image := .values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default "0.1.0" }}
{{- end -}}
{{- end -}}

{{- define "sideboard.configMap" -}}
{{ .values.config.existingConfigMap | default (include "sideboard.name" .) }}
{{- end -}}

{{/* What stops the pod has to wait for: the model, the time before SIGTERM, the calls under way, and five seconds to spare. */}}
{{- define "sideboard.gracePeriod" -}}
{{- add (.modelSeconds | default 0) (.preStopSeconds | default 0) .values.shutdown.drainSeconds 5 -}}
{{- end -}}

{{- define "sideboard.podSecurityContext" -}}
runAsNonRoot: true
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "sideboard.securityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
privileged: false
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* V8 does not know the limit of the container: its heap may take six tenths of it, whatever unit of Kubernetes it is written in. */}}
{{- define "sideboard.nodeOptions" -}}
{{- $memory := dig "limits" "memory" "" (.values.resources | default dict) | toString -}}
{{- $bytes := dict "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 -}}
{{- $unit := regexFind "[A-Za-z]*$" $memory -}}
{{- $number := trimSuffix $unit $memory -}}
{{- if .values.nodeOptions -}}
{{ .values.nodeOptions }}
{{- else if and (hasKey $bytes $unit) (regexMatch "^[0-9]+([.][0-9]+)?(e[+]?[0-9]+)?$" $number) -}}
--max-semi-space-size=8 --max-old-space-size={{ divf (mulf $number (get $bytes $unit) 0.6) 1048576.0 | floor | int64 }}
{{- else if $memory -}}
{{- fail (printf "resources.limits.memory is %s: write it in Mi or Gi, or say nodeOptions" $memory) -}}
{{- end -}}
{{- end -}}

{{- define "sideboard.refuseSecrets" -}}
{{- range .values.env -}}
{{- if and (hasKey . "value") (regexMatch "(?i)(passw|secret|token|credential|private|api_?key|access_?key)" .name) -}}
{{- fail (printf "env %s has a value: a secret comes by valueFrom.secretKeyRef, or by envFrom" .name) -}}
{{- end -}}
{{- end -}}
{{- $named := "(?i)(passw(or)?d|secret|token|(api|access|secret|private|account)_?key)[\"']?\\s*[:=]\\s*[\"']?[^\\s\"'$#]" -}}
{{- $inUrl := "://[^/\\s\"'@]*:[^$/\\s\"'@][^/\\s\"'@]*@" -}}
{{- if or (regexMatch $named .values.config.featureStore) (regexMatch $inUrl .values.config.featureStore) -}}
{{- fail "config.featureStore holds a secret: write ${NAME} there, and give NAME by env or envFrom" -}}
{{- end -}}
{{- end -}}

{{- define "sideboard.configText" -}}
{{- if not .values.config.existingConfigMap -}}
{{- required "config.featureStore is missing: --set-file config.featureStore=feature_store.yaml, or name config.existingConfigMap" .values.config.featureStore -}}
{{- end -}}
{{- end -}}
