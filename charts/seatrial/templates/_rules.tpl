{{/*
What the operator may do with namespaced objects, in all namespaces or in one. Each verb is one that it uses:
list and watch of its caches, create, get (is the name taken by us?) and patch (server-side apply) of its writer,
delete of what can be left over. It makes no pods, reads no nodes and writes no spec of a ModelDeployment.
*/}}
{{- define "seatrial.rules" -}}
- apiGroups: [seatrial.dev]
  resources: [modeldeployments, rolloutdecisions]
  verbs: [list, watch]
- apiGroups: [seatrial.dev]
  resources: [rolloutdecisions] # answered long ago
  verbs: [delete]
- apiGroups: [seatrial.dev]
  resources: [modeldeployments/status]
  verbs: [update]
- apiGroups: [seatrial.dev]
  resources: [modeldeployments/finalizers] # asked for where OwnerReferencesPermissionEnforcement is on
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
  resources: [jobs] # a finished Job goes by its own time to live
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [services] # goes with its owner
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [configmaps] # those that pods read are copied per revision
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [secrets] # metadata is watched; the content of those that a spec names enters the revision as a hash
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end }}
