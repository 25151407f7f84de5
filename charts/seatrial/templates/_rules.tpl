{{/*
The operator's permissions for namespaced objects, in all namespaces or in some. It uses every verb: its caches list and
watch; its applier creates, gets (to check the owner of an existing object), patches (server-side apply) and deletes.
It creates no pods, reads no nodes and does not change the spec of a ModelDeployment.
*/}}
{{- define "seatrial.rules" -}}
- apiGroups: [seatrial.dev]
  resources: [modeldeployments, rolloutdecisions]
  verbs: [list, watch]
- apiGroups: [seatrial.dev]
  resources: [rolloutdecisions] # old decisions are pruned
  verbs: [delete]
- apiGroups: [seatrial.dev]
  resources: [modeldeployments/status]
  verbs: [update]
- apiGroups: [seatrial.dev]
  resources: [modeldeployments/finalizers] # required by the admission plugin OwnerReferencesPermissionEnforcement
  verbs: [update]
- apiGroups: [seatrial.dev]
  resources: [rolloutdecisions/status]
  verbs: [patch]
- apiGroups: [apps]
  resources: [deployments, controllerrevisions]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [patch]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs] # a finished Job is deleted by its ttlSecondsAfterFinished
  verbs: [get, list, watch, create, patch]
{{ include "seatrial.routerRules" . }}
{{- range .Values.routerKinds }}
- apiGroups: [{{ .group | quote }}]
  resources: [{{ .resource }}]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}
- apiGroups: [""]
  resources: [configmaps] # every revision has a copy of those that its pods read
  verbs: [get, list, watch, create, patch, delete]
{{- if .Values.rbac.secrets }}
- apiGroups: [""]
  resources: [secrets] # those that a spec names, by name; no list and no watch, which would return all of them
  verbs: [get]
{{- end }}
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end }}
