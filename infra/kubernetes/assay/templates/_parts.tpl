{{/* Every part of a pod that several have. Called with (dict "root" $ "part" NAME). */}}

{{- define "assay.name" -}}{{ .root.Release.Name }}-{{ .part }}{{- end }}

{{- define "assay.selector" -}}
app.kubernetes.io/name: assay
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "assay.labels" -}}
{{ include "assay.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "assay.image" -}}{{ .Values.image.repository }}:{{ .Values.image.tag }}{{- end }}

{{- define "assay.postgres" -}}{{ .Values.postgres.address | default (printf "%s-postgres:5432" .Release.Name) }}{{- end }}
{{- define "assay.valkey" -}}{{ .Values.valkey.address | default (printf "%s-valkey:6379" .Release.Name) }}{{- end }}
{{- define "assay.s3" -}}{{ .Values.s3.address | default (printf "http://%s-s3:8333" .Release.Name) }}{{- end }}

{{/* Of a pod: no token, no root, no way to become it. */}}
{{- define "assay.pod" -}}
serviceAccountName: {{ .root.Release.Name }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "assay.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "assay.ours" -}}
image: {{ include "assay.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
{{ include "assay.container" . }}
{{- end }}

{{- define "assay.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: secrets, mountPath: /run/secrets, readOnly: true}
{{- end }}

{{/* Each part gets the passwords that its environment names, and no other. */}}
{{- define "assay.secrets" -}}
postgres: [postgres_password]
valkey: [valkey_password]
s3: [s3_secret]
migration: [postgres_password, s3_secret]
prefect: [postgres_password, valkey_password, prefect_password]
services: [postgres_password, valkey_password, prefect_password]
mlflow: [postgres_password, s3_secret, mlflow_password, mlflow_signing_key]
deployment: [prefect_password, mlflow_password]
worker: [prefect_password, mlflow_password, s3_secret]
{{- end }}

{{- define "assay.volumes" -}}
- name: tmp
  emptyDir: {}
- name: secrets
  secret:
    secretName: {{ .root.Values.secret }}
    defaultMode: 0440
    items:
      {{- range index (include "assay.secrets" . | fromYaml) .part }}
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
{{- end }}

{{/* Two pods of one part are not to go with one node. */}}
{{- define "assay.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "assay.selector" . | nindent 8 }}
{{- end }}

{{/* A server starts when the schemas are those of its own image. */}}
{{- define "assay.wait" -}}
- name: migration
  {{- include "assay.ours" . | nindent 2 }}
  args: [python, -m, infra.container.migration, --wait]
  env: {{- include "assay.database" .root | nindent 4 }}
  resources: {requests: {cpu: 50m, memory: 256Mi}, limits: {memory: 512Mi}}
  volumeMounts: {{- include "assay.mounts" . | nindent 4 }}
{{- end }}
