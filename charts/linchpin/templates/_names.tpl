{{/* Names, labels and images. */}}

{{- define "linchpin.fullname" -}}
{{- $name := .Release.Name -}}
{{- if .Values.nameOverride -}}{{- $name = printf "%s-%s" .Release.Name .Values.nameOverride -}}{{- end -}}
{{- /* A StatefulSet's name, with "-persistent-chat" at its end, has 52 characters at most: a hash is added to it in a label of 63. */ -}}
{{- .Values.fullnameOverride | default $name | trunc 36 | trimSuffix "-" -}}
{{- end -}}

{{/* What selects the pods of a component; never changes in the life of a release. (dict "root" $ "component" name) */}}
{{- define "linchpin.selector" -}}
app.kubernetes.io/name: linchpin
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "linchpin.labels" -}}
{{ include "linchpin.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: linchpin
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* metadata of anything that is no hook: (dict "root" $ "component" c "name" suffix "annotations" map) */}}
{{- define "linchpin.metadata" -}}
name: {{ include "linchpin.fullname" .root }}{{ with .name }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "linchpin.labels" . | nindent 2 }}
{{- $annotations := merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
Whether UDP has a Service of its own: (dict "root" $ "role" name "values" values); empty where not. Kubernetes knows the ports of a Service by
their number where it merges what an upgrade changes (kubernetes #105610): of two of one number one is lost, also when they are taken apart.
So a Service that has both keeps them until somebody deletes it.
*/}}
{{- define "linchpin.udpIsApart" -}}
{{- if (.values.udpService | default dict).separate -}}
{{- $present := lookup "v1" "Service" .root.Release.Namespace (printf "%s-%s" (include "linchpin.fullname" .root) .role) -}}
{{- $together := false -}}
{{- range ($present.spec | default dict).ports -}}{{- if eq (.protocol | default "TCP") "UDP" -}}{{- $together = true -}}{{- end -}}{{- end -}}
{{- if not $together -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* What a role is called in the values: persistent-chat is persistentChat there. */}}
{{- define "linchpin.key" -}}
{{- . | camelcase | untitle -}}
{{- end -}}

{{/* (dict "root" $ "role" name) */}}
{{- define "linchpin.image" -}}
{{- $all := .root.Values.image -}}
{{- $own := (index .root.Values (include "linchpin.key" .role)).image -}}
{{- $name := $own.repository | default (printf "%s/%s" $all.repository .role) -}}
{{- if $all.registry -}}{{- $name = printf "%s/%s" $all.registry $name -}}{{- end -}}
{{- if $own.digest -}}{{ $name }}@{{ $own.digest }}
{{- else -}}{{ $name }}:{{ $own.tag | default $all.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "linchpin.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* https://kubernetes.io/docs/concepts/security/pod-security-standards/ "restricted" */}}
{{- define "linchpin.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "linchpin.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}
