/**
 * A MutatingAdmissionPolicy as an API server carries it out, as far as JSONPatch's `add` and the merging of lists by `name` go:
 * its CEL is evaluated, with types that have the fields of a Pod and no others.
 */
import assert from 'node:assert/strict';
import { celEnv, isCelError, isCelList, parse, plan } from '@bufbuild/cel';
import { create, createFileRegistry, createRegistry, toJson } from '@bufbuild/protobuf';
import { isReflectMessage } from '@bufbuild/protobuf/reflect';
import { FileDescriptorProtoSchema, file_google_protobuf_any, StringValueSchema } from '@bufbuild/protobuf/wkt';

export interface Mutation {
  readonly patchType: string;
  readonly jsonPatch?: { readonly expression: string };
  readonly applyConfiguration?: { readonly expression: string };
}

type Json = { readonly [key: string]: unknown };

/** The pod after all mutations, in their order. */
export function admitted(pod: Json, mutations: readonly Mutation[]): Json {
  return mutations.reduce<Json>((object, { patchType, jsonPatch, applyConfiguration }) => {
    if (patchType === 'JSONPatch') return patched(object, listOf(evaluated(jsonPatch?.expression ?? '', object)));
    assert.equal(patchType, 'ApplyConfiguration');
    return merged(object, mappingOf(evaluated(applyConfiguration?.expression ?? '', object)));
  }, pod);
}

const TYPES = typesOfPods();

/** As JSON. Throws what CEL has against it. */
function evaluated(expression: string, object: Json): unknown {
  const result = plan(celEnv({ registry: TYPES }), parse(expression))({ object: object as never });
  if (isCelError(result)) throw result;
  return plain(result);
}

function plain(value: unknown): unknown {
  if (isCelList(value)) return [...value].map(plain);
  if (isReflectMessage(value)) return untyped(toJson(value.desc, value.message, { registry: TYPES }));
  return value;
}

/** `google.protobuf.Any`, which stands for a value of any type, as that value. */
function untyped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(untyped);
  if (typeof value !== 'object' || value === null) return value;
  const { '@type': type, ...fields } = value as Json;
  if (typeof type === 'string' && type.endsWith('/google.protobuf.StringValue')) return fields.value;
  return Object.fromEntries(Object.entries(fields).map(([key, one]) => [key, untyped(one)]));
}

function patched(object: Json, operations: readonly unknown[]): Json {
  const added = operations.map((operation): [string, unknown] => {
    const { op, path, value } = mappingOf(operation);
    const [, field, name, ...deeper] = String(path).split('/');
    assert.ok(op === 'add' && field === 'spec' && name !== undefined && deeper.length === 0, String(path));
    return [name, value];
  });
  return { ...object, spec: { ...mappingOf(object.spec), ...Object.fromEntries(added) } };
}

/** Structured merge: mappings by their keys, lists of containers and variables by `name`. Nothing is taken away. */
function merged(before: Json, applied: Json): Json {
  const entries = Object.entries(applied).map(([key, value]): [string, unknown] => {
    if (Array.isArray(value)) return [key, mergedByName(listOf(before[key] ?? []), value)];
    return [key, typeof value === 'object' ? merged(mappingOf(before[key] ?? {}), mappingOf(value)) : value];
  });
  return { ...before, ...Object.fromEntries(entries) };
}

function mergedByName(before: readonly unknown[], applied: readonly unknown[]): unknown[] {
  const items = new Map(before.map((item) => [mappingOf(item).name, mappingOf(item)]));
  for (const item of applied.map(mappingOf)) items.set(item.name, merged(items.get(item.name) ?? {}, item));
  return [...items.values()];
}

function mappingOf(value: unknown): Json {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), JSON.stringify(value));
  return value as Json;
}

function listOf(value: unknown): readonly unknown[] {
  assert.ok(Array.isArray(value), JSON.stringify(value));
  return value;
}

/** `Object`, `Object.spec`... have the names that the API server gives the types of the object that is admitted. */
function typesOfPods() {
  const [text, message, single, list] = [9, 11, 1, 3] as const;
  const string = (name: string, number: number, label: 1 | 3 = single) => ({
    name,
    jsonName: name,
    number,
    label,
    type: text,
  });
  const of = (name: string, number: number, typeName: string, label: 1 | 3 = list) =>
    ({ name, jsonName: name, number, label, type: message, typeName }) as const;
  const pair = (name: string) => ({ name, field: [string('name', 1), string('value', 2)] });
  const containers = (name: string) => ({
    name,
    field: [string('name', 1), of('env', 2, `.Object.spec.${name}.env`)],
    nestedType: [pair('env')],
  });
  const dnsConfig = {
    name: 'dnsConfig',
    field: [string('nameservers', 1, list), of('options', 2, '.Object.spec.dnsConfig.options')],
    nestedType: [pair('options')],
  };
  const spec = {
    name: 'spec',
    field: [of('containers', 1, '.Object.spec.containers'), of('initContainers', 2, '.Object.spec.initContainers')],
    nestedType: [containers('containers'), containers('initContainers'), dnsConfig],
  };
  const patch = {
    name: 'JSONPatch',
    field: [string('op', 1), string('path', 2), of('value', 3, '.google.protobuf.Any', single)],
  };
  const object = { name: 'Object', field: [of('spec', 1, '.Object.spec', single)], nestedType: [spec] };
  const any = 'google/protobuf/any.proto';
  const file = { name: 'pod.proto', syntax: 'proto3', dependency: [any], messageType: [patch, object] };
  const found = createFileRegistry(create(FileDescriptorProtoSchema, file), (name) =>
    name === any ? file_google_protobuf_any : undefined,
  );
  return createRegistry(found, StringValueSchema);
}
