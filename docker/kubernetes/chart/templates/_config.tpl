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

{{/* What no schema can compare, and what would otherwise show as pods that do not start. */}}
{{- define "egress-proxy.checks" -}}
{{- if not .Values.secret.existing -}}
{{- range regexFindAll "[$][{]file:/run/secrets/egress-proxy/[^}]+" (toYaml .Values.config) -1 | uniq -}}
{{- $name := base . -}}
{{- if not (hasKey $.Values.secret.values $name) -}}
{{- fail (printf "config names %s}, and secret.values has no %q: set it again (`helm upgrade` forgets values that were set by --set, unless with --reuse-values), or name your own Secret in secret.existing" . $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.autoscaling -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- fail (printf "autoscaling.minReplicas: %d is more than maxReplicas, which is %d" (int .minReplicas) (int .maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- end }}
