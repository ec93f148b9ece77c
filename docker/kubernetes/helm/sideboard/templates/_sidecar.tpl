{{/*
The sidecar for a pod of your own. In the template of its Deployment:

    metadata:
      labels:
        {{- include "sideboard.podLabels" (dict "values" .Values.sideboard "context" $) | nindent 8 }}
      annotations:
        {{- include "sideboard.podAnnotations" (dict "values" .Values.sideboard "context" $) | nindent 8 }}
    spec:
      terminationGracePeriodSeconds: {{ include "sideboard.gracePeriod" (dict "values" .Values.sideboard "modelSeconds" 30) }}
      securityContext: {{- include "sideboard.podSecurityContext" . | nindent 8 }}
      initContainers:
        {{- include "sideboard.sidecar" (dict "values" .Values.sideboard "context" $) | nindent 8 }}
      containers: …
      volumes:
        {{- include "sideboard.volumes" (dict "values" .Values.sideboard "context" $) | nindent 8 }}

With sidecar.native: false, `sideboard.sidecar` stands among the containers instead.
*/}}
{{- define "sideboard.sidecar" -}}
{{- $native := .values.sidecar.native -}}
{{- $address := printf "127.0.0.1:%d" (int .values.grpc.port) -}}
{{- if .values.grpc.socket }}{{ $address = "unix:/run/sideboard/grpc.sock" }}{{ end -}}
- name: sideboard
{{- if $native }}
  restartPolicy: Always
{{- end }}
  {{- include "sideboard.containerBody" (dict "values" .values "context" .context "address" $address "preStopSeconds" 0) | nindent 2 }}
{{- end -}}

{{- define "sideboard.containerBody" -}}
{{- include "sideboard.refuseSecrets" . -}}
image: {{ include "sideboard.image" . | quote }}
imagePullPolicy: {{ .values.image.pullPolicy }}
args:
  - serve
  - --repo=/repo
  - --grpc-address={{ .address }}
  - --shutdown-timeout={{ int .values.shutdown.drainSeconds }}
  {{- if .insecure }}
  - --insecure-allow-remote
  {{- end }}
  {{- with .values.extraArgs }}{{ toYaml . | nindent 2 }}{{ end }}
env:
  - name: SIDEBOARD_ADMIN_ADDRESS
    value: {{ printf "%s:%d" .values.admin.host (int .values.admin.port) | quote }}
  {{- with include "sideboard.nodeOptions" . }}
  - name: NODE_OPTIONS
    value: {{ . | quote }}
  {{- end }}
  {{- with .values.env }}{{ toYaml . | nindent 2 }}{{ end }}
{{- with .values.envFrom }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  {{- if not (hasPrefix "unix:" .address) }}
  - name: sb-grpc
    containerPort: {{ int .values.grpc.port }}
  {{- end }}
  - name: sb-admin
    containerPort: {{ int .values.admin.port }}
startupProbe:
  httpGet: {path: /readyz, port: {{ int .values.admin.port }}}
  periodSeconds: 1
  timeoutSeconds: 1
  failureThreshold: 60
readinessProbe:
  httpGet: {path: /readyz, port: {{ int .values.admin.port }}}
  periodSeconds: 5
  timeoutSeconds: 2
  failureThreshold: 2
livenessProbe:
  httpGet: {path: /livez, port: {{ int .values.admin.port }}}
  periodSeconds: 10
  timeoutSeconds: 2
  failureThreshold: 6
{{- if gt (int .preStopSeconds) 0 }}
lifecycle:
  preStop:
    {{- if semverCompare ">=1.30-0" .context.Capabilities.KubeVersion.Version }}
    sleep: {seconds: {{ int .preStopSeconds }}}
    {{- else }}
    exec: {command: [/usr/local/bin/node, -e, "setTimeout(() => {}, {{ mul 1000 (int .preStopSeconds) }})"]}
    {{- end }}
{{- end }}
resources: {{- toYaml .values.resources | nindent 2 }}
securityContext: {{- include "sideboard.securityContext" . | nindent 2 }}
volumeMounts:
  - {name: sideboard-config, mountPath: /repo, readOnly: true}
  - {name: sideboard-state, mountPath: /var/lib/sideboard}
  {{- if hasPrefix "unix:" .address }}
  - {name: sideboard-socket, mountPath: /run/sideboard}
  {{- end }}
  {{- if .values.tls.secretName }}
  - {name: sideboard-tls, mountPath: /etc/sideboard/tls, readOnly: true}
  {{- end }}
  {{- with .values.extraVolumeMounts }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end -}}

{{- define "sideboard.volumes" -}}
- name: sideboard-config
  configMap:
    name: {{ include "sideboard.configMap" . }}
- name: sideboard-state
  emptyDir: {sizeLimit: {{ .values.stateSizeLimit }}}
{{- if and (eq .values.mode "sidecar") .values.grpc.socket }}
- name: sideboard-socket
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
{{- end }}
{{- with .values.tls.secretName }}
- name: sideboard-tls
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- with .values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
