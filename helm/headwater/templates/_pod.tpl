{{/*
The pod of a role. Takes root, role, zone (its entry of `zones`, or none), ports (names of what it listens on besides the
admin port), hostPorts and isDeployment.

A pod that ends has four spans after each other, all from drainSeconds: a pause, until nobody is sent here any more; the
drain; the stop; and something to spare.
*/}}
{{- define "headwater.pod" -}}
{{- $root := .root -}}
{{- $values := index $root.Values .role -}}
{{- $kube := $root.Capabilities.KubeVersion.Version -}}
{{- $drain := $root.Values.drainSeconds -}}
{{- if not (kindIs "invalid" $values.drainSeconds) -}}{{- $drain = $values.drainSeconds -}}{{- end -}}
{{- $pause := min 5 (int $drain) -}}
{{- $stop := 10 -}}
metadata:
  labels:
    {{- include "headwater.labels" (dict "root" $root "role" .role "zone" .zone.name) | nindent 4 }}
    headwater/node: "true"
  annotations:
    checksum/config: {{ printf "%s%s" (include "headwater.configFile" .) (include "headwater.secretEnv" .) | sha256sum }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "headwater.serviceAccountName" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ add $pause $drain $stop 5 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    seccompProfile:
      type: RuntimeDefault
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- $nodeSelector := deepCopy $values.nodeSelector -}}
  {{- if .zone.name -}}
  {{- $place := .zone.nodeSelector | default (dict "topology.kubernetes.io/zone" .zone.name) -}}
  {{- $nodeSelector = merge $nodeSelector $place -}}
  {{- end }}
  {{- with $nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "headwater.selector" (dict "root" $root "role" $.role "zone" $.zone.name) | nindent 10 }}
      {{- if $.isDeployment }}
      # Pods of before, which are about to go, do not count.
      matchLabelKeys: [pod-template-hash]
      {{- end }}
    {{- end }}
  containers:
    - name: headwater
      image: {{ include "headwater.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [{{ .role }}, --config, /etc/headwater/headwater.yaml]
      env:
        - name: HEADWATER_NODE_ID
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        - name: HEADWATER_NODE_ADDRESS
          valueFrom:
            fieldRef:
              fieldPath: {{ ternary "status.hostIP" "status.podIP" .hostPorts }}
        {{- if .hostPorts }}
        {{- /* Viewers come to the machine, other nodes to the pod: the relay is for nobody else, and asks nobody for a key. */}}
        - name: HEADWATER_RELAY_ADVERTISE
          valueFrom:
            fieldRef:
              fieldPath: status.podIP
        {{- end }}
        {{- if $root.Values.zoneFromNode }}
        {{- if semverCompare "<1.35-0" $kube }}
        {{- fail "zoneFromNode: Kubernetes copies labels of nodes to pods from 1.35 on; use zones" }}
        {{- else if $root.Values.zones }}
        {{- fail "zones: there are none to be named where zoneFromNode is true" }}
        {{- end }}
        {{- range $env, $label := dict "HEADWATER_NODE_REGION" "region" "HEADWATER_NODE_ZONE" "zone" }}
        - name: {{ $env }}
          valueFrom:
            fieldRef:
              fieldPath: metadata.labels['topology.kubernetes.io/{{ $label }}']
        {{- end }}
        {{- else }}
        - name: HEADWATER_NODE_REGION
          value: {{ .zone.region | default $root.Values.region | quote }}
        - name: HEADWATER_NODE_ZONE
          value: {{ .zone.name | default "default" | quote }}
        {{- end }}
        - name: HEADWATER_NODE_DRAIN_DEADLINE
          value: {{ printf "%ds" (int $drain) }}
        - name: HEADWATER_NODE_STOP_DEADLINE
          value: {{ printf "%ds" $stop }}
        {{- with include "headwater.publicUrlEnv" . }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with include "headwater.consulEnv" . }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with include "headwater.existingSecretEnv" . | trim }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- if $root.Values.caBundle.configMap }}
        - name: NODE_EXTRA_CA_CERTS
          value: /etc/headwater-ca/ca.crt
        {{- end }}
        {{- range $name, $value := $values.env }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
      {{- if include "headwater.secretEnv" . }}
      envFrom:
        - secretRef:
            name: {{ include "headwater.fullname" $root }}-{{ .role }}
      {{- end }}
      ports:
        {{- range append .ports "admin" }}
        {{- $port := include "headwater.port" (dict "root" $root "role" $.role "port" .) }}
        - name: {{ . }}
          containerPort: {{ $port }}
          {{- if and $.hostPorts (not (has . (list "admin" "relay"))) }}
          hostPort: {{ $port }}
          {{- end }}
        {{- end }}
      {{- /* Whether the process is alive has nothing to do with Redis: /healthz asks nobody. */}}
      startupProbe:
        httpGet: { path: /healthz, port: admin }
        periodSeconds: 1
        timeoutSeconds: 3
        failureThreshold: 60
      livenessProbe:
        httpGet: { path: /healthz, port: admin }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: { path: /readyz, port: admin }
        periodSeconds: 2
        timeoutSeconds: 3
        failureThreshold: 2
      {{- if gt $pause 0 }}
      lifecycle:
        preStop:
          {{- if semverCompare ">=1.30-0" $kube }}
          sleep:
            seconds: {{ $pause }}
          {{- else }}
          exec:
            command: [node, --eval, 'setTimeout(() => undefined, {{ mul $pause 1000 }})']
          {{- end }}
      {{- end }}
      {{- with $values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: config
          mountPath: /etc/headwater
          readOnly: true
        - name: tmp
          mountPath: /tmp
        {{- if $root.Values.caBundle.configMap }}
        - name: ca
          mountPath: /etc/headwater-ca
          readOnly: true
        {{- end }}
        {{- with $values.volumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "headwater.fullname" $root }}-{{ .role }}
    - name: tmp
      emptyDir:
        sizeLimit: 64Mi
    {{- with $root.Values.caBundle }}
    {{- if .configMap }}
    - name: ca
      configMap:
        name: {{ .configMap }}
        items:
          - key: {{ .key }}
            path: ca.crt
    {{- end }}
    {{- end }}
    {{- with $values.volumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* Where routers send viewers of an edge. */}}
{{- define "headwater.publicUrlEnv" -}}
{{- if and (eq .role "edge") .root.Values.edge.publicHost -}}
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- range $port, $scheme := dict "http" "http" "rtmp" "rtmp" }}
- name: HEADWATER_{{ upper $port }}_PUBLIC_URL
  value: {{ printf "%s://%s:%s" $scheme $.root.Values.edge.publicHost (include "headwater.port" (dict "root" $.root "role" "edge" "port" $port)) }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* Consul's agent is on the pod's machine, unless it is said to be elsewhere. */}}
{{- define "headwater.consulEnv" -}}
{{- $discovery := (include "headwater.config" . | fromJson).discovery | default dict -}}
{{- $isNamed := or (dig "consul" "url" "" $discovery) (hasKey .root.Values.configFromSecrets "discovery.consul.url") -}}
{{- if and (eq (default "registry" $discovery.kind) "consul") (not $isNamed) -}}
- name: HOST_IP
  valueFrom:
    fieldRef:
      fieldPath: status.hostIP
- name: HEADWATER_DISCOVERY_CONSUL_URL
  value: http://$(HOST_IP):8500
{{- end -}}
{{- end -}}

{{/* What comes from Secrets that are there already. */}}
{{- define "headwater.existingSecretEnv" -}}
{{- $given := .root.Values.configFromSecrets -}}
{{- range .root.Files.Get "files/secret-keys.yaml" | fromYamlArray -}}
{{- if hasKey $given .path }}
- name: {{ .env }}
  valueFrom:
    secretKeyRef:
      {{- toYaml (index $given .path) | nindent 6 }}
{{- end -}}
{{- end -}}
{{- end -}}
