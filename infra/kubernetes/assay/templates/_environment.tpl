{{/* The environment of each part; <secret:NAME> is put in its place by the container itself. */}}

{{- define "assay.database" -}}
- name: PREFECT_SERVER_DATABASE_CONNECTION_URL
  value: "postgresql+asyncpg://{{ .Values.postgres.user }}:<secret:postgres_password>@{{ include "assay.postgres" . }}/prefect"
{{- end }}

{{- define "assay.prefect" -}}
{{ include "assay.database" . }}
- {name: PREFECT_SERVER_DATABASE_MIGRATE_ON_START, value: "false"}
- {name: PREFECT_SERVER_REGISTER_BLOCKS_ON_START, value: "false"}
- {name: PREFECT_SERVER_EVENTS_MESSAGING_BROKER, value: prefect_redis.messaging}
- {name: PREFECT_SERVER_EVENTS_MESSAGING_CACHE, value: prefect_redis.messaging}
- {name: PREFECT_SERVER_EVENTS_CAUSAL_ORDERING, value: prefect_redis.ordering}
- {name: PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE, value: prefect_redis.lease_storage}
- {name: PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE, value: prefect_redis.cleanup_queue}
- name: PREFECT_REDIS_MESSAGING_URL
  value: "redis://default:<secret:valkey_password>@{{ include "assay.valkey" . }}/0"
- name: PREFECT_SERVER_DOCKET_URL
  value: "redis://default:<secret:valkey_password>@{{ include "assay.valkey" . }}/1"
- {name: PREFECT_SERVER_API_AUTH_STRING, value: "assay:<secret:prefect_password>"}
- {name: PREFECT_API_AUTH_STRING, value: "assay:<secret:prefect_password>"}
- {name: PREFECT_UI_URL, value: "https://{{ .Values.hosts.prefect }}"}
- {name: PREFECT_UI_API_URL, value: "https://{{ .Values.hosts.prefect }}/api"}
{{- end }}

{{- define "assay.storage" -}}
- {name: AWS_ENDPOINT_URL, value: "{{ include "assay.s3" . }}"}
- {name: AWS_ACCESS_KEY_ID, value: "{{ .Values.s3.key }}"}
- {name: AWS_SECRET_ACCESS_KEY, value: "<secret:s3_secret>"}
- {name: AWS_DEFAULT_REGION, value: "{{ .Values.s3.region }}"}
{{- end }}

{{- define "assay.mlflow-store" -}}
- name: MLFLOW_BACKEND_STORE_URI
  value: "postgresql://{{ .Values.postgres.user }}:<secret:postgres_password>@{{ include "assay.postgres" . }}/mlflow"
- {name: MLFLOW_ARTIFACTS_DESTINATION, value: "s3://{{ .Values.s3.bucket }}/mlflow"}
{{- end }}

{{- define "assay.client" -}}
- {name: PREFECT_API_URL, value: "http://{{ .Release.Name }}-prefect:4200/api"}
- {name: PREFECT_API_AUTH_STRING, value: "assay:<secret:prefect_password>"}
- {name: PREFECT_UI_URL, value: "https://{{ .Values.hosts.prefect }}"}
- {name: MLFLOW_TRACKING_URI, value: "http://{{ .Release.Name }}-mlflow:5000"}
- {name: MLFLOW_TRACKING_USERNAME, value: assay}
- {name: MLFLOW_TRACKING_PASSWORD, value: "<secret:mlflow_password>"}
- {name: ASSAY_MLFLOW_PAGES, value: "https://{{ .Values.hosts.mlflow }}"}
- {name: ASSAY_CHUNKS, value: "s3://{{ .Values.s3.bucket }}/chunks"}
{{- end }}
