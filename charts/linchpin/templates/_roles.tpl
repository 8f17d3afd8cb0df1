{{/*
The roles, one row each. Everything that differs between them is here and in the values: the templates know no role by name.
  rpc, http      ports of the container
  listeners      ports for clients: key among the listeners of the role's configuration, port of the container, port of the Service
  callers        who may open the RPC port; "admin": the release's jobs and tests, and networkPolicy.administrators
  postgres       it has a database, values.postgresql.databases.<role>
  needsTables    it has not started before its tables are those of its release
  domain         it is told the SIP domain and shows the certificate of it
  signs          it has a key that all its pods sign with
  callsClients   it opens connections to SIP clients
A role whose `enabled` is false in the values has no row.
*/}}
{{- define "linchpin.roles" -}}
cms:
  rpc: 7010
  http: 7011
  listeners: []
  callers: [cms, admin]
  postgres: true
  needsTables: true
director:
  rpc: 7020
  http: 7021
  listeners: []
  callers: [edge, cms]
edge:
  rpc: 7030
  http: 7031
  domain: true
  listeners:
    - { name: access-tls, key: accessTls, port: 5061, servicePort: 5061, protocol: TCP }
    - { name: access-wss, key: accessWss, port: 5443, servicePort: 443, protocol: TCP }
  callers: [frontend, cms]
frontend:
  rpc: 7040
  http: 7041
  domain: true
  postgres: true
  signs: true
  callsClients: true
  listeners:
    {{- /* Not one number for both: Kubernetes merges changes of a container's ports by their numbers, and would lose one. */}}
    - { name: sip-udp, key: sipUdp, port: 5062, servicePort: 5060, protocol: UDP }
    - { name: sip-tcp, key: sipTcp, port: 5063, servicePort: 5060, protocol: TCP }
    - { name: sip-tls, key: sipTls, port: 5061, servicePort: 5061, protocol: TCP }
  callers: [director, frontend, persistent-chat, cms]
{{- if .Values.persistentChat.enabled }}
persistent-chat:
  rpc: 7050
  http: 7051
  domain: true
  postgres: true
  needsTables: true
  signs: true
  listeners:
    - { name: chat-https, port: 7443, servicePort: 443, protocol: TCP }
  callers: [frontend, cms]
{{- end }}
{{- end -}}

{{/* The configuration file of a role, (dict "root" $ "role" name). What values.<role>.config says is laid over it; null takes a key away. */}}
{{- define "linchpin.config" -}}
{{- $root := .root -}}
{{- $key := include "linchpin.key" .role -}}
{{- $values := index $root.Values $key -}}
{{- $row := index (include "linchpin.roles" $root | fromYaml) .role -}}
{{- $fullname := include "linchpin.fullname" $root -}}
{{- $base := include "linchpin.config.host" (dict "root" $root "role" .role "row" $row) | fromYaml -}}
{{- if $row.postgres -}}
{{- $_ := set $base "postgres" (include "linchpin.config.postgres" (dict "root" $root "database" (index $root.Values.postgresql.databases $key)) | fromYaml) -}}
{{- end -}}
{{- if $row.domain -}}
{{- $_ := set $base "domain" $root.Values.domain -}}
{{- end -}}
{{- if $row.signs -}}
{{- $_ := set $base "signingKeyFile" "/etc/linchpin/signing/signing.key" -}}
{{- end -}}
{{- $listeners := dict -}}
{{- range $row.listeners -}}
{{- if .key }}{{- $_ := set $listeners .key (dict "address" "0.0.0.0" "port" .port) -}}{{- end -}}
{{- end -}}
{{- if $listeners -}}
{{- $_ := set $base "sipTls" (include "linchpin.config.certificate" $root | fromYaml) -}}
{{- $_ := set $base "listeners" $listeners -}}
{{- end -}}
{{- $_ := mergeOverwrite $base (include (printf "linchpin.config.%s" .role) $root | fromYaml) -}}
{{- $own := deepCopy $values.config -}}
{{- $merged := mergeOverwrite $base $own -}}
{{- range $key, $value := $values.config -}}
{{- if kindIs "invalid" $value -}}{{- $_ := unset $merged $key -}}{{- end -}}
{{- end -}}
# Made by Helm: set {{ $key }}.config in the values to change it. Variables are filled in when the process starts.
{{ toYaml $merged }}
{{- end -}}

{{- define "linchpin.config.host" -}}
name: ${POD_NAME}
role: {{ .role }}
pool: {{ .role }}
advertise: {{ printf "${POD_NAME}.%s-%s-pods.%s.svc:%v" (include "linchpin.fullname" .root) .role .root.Release.Namespace .row.rpc }}
dataDir: /var/lib/linchpin
rpc: { address: 0.0.0.0, port: {{ .row.rpc }} }
http: { address: 0.0.0.0, port: {{ .row.http }} }
tls: { ca: /etc/linchpin/tls/ca.crt, cert: /etc/linchpin/tls/tls.crt, key: /etc/linchpin/tls/tls.key }
nats:
  servers: {{ include "linchpin.natsServers" .root }}
drainSeconds: {{ (index .root.Values (include "linchpin.key" .role)).drainSeconds }}
{{- end -}}

{{- define "linchpin.config.certificate" -}}
{ cert: /etc/linchpin/sip/tls.crt, key: /etc/linchpin/sip/tls.key }
{{- end -}}

{{/* (dict "root" $ "database" name) */}}
{{- define "linchpin.config.postgres" -}}
{{- $postgresql := .root.Values.postgresql -}}
{{- $external := $postgresql.external -}}
host: {{ include "linchpin.postgresHost" .root }}
port: {{ ternary 5432 $external.port $postgresql.dev.enabled }}
user: {{ $postgresql.user }}
database: {{ .database }}
passwordFile: /etc/linchpin/postgresql/password
{{- if or $postgresql.dev.enabled $external.caSecret }}
ca: /etc/linchpin/postgresql-ca/ca.crt
{{- end }}
{{- end -}}

{{- define "linchpin.config.cms" -}}
bucketReplicas: {{ include "linchpin.natsReplicas" . }}
{{- end -}}

{{- define "linchpin.config.director" -}}
{}
{{- end -}}

{{- define "linchpin.config.edge" -}}
{{- with .Values.edge.advertise.signalling }}
advertised: {{ . }}
{{- end }}
{{- end -}}

{{- define "linchpin.config.frontend" -}}
{{- $advertise := .Values.frontend.advertise -}}
state: { replicas: {{ include "linchpin.natsReplicas" . }} }
{{- if or $advertise.signalling $advertise.signallingUdp }}
listeners:
  {{- with $advertise.signallingUdp | default $advertise.signalling }}
  sipUdp: { sentBy: {{ printf "%s:5060" . | quote }} }
  {{- end }}
  {{- with $advertise.signalling }}
  sipTcp: { sentBy: {{ printf "%s:5060" . | quote }} }
  sipTls: { sentBy: {{ printf "%s:5061" . | quote }} }
  {{- end }}
{{- end }}
{{- end -}}

{{- define "linchpin.config.persistent-chat" -}}
compliance:
  postgres:
    {{- include "linchpin.config.postgres" (dict "root" . "database" .Values.postgresql.databases.compliance) | nindent 4 }}
  {{- pick .Values.persistentChat.compliance "adapters" "fourEyes" "maxLagSeconds" | toYaml | nindent 2 }}
web: { port: 7443, tls: {{ include "linchpin.config.certificate" . }} }
queue: { replicas: {{ include "linchpin.natsReplicas" . }} }
{{- with .Values.persistentChat.files }}
{{- if .s3.endpoint }}
files:
  s3:
    {{- pick .s3 "endpoint" "bucket" "prefix" "region" | toYaml | nindent 4 }}
    credentialsFile: /etc/linchpin/files/credentials
{{- else if include "linchpin.filesClaim" $ }}
files: { directory: /var/lib/linchpin-files }
{{- end }}
{{- end }}
{{- end -}}

{{/*
The claim of the volume for files in rooms; empty where there is none: with a bucket, or a folder of `persistentChat.config.files` that is
not on the volume.
*/}}
{{- define "linchpin.filesClaim" -}}
{{- $files := .Values.persistentChat.files -}}
{{- $own := .Values.persistentChat.config.files | default dict -}}
{{- $elsewhere := and $own.directory (not (hasPrefix "/var/lib/linchpin-files/" (printf "%s/" $own.directory))) -}}
{{- if or (not .Values.persistentChat.enabled) $files.s3.endpoint $own.s3 $elsewhere -}}
{{- else if $files.existingClaim -}}{{ $files.existingClaim }}
{{- else if $files.volume.enabled -}}{{ include "linchpin.fullname" . }}-persistent-chat-files
{{- end -}}
{{- end -}}

{{/* The same where the release claims it; empty where somebody else does. */}}
{{- define "linchpin.filesOwnClaim" -}}
{{- if not .Values.persistentChat.files.existingClaim -}}{{ include "linchpin.filesClaim" . }}{{- end -}}
{{- end -}}

{{/* The same where one node can have it at a time; empty where the pods may run apart. */}}
{{- define "linchpin.filesOfOneNode" -}}
{{- if eq .Values.persistentChat.files.volume.accessMode "ReadWriteOnce" -}}{{ include "linchpin.filesOwnClaim" . }}{{- end -}}
{{- end -}}

{{/* Keeps the pods that write to such a volume together. By its label: pods of before an upgrade may be without it, and anywhere. */}}
{{- define "linchpin.filesAffinity" -}}
{{- with include "linchpin.filesOfOneNode" . -}}
podAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    - topologyKey: kubernetes.io/hostname
      labelSelector: { matchLabels: { linchpin/files: {{ . }} } }
{{- end -}}
{{- end -}}

{{/* Which backends hold the release, and with how many copies. */}}
{{- define "linchpin.natsServers" -}}
{{- if .Values.nats.dev.enabled -}}
{{- list (printf "tls://%s-nats.%s.svc:4222" (include "linchpin.fullname" .) .Release.Namespace) | toJson -}}
{{- else -}}
{{- .Values.nats.external.servers | toJson -}}
{{- end -}}
{{- end -}}

{{- define "linchpin.natsReplicas" -}}
{{- if .Values.nats.dev.enabled -}}{{ .Values.nats.dev.replicas }}{{- else -}}{{ .Values.nats.external.replicas }}{{- end -}}
{{- end -}}

{{- define "linchpin.postgresHost" -}}
{{- if .Values.postgresql.dev.enabled -}}{{ include "linchpin.fullname" . }}-postgresql.{{ .Release.Namespace }}.svc
{{- else -}}{{ .Values.postgresql.external.host }}
{{- end -}}
{{- end -}}
