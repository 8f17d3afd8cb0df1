{{/* Names of Secrets: the operator's own, or those that the release makes. */}}

{{/* (dict "root" $ "identity" "cms"): certificate between roles, with tls.crt, tls.key and ca.crt */}}
{{- define "linchpin.tlsSecret" -}}
{{- if eq .root.Values.tls.mode "existing" -}}
{{- $key := include "linchpin.key" .identity -}}
{{- required (printf "tls.existing.%s: name the Secret (tls.crt, tls.key, ca.crt) of %s, or choose another tls.mode" $key .identity) (index .root.Values.tls.existing $key) -}}
{{- else -}}
{{ include "linchpin.fullname" .root }}-{{ .identity }}-tls
{{- end -}}
{{- end -}}

{{- define "linchpin.sipSecret" -}}
{{- if .Values.sipTls.existingSecret -}}{{ .Values.sipTls.existingSecret }}
{{- else if eq .Values.tls.mode "existing" -}}
{{- fail "sipTls.existingSecret: with tls.mode=existing name the Secret (tls.crt, tls.key) of the SIP domain's certificate" -}}
{{- else -}}{{ include "linchpin.fullname" . }}-sip-tls
{{- end -}}
{{- end -}}

{{/* (dict "root" $ "role" name) */}}
{{- define "linchpin.signingSecret" -}}
{{- $fullname := include "linchpin.fullname" .root -}}
{{- if eq .role "frontend" -}}{{ .root.Values.signingKey.existingSecret | default (printf "%s-signing-key" $fullname) }}
{{- else -}}{{ (index .root.Values (include "linchpin.key" .role)).signingKey.existingSecret | default (printf "%s-%s-signing-key" $fullname .role) }}
{{- end -}}
{{- end -}}

{{- define "linchpin.postgresSecret" -}}
{{- if and (not .Values.postgresql.dev.enabled) (not .Values.postgresql.existingSecret) -}}
{{- fail "postgresql.existingSecret: name the Secret whose key postgresql.passwordKey holds the password of the external PostgreSQL" -}}
{{- end -}}
{{- .Values.postgresql.existingSecret | default (printf "%s-postgresql" (include "linchpin.fullname" .)) -}}
{{- end -}}

{{/* Everybody who shows a certificate of the private CA, as [{identity, dns}]. */}}
{{- define "linchpin.identities" -}}
{{- $fullname := include "linchpin.fullname" . -}}
{{- $namespace := .Release.Namespace -}}
{{- range $role := keys (include "linchpin.roles" . | fromYaml) | sortAlpha }}
- identity: {{ $role }}
  {{- /* Between roles the name of the role is checked, not that of the host. */}}
  dns: [{{ $role }}.linchpin.internal, localhost]
{{- end }}
- { identity: admin, dns: [admin.linchpin.internal] }
{{- if .Values.nats.dev.enabled }}
- identity: nats
  dns:
    - nats.linchpin.internal
    - {{ $fullname }}-nats
    - {{ $fullname }}-nats.{{ $namespace }}
    - {{ $fullname }}-nats.{{ $namespace }}.svc
    - "*.{{ $fullname }}-nats-pods.{{ $namespace }}.svc"
    - localhost
{{- end }}
{{- if .Values.postgresql.dev.enabled }}
- identity: postgresql
  dns:
    - postgresql.linchpin.internal
    - {{ $fullname }}-postgresql
    - {{ $fullname }}-postgresql.{{ $namespace }}
    - {{ $fullname }}-postgresql.{{ $namespace }}.svc
    - localhost
{{- end }}
{{- if not .Values.sipTls.existingSecret }}
- identity: sip
  {{- /* RFC 5922 7.1: a SIP server shows the domain that it is responsible for. */}}
  dns:
    {{- $names := list .Values.domain (printf "sip.%s" .Values.domain) -}}
    {{- range $role, $row := include "linchpin.roles" . | fromYaml -}}
    {{- if $row.domain -}}
    {{- $service := printf "%s-%s" $fullname $role -}}
    {{- $names = concat $names (list $service (printf "%s.%s" $service $namespace) (printf "%s.%s.svc" $service $namespace)) -}}
    {{- end -}}
    {{- end -}}
    {{- $names = concat $names .Values.sipTls.extraNames (list "localhost") -}}
    {{- toYaml (uniq $names) | nindent 4 }}
{{- end }}
{{- end -}}
