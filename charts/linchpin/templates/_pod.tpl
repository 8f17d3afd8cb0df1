{{/* The pod of a role: (dict "root" $ "role" name "row" row "values" values) */}}
{{- define "linchpin.podSpec" -}}
{{- $root := .root -}}{{- $role := .role -}}{{- $row := .row -}}{{- $values := .values -}}
{{- $claim := "" -}}{{- $affinity := deepCopy $values.affinity -}}
{{- if $values.files -}}
{{- $claim = include "linchpin.filesClaim" $root -}}
{{- $affinity = mergeOverwrite (include "linchpin.filesAffinity" $root | fromYaml) $affinity -}}
{{- end -}}
serviceAccountName: {{ include "linchpin.fullname" $root }}-{{ $role }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "linchpin.pullSecrets" $root }}
securityContext:
  {{- include "linchpin.podSecurity" $root | nindent 2 }}
{{- /* Ready off and preStop, then as long as clients are given to leave, then what the process needs to close (10 s). */}}
terminationGracePeriodSeconds: {{ add $values.preStopSeconds $values.drainSeconds 15 }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  {{- if $values.topologySpreadConstraints }}
  {{- toYaml $values.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "linchpin.selector" (dict "root" $root "component" $role) | nindent 8 }}
  {{- end }}
  {{- end }}
containers:
  - name: {{ $role }}
    image: {{ include "linchpin.image" (dict "root" $root "role" $role) }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: [--config, /etc/linchpin/config.yaml]
    securityContext:
      {{- include "linchpin.containerSecurity" $root | nindent 6 }}
    env:
      - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
      {{- /* Of the container's memory limit, which Node finds in its cgroup; the rest is for buffers and code. */}}
      - { name: NODE_OPTIONS, value: {{ printf "--max-old-space-size-percentage=%v" $values.heapPercentage | quote }} }
      {{- if eq $role "cms" }}
      - { name: LINCHPIN_HOME, value: /etc/linchpin/admin }
      {{- end }}
      {{- with $root.Values.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
      {{- with $values.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    ports:
      - { name: rpc, containerPort: {{ $row.rpc }}, protocol: TCP }
      - { name: http, containerPort: {{ $row.http }}, protocol: TCP }
      {{- range $row.listeners }}
      {{- $hostPort := index $values.hostPorts .name }}
      - { name: {{ .name }}, containerPort: {{ .port }}, protocol: {{ .protocol }}{{ with $hostPort }}, hostPort: {{ . }}{{ end }} }
      {{- end }}
    {{- /*
    By HTTP: the RPC port asks everybody for a certificate, and a kubelet's gRPC probe has none to show. `live` says only that
    the process answers, so that no restart is tried against a backend that is away; `ready` is off while it drains. A role that
    needs its tables brings them up before it has started, or waits until another pod has: to end it then would undo the migration.
    */}}
    startupProbe:
      httpGet: { path: /healthz/started, port: http }
      periodSeconds: 1
      failureThreshold: {{ if $row.needsTables }}{{ max 120 (int $root.Values.migrationDeadlineSeconds) }}{{ else }}120{{ end }}
    readinessProbe:
      httpGet: { path: /healthz/ready, port: http }
      periodSeconds: 2
      timeoutSeconds: 2
      failureThreshold: 2
    livenessProbe:
      httpGet: { path: /healthz/live, port: http }
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    {{- if gt (int $values.preStopSeconds) 0 }}
    lifecycle:
      {{- /* Load balancers hear of the end before the process does: until then it takes new work as ever. */}}
      preStop: { sleep: { seconds: {{ $values.preStopSeconds }} } }
    {{- end }}
    resources:
      {{- toYaml $values.resources | nindent 6 }}
    volumeMounts:
      - { name: config, mountPath: /etc/linchpin/config.yaml, subPath: config.yaml, readOnly: true }
      - { name: tls, mountPath: /etc/linchpin/tls, readOnly: true }
      - { name: data, mountPath: /var/lib/linchpin }
      - { name: tmp, mountPath: /tmp }
      {{- if $row.domain }}
      - { name: sip, mountPath: /etc/linchpin/sip, readOnly: true }
      {{- end }}
      {{- if $row.signs }}
      - { name: signing, mountPath: /etc/linchpin/signing, readOnly: true }
      {{- end }}
      {{- with $values.files }}
      {{- if .s3.endpoint }}
      - { name: files, mountPath: /etc/linchpin/files, readOnly: true }
      {{- else if $claim }}
      - { name: files, mountPath: /var/lib/linchpin-files }
      {{- end }}
      {{- end }}
      {{- with $values.compliance }}
      {{- if .existingClaim }}
      - { name: archive, mountPath: /var/lib/linchpin-archive }
      {{- end }}
      {{- end }}
      {{- if $row.postgres }}
      {{- include "linchpin.postgresMounts" $root | nindent 6 }}
      {{- end }}
      {{- if eq $role "cms" }}
      - { name: admin, mountPath: /etc/linchpin/admin, readOnly: true }
      {{- end }}
      {{- with $values.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - { name: config, configMap: { name: {{ include "linchpin.fullname" $root }}-{{ $role }} } }
  - { name: tls, secret: { secretName: {{ include "linchpin.tlsSecret" (dict "root" $root "identity" $role) }}, defaultMode: 0440 } }
  {{- /* Nothing here has to outlive the pod: state is in NATS and PostgreSQL. */}}
  - { name: data, emptyDir: { sizeLimit: {{ $values.dataSize }} } }
  - { name: tmp, emptyDir: { sizeLimit: 64Mi } }
  {{- if $row.domain }}
  - { name: sip, secret: { secretName: {{ include "linchpin.sipSecret" $root }}, defaultMode: 0440 } }
  {{- end }}
  {{- if $row.signs }}
  - { name: signing, secret: { secretName: {{ include "linchpin.signingSecret" (dict "root" $root "role" $role) }}, defaultMode: 0440 } }
  {{- end }}
  {{- with $values.files }}
  {{- if .s3.endpoint }}
  - name: files
    secret: { secretName: {{ .s3.existingSecret }}, defaultMode: 0440, items: [{ key: {{ .s3.credentialsKey }}, path: credentials }] }
  {{- else if $claim }}
  - { name: files, persistentVolumeClaim: { claimName: {{ $claim }} } }
  {{- end }}
  {{- end }}
  {{- with $values.compliance }}
  {{- with .existingClaim }}
  - { name: archive, persistentVolumeClaim: { claimName: {{ . }} } }
  {{- end }}
  {{- end }}
  {{- if $row.postgres }}
  {{- include "linchpin.postgresVolumes" $root | nindent 2 }}
  {{- end }}
  {{- if eq $role "cms" }}
  {{- include "linchpin.adminVolume" $root | nindent 2 }}
  {{- end }}
  {{- with $values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "linchpin.postgresMounts" -}}
- { name: postgresql, mountPath: /etc/linchpin/postgresql, readOnly: true }
{{- if or .Values.postgresql.dev.enabled .Values.postgresql.external.caSecret }}
- { name: postgresql-ca, mountPath: /etc/linchpin/postgresql-ca, readOnly: true }
{{- end }}
{{- end -}}

{{- define "linchpin.postgresVolumes" -}}
- name: postgresql
  secret:
    secretName: {{ include "linchpin.postgresSecret" . }}
    defaultMode: 0440
    items: [{ key: {{ .Values.postgresql.passwordKey }}, path: password }]
{{- if .Values.postgresql.dev.enabled }}
- name: postgresql-ca
  secret:
    secretName: {{ include "linchpin.tlsSecret" (dict "root" . "identity" "postgresql") }}
    defaultMode: 0440
    items: [{ key: ca.crt, path: ca.crt }]
{{- else if .Values.postgresql.external.caSecret }}
- name: postgresql-ca
  secret:
    secretName: {{ .Values.postgresql.external.caSecret }}
    defaultMode: 0440
    items: [{ key: ca.crt, path: ca.crt }]
{{- end }}
{{- end -}}

{{/* A home folder of the command line: what `kubectl exec` in the CMS pod, jobs and tests administer with. */}}
{{- define "linchpin.adminVolume" -}}
- name: admin
  projected:
    defaultMode: 0440
    sources:
      - configMap:
          name: {{ include "linchpin.fullname" . }}-admin
          items: [{ key: linchpin.json, path: linchpin.json }]
      - secret:
          name: {{ include "linchpin.tlsSecret" (dict "root" . "identity" "admin") }}
          items:
            - { key: ca.crt, path: pki/ca.pem }
            - { key: tls.crt, path: pki/admin.pem }
            - { key: tls.key, path: pki/admin.key }
{{- end -}}

{{/*
How many pods: (dict "root" $ "role" name "values" values); empty where only the autoscaler says it. A number would be that of when the chart was
rendered, and a rollback would bring it back. But a manifest without one, after a release whose manifest had one, has Helm take it away, and Kubernetes
put 1 in its place (helm #12650): so it is left out from the beginning or never, and annotation linchpin/replicas of the StatefulSet says that it
was. Else it is as many as there are, within the autoscaler's bounds.
*/}}
{{- define "linchpin.replicas" -}}
{{- $scaling := .values.autoscaling -}}
{{- if $scaling.enabled -}}
{{- $name := printf "%s-%s" (include "linchpin.fullname" .root) .role -}}
{{- $present := lookup "apps/v1" "StatefulSet" .root.Release.Namespace $name -}}
{{- /* Somebody who deleted the StatefulSet may have left its pods. */ -}}
{{- $scaler := lookup "autoscaling/v2" "HorizontalPodAutoscaler" .root.Release.Namespace $name -}}
{{- $mark := index (($present.metadata | default dict).annotations | default dict) "linchpin/replicas" -}}
{{- if and (or $present $scaler) (not $mark) -}}
{{- $count := ternary ($present.spec | default dict).replicas ($scaler.status | default dict).desiredReplicas (not (empty $present)) | default $scaling.minReplicas -}}
{{- $count | int | max (int $scaling.minReplicas) | min (int $scaling.maxReplicas) -}}
{{- end -}}
{{- else -}}
{{- .values.replicas -}}
{{- end -}}
{{- end -}}

{{- define "linchpin.autoscaler" }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "linchpin.metadata" .meta | nindent 2 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: StatefulSet, name: {{ include "linchpin.fullname" .root }}-{{ .role }} }
  minReplicas: {{ .scaling.minReplicas }}
  maxReplicas: {{ .scaling.maxReplicas }}
  metrics:
    - type: Resource
      resource: { name: cpu, target: { type: Utilization, averageUtilization: {{ .scaling.targetCPUUtilizationPercentage }} } }
    {{- with .scaling.podMetrics }}
    {{- range . }}
    - type: Pods
      pods: { metric: { name: {{ .name }} }, target: { type: AverageValue, averageValue: {{ .averageValue | quote }} } }
    {{- end }}
    {{- end }}
  behavior:
    scaleUp:
      stabilizationWindowSeconds: 30
      policies: [{ type: Pods, value: 2, periodSeconds: 60 }]
    {{- /* One at a time: each pod that goes has its clients move, which is load for those that stay. */}}
    scaleDown:
      stabilizationWindowSeconds: {{ .scaling.scaleDownStabilizationSeconds }}
      policies: [{ type: Pods, value: 1, periodSeconds: 120 }]
{{- end -}}
