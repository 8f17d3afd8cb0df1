// Makes the adapters that the configuration names.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Logger } from '@linchpin/host';
import type { AdapterConfig } from '../config.ts';
import { type AdapterBatch, type ComplianceAdapter, fileName } from './adapter.ts';
import { toCsv } from './csv.ts';
import { toEml } from './eml.ts';
import { toNdjson } from './ndjson.ts';
import { removeAbandoned, writeOnce } from './output-folder.ts';
import { toXml } from './xml.ts';

/** What the module of an own adapter exports as `createAdapter`. */
export type CreateAdapter = (given: {
  name: string;
  options: Record<string, unknown>;
  log: Logger;
}) => ComplianceAdapter | Promise<ComplianceAdapter>;

/** Rejects with Error where the module of an own adapter cannot be used. */
export async function createAdapter(config: AdapterConfig, log: Logger): Promise<ComplianceAdapter> {
  if ('module' in config) return ownAdapter(config, log);
  const { name, folder } = config;
  await removeAbandoned(folder);
  const [extension, write] = formatOf(config);
  return {
    name,
    async write(batch) {
      const file = fileName(batch, extension);
      const placed = await writeOnce(folder, file, write(batch));
      if (placed !== file) log.warn({ adapter: name, file, placed }, 'another file has the name of this one');
    },
  };
}

type Format = [extension: string, write: (batch: AdapterBatch) => string];

function formatOf(config: Exclude<AdapterConfig, { module: string }>): Format {
  switch (config.format) {
    case 'xml':
      return ['xml', toXml];
    case 'ndjson':
      return ['ndjson', toNdjson];
    case 'csv':
      return ['csv', toCsv];
    case 'eml':
      return ['eml', (batch) => toEml(batch, config)];
  }
}

async function ownAdapter(
  { name, module, options }: Extract<AdapterConfig, { module: string }>,
  log: Logger,
): Promise<ComplianceAdapter> {
  const { createAdapter: create } = (await import(pathToFileURL(resolve(module)).href)) as {
    createAdapter?: CreateAdapter;
  };
  if (typeof create !== 'function') throw new Error(`${module} exports no function createAdapter`);
  const made = await create({ name, options, log });
  if (typeof made?.write !== 'function')
    throw new Error(`createAdapter of ${module} gave nothing that can write`);
  // The marks go by the name in the configuration, whatever the module calls itself.
  return { name, write: (batch) => made.write(batch) };
}
