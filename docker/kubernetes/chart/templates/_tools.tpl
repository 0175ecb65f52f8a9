{{/*
What a pod of a tool needs to work behind the gateway. In a chart that has this one as a dependency:
  env: {{- include "egress-proxy.toolEnv" . | nindent 12 }}
  {{- include "egress-proxy.toolDns" . | nindent 6 }}
*/}}
{{- define "egress-proxy.proxyHost" -}}
{{- .Values.tools.proxyHost | default (include "egress-proxy.hostText" .Values.service.clusterIP) -}}
{{- end }}

{{- define "egress-proxy.toolVariables" -}}
{{- $proxy := printf "http://%s:3128" (include "egress-proxy.proxyHost" .) -}}
HTTP_PROXY: {{ $proxy | quote }}
HTTPS_PROXY: {{ $proxy | quote }}
NO_PROXY: {{ .Values.tools.noProxy | quote }}
http_proxy: {{ $proxy | quote }}
https_proxy: {{ $proxy | quote }}
no_proxy: {{ .Values.tools.noProxy | quote }}
{{- end }}

{{- define "egress-proxy.toolEnv" -}}
{{- range $name, $value := include "egress-proxy.toolVariables" . | fromYaml }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "egress-proxy.toolDns" -}}
{{- if .Values.steer.enabled -}}
dnsPolicy: None
dnsConfig:
  nameservers: [{{ .Values.service.clusterIP | quote }}]
  options:
    - name: ndots
      value: "1"
{{ end -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- end }}
