{{/* Names, labels, the image and the numbers that more than one template needs. */}}
{{- define "egress-proxy.name" -}}
{{ .Values.fullnameOverride | default "egress-proxy" }}
{{- end }}

{{- define "egress-proxy.selector" -}}
app.kubernetes.io/name: egress-proxy
app.kubernetes.io/component: gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "egress-proxy.labels" -}}
app.kubernetes.io/name: egress-proxy
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "egress-proxy.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Seconds of a duration such as 10s or 2m. */}}
{{- define "egress-proxy.seconds" -}}
{{- $number := regexFind "^[0-9]+" . | int -}}
{{- if hasSuffix "m" . -}}{{ mul $number 60 }}{{- else -}}{{ $number }}{{- end -}}
{{- end }}

{{/* Not empty where a client is known by its pods: only then does the gateway speak to the API server. */}}
{{- define "egress-proxy.podNamespaces" -}}
{{- $found := dict -}}
{{- range .Values.config.clients -}}
{{- with .pods -}}{{- $_ := set $found .namespace true -}}{{- end -}}
{{- end -}}
{{- keys $found | sortAlpha | join " " -}}
{{- end }}

{{- define "egress-proxy.secretName" -}}
{{- if .Values.secret.existing -}}{{ .Values.secret.existing }}
{{- else if .Values.secret.values -}}{{ include "egress-proxy.name" . }}
{{- end -}}
{{- end }}

{{/* A literal address as the host of a URL. */}}
{{- define "egress-proxy.hostText" -}}
{{- if contains ":" . -}}[{{ . }}]{{- else -}}{{ . }}{{- end -}}
{{- end }}

{{/* Where a pod learns its node's addresses: of both families, as soon as the cluster knows the field. */}}
{{- define "egress-proxy.nodeField" -}}
{{- semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version | ternary "status.hostIPs" "status.hostIP" -}}
{{- end }}
