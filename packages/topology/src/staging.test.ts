import { documentKey } from '@linchpin/proto/subjects';
import { describe, expect, it } from 'vitest';
import { createDocumentSet } from './document-set.ts';
import { createStaging } from './staging.ts';

const policy = (name: string, outsideAccess: boolean) => ({
  kind: 'ExternalAccessPolicy',
  name,
  version: 1,
  spec: { outsideAccess },
});

/** What a bucket that holds these entries, closed by a head, changes. */
function changesOf(entries: [key: string, published: ReturnType<typeof policy>][]): string[] {
  const staging = createStaging(['config'], createDocumentSet());
  staging.restart('config');
  for (const [key, published] of entries) {
    staging.exists('config', key);
    staging.document('config', key, published);
  }
  staging.head('config', { version: 1, id: 'a' });
  staging.complete('config', true);
  return staging.take()?.changes.map(({ kind, name }) => `${kind}/${name}`) ?? [];
}

describe('what arrives under a key', () => {
  it('is the document of that key', () => {
    const key = documentKey('ExternalAccessPolicy', 'global');
    expect(changesOf([[key, policy('global', false)]])).toEqual(['ExternalAccessPolicy/global']);
  });

  it('is not taken for another document', () => {
    const key = documentKey('ExternalAccessPolicy', 'harmless');
    expect(changesOf([[key, policy('global', false)]])).toEqual([]);
  });

  it('is not taken when its kind belongs into another bucket', () => {
    const user = { ...policy('eve@contoso.lab', true), kind: 'User' };
    expect(changesOf([[documentKey('User', 'eve@contoso.lab'), user]])).toEqual([]);
  });
});
