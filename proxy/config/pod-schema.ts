/** `clients[].pods`: the pods of a cluster that a client is. */
import * as z from 'zod';
import { form, mismatch } from './scalars.js';
import { section } from './shapes.js';

/** RFC 1123 label: it is part of a path of the API. */
const namespace = form('the name of a namespace, such as "tools"', (text) =>
  /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text) ? text : mismatch(),
);

const WORD = '[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?';
const KEY = new RegExp(`^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?${WORD}$`);
const VALUE = new RegExp(`^(?:${WORD})?$`);

const labelKey = z.string().regex(KEY, { error: 'the key of a label, such as "app.kubernetes.io/name"' });
const labelValue = form('the value of a label as a text, such as "mcp-github" or "1"', (text) =>
  VALUE.test(text) ? text : mismatch(),
);

/** Without `labels` there is no selector: `labels: {}` says that every pod of the namespace is meant. */
export const podSelector = section({
  namespace,
  labels: z.record(labelKey, labelValue, {
    error: 'a mapping of labels that a pod must have, such as { app: mcp-github }; {} for every pod of the namespace',
  }),
});
