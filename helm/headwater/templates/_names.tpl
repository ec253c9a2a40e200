{{/* Names and labels. Selectors are fixed for the life of a release: nothing that a value or a version changes is in them. */}}

{{- define "headwater.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "headwater.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "headwater.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "headwater.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The labels by which a role's pods are found. Takes root and role, and a zone's name where only its pods are meant. */}}
{{- define "headwater.selector" -}}
app.kubernetes.io/name: {{ include "headwater.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- with .zone }}
headwater/zone: {{ . }}
{{- end }}
{{- end -}}

{{/* The labels of an object. Takes root and role. */}}
{{- define "headwater.labels" -}}
{{ include "headwater.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: headwater
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "headwater.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "headwater.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "headwater.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The workloads of a role: one without a name, or one for each zone. As JSON. */}}
{{- define "headwater.zones" -}}
{{- if .Values.zones -}}{{ toJson .Values.zones }}{{- else -}}[{}]{{- end -}}
{{- end -}}

{{/* The value for traffic within the cluster to stay in a zone, in the words of the cluster's version. */}}
{{- define "headwater.trafficDistribution" -}}
{{- if semverCompare ">=1.35-0" .Capabilities.KubeVersion.Version -}}
trafficDistribution: PreferSameZone
{{- else if semverCompare ">=1.31-0" .Capabilities.KubeVersion.Version -}}
trafficDistribution: PreferClose
{{- end -}}
{{- end -}}
