{{/*
A hook's Job: (dict "root" $ "name" suffix "annotations" hooks "args" list "config" ConfigMap's suffix), and as wanted
"image" role, "account" service account with a token, "admin" true, "samples" true, "role" whose certificate and database it uses,
"deadline" seconds.
*/}}
{{- define "linchpin.job" }}
{{- $root := .root }}
{{- $fullname := include "linchpin.fullname" $root }}
apiVersion: batch/v1
kind: Job
metadata:
  {{- include "linchpin.metadata" (dict "root" $root "component" "job" "name" .name "annotations" .annotations) | nindent 2 }}
spec:
  backoffLimit: 2
  activeDeadlineSeconds: {{ .deadline | default 300 }}
  template:
    metadata:
      labels:
        {{- include "linchpin.labels" (dict "root" $root "component" "job") | nindent 8 }}
    spec:
      restartPolicy: Never
      {{- with .account }}
      serviceAccountName: {{ . }}
      {{- end }}
      automountServiceAccountToken: {{ not (empty .account) }}
      enableServiceLinks: false
      {{- include "linchpin.pullSecrets" $root | nindent 6 }}
      securityContext:
        {{- include "linchpin.podSecurity" $root | nindent 8 }}
      {{- with $root.Values.cms.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.cms.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .name }}
          image: {{ include "linchpin.image" (dict "root" $root "role" (.image | default "cms")) }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          command: [node]
          args:
            {{- toYaml .args | nindent 12 }}
          {{- /* The last lines are shown where the Job is described. */}}
          terminationMessagePolicy: FallbackToLogsOnError
          securityContext:
            {{- include "linchpin.containerSecurity" $root | nindent 12 }}
          env:
            - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
            {{- if .admin }}
            - { name: LINCHPIN_HOME, value: /etc/linchpin/admin }
            - { name: LINCHPIN_CMS, value: "{{ $fullname }}-cms.{{ $root.Release.Namespace }}.svc:7010" }
            {{- end }}
            {{- if .samples }}
            - { name: LINCHPIN_SAMPLE_PASSWORDS, value: /etc/linchpin/samples }
            {{- end }}
            {{- with $root.Values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          resources:
            requests: { cpu: 50m, memory: 96Mi }
            limits: { memory: 256Mi }
          volumeMounts:
            - { name: job, mountPath: /etc/linchpin/job, readOnly: true }
            - { name: tmp, mountPath: /tmp }
            {{- if .admin }}
            - { name: admin, mountPath: /etc/linchpin/admin, readOnly: true }
            {{- end }}
            {{- if .samples }}
            - { name: samples, mountPath: /etc/linchpin/samples, readOnly: true }
            {{- end }}
            {{- if .role }}
            - { name: tls, mountPath: /etc/linchpin/tls, readOnly: true }
            - { name: data, mountPath: /var/lib/linchpin }
            {{- include "linchpin.postgresMounts" $root | nindent 12 }}
            {{- end }}
      volumes:
        - { name: job, configMap: { name: {{ $fullname }}-{{ .config }} } }
        - { name: tmp, emptyDir: { sizeLimit: 64Mi } }
        {{- if .admin }}
        {{- include "linchpin.adminVolume" $root | nindent 8 }}
        {{- end }}
        {{- if .samples }}
        - { name: samples, secret: { secretName: {{ $fullname }}-sample-users, defaultMode: 0440 } }
        {{- end }}
        {{- if .role }}
        - { name: tls, secret: { secretName: {{ include "linchpin.tlsSecret" (dict "root" $root "identity" .role) }}, defaultMode: 0440 } }
        - { name: data, emptyDir: { sizeLimit: 64Mi } }
        {{- include "linchpin.postgresVolumes" $root | nindent 8 }}
        {{- end }}
{{- end }}
