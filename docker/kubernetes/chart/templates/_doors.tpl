{{/* The container ports that tools may reach. */}}
{{- define "egress-proxy.doorPorts" -}}
- { protocol: TCP, port: 3128 }
- { protocol: TCP, port: 1080 }
{{- if .Values.steer.enabled }}
- { protocol: UDP, port: 5353 }
- { protocol: TCP, port: 5353 }
- { protocol: TCP, port: 8080 }
- { protocol: TCP, port: 8443 }
{{- end }}
{{- end }}
