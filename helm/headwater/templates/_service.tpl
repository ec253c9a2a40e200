{{/* What a Service for the outside has beside its ports and selector. Takes root and the values of the service. */}}
{{- define "headwater.serviceSpec" -}}
{{- $service := .service -}}
type: {{ $service.type }}
{{- if ne $service.type "ClusterIP" }}
externalTrafficPolicy: {{ $service.externalTrafficPolicy }}
{{- end }}
{{- if eq $service.type "LoadBalancer" }}
{{- with $service.loadBalancerClass }}
loadBalancerClass: {{ . }}
{{- end }}
{{- with $service.loadBalancerSourceRanges }}
loadBalancerSourceRanges:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with include "headwater.trafficDistribution" .root }}
{{ . }}
{{- end }}
{{- end -}}

{{/* nodePort of a Service, where one is asked for. */}}
{{- define "headwater.nodePort" -}}
{{- if and (ne .type "ClusterIP") (gt (int .nodePort) 0) -}}
nodePort: {{ .nodePort }}
{{- end -}}
{{- end -}}
