{{- define "seatrial.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "seatrial.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "seatrial.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "seatrial.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The names of cluster-scoped objects of two releases must differ: neither a namespace nor a release name has a colon. */}}
{{- define "seatrial.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "seatrial.fullname" .) }}
{{- end }}

{{- define "seatrial.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "seatrial.commonLabels" -}}
helm.sh/chart: {{ include "seatrial.chart" . | quote }}
app.kubernetes.io/name: {{ include "seatrial.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end }}

{{- define "seatrial.labels" -}}
{{ include "seatrial.commonLabels" . }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "seatrial.selectorLabels" -}}
app.kubernetes.io/name: {{ include "seatrial.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "seatrial.testLabels" -}}
app.kubernetes.io/name: {{ include "seatrial.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: test
{{- end }}

{{- define "seatrial.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "seatrial.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The kinds of children in the fence, as `group/resource` in CEL. */}}
{{- define "seatrial.childKinds" -}}
'/configmaps', 'apps/deployments', 'apps/controllerrevisions', 'autoscaling/horizontalpodautoscalers', 'batch/jobs', 'policy/poddisruptionbudgets', {{ include "seatrial.routerKinds" . }}
{{- range .Values.routerKinds }}, '{{ .group }}/{{ .resource }}'{{ end }}
{{- end }}

{{/* CEL: whether the namespace of the request is one that the operator manages. */}}
{{- define "seatrial.mayWriteIn" -}}
{{- if .Values.watchNamespaces -}}
request.namespace in [{{ range $i, $name := .Values.watchNamespaces }}{{ if $i }}, {{ end }}'{{ $name }}'{{ end }}]
{{- else -}}
!(request.namespace.startsWith('kube-') || request.namespace == '{{ .Release.Namespace }}')
{{- end }}
{{- end }}

{{- define "seatrial.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "seatrial.podSecurityContext" -}}
runAsNonRoot: true
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "seatrial.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The subject of every binding of the operator. */}}
{{- define "seatrial.subjects" -}}
- kind: ServiceAccount
  name: {{ include "seatrial.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
