/** §9: which images run, and on which engine. */

import type { Container, Facts, ImageFacts, StackService } from '../facts/facts.js';
import { repositoryOf } from '../facts/roles.js';
import type { Check, Result } from '../findings/finding.js';
import { cis, pass, skipped } from '../findings/finding.js';
import { serviceOverride, shellWord, up } from '../findings/remedy.js';

export const imageUnpinned: Check = {
  id: 'image-unpinned',
  section: '§9',
  expected: 'Images that are pulled are pinned by digest.',
  severity: 'low',
  sources: [['compose']],
  references: cis('5.28'),
  run: (facts) =>
    facts.services.flatMap((service): Result[] => {
      const { compose } = service;
      if (compose === null) return [];
      const { image, isBuilt, name } = compose;
      if (isBuilt) return [pass('compose', name, 'It is built here.')];
      if (/@sha256:[0-9a-f]{64}$/.test(image)) return [pass('compose', name, 'Its image is pinned by digest.')];
      const local = imageNamed(facts, image);
      if (local !== null && local.digests.length === 0) return [pass('compose', name, 'Its image is a local one.')];
      const tag = image.slice(repositoryOf(image).length + 1);
      const isLatest = tag === '' || tag === 'latest';
      const what = tag === '' ? 'no tag' : `:${tag}`;
      return [
        {
          status: 'fail',
          service: name,
          source: 'compose',
          severity: isLatest ? 'medium' : 'low',
          message: `${name} uses ${repositoryOf(image)} with ${what}, not a digest.`,
          remedy: pin(name, image, local),
        },
      ];
    }),
};

function pin(name: string, image: string, local: ImageFacts | null) {
  const digest = local?.digests.find((text) => repositoryOf(text) === repositoryOf(image)) ?? local?.digests[0];
  if (digest !== undefined) return serviceOverride(name, [`image: ${JSON.stringify(digest)}`]);
  const sh = [`docker inspect ${shellWord(image)} --format '{{index .RepoDigests 0}}'`];
  return {
    sh,
    note: `Write what it prints as image of ${name}, or as the variable of .env that the file takes it from.`,
  };
}

function imageNamed(facts: Facts, name: string): ImageFacts | null {
  const full = /:[^/]*$/.test(name) ? name : `${name}:latest`;
  return facts.engine?.images?.find(({ tags }) => tags.includes(name) || tags.includes(full)) ?? null;
}

export const imageDrift: Check = {
  id: 'image-drift',
  section: '§9',
  expected: 'Containers run the images that their names stand for now.',
  severity: 'info',
  sources: [['docker']],
  references: [],
  run: (facts) => {
    if (facts.engine?.images === null) return [skipped('docker', null, 'The source has no images.')];
    return facts.services.flatMap((service) => {
      const running = service.containers.find(({ isRunning }) => isRunning);
      return running === undefined ? [] : judgeImage(facts, service, running);
    });
  },
};

function judgeImage(facts: Facts, service: StackService, running: Container): readonly Result[] {
  const image = imageNamed(facts, service.compose?.image || running.image);
  if (image === null || image.id === running.imageId) {
    return [pass('docker', service.name, 'It runs the image of that name.')];
  }
  const message = `${service.name} runs an older image than the current ${running.image}.`;
  return [{ status: 'fail', service: service.name, source: 'docker', message, remedy: { sh: up(service.name) } }];
}

export const engineKnownBad: Check = {
  id: 'engine-known-bad',
  section: '§9',
  expected: 'The engine has no known hole that matters here.',
  severity: 'high',
  sources: [['docker']],
  references: ['CVE-2024-29018', 'CVE-2026-34040'],
  run: (facts) => {
    const daemon = facts.engine?.daemon ?? null;
    const version = /^(\d+)\.(\d+)\.(\d+)/
      .exec(daemon?.version ?? '')
      ?.slice(1)
      .map(Number);
    if (daemon === null || version === undefined) {
      return [
        skipped('docker', null, 'The source does not have the version of the engine.', { sh: ['docker version'] }),
      ];
    }
    const remedy = { sh: [], note: 'Update the engine: its packages, or Docker Desktop.' };
    const found = {
      status: 'fail',
      service: null,
      source: 'docker',
      remedy,
      actual: `engine ${daemon.version}`,
    } as const;
    const leaks = before(version, [23, 0, 11]) || (!before(version, [24, 0, 0]) && before(version, [25, 0, 5]));
    const results: Result[] = [];
    if (leaks) {
      const message = `Engine ${daemon.version} forwards DNS queries out of internal networks (CVE-2024-29018).`;
      results.push({ ...found, message });
    }
    if (daemon.hasAuthorization && before(version, [29, 3, 1])) {
      const message = `Engine ${daemon.version} lets requests past its authorization plugin (CVE-2026-34040).`;
      results.push({ ...found, message });
    }
    return results.length > 0
      ? results
      : [pass('docker', null, `Engine ${daemon.version} has no known hole that matters here.`)];
  },
};

function before(version: readonly number[], other: readonly number[]): boolean {
  const differs = other.findIndex((part, i) => part !== version[i]);
  return differs !== -1 && (version[differs] ?? 0) < (other[differs] ?? 0);
}

export const scanDue: Check = {
  id: 'scan-due',
  section: '§9',
  expected: 'Images are scanned before they are deployed. The audit runs no scanner: it prints the commands.',
  severity: 'info',
  sources: [['compose'], ['docker']],
  references: [],
  run: (facts) => {
    const images = facts.services.map(({ compose, containers }) => compose?.image || containers[0]?.image || '');
    const named = [...new Set(images)].filter((image) => image !== '');
    if (named.length === 0) return [];
    const remedy = { sh: named.map((image) => `trivy image ${shellWord(image)}`) };
    return [skipped('docker', null, 'Images are not scanned here.', remedy)];
  },
};
