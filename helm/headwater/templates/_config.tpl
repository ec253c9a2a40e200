{{/* The program's configuration: the values, what the chart adds, and its secret keys apart. All take root and role. */}}

{{/* All of it, as JSON. */}}
{{- define "headwater.config" -}}
{{- $values := .root.Values -}}
{{- $config := mergeOverwrite (deepCopy $values.config) (deepCopy (index $values .role).config) -}}
{{- $registry := $config.registry | default dict -}}
{{- $redis := $registry.redis | default dict -}}
{{- $isNamed := or $redis.url $redis.sentinels $redis.nodes (hasKey $values.configFromSecrets "registry.redis.url") -}}
{{- if and $values.valkey.enabled $isNamed -}}
{{- fail "config.registry.redis names a server, which would not be used: set valkey.enabled to false" -}}
{{- else if not (or $values.valkey.enabled $isNamed) -}}
{{- fail "config.registry.redis: url, sentinels or nodes is needed, as valkey.enabled is false" -}}
{{- end -}}
{{- if $values.valkey.enabled -}}
{{- $_ := set $redis "url" (printf "redis://%s-valkey:6379" (include "headwater.fullname" .root)) -}}
{{- end -}}
{{- $_ := set $registry "redis" $redis -}}
{{- $_ := set $registry "kind" "redis" -}}
{{- $_ := set $config "registry" $registry -}}
{{- toJson $config -}}
{{- end -}}

{{/* Its file, without secrets. */}}
{{- define "headwater.configFile" -}}
{{- $config := include "headwater.config" . | fromJson -}}
{{- range $path, $_ := include "headwater.secretConfig" . | fromJson -}}
{{- $section := $config -}}
{{- $names := splitList "." $path -}}
{{- range initial $names -}}{{- $section = index $section . -}}{{- end -}}
{{- $_ := unset $section (last $names) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* Its secrets, path by path, as JSON. The bundled Valkey has an address that is none. */}}
{{- define "headwater.secretConfig" -}}
{{- $config := include "headwater.config" . | fromJson -}}
{{- $found := dict -}}
{{- range .root.Files.Get "files/secret-keys.yaml" | fromYamlArray -}}
{{- $value := $config -}}
{{- range splitList "." .path -}}
{{- $value = ternary (index ($value | default dict) .) nil (kindIs "map" $value) -}}
{{- end -}}
{{- if and $value (not (and $.root.Values.valkey.enabled (eq .path "registry.redis.url"))) -}}
{{- $_ := set $found .path $value -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* Its secrets as environment variables. */}}
{{- define "headwater.secretEnv" -}}
{{- $found := include "headwater.secretConfig" . | fromJson -}}
{{- range .root.Files.Get "files/secret-keys.yaml" | fromYamlArray -}}
{{- if hasKey $found .path }}
{{- $value := index $found .path }}
{{ .env }}: {{ ternary $value (toJson $value) (kindIs "string" $value) | quote }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A port of the configuration. Takes root, role and the port's name. */}}
{{- define "headwater.port" -}}
{{- $defaults := dict "rtmp" 1935 "http" 8080 "admin" 9090 "relay" 50051 -}}
{{- $config := include "headwater.config" . | fromJson -}}
{{- dig .port "port" (index $defaults .port) $config | int -}}
{{- end -}}
