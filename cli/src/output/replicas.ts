import type { Replica } from '@linchpin/proto/cms/v1/cms';
import { table } from './table.ts';

export const replicaTable = (replicas: Replica[]): string =>
  table(
    ['POD', 'ROLE', 'UP TO DATE', 'VERSION', 'LAST STATUS REPORT', 'PRODUCT'],
    replicas.map(({ pod, role, upToDate, version, lastStatusReport, productVersion }) => [
      pod,
      role,
      upToDate ? 'yes' : 'no',
      String(version),
      lastStatusReport || 'never',
      productVersion,
    ]),
  );
