/** What the chart makes and kubernetes-models does not know, as far as the chart uses it: an unknown key is an error of the type checker. */

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** monitoring.coreos.com/v1 */
export interface PodMonitor {
  readonly apiVersion: 'monitoring.coreos.com/v1';
  readonly kind: 'PodMonitor';
  readonly metadata: Metadata & { readonly namespace: string };
  readonly spec: {
    readonly jobLabel?: string;
    readonly selector: Selector;
    readonly namespaceSelector?: { readonly any?: boolean; readonly matchNames?: readonly string[] };
    readonly podMetricsEndpoints: readonly {
      readonly port?: string;
      readonly path?: string;
      readonly interval?: string;
      readonly scheme?: 'http' | 'https';
    }[];
  };
}

/** monitoring.coreos.com/v1 */
export interface PrometheusRule {
  readonly apiVersion: 'monitoring.coreos.com/v1';
  readonly kind: 'PrometheusRule';
  readonly metadata: Metadata & { readonly namespace: string };
  readonly spec: {
    readonly groups: readonly {
      readonly name: string;
      readonly interval?: string;
      readonly rules: readonly {
        readonly alert?: string;
        readonly record?: string;
        readonly expr: string | number;
        readonly for?: string;
        readonly labels?: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
      }[];
    }[];
  };
}

interface PodsPeer {
  readonly namespaceSelector: Selector;
  readonly podSelector: Selector;
}

type Port = { readonly number: number } | { readonly range: { readonly start: number; readonly end: number } };

/** policy.networking.k8s.io/v1alpha2 */
export interface ClusterNetworkPolicy {
  readonly apiVersion: 'policy.networking.k8s.io/v1alpha2';
  readonly kind: 'ClusterNetworkPolicy';
  readonly metadata: Metadata & { readonly namespace?: never };
  readonly spec: {
    readonly tier: 'Admin' | 'Baseline';
    readonly priority: number;
    readonly subject: { readonly namespaces: Selector } | { readonly pods: PodsPeer };
    readonly egress?: readonly {
      readonly name?: string;
      readonly action: 'Accept' | 'Deny' | 'Pass';
      readonly to: readonly (
        | { readonly networks: readonly string[] }
        | { readonly pods: PodsPeer }
        | { readonly namespaces: Selector }
      )[];
      readonly protocols?: readonly (
        | { readonly tcp: { readonly destinationPort: Port } }
        | { readonly udp: { readonly destinationPort: Port } }
      )[];
    }[];
  };
}

/** admissionregistration.k8s.io/v1 and v1beta1: too new for the types that Node 20 may install. */
interface Admission<Kind extends string, Spec> {
  readonly apiVersion: 'admissionregistration.k8s.io/v1' | 'admissionregistration.k8s.io/v1beta1';
  readonly kind: Kind;
  readonly metadata: Metadata & { readonly namespace?: never };
  readonly spec: Spec;
}

export type MutatingAdmissionPolicy = Admission<
  'MutatingAdmissionPolicy',
  {
    readonly failurePolicy?: 'Fail' | 'Ignore';
    readonly reinvocationPolicy: 'Never' | 'IfNeeded';
    readonly matchConstraints: {
      readonly namespaceSelector?: Selector;
      readonly resourceRules: readonly {
        readonly apiGroups: readonly string[];
        readonly apiVersions: readonly string[];
        readonly operations: readonly ('CREATE' | 'UPDATE' | 'CONNECT' | '*')[];
        readonly resources: readonly string[];
      }[];
    };
    readonly mutations: readonly (
      | { readonly patchType: 'JSONPatch'; readonly jsonPatch: { readonly expression: string } }
      | { readonly patchType: 'ApplyConfiguration'; readonly applyConfiguration: { readonly expression: string } }
    )[];
  }
>;

export type MutatingAdmissionPolicyBinding = Admission<
  'MutatingAdmissionPolicyBinding',
  { readonly policyName: string; readonly matchResources?: { readonly namespaceSelector?: Selector } }
>;
