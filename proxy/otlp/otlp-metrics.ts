/** The metrics that Prometheus would read, as OTLP: the same names and labels, cumulative since the start of the process. */
import { type HrTime, ValueType } from '@opentelemetry/api';

import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { Registry } from 'prom-client';
import { type Resource, SCOPE } from './resource.js';

type Labels = Readonly<Record<string, string | number>>;

interface Sample {
  readonly value: number;
  readonly labels: Labels;
  readonly sharedLabels?: Labels;
  readonly metricName?: string;
}

/** One metric as prom-client returns it when it is read. */
interface Collected {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly Sample[];
}

interface Times {
  /** The start of the process. */
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

/** Without summaries, since we have none. */
export async function otlpMetrics(registry: Registry, resource: Resource, times: Times): Promise<ResourceMetrics> {
  const metrics: MetricData[] = [];
  for (const metric of registry.getMetricsAsArray()) {
    const collected = await collect(metric);
    const data = collected === null ? null : metricData(collected, times);
    if (data !== null) metrics.push(data);
  }
  return { resource, scopeMetrics: [{ scope: SCOPE, metrics }] };
}

/** Reads the metric as prom-client does for Prometheus' text format. */
async function collect(metric: object): Promise<Collected | null> {
  for (const name of ['getForPromString', 'get'] as const) {
    const read: unknown = Reflect.get(metric, name);
    if (typeof read === 'function') return read.call(metric);
  }
  return null;
}

function metricData({ name, help, type, values }: Collected, times: Times): MetricData | null {
  const base = {
    descriptor: { name, description: help, unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const points = () =>
    values
      .filter(({ value }) => Number.isFinite(value))
      .map(({ value, labels }) => ({ ...times, attributes: { ...labels }, value }));
  switch (type) {
    case 'counter':
      return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: points() };
    case 'gauge':
      return { ...base, dataPointType: DataPointType.GAUGE, dataPoints: points() };
    case 'histogram':
      return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints: histograms(name, values, times) };
    default:
      return null;
  }
}

interface Bounds {
  readonly attributes: Labels;
  readonly boundaries: number[];
  /** How many values were within each bound, including those within the bounds before it. */
  readonly within: number[];
  sum: number;
  count: number;
}

function histograms(name: string, values: readonly Sample[], times: Times) {
  const groups = new Map<string, Bounds>();
  for (const { value, metricName = '', labels, sharedLabels = {} } of values) {
    const { le, ...own } = labels;
    const attributes = { ...sharedLabels, ...own };
    const key = JSON.stringify(attributes);
    const group = groups.get(key) ?? { attributes, boundaries: [], within: [], sum: 0, count: 0 };
    groups.set(key, group);
    if (metricName === `${name}_sum`) group.sum = value;
    else if (metricName === `${name}_count`) group.count = value;
    else if (le !== undefined && le !== '+Inf') {
      group.boundaries.push(Number(le));
      group.within.push(value);
    }
  }
  return [...groups.values()].map(({ attributes, boundaries, within, sum, count }) => {
    const counts = [...within, count].map((most, i, all) => most - (all[i - 1] ?? 0));
    return { ...times, attributes: { ...attributes }, value: { buckets: { boundaries, counts }, sum, count } };
  });
}
