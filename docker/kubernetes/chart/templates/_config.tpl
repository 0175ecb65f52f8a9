{{/* The policy file. What the chart decides comes last: listeners have to be what Service and NetworkPolicies say. */}}
{{- define "egress-proxy.config" -}}
{{- $at := .Values.listenAddress -}}
{{- $own := dict "version" 1 "listen" (dict
      "proxy" (printf "%s:3128" $at)
      "socks" (printf "%s:1080" $at)
      "metrics" (printf "%s:9181" $at)
      "admin" "127.0.0.1:9180") -}}
{{- if .Values.steer.enabled -}}
{{- $name := include "egress-proxy.name" . -}}
{{- $names := list (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace) -}}
{{- range .Values.steer.search -}}
{{- if hasPrefix "svc." . -}}{{- $names = append $names (printf "%s.%s.%s" $name $.Release.Namespace .) -}}{{- end -}}
{{- end -}}
{{- $_ := set $own "steer" (dict
      "dns" (printf "%s:5353" $at)
      "http" (printf "%s:8080" $at)
      "tls" (printf "%s:8443" $at)
      "address" (list .Values.service.clusterIP)
      "names" (concat $names .Values.steer.names | uniq)
      "search" .Values.steer.search
      "peers" .Values.steer.peers) -}}
{{- end -}}
{{- $all := mustMergeOverwrite (deepCopy .Values.config) $own -}}
{{- omit $all "clients" | toYaml -}}
{{/* One client on a line: scanners take a line "token: ..." of a ConfigMap for a secret, and it names a file. */}}
{{- with $all.clients }}
clients:
{{- range . }}
  - {{ toJson . }}
{{- end }}
{{- end }}
{{- end }}
