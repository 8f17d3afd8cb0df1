{{/* nats-server's configuration; it takes JSON, but no \u escapes. Who may do what comes from files/nats-permissions.json, which `npm run gen` writes. */}}
{{- define "linchpin.natsConfig" -}}
{{- $dev := .Values.nats.dev -}}
{{- $tls := dict "ca_file" "/etc/linchpin/tls/ca.crt" "cert_file" "/etc/linchpin/tls/tls.crt" "key_file" "/etc/linchpin/tls/tls.key" "timeout" 5 -}}
{{- $config := dict "listen" "0.0.0.0:4222" "http" "0.0.0.0:8222" -}}
{{- /* A SIP message may carry a large body, and a user's state is one value. */ -}}
{{- $_ := set $config "max_payload" 2097152 -}}
{{- $_ := set $config "jetstream" (dict "store_dir" "/data") -}}
{{- $_ := set $config "tls" (merge (dict "verify_and_map" true) $tls) -}}
{{- $users := list -}}
{{- range $name, $rules := .Files.Get "files/nats-permissions.json" | fromJson -}}
{{- $users = append $users (dict "user" $name "permissions" $rules) -}}
{{- end -}}
{{- $_ := set $config "authorization" (dict "users" $users) -}}
{{- if gt (int $dev.replicas) 1 -}}
{{- $fullname := include "linchpin.fullname" . -}}
{{- $routes := list -}}
{{- range $at := until (int $dev.replicas) -}}
{{- $routes = append $routes (printf "nats://%s-nats-%d.%s-nats-pods.%s.svc:6222" $fullname $at $fullname $.Release.Namespace) -}}
{{- end -}}
{{- $_ := set $config "cluster" (dict "name" $fullname "listen" "0.0.0.0:6222" "routes" $routes "tls" (merge (dict "verify" true) $tls)) -}}
{{- end -}}
{{ toPrettyJson $config | replace "\\u003e" ">" }}
{{- end -}}

{{- define "linchpin.devClaim" -}}
metadata: { name: data }
spec:
  accessModes: [ReadWriteOnce]
  {{- with .dev.storageClassName }}
  storageClassName: {{ . }}
  {{- end }}
  resources: { requests: { storage: {{ .dev.storage }} } }
{{- end -}}
