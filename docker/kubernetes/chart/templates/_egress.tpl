{{/*
What the gateway may reach by address: files/egress.yaml, which `egress-proxy firewall --format networkpolicy` prints for a
policy without rules, and from config.policy what that command would change: `private` ranges are exceptions, `internal`
addresses are openings. Rules by host, `deny` and `allow` are the proxy's alone here; networkPolicy.egressRules takes the
exact list from the command.
*/}}
{{- define "egress-proxy.addressRules" -}}
{{- if .Values.config.policy.nat64 -}}
{{- fail "config.policy.nat64: put the output of `egress-proxy firewall --format networkpolicy` into networkPolicy.egressRules, since the chart does not know what such a prefix leads to" -}}
{{- end -}}
{{- $private := .Values.config.policy.private | default list -}}
{{- $rules := list -}}
{{- range .Files.Get "files/egress.yaml" | fromYamlArray -}}
{{- $peers := list -}}
{{- range .to -}}
{{- $block := .ipBlock -}}
{{- $except := $block.except -}}
{{- range $private -}}
{{- if and (contains ":" .) (eq $block.cidr "2000::/3") (regexMatch "^[23]" (include "egress-proxy.digits" .)) -}}
{{- $except = append $except . -}}
{{- else if and (not (contains ":" .)) (eq $block.cidr "0.0.0.0/0") -}}
{{- $except = append $except . -}}
{{- else if and (not (contains ":" .)) (eq $block.cidr "64:ff9b::/96") -}}
{{- $except = append $except (include "egress-proxy.nat64" .) -}}
{{- end -}}
{{- end -}}
{{- $peers = append $peers (dict "ipBlock" (dict "cidr" $block.cidr "except" $except)) -}}
{{- end -}}
{{- $rules = append $rules (dict "to" $peers "ports" .ports) -}}
{{- end -}}
{{- range .Values.config.policy.internal -}}
{{- if .address -}}
{{- with include "egress-proxy.exception" (dict "rule" . "root" $) | fromYaml -}}
{{- $rules = append $rules . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $rules | toYaml -}}
{{- end }}

{{/* An `internal` rule by address, without what nothing opens. Empty where that is all of it. */}}
{{- define "egress-proxy.exception" -}}
{{- $cidr := .rule.address -}}
{{- if not (contains "/" $cidr) -}}{{- $cidr = printf "%s/%s" $cidr (contains ":" $cidr | ternary "128" "32") -}}{{- end -}}
{{- $peers := list -}}
{{- if regexMatch "(^|[:.])0[0-9]+[.]|[.]0[0-9]|/0[0-9]" $cidr -}}
{{- fail (printf "config.policy.internal: %s has a number with a leading zero, which some read as octal" $cidr) -}}
{{- end -}}
{{- if contains ":" $cidr -}}
{{- if not (hasSuffix "/128" $cidr) -}}
{{- fail (printf "config.policy.internal: %s is more than one IPv6 address: put the output of `egress-proxy firewall --format networkpolicy` into networkPolicy.egressRules" $cidr) -}}
{{- end -}}
{{- $digits := include "egress-proxy.digits" $cidr -}}
{{- if regexMatch "^(00000000000000000000ffff|0064ff9b0000000000000000)" $digits -}}
{{- fail (printf "config.policy.internal: %s stands for an IPv4 address: name that one, which the program matches rules with" $cidr) -}}
{{- end -}}
{{- $isNever := false -}}
{{- range (.root.Files.Get "files/never.yaml" | fromYaml).ipv6 -}}
{{- if regexMatch . $digits -}}{{- $isNever = true -}}{{- end -}}
{{- end -}}
{{- if not $isNever -}}{{- $peers = list (dict "ipBlock" (dict "cidr" $cidr)) -}}{{- end -}}
{{- else -}}
{{- $own := include "egress-proxy.block" $cidr | fromYaml -}}
{{- if mod $own.first $own.size -}}
{{- fail (printf "config.policy.internal: %s has host bits: name the address, or the whole range by its first address" $cidr) -}}
{{- end -}}
{{- $except := list -}}
{{- $isNever := false -}}
{{- range (.root.Files.Get "files/never.yaml" | fromYaml).ipv4 -}}
{{- $never := include "egress-proxy.block" . | fromYaml -}}
{{- if le (int $never.bits) (int $own.bits) -}}
{{- if eq (div $never.first $never.size) (div $own.first $never.size) -}}{{- $isNever = true -}}{{- end -}}
{{- else if eq (div $never.first $own.size) (div $own.first $own.size) -}}
{{- $except = append $except . -}}
{{- end -}}
{{- end -}}
{{- if not $isNever -}}
{{- $four := dict "cidr" $cidr -}}
{{- $six := dict "cidr" (include "egress-proxy.nat64" $cidr) -}}
{{- if $except -}}
{{- $_ := set $four "except" $except -}}
{{- $translated := list -}}
{{- range $except -}}{{- $translated = append $translated (include "egress-proxy.nat64" .) -}}{{- end -}}
{{- $_ := set $six "except" $translated -}}
{{- end -}}
{{- $peers = list (dict "ipBlock" $four) (dict "ipBlock" $six) -}}
{{- end -}}
{{- end -}}
{{- if $peers -}}
{{- $ports := list -}}
{{- range .rule.ports -}}
{{- $ends := splitList "-" (toString .) -}}
{{- $port := dict "protocol" "TCP" "port" (first $ends | int) -}}
{{- if gt (len $ends) 1 -}}{{- $_ := set $port "endPort" (last $ends | int) -}}{{- end -}}
{{- $ports = append $ports $port -}}
{{- end -}}
{{- dict "to" $peers "ports" $ports | toYaml -}}
{{- end -}}
{{- end }}

{{/* An IPv4 prefix as numbers: its first address, its length, how many addresses it has. */}}
{{- define "egress-proxy.block" -}}
{{- $parts := splitList "/" . -}}
{{- $first := 0 -}}
{{- range splitList "." (first $parts) -}}{{- $first = add (mul $first 256) (int64 .) -}}{{- end -}}
{{- $bits := last $parts | int -}}
{{- $size := 1 -}}
{{- range until (sub 32 $bits | int) -}}{{- $size = mul $size 2 -}}{{- end -}}
first: {{ $first }}
bits: {{ $bits }}
size: {{ $size }}
{{- end }}

{{/* An IPv4 prefix behind NAT64 (RFC 6052). */}}
{{- define "egress-proxy.nat64" -}}
{{- $parts := splitList "/" . -}}
{{- $bits := gt (len $parts) 1 | ternary (last $parts) "32" | int -}}
64:ff9b::{{ first $parts }}/{{ add 96 $bits }}
{{- end }}

{{/* The 32 hex digits of an IPv6 address or prefix, in whatever spelling. */}}
{{- define "egress-proxy.digits" -}}
{{- $text := splitList "/" . | first | lower -}}
{{- with regexFind "[0-9]+([.][0-9]+){3}$" $text -}}
{{- $bytes := splitList "." . -}}
{{- $groups := printf "%02x%02x:%02x%02x" (index $bytes 0 | int) (index $bytes 1 | int) (index $bytes 2 | int) (index $bytes 3 | int) -}}
{{- $text = printf "%s%s" (trimSuffix . $text) $groups -}}
{{- end -}}
{{- $sides := splitList "::" $text -}}
{{- $left := splitList ":" (first $sides) | compact -}}
{{- $right := list -}}
{{- if gt (len $sides) 1 -}}{{- $right = splitList ":" (last $sides) | compact -}}{{- end -}}
{{- range $left -}}{{- printf "0000%s" . | trunc -4 -}}{{- end -}}
{{- range until (sub (sub 8 (len $left)) (len $right) | int) -}}0000{{- end -}}
{{- range $right -}}{{- printf "0000%s" . | trunc -4 -}}{{- end -}}
{{- end }}
